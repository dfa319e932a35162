"""Roles and their parts: each consumer group has one role, what is away is waited for, what is broken ends it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy.exc import DatabaseError, OperationalError

import consumers
from tribune.bootstrap import Application
from tribune.commands._parts import Role, has_relay, is_away, parts_of, patiently
from tribune.config import Settings
from tribune.ports.clock import SteppedClock, SystemClock


@pytest.fixture
def house(tmp_path: Path) -> Application:
    return Application(Settings.model_validate({"data_dir": tmp_path, "store": {"url": "sqlite://"}}))


def test_each_group_belongs_to_one_role(house: Application) -> None:
    senders, others = consumers.makers(house, sending=True), consumers.makers(house, sending=False)
    assert not senders.keys() & others.keys()
    assert {*senders, *others} == set(consumers.GROUPS)
    assert "deliveries" in senders


def test_a_group_of_no_file_beside_is_not_declared() -> None:
    folder = Path(consumers.__file__).parent
    for group in consumers.GROUPS:
        assert (folder / f"{group}.py").is_file()


def test_building_parts_touches_nothing(house: Application) -> None:
    for role in Role:
        parts_of(house, role)
    assert "store" not in house.__dict__
    assert "log" not in house.__dict__


def test_embedded_there_is_no_relay(house: Application) -> None:
    assert not has_relay(house)
    assert parts_of(house, Role.RELAY) == {}


def test_what_is_away_is_waited_for(house: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house.stopping, "wait", lambda _: None)
    answers = [OperationalError("", {}, OSError("refused")), ConnectionRefusedError(), None]

    def attempt() -> str:
        error = answers.pop(0)
        if error is not None:
            raise error
        return "there"

    assert patiently(house, "test", attempt) == "there"


def test_a_stop_ends_the_waiting(house: Application) -> None:
    def attempt() -> None:
        threading.Timer(0.05, house.stopping.set).start()
        raise ConnectionResetError

    assert patiently(house, "test", attempt) is None


def test_what_waiting_does_not_mend_is_raised(house: Application) -> None:
    def attempt() -> None:
        raise DatabaseError("", {}, ValueError("file is not a database"))

    with pytest.raises(DatabaseError):
        patiently(house, "test", attempt)


def test_errors_of_the_log_library_are_known_by_their_home() -> None:
    away = type("KafkaConnectionError", (RuntimeError,), {"__module__": "kafka.errors"})
    assert is_away(away())
    assert not is_away(ValueError())


def test_the_clock_goes_by_the_file_and_stands_right_without_one(tmp_path: Path) -> None:
    file = tmp_path / "offset"
    clock = SteppedClock(file)

    def ahead() -> float:
        return (clock.now() - SystemClock().now()).total_seconds()

    assert abs(ahead()) < 1
    file.write_text("3600", encoding="ascii")
    assert abs(ahead() - 3600) < 1
    file.write_text("-60.5", encoding="ascii")
    assert abs(ahead() + 60.5) < 1
    file.write_text("soon", encoding="ascii")
    assert abs(ahead()) < 1


def test_the_setting_moves_the_clock_of_the_application(tmp_path: Path) -> None:
    file = tmp_path / "offset"
    file.write_text("86400", encoding="ascii")
    house = Application(Settings.model_validate({"clock_offset_file": file}))
    assert (house.clock.now() - SystemClock().now()).total_seconds() > 86_000
