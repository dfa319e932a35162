"""The application as a wheel: installed alone in a fresh environment, it runs from any folder."""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

from tests.conftest import ROOT

pytestmark = pytest.mark.waits

TOP_LEVEL = {"tribune", "producers", "consumers", "web", "scheduler.py"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--no-isolation", "--wheel", "--outdir", str(folder), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl"))


def test_the_wheel_holds_the_doors_and_the_house_and_nothing_else(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == TOP_LEVEL
    data = {name.split("/")[2] for name in names if name.startswith("tribune/_data/")}
    assert data == {"templates", "locales", "codelists", "migrations", "demo"}


def test_the_demo_runs_from_an_installed_wheel_in_another_folder(wheel: Path, tmp_path: Path) -> None:
    environment = tmp_path / "venv"
    venv.create(environment, with_pip=True)
    # The locked dependencies are those of the environment that runs the tests: no second download. The checkout itself
    # stays out: its .pth file is not read, because a path that is added by a .pth file gets no .pth files of its own.
    site = next((environment / "lib").glob("python*")) / "site-packages"
    ours = next(Path(path) for path in sys.path if path.endswith("site-packages"))
    (site / "dependencies.pth").write_text(f"{ours}\n", encoding="utf-8")
    python = str(environment / "bin" / "python")
    install = [
        python,
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        "--disable-pip-version-check",
        "-q",
        str(wheel),
    ]
    subprocess.run(install, check=True, timeout=120)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "TRIBUNE"))}
    where = subprocess.run(
        [python, "-c", "import tribune; print(tribune.__file__)"],
        cwd=elsewhere,
        env=clean,
        capture_output=True,
        text=True,
    )
    assert str(environment) in where.stdout, "the installed package must be the one that runs"
    done = subprocess.run(
        [str(environment / "bin" / "tribune"), "demo", "--once"],
        cwd=elsewhere,
        env={**clean, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "mails" in done.stdout
    mails = list((elsewhere / "var" / "demo" / "outbox").glob("**/*.eml"))
    assert len(mails) > 20
