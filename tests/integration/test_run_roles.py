"""`tribune run ROLE`: one role a process, on one SQLite file. An event passes from one process to the next."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.error import HTTPError

import pytest

from tests.integration.test_up_and_demo import (
    BASIS,
    ITEM,
    PEOPLE,
    SETTINGS,
    command,
    environment,
    get,
    running,
    tribune,
)
from tests.waiting import until
from tribune.commands._parts import Role

pytestmark = pytest.mark.waits

LEASES = "[ledger]\nlease_seconds = 3\n[log]\nsession_seconds = 2\n"


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "tribune.toml").write_text(SETTINGS + LEASES, encoding="utf-8")
    (tmp_path / "people.csv").write_text(PEOPLE, encoding="utf-8")
    (tmp_path / "item.yaml").write_text(ITEM, encoding="utf-8")
    yield tmp_path


def test_roles_in_processes_of_their_own_take_an_event_to_the_reader(folder: Path) -> None:
    tribune("subscribers", "import", "people.csv", *BASIS, cwd=folder)
    with ExitStack() as stack:
        processes = {}
        for role in ("consumers", "senders", "scheduler", "producers"):
            process, address, _ = stack.enter_context(running("run", role, "--metrics-port", "0", cwd=folder))
            processes[role] = process
            told = json.loads(get(f"{address}healthz"))
            assert told.pop("status") == "ok"
            assert set(told.values()) == {"ok"}
            expected = {
                "consumers": {"consumer catalogue", "consumer digests", "consumer mailings"},
                "senders": {"consumer deliveries"},
                "scheduler": {"scheduler"},
                "producers": {"producers"},
            }[role]
            assert expected <= told.keys()
            assert ("consumer deliveries" in told) == (role == "senders")
            assert "tribune_" in get(f"{address}metrics")
            with pytest.raises(HTTPError, match="404"):
                get(f"{address}en/")
        tribune("publish", "item.yaml", cwd=folder)
        until(lambda: list((folder / "var" / "outbox").rglob("*.eml")))
        for process in processes.values():
            process.send_signal(signal.SIGTERM)
        assert [process.wait(30) for process in processes.values()] == [0, 0, 0, 0]


def test_the_relay_says_that_there_is_nothing_to_relay(folder: Path) -> None:
    assert "nothing to relay" in tribune("run", "relay", cwd=folder)


def test_no_port_is_opened_where_none_is_asked_for(folder: Path) -> None:
    process = subprocess.Popen(
        command("run", "scheduler"), cwd=folder, env=environment(), stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        told = next(line for line in process.stdout if "Tribune runs" in line)
        assert re.search(r"the scheduler  \(Ctrl-C", told)
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    "arguments", [("web", "--port"), ("scheduler", "--metrics-port"), ("senders", "--metrics-port")], ids=lambda a: a[0]
)
def test_a_port_that_is_taken_ends_a_role_and_it_takes_no_other(folder: Path, arguments: tuple[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(
            command("run", *arguments, port), cwd=folder, env=environment(), capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken: another process listens there." in " ".join(done.stderr.split())
    assert "http://" not in done.stdout
    assert "Traceback" not in done.stderr


def test_a_port_of_the_settings_that_is_taken_ends_a_role_too(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = folder / "tribune.toml"
        settings.write_text(settings.read_text(encoding="utf-8").replace("port = 0", f"port = {port}"))
        done = subprocess.run(
            command("run", "web"), cwd=folder, env=environment(), capture_output=True, text=True, timeout=60
        )
    assert done.returncode == 1
    assert f"Port {port} on 127.0.0.1 is taken" in " ".join(done.stderr.split())


def test_roles_that_share_a_port_for_figures_in_their_settings_all_start(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = folder / "tribune.toml"
        told = settings.read_text(encoding="utf-8").replace("port = 0", f"port = 0\nmetrics_port = {port}")
        settings.write_text(told, encoding="utf-8")
        with running("run", "scheduler", cwd=folder) as (_, address, lines):
            assert f"Port {port} is taken; using" in "".join(lines)
            assert json.loads(get(f"{address}healthz"))["status"] == "ok"


def test_a_role_that_does_not_exist_is_refused_with_those_that_do(folder: Path) -> None:
    done = subprocess.run(command("run", "postman"), cwd=folder, env=environment(), capture_output=True, text=True)
    assert done.returncode == 2
    for role in Role:
        assert role.value in done.stderr
