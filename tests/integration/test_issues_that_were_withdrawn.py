"""Issues of which nothing is left, and issues of digests that are no longer offered: what the archive and the ledger
tell of them, on both stores."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.catalogue_house import FEED, OAI, House, record
from tests.issues import add_issue
from tests.mailing_world import Scripted, channel, planned
from tests.planned import make_sender, withdraw_item
from tribune.bootstrap import Application
from tribune.domain.archive import PublicEdition
from tribune.domain.audience import Cadence
from tribune.domain.digests import Digest
from tribune.domain.errors import NotFound
from tribune.domain.items import Withdrawal
from tribune.ports.clock import StoppedClock
from tribune.services.archive.list_editions import digests_of_issues, every_edition, latest_editions, list_editions
from tribune.services.archive.see_edition import SeenEdition, see_edition
from tribune.services.archive.visible_items import KeptItems
from tribune.services.audience.list_sent import list_sent, show_sent
from tribune.services.sending.send_chunk import send_chunk

__all__ = ["channel"]
pytestmark = pytest.mark.both_stores

DAY = timedelta(days=1)


@pytest.fixture
def house(app: Application) -> House:
    return House(app)


def issue(app: Application, **of: str) -> str:
    """An issue that has begun to leave now; its date."""
    day = app.clock.now().date().isoformat()
    add_issue(app, day, **of)
    return day


def see(app: Application, day: str, *, digest: Digest | None = None, locale: str = "en") -> SeenEdition:
    with app.store.read() as tx:
        return see_edition(tx, digest or app.digest("letter"), Cadence.DAILY, day, locale, KeptItems())


def shelf(app: Application) -> list[PublicEdition]:
    with app.store.read() as tx:
        month = list_editions(tx, digests_of_issues(tx, app.digest), date(2026, 11, 1))
    return month.editions if month else []


def marks(app: Application) -> dict[str, bool]:
    return {one.occasion: one.withdrawn for one in shelf(app)}


def in_sitemap(app: Application) -> list[str]:
    with app.store.read() as tx:
        return [one.occasion for one in every_edition(tx, digests_of_issues(tx, app.digest), 100)]


def take_back(house: House, name: str) -> None:
    house.tell(FEED, Withdrawal(name, "An error."), revision=9)


def test_an_issue_is_marked_when_its_last_item_has_gone(house: House, app: Application, clock: StoppedClock) -> None:
    house.tell(FEED, record("a"))
    house.tell(FEED, record("b", "fr"))
    first = issue(app)
    clock.move(DAY)
    house.tell(FEED, record("c"))
    second = issue(app)
    assert marks(app) == {first: False, second: False}
    take_back(house, "a")
    assert (marks(app)[first], see(app, first).gone, see(app, first).withdrawn) == (False, 1, False)
    take_back(house, "b")
    assert marks(app) == {first: True, second: False}
    seen = see(app, first)
    assert (seen.items, seen.total, seen.gone, seen.withdrawn) == ([], 0, 2, True)
    with app.store.read() as tx:
        assert [one.withdrawn for one in latest_editions(tx, {"letter": app.digest("letter")}, 2)] == [False, True]
    assert in_sitemap(app) == [second]


def test_only_items_of_its_kinds_count_for_an_issue(house: House, app: Application, clock: StoppedClock) -> None:
    briefs = Digest("letter", {"en": "Briefs"}, "a@example.org", kinds=("brief",))
    app.digests = {"letter": briefs}
    house.tell(FEED, record("a", kind="brief"))
    house.tell(FEED, record("b", kind="report"))
    day = issue(app)
    take_back(house, "b")
    assert (marks(app), see(app, day, digest=briefs).gone) == ({day: False}, 0)
    take_back(house, "a")
    assert (marks(app), see(app, day, digest=briefs).gone) == ({day: True}, 1)


def test_an_issue_in_which_nothing_was_new_is_not_said_to_be_withdrawn(house: House, app: Application) -> None:
    quiet = issue(app)
    seen = see(app, quiet)
    assert (seen.total, seen.gone, seen.withdrawn, marks(app)) == (0, 0, False, {quiet: False})


def test_what_was_withdrawn_before_an_issue_left_never_stood_in_it(
    house: House, app: Application, clock: StoppedClock
) -> None:
    house.tell(FEED, record("a"))
    house.tell(FEED, record("mistake"))
    take_back(house, "mistake")
    clock.move(timedelta(hours=1))
    day = issue(app)
    assert see(app, day).gone == 0
    take_back(house, "a")
    assert (see(app, day).gone, marks(app)) == (1, {day: True})


def test_an_issue_of_which_nothing_was_left_when_it_left_is_not_said_to_be_withdrawn(
    house: House, app: Application, clock: StoppedClock
) -> None:
    house.tell(FEED, record("mistake"))
    take_back(house, "mistake")
    clock.move(timedelta(hours=1))
    day = issue(app)
    assert (see(app, day).gone, marks(app)) == (0, {day: False})


def test_what_became_one_with_another_was_not_withdrawn(house: House, app: Application, clock: StoppedClock) -> None:
    house.tell(FEED, record("a", "en", "10.5555/a"))
    house.tell(OAI, record("b", "fr", "10.5555/b"))
    day = issue(app)
    clock.move(DAY)
    house.tell(OAI, record("b", "fr", "10.5555/b", "10.5555/a"), revision=2)
    assert len(house.all()) == 1
    assert see(app, day).gone == 0


def test_marks_hold_for_more_issues_than_one_question_asks_of(
    house: House, app: Application, clock: StoppedClock
) -> None:
    days = []
    for number in range(60):
        clock.move(DAY)
        house.tell(FEED, record(f"r{number}"))
        days.append(issue(app))
    take_back(house, "r0")
    take_back(house, "r55")
    assert sorted(set(days) - set(in_sitemap(app))) == [days[0], days[55]]


def test_every_digest_that_had_an_issue_is_known_by_its_id(house: House, app: Application, clock: StoppedClock) -> None:
    house.tell(FEED, record("a"))
    for digest in ("zz-gone", "letter", "Gone-2"):
        issue(app, digest=digest)
        issue(app, digest=digest, cadence="weekly")
    with app.store.read() as tx:
        known = digests_of_issues(tx, app.digest)
    assert set(known) == {"zz-gone", "letter", "Gone-2"}
    assert {id for id, one in known.items() if one.retired and one.forgotten} == {"zz-gone", "Gone-2"}
    assert known["zz-gone"].name("fr") == "zz-gone"
    assert {(one.digest, one.cadence.value) for one in shelf(app)} >= {("zz-gone", "daily"), ("zz-gone", "weekly")}
    seen = see(app, app.clock.now().date().isoformat(), digest=app.digest("zz-gone"))
    assert [item.id for item, _ in seen.items] == [1]


def test_a_mail_tells_how_much_of_it_has_gone_and_nothing_of_what(app: Application, channel: Scripted) -> None:
    mailing = planned(app, 1, titles=("Wages", "Skills"))
    send_chunk(make_sender(app, channel), mailing, 0)
    app.digests = {}  # taken out of the settings
    with app.store.write() as tx:
        withdraw_item(tx, "Wages")
    with app.store.read() as tx:
        (sent,), _ = list_sent(tx, 1)
        shown = show_sent(tx, 1, sent.name, app.digest, app.composer, app.reader_links)
    assert ([one.title for one in sent.items], sent.gone, sent.kept) == (["Skills"], 1, True)
    assert shown.content is not None and b"Skills" in shown.content and b"Wages" not in shown.content
    assert shown.digest.retired and b"letter" in shown.content
    with app.store.write() as tx:
        withdraw_item(tx, "Skills")
    with app.store.read() as tx:
        (sent,), _ = list_sent(tx, 1)
        shown = show_sent(tx, 1, sent.name, app.digest, app.composer, app.reader_links)
        with pytest.raises(NotFound):
            show_sent(tx, 2, sent.name, app.digest, app.composer, app.reader_links)
    assert (sent.items, sent.gone, sent.kept, shown.content) == ((), 2, True, None)
    assert shown.mailing.id == mailing
