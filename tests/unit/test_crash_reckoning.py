"""The crash suite counts right: what is lost, what came twice and through which fault, and whether bounds are kept."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tools.crash.driver import Plan
from tools.crash.faults import ALL, How, Kind, kinds, schedule
from tools.crash.reckoning import SLACK, Fault, Reckoning, blame
from tools.crash.tally import Double, Tally
from tools.crash.world import address_of, person_of
from tribune.domain.mailings import WINDOW

KILL = Kind(How.KILL, "senders", 1, 1)
IDLE = Kind(How.KILL, "web", 1)
STALL = Kind(How.STALL, "senders", 1, 1)
LEASE = 10.0
ENGINES = ["embedded", "kafka + postgresql"]


def line(at: float, message: str, person: int, *items: int) -> str:
    return f"{at:.4f}\t{message}\t{address_of(person)}\t{','.join(f'{item:05d}' for item in items)}\n"


@pytest.fixture
def record(tmp_path: Path) -> Path:
    path = tmp_path / "mails.tsv"
    path.touch()
    return path


def reckoned(record: Path, *faults: Fault, people: int = 2, published: dict[int, float] | None = None) -> Reckoning:
    tally = Tally(record, people)
    tally.read()
    plan = Plan(record.parent, real=False, seed=1, rounds=1, people=people, mails=0, rate=0, lease=LEASE)
    return Reckoning(plan, "embedded", tally, published or {1: 0.0}, list(faults), [], [], 1.0)


def fault(kind: Kind, at: float, until: float | None = None) -> Fault:
    return Fault(kind, at, due=10, items=frozenset({1}), until=until or at, victims=["senders-1"])


def test_addresses_lead_to_people_and_back() -> None:
    assert person_of(address_of(123_456)) == 123_456


def test_each_reader_once_is_kept(record: Path) -> None:
    record.write_text(line(1, "a", 1, 1) + line(2, "b", 2, 1))
    told = reckoned(record)
    assert told.kept
    assert (told.due, told.lost, told.tally.mails) == (2, 0, 2)
    assert told.tally.complete_at == {1: 2.0}


def test_a_reader_without_a_mail_is_lost_and_the_first_fault_after_is_named(record: Path) -> None:
    record.write_text(line(1, "a", 1, 1))
    first, second = fault(IDLE, 3), fault(KILL, 5)
    told = reckoned(record, first, second)
    assert not told.kept
    assert (told.lost, first.lost, second.lost) == (1, 1, 0)


def test_a_mail_that_came_twice_is_doubled_and_within_the_bound_of_a_kill(record: Path) -> None:
    record.write_text(line(1, "a", 1, 1) + line(1, "b", 2, 1) + line(6, "a", 1, 1))
    kill = fault(KILL, 2)
    told = reckoned(record, kill)
    assert kill.doubled == 1
    assert told.kept


def test_a_double_that_no_sender_was_hit_for_passes_the_bound(record: Path) -> None:
    record.write_text(line(1, "a", 1, 1) + line(1, "b", 2, 1) + line(6, "a", 1, 1))
    told = reckoned(record, fault(IDLE, 2))
    assert not told.kept
    assert any("bound is 0" in wrong for wrong in told.wrong)


def test_a_double_without_any_fault_is_never_explained(record: Path) -> None:
    record.write_text(line(1, "a", 1, 1) + line(1, "b", 2, 1) + line(6, "a", 1, 1))
    told = reckoned(record)
    assert told.unexplained == 1
    assert not told.kept


def test_an_item_in_two_different_mails_is_wrong_whatever_happened(record: Path) -> None:
    record.write_text(line(1, "a", 1, 1) + line(1, "b", 2, 1) + line(6, "c", 1, 1))
    told = reckoned(record, fault(KILL, 2))
    assert told.tally.twins == [(1, 1)]
    assert not told.kept


def test_a_mail_with_two_items_settles_both(record: Path) -> None:
    record.write_text(line(1, "a", 1, 1, 2) + line(1, "b", 2, 2, 1))
    assert reckoned(record, published={1: 0.0, 2: 0.0}).kept


def test_a_mail_to_nobody_or_without_an_item_is_wrong(record: Path) -> None:
    record.write_text(line(1, "a", 1, 1) + line(1, "b", 2, 1) + line(2, "c", 3, 1) + "3.0\td\tx@y.example\t00001\n")
    told = reckoned(record)
    assert told.tally.strangers == 2
    assert not told.kept


def test_a_mail_that_was_refused_for_now_is_not_had_until_it_comes_again(record: Path) -> None:
    refusal = line(1, "a", 1).replace("\t\n", "\t451\n")
    record.write_text(refusal + line(1, "b", 2, 1))
    told = reckoned(record)
    assert (told.lost, told.tally.mails, told.tally.refused) == (1, 1, 1)
    record.write_text(refusal + line(1, "b", 2, 1) + line(9, "a", 1, 1))
    told = reckoned(record)
    assert told.kept
    assert told.tally.doubles == []
    assert "2 accepted, 1 refused for now, 0 lost" in told.summary()[0]


def test_half_a_line_is_taken_when_its_rest_has_come(record: Path) -> None:
    tally = Tally(record, 1)
    whole = line(1, "a", 1, 1)
    for part in (whole[:9], whole[9:]):
        with record.open("a") as file:
            file.write(part)
        tally.read()
    assert tally.mails == 1


def test_blame_goes_to_the_fault_between_the_two() -> None:
    early, late = fault(KILL, 10), fault(KILL, 20)
    assert blame([early, late], Double(9, 15), LEASE) is early
    assert blame([early, late], Double(12, 26), LEASE) is late


def test_a_stalled_sender_that_wakes_up_is_blamed_for_what_another_sent_meanwhile() -> None:
    stall = fault(STALL, 10, until=16)
    assert blame([stall, fault(KILL, 30)], Double(15, 16.5), LEASE) is stall
    assert blame([stall, fault(KILL, 16.8)], Double(15, 17), LEASE) is stall


def test_what_was_sent_after_a_stall_is_not_the_stall_s() -> None:
    """A kill followed within the second: what was accepted then came again because of it, also where the mail server
    still read what the killed one had written."""
    stall, kill = fault(STALL, 10, until=22), fault(KILL, 22.4)
    for accepted in (22.1, 22.3, 22.6):
        assert blame([stall, kill], Double(accepted, 33), LEASE) is kill
    assert blame([stall, kill], Double(21.9, 33), LEASE) is stall
    assert blame([stall], Double(22.1, 24), LEASE) is stall, "a sender that wakes up late"


def test_a_fault_explains_what_comes_until_its_lease_is_over_and_no_later() -> None:
    kill = fault(KILL, 10, until=12)
    last = 12 + LEASE + SLACK
    assert blame([kill], Double(9, last), LEASE) is kill
    assert blame([kill], Double(9, last + 0.1), LEASE) is None
    assert blame([kill], Double(last - 1, last), LEASE) is kill, "both copies after it: a sender that woke up late"
    assert blame([kill], Double(last - 1, last + 0.1), LEASE) is None


def test_with_a_backlog_a_fault_explains_what_comes_until_all_that_was_due_has_arrived() -> None:
    kill = fault(KILL, 10)
    kill.caught_up = 60
    assert blame([kill], Double(9, 60 + SLACK), LEASE) is kill
    assert blame([kill], Double(9, 61 + SLACK), LEASE) is None
    kill.caught_up = 10.5
    assert blame([kill], Double(9, 10 + LEASE), LEASE) is kill, "early arrivals do not shorten the lease"


def test_a_stall_answers_for_nothing_that_comes_long_after_it() -> None:
    stall = fault(STALL, 10, until=22)
    assert blame([stall], Double(15, 22 + LEASE), LEASE) is stall
    assert blame([stall], Double(15, 23 + LEASE + SLACK), LEASE) is None


def test_a_stop_that_hits_no_sender_takes_no_blame_from_one_that_does() -> None:
    stop = fault(Kind(How.STALL, "consumers", 1), 10, until=22)
    sender = fault(STALL, 23, until=35)
    assert blame([stop, sender], Double(22.5, 34), LEASE) is sender
    assert blame([stop], Double(22.5, 34), LEASE) is stop, "nobody else explains it: its bound is 0, and it is wrong"


def test_a_fault_that_is_over_does_not_hide_the_one_that_is_to_blame() -> None:
    over, cause = fault(KILL, 10), fault(KILL, 40)
    assert blame([over, cause], Double(9, 45), LEASE) is cause
    assert blame([cause, fault(IDLE, 70)], Double(60, 65), LEASE) is None, "a fault that came later explains nothing"


def test_a_late_double_counts_as_wrong_although_there_was_a_fault(record: Path) -> None:
    record.write_text(line(50, "a", 1, 1) + line(50, "b", 2, 1) + line(51, "a", 1, 1))
    kill = fault(KILL, 2)
    told = reckoned(record, kill)
    assert (kill.doubled, told.unexplained) == (0, 1)
    assert any("without a fault that explains it" in wrong for wrong in told.wrong)


def test_the_bound_is_two_windows_for_each_sender_hit() -> None:
    assert KILL.bound == 2 * WINDOW
    assert IDLE.bound == 0
    (everything,) = (kind for kind in kinds("embedded", 3, full_disk=True, refusals=True) if kind.victim == ALL)
    assert everything.bound == 6 * WINDOW


def test_the_other_faults_strike_every_role_that_they_should() -> None:
    embedded = kinds("embedded", 2, full_disk=False, refusals=False)
    real = kinds("kafka + postgresql", 2, full_disk=True, refusals=True)
    assert {How.FULL, How.REFUSE}.isdisjoint(kind.how for kind in embedded)
    assert {kind.victim for kind in embedded if kind.how is How.TERM} == {"senders", "consumers", "scheduler", "web"}
    assert {kind.victim for kind in real if kind.how is How.TERM} >= {"relay", "scheduler", "web"}
    assert {kind.victim for kind in real if kind.how is How.STALL} == {"senders", "consumers", "relay"}
    (down,) = (kind for kind in real if kind.how is How.DOWN)
    assert (down.name, down.kills, down.lasting) == ("kill -9, 12 s down: postgres", True, True)
    assert down.bound == 4 * WINDOW
    (refusal,) = (kind for kind in real if kind.how is How.REFUSE)
    assert (refusal.kills, refusal.bound) == (False, 4 * WINDOW)


@pytest.mark.parametrize("engines", ENGINES)
def test_a_schedule_is_reproducible_and_holds_every_kind(engines: str) -> None:
    offered = kinds(engines, 2, full_disk=True, refusals=True)
    told = schedule(random.Random(5), 20, offered)
    assert told == schedule(random.Random(5), 20, offered)
    assert told != schedule(random.Random(6), 20, offered)
    assert set(told) == set(offered), "the short form has each kind"
    killed = {kind.victim for kind in told if kind.kills}
    assert {"senders", "consumers", "scheduler", "web", "producers"} <= killed
    assert ({"kafka", "postgres", "relay"} <= killed) == (engines != "embedded")


@pytest.mark.parametrize("engines", ENGINES)
@pytest.mark.parametrize(("rounds", "others"), [(0, 0), (1, 0), (3, 1), (20, 10), (100, 50)])
def test_a_round_is_a_kill_and_one_fault_in_three_is_another(engines: str, rounds: int, others: int) -> None:
    for seed in range(5):
        told = schedule(random.Random(seed), rounds, kinds(engines, 2, full_disk=True, refusals=True))
        assert sum(kind.kills for kind in told) == rounds
        assert sum(not kind.kills for kind in told) == others


def test_a_schedule_of_one_sort_only_has_as_many_as_rounds() -> None:
    offered = kinds("embedded", 2, full_disk=True, refusals=True)
    for kills in (True, False):
        told = schedule(random.Random(1), 12, [kind for kind in offered if kind.kills is kills])
        assert len(told) == 12
        assert {kind.kills for kind in told} == {kills}
    assert schedule(random.Random(1), 12, []) == []


def test_the_summary_tells_kills_from_other_faults(record: Path) -> None:
    record.write_text(line(1, "a", 1, 1) + line(1, "b", 2, 1))
    first, *_ = reckoned(record, fault(KILL, 2), fault(IDLE, 3), fault(STALL, 4)).summary()
    assert first.startswith("embedded: 2 kills, 1 other fault in ")


def test_the_table_has_a_row_a_kind_and_one_for_all(record: Path) -> None:
    record.write_text(line(1, "a", 1, 1) + line(1, "b", 2, 1))
    table = reckoned(record, fault(KILL, 2), fault(KILL, 3), fault(IDLE, 4)).table()
    assert len(table) == 5
    assert "| kill -9: senders | 2 | 20 | 0 | 0 | 0 | 500 |" in table[2]
    assert table[-1].startswith("| **all** | 3 |")
