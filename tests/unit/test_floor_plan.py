"""What import-linter cannot hold: the scheduler's imports, the top level, and that nothing happens at import."""

from __future__ import annotations

import ast
import subprocess
import sys

from tests.conftest import ROOT

FIXED = {"producers", "consumers", "templates", "locales", "tests"}
FIXED_FILES = {"scheduler.py", "docker-compose.yml", "README.md"}


def imports(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    return found | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}


def test_the_top_level_is_what_the_user_fixed() -> None:
    assert {path.name for path in ROOT.iterdir() if path.is_dir()} >= FIXED
    assert {path.name for path in ROOT.iterdir() if path.is_file()} >= FIXED_FILES


def test_the_scheduler_is_a_door_like_the_others() -> None:
    for name in imports("scheduler.py"):
        assert not name.startswith(("producers", "consumers", "web", "tribune.commands", "tribune.cli"))
        assert not name.startswith(("tribune.store", "tribune.channels", "tribune.log."))


def test_no_door_but_the_commands_imports_the_scheduler() -> None:
    for folder in ("producers", "consumers", "web", "tribune"):
        for file in (ROOT / folder).rglob("*.py"):
            if "commands" not in file.parts:
                assert "scheduler" not in imports(str(file.relative_to(ROOT))), file


def test_the_library_of_kafka_stays_in_its_package() -> None:
    """Another client can stand behind the port, and none is imported where the embedded log is used."""
    for folder in ("producers", "consumers", "web", "tribune"):
        for file in (ROOT / folder).rglob("*.py"):
            name = str(file.relative_to(ROOT))
            inside = name.startswith("tribune/log/kafka/")
            if not inside:
                assert not any(one == "kafka" or one.startswith("kafka.") for one in imports(name)), file
            assert (
                inside
                or not any(one.startswith("tribune.log.kafka") for one in imports(name))
                or name in ("tribune/bootstrap.py",)
            ), file


def test_nothing_connects_or_reads_settings_at_import() -> None:
    """Every module can be imported where sockets, threads, files to write and settings are forbidden."""
    code = """
import builtins, importlib, pkgutil, socket, sys, threading
def refuse(*_, **__): raise AssertionError("not at import")
opened = builtins.open
builtins.open = lambda file, mode="r", *a, **k: refuse() if set(mode) & set("wax+") else opened(file, mode, *a, **k)
socket.socket.connect = socket.socket.bind = refuse
threading.Thread.start = refuse
import tribune.config
tribune.config.load = refuse
names = ["scheduler"]
for top in ("tribune", "producers", "consumers", "web"):
    package = importlib.import_module(top)
    names += [m.name for m in pkgutil.walk_packages(package.__path__, top + ".") if not m.name.endswith("__main__")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""
    done = subprocess.run(
        [sys.executable, "-B", "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 100
