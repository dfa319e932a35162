"""Two sender processes on one SQLite file, one of them killed or stopped in the middle (threats.md, faults)."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.campaign_world import approve, draft, plan, segment
from tests.conftest import ROOT
from tests.integration.sender_process import settings_in
from tests.mailing_world import planned
from tests.planned import add_people
from tests.stopping import stop_between_writes
from tribune.bootstrap import Application
from tribune.domain.events import topics
from tribune.domain.mailings import WINDOW, DeliveryState, MailingState
from tribune.ports.log import TopicSpec
from tribune.services.audience.refresh_masks import refresh_masks
from tribune.store.migrate import migrate

pytestmark = pytest.mark.waits

SIZES = [500, 500, 500, 300]
LEASE = 1.5


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Application]:
    app = Application(settings_in(tmp_path))
    migrate(app.store.engine)
    app.log.create_topics(TopicSpec(name, partitions) for name, partitions in topics().items())
    yield app
    app.close()


def start(folder: Path, mailing: int) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "tests.integration.sender_process",
        str(folder),
        str(mailing),
        str(len(SIZES)),
        str(LEASE),
    ]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)


def lines(path: Path) -> Counter[str]:
    return Counter(path.read_text().split()) if path.exists() else Counter()


def wait_for(folder: Path, number: int) -> None:
    until = time.monotonic() + 60
    while lines(folder / "handed.log").total() < number:
        assert time.monotonic() < until
        time.sleep(0.005)


def states(house: Application, mailing: int) -> dict[DeliveryState, int]:
    with house.store.read() as tx:
        return dict(tx.ledger.progress(mailing)["en"])


def finished_events(house: Application) -> int:
    with house.store.read() as tx:
        return int(
            tx.connection.exec_driver_sql(
                "SELECT count(*) FROM log_messages WHERE CAST(value AS TEXT) LIKE '%\"mailing.finished\"%'"
            ).scalar_one()
        )


def message_ids(folder: Path) -> Counter[str]:
    found: Counter[str] = Counter()
    for path in (folder / "outbox").glob("*.eml"):
        head = path.read_text().partition("\n\n")[0]
        found[".".join(head.partition("Message-ID: <")[2].split(".")[:3])] += 1
    return found


def all_names() -> set[str]:
    return {f"1.{chunk}.{place}" for chunk, size in enumerate(SIZES) for place in range(size)}


def test_two_senders_never_send_the_same_mail(house: Application, tmp_path: Path) -> None:
    mailing = planned(house, *SIZES)
    processes = [start(tmp_path, mailing) for _ in range(2)]
    assert [process.wait(120) for process in processes] == [0, 0]
    assert states(house, mailing) == {DeliveryState.SENT: sum(SIZES)}
    assert lines(tmp_path / "handed.log") == Counter(all_names())
    assert finished_events(house) == 1


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_one_of_two_senders_is_killed_or_stopped_in_the_middle(
    house: Application, tmp_path: Path, how: signal.Signals
) -> None:
    mailing = planned(house, *SIZES)
    victim = start(tmp_path, mailing)
    wait_for(tmp_path, WINDOW + 60)
    if how is signal.SIGSTOP:
        stop_between_writes(victim.pid)
    else:
        victim.kill()
    handed = lines(tmp_path / "handed.log").total()
    other = start(tmp_path, mailing)
    try:
        assert other.wait(120) == 0
        if how is signal.SIGSTOP:
            os.kill(victim.pid, signal.SIGCONT)
            assert victim.wait(60) == 0, "it wakes up, finds its claim gone, and goes on with what is left: nothing"
    finally:
        victim.kill()
        victim.wait(10)
    assert handed < sum(SIZES)
    after = lines(tmp_path / "handed.log")
    assert set(after) == all_names(), "nothing is lost"
    assert after.total() - len(after) <= 2 * WINDOW, "doubles stay within two windows"
    assert max(after.values()) <= 2
    assert message_ids(tmp_path) == Counter(all_names()), "a double has the same Message-ID"
    assert states(house, mailing) == {DeliveryState.SENT: sum(SIZES)}
    with house.store.read() as tx:
        told = tx.ledger.mailing(mailing)
    assert told is not None
    assert told.state is MailingState.FINISHED
    assert finished_events(house) == 1


def test_kills_again_and_again_lose_nothing(house: Application, tmp_path: Path) -> None:
    mailing = planned(house, *SIZES)
    kills = 3
    for number in range(1, kills + 1):
        process = start(tmp_path, mailing)
        wait_for(tmp_path, number * 300)
        process.kill()
        process.wait(10)
        time.sleep(LEASE)
    assert start(tmp_path, mailing).wait(120) == 0
    after = lines(tmp_path / "handed.log")
    assert set(after) == all_names()
    assert after.total() - len(after) <= kills * 2 * WINDOW
    assert states(house, mailing) == {DeliveryState.SENT: sum(SIZES)}


def test_a_campaign_whose_sender_is_killed_reaches_everybody(house: Application, tmp_path: Path) -> None:
    refresh_masks(house.store, house.codelists)
    with house.store.write() as tx:
        add_people(tx, sum(SIZES))
    segment(house)
    mailing = plan(house, draft())
    approve(house, mailing)
    victim = start(tmp_path, mailing.id)
    wait_for(tmp_path, WINDOW + 60)
    victim.kill()
    victim.wait(10)
    assert lines(tmp_path / "handed.log").total() < sum(SIZES)
    time.sleep(LEASE)
    assert start(tmp_path, mailing.id).wait(120) == 0
    after = lines(tmp_path / "handed.log")
    assert set(after) == all_names(), "nothing is lost"
    assert after.total() - len(after) <= 2 * WINDOW, "doubles stay within two windows"
    assert message_ids(tmp_path) == Counter(all_names()), "a double has the same Message-ID"
    assert states(house, mailing.id) == {DeliveryState.SENT: sum(SIZES)}
    assert finished_events(house) == 1
