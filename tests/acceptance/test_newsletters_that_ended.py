"""A newsletter ends: its issues stay at their addresses, and so does what people were sent of it. And an issue of which
everything was withdrawn says so."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from tests.acceptance.house import House
from tests.acceptance.test_my_data_as_readers_see_it import READER, ask, path
from tests.archive_world import Get, links, reader
from tribune.bootstrap import Application
from tribune.commands.check import warnings
from tribune.config import Settings
from tribune.services.planning.approve_mailing import approve_mailing
from web.app import create_app

ISSUE = "editions/letter/daily/2026-11-23"
RETIRED = "This newsletter is no longer published. Its past issues stay at their addresses."
FORGOTTEN = "We no longer know what kinds of publications it selected"
WITHDRAWN = "Everything that stood in this issue has been withdrawn since"
OTHER = {"names": {"en": "Data news"}, "sender": "data@observatory.example"}


@pytest.fixture(autouse=True)
def first_issue(house: House) -> None:
    """The letter has had an issue, with two reports in it."""
    house.subscribe(READER, name="Awa Diop", languages="en", cadence="daily", hour=8)
    house.publish("work", titles={"en": "Work in figures", "fr": "Le travail en chiffres"})
    house.publish("skills", titles={"en": "Skills"}, kind="brief")
    house.until("2026-11-23 09:00")


@contextmanager
def later(house: House, **digests: Any) -> Iterator[Application]:
    """The same house, started anew with other digests in its settings."""
    told = house.app.settings.model_dump() | {"digests": digests}
    app = Application(Settings.model_validate(told), house.clock)
    yield app
    app.close()


@contextmanager
def restarted(house: House, **digests: Any) -> Iterator[House]:
    """The same with everything at work, and nothing of the house before it."""
    house.close()
    with later(house, **digests) as app:
        again = House(app, house.clock, house.folder)
        yield again
        again.close()


def letter(house: House, **more: Any) -> dict[str, Any]:
    return house.app.settings.model_dump()["digests"]["letter"] | more  # type: ignore[no-any-return]


# -- one that is retired


def test_issues_of_a_retired_newsletter_stay_under_its_name(house: House) -> None:
    with later(house, letter=letter(house, retired=True, kinds=("report",)), data=OTHER) as app:
        get = reader(app)
        page = get(f"/en/{ISSUE}")
        assert page.status_code == 200
        assert RETIRED in page.text and 'href="/en/subscribe"' in page.text
        assert "Receive the next issue" not in page.text
        assert "The letter, daily issue of 23" in page.text
        assert "Work in figures" in page.text and "Skills" not in page.text, "its kinds are known"
        assert FORGOTTEN not in page.text and "noindex" not in page.text
        assert set(links(page.text, "alternate")) >= {"en", "fr", "es", "x-default"}
        assert "Cette lettre d’information ne paraît plus." in get(f"/fr/{ISSUE}").text
        assert "ha dejado de publicarse" in get(f"/es/{ISSUE}").text
        assert f'href="/en/{ISSUE}"' in get("/en/editions").text
        assert f"/en/{ISSUE}" in get("/sitemap-editions.xml").text
        assert 'value="letter"' not in get("/en/subscribe").text


def test_a_retired_newsletter_is_planned_no_more_and_without_complaint(house: House) -> None:
    with restarted(house, letter=letter(house, retired=True), data=OTHER) as again:
        again.publish("late", titles={"en": "Too late"})
        with capture_logs() as told:
            again.until("2026-11-25 09:00")
        assert len(again.mails(READER)) == 1
        assert not [one for one in told if one["log_level"] in ("warning", "error")]
        assert not [one for one in warnings(again.app) if "digest" in one.lower()]
    with later(house, data=OTHER) as app:
        assert [one for one in warnings(app) if "retired = true" in one], "taken out, it is missed"


def test_what_is_on_its_way_when_a_newsletter_is_retired_is_still_sent(house: House) -> None:
    with restarted(house, letter=letter(house, approval="each")) as again:
        again.publish("last", titles={"en": "The last one"})
        again.until("2026-11-24 09:00")
        assert len(again.mails(READER)) == 1
        with again.app.store.write() as tx:
            approve_mailing(tx, 2, again.clock.now())
    with restarted(house, letter=letter(house, retired=True)) as again:
        again.work()
        assert "The last one" in again.mails(READER)[-1].text


# -- one that was taken out of the settings


def test_issues_of_a_newsletter_that_the_settings_lost_stay_under_its_id(house: House) -> None:
    with later(house, data=OTHER) as app:
        get = reader(app)
        page = get(f"/en/{ISSUE}")
        assert page.status_code == 200
        assert RETIRED in page.text and FORGOTTEN in page.text and 'href="/en/subscribe"' in page.text
        assert "letter, daily issue of 23" in page.text and "Work in figures" in page.text
        assert '<meta name="robots" content="noindex">' in page.text
        assert f'href="/en/{ISSUE}"' in get("/en/editions").text
        assert ISSUE not in get("/en/").text, "the first page leads to what is offered"
        assert "sitemap-editions" not in get("/sitemap.xml").text
        assert get("/sitemap-editions.xml").status_code == 404
        assert get("/en/editions/letter/daily/2026-11-22").status_code == 404
        for never in ("never", "a%00b", "é", "x" * 61):
            assert get(f"/en/editions/{never}/daily/2026-11-23").status_code == 404, never


def test_where_nothing_is_offered_any_more_nothing_is_offered(house: House) -> None:
    with later(house) as app:
        page = reader(app)(f"/en/{ISSUE}").text
        assert RETIRED in page and "See what you can receive now" not in page


@pytest.mark.parametrize("how", ["retired", "gone"])
def test_what_people_were_sent_of_it_stays_readable(house: House, how: str) -> None:
    page = path(house.mails(READER)[0], "p")
    with TestClient(create_app(house.app), base_url="http://127.0.0.1:8080") as browser:
        mine = ask(house, browser, page)
    digests = {"data": OTHER} | ({"letter": letter(house, retired=True)} if how == "retired" else {})
    with later(house, **digests) as app, TestClient(create_app(app), base_url="http://127.0.0.1:8080") as browser:
        told = browser.get(f"{mine}/sent").text
        assert ("The letter, daily issue" if how == "retired" else "letter, daily issue") in told
        (name,) = re.findall(r'/sent/(1\.0\.\d)"', told)
        shown = browser.get(f"{mine}/sent/{name}")
        assert shown.status_code == 200 and "<iframe" in shown.text
        assert "This newsletter is no longer published. What you were sent stays here." in shown.text
        body = browser.get(f"{mine}/sent/{name}/body")
        assert body.status_code == 200 and "Work in figures" in body.text and "Awa Diop" in body.text


# -- an issue of which nothing is left


def test_an_issue_of_which_everything_was_withdrawn_says_so(house: House) -> None:
    get: Get = reader(house.app)
    assert "contents withdrawn" not in get("/en/editions").text
    house.withdraw("work", reason="A secret.")
    some = get(f"/en/{ISSUE}").text
    assert WITHDRAWN not in some and "1 item of this issue has been withdrawn since." in some
    house.withdraw("skills")
    page = get(f"/en/{ISSUE}")
    assert page.status_code == 200
    assert "The letter, daily issue of 23" in page.text and page.text.count(WITHDRAWN) >= 2
    assert "items of this issue have been withdrawn" not in page.text, "it is said once"
    assert "Work in figures" not in page.text and "A secret" not in page.text
    assert "Everything that was new" not in page.text and "ld+json" not in page.text
    assert '<meta name="robots" content="noindex">' in page.text
    for path_ in ("/en/", "/en/editions"):
        assert re.search(r"23.November 2026 · contents withdrawn", get(path_).text), path_
    assert "contenus retirés" in get("/fr/editions").text and "contenidos retirados" in get("/es/editions").text
    assert "sitemap-editions" not in get("/sitemap.xml").text


def test_a_mail_of_which_everything_was_withdrawn_says_so(house: House) -> None:
    page = path(house.mails(READER)[0], "p")
    with TestClient(create_app(house.app), base_url="http://127.0.0.1:8080") as browser:
        mine = ask(house, browser, page)
        house.withdraw("work")
        told = browser.get(f"{mine}/sent").text
        assert "1 item of this mail has been withdrawn since." in told and "Work in figures" not in told
        house.withdraw("skills")
        gone = "Everything that stood in this mail has been withdrawn since"
        told = browser.get(f"{mine}/sent").text
        assert gone in told and "Skills" not in told
        (name,) = re.findall(r'/sent/(1\.0\.\d)"', told)
        shown = browser.get(f"{mine}/sent/{name}")
        assert shown.status_code == 200 and gone in shown.text and "<iframe" not in shown.text
        assert "The letter, daily issue of 23" in shown.text
        body = browser.get(f"{mine}/sent/{name}/body")
        assert body.status_code == 410 and gone in body.text


def test_the_link_to_leave_one_that_has_ended_leads_to_what_is_there(house: House) -> None:
    page = path(house.mails(READER)[0], "u")
    with later(house, data=OTHER) as app:
        answer = reader(app)(f"{page}?in=fr")
        assert answer.status_code == 200
        assert "Cette lettre d’information ne paraît plus." in answer.text
        assert 'href="/fr/subscribe"' in answer.text
        assert 'value="again"' not in answer.text and "revenir" not in answer.text
