"""Staff end somebody's pause, and subscribe somebody again who has asked for it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House
from tests.acceptance.test_desk_as_staff_see_it import page, plain
from tests.acceptance.test_subscribing_as_readers_do import confirmation, reader, send
from tests.newsroom import staff_browser
from tests.people_world import actions, person_of, posted, two_people
from tribune.config import Settings
from tribune.domain.staff import Role

TOLD = {"basis": "consent", "source": "telephone call", "given": "2026-11-24"}
AGAIN = "Subscribe them again"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """There are three newsletters."""
    told = settings.model_dump()
    for id, name in (("figures", "Labour statistics"), ("events", "What is on")):
        told["digests"][id] = told["digests"]["letter"] | {"names": {"en": name}}
    return Settings.model_validate(told)


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    with two_people(house) as client:
        yield client


def done_to(house: House, id: int) -> list[str]:
    return [what for what, about in actions(house) if about == f"subscriber/{id}" and what != "person.seen"]


def test_a_pause_is_ended_and_the_mails_come_again(house: House, browser: TestClient) -> None:
    assert "End the pause" not in page(browser, "/en/newsroom/people/1")
    told = posted(browser, "people/1/pause", until="2026-12-24")
    assert "End the pause" in told and "from the last 30 days at most" in told
    house.publish("work", titles={"en": "Work"})
    house.until("2026-11-24 09:00")
    assert house.mails("awa@travail.example") == []
    told = posted(browser, "people/1/resume")
    assert "The pause is over." in told and "End the pause" not in told
    assert person_of(house, 1).paused_until is None
    with house.app.store.read() as tx:
        record = tx.consents.of(1)[-1]
    assert (record.act.value, record.source.value, record.by) == ("resumed", "staff", "staff:1")
    assert done_to(house, 1) == ["person.paused", "person.resumed"]
    assert "Nothing has changed: it was so already." in posted(browser, "people/1/resume")
    assert done_to(house, 1) == ["person.paused", "person.resumed"]
    house.until("2026-11-25 09:00")
    assert [mail.subject for mail in house.mails("awa@travail.example")] != []


def test_a_pause_in_which_they_left_holds_when_they_are_back(house: House, browser: TestClient) -> None:
    posted(browser, "people/1/pause", until="2026-12-24")
    told = posted(browser, "people/1/stop", digest="")
    assert "24 December" not in told, "who has left is not on a pause"
    told = posted(browser, "people/1/again", again="letter", **TOLD)
    assert "with the same choices as before. Their pause still holds." in told
    assert "until Thursday 24 December 2026" in told and "End the pause" in told


def test_who_has_asked_for_it_is_subscribed_again_with_the_same_choices(house: House, browser: TestClient) -> None:
    assert AGAIN not in page(browser, "/en/newsroom/people/1")
    before = person_of(house, 1)
    told = posted(browser, "people/1/stop", digest="")
    assert AGAIN in told
    assert "Unsubscribe them" not in told and "Pause until a day" not in told, "there is nothing to stop"
    told = posted(browser, "people/1/again", again="letter", **TOLD)
    assert "They are subscribed again, with the same choices as before." in told
    assert AGAIN not in told
    assert "They agreed elsewhere, 24 November 2026 – telephone call" in told
    after = person_of(house, 1)
    assert (after.status.value, after.subscriptions, after.rhythms) == ("active", before.subscriptions, before.rhythms)
    with house.app.store.read() as tx:
        record = tx.consents.of(1)[-1]
        facts = [entry.facts for entry in tx.audit.entries() if entry.action == "person.resubscribed"]
    assert (record.act.value, record.source.value, record.by) == ("resubscribed", "staff", "staff:1")
    assert record.basis == "consent, 2026-11-24: telephone call"
    assert [dict(one) for one in facts] == [{"digest": "letter", "basis": "consent"}]
    house.publish("work", titles={"en": "Work"})
    house.until("2026-11-24 09:00")
    assert len(house.mails("awa@travail.example")) == 1
    assert "Nothing has changed: it was so already." in posted(browser, "people/1/again", again="letter", **TOLD)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"basis": ""}, "basis"),
        ({"basis": "because"}, "basis"),
        ({"source": " "}, "source"),
        ({"source": "a\r\nBcc: x"}, "source"),
        ({"source": "x" * 201}, "source"),
        ({"given": ""}, "given"),
        ({"given": "yesterday"}, "given"),
        ({"given": "2026-11-01"}, "given"),
        ({"given": "2030-01-01"}, "given"),
        ({"basis": "transfer", "given": ""}, "basis"),
        ({"basis": "public_function"}, "basis"),
        ({"again": "figures"}, "again"),
    ],
)
def test_nobody_is_subscribed_again_without_a_ground(
    house: House, browser: TestClient, wrong: dict[str, str], field: str
) -> None:
    posted(browser, "people/1/stop", digest="")
    answer = browser.post("/en/newsroom/people/1/again", data={"again": "letter", **TOLD, **wrong})
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text and f'id="{field}"' in answer.text
    shown = re.search(r"<details open>\s*<summary>(.*?)</summary>", answer.text)
    assert shown is not None and shown[1] == AGAIN, "what was typed is in sight"
    assert ("Say how they told you" in answer.text) == (wrong == {"source": " "})
    assert '<input type="hidden" name="basis" value="consent">' in answer.text, "there is nothing to choose"
    assert 'type="radio" name="basis"' not in answer.text
    assert "Only they can want it" in answer.text
    assert person_of(house, 1).status.value == "unsubscribed"
    assert done_to(house, 1) == ["person.unsubscribed"]


def test_what_staff_write_of_a_ground_is_text(house: House, browser: TestClient) -> None:
    posted(browser, "people/1/stop", digest="")
    hostile = {**TOLD, "source": "<script>alert(1)</script>"}
    kept = browser.post("/en/newsroom/people/1/again", data={"again": "figures", **hostile}).text
    shown = browser.post("/en/newsroom/people/1/again", data={"again": "letter", **hostile}).text
    for html in (kept, shown):
        assert "<script>alert" not in html and "&lt;script&gt;alert(1)" in html


def test_of_several_newsletters_they_get_again_what_they_want(house: House, browser: TestClient) -> None:
    wishes = [{"digest": digest, "cadence": "weekly"} for digest in ("letter", "figures", "events")]
    house.subscribe("binta@travail.example", languages="en", wishes=wishes)

    def stopped() -> set[str]:
        return {rhythm.digest for rhythm in person_of(house, 3).rhythms if rhythm.stopped_at is not None}

    told = posted(browser, "people/3/stop", digest="figures")
    assert AGAIN in told and "Unsubscribe them" in told
    assert "those that they stopped last" not in told and "all of these" not in told
    house.clock.move(timedelta(days=1))
    told = posted(browser, "people/3/stop", digest="")
    assert "those that they stopped last: What is on and The letter" in told
    posted(browser, "people/3/again", again="", **TOLD)
    assert stopped() == {"figures"}
    assert person_of(house, 3).status.value == "active"
    posted(browser, "people/3/again", again="figures", **TOLD)
    assert stopped() == set()
    assert "all of these" in posted(browser, "people/3/stop", digest="")
    posted(browser, "people/3/again", again="letter", **TOLD)
    assert stopped() == {"figures", "events"}
    assert "all of these" in posted(browser, "people/3/again", again="letter", **TOLD)
    posted(browser, "people/3/again", again="", **TOLD)
    assert stopped() == set()


@pytest.mark.parametrize("reason", ["complaint", "asked_by_phone_or_letter", "hard_bounce"])
def test_who_is_never_mailed_is_not_subscribed_again_by_staff(house: House, browser: TestClient, reason: str) -> None:
    posted(browser, "people/1/stop", digest="")
    with house.app.store.write() as tx:
        tx.audience.suppress("awa@travail.example", reason, house.clock.now())
    shown = page(browser, "/en/newsroom/people/1")
    assert AGAIN not in shown
    assert "They cannot be subscribed again here while their address is on the suppression list." in shown
    answer = browser.post("/en/newsroom/people/1/again", data={"again": "letter", **TOLD})
    assert (answer.status_code, 'href="#again"' in answer.text, 'id="again"' in answer.text) == (409, True, True)
    assert "They were sent several links already." not in plain(answer.text)
    assert person_of(house, 1).status.value == "unsubscribed"
    assert done_to(house, 1) == ["person.unsubscribed"]


def test_an_auditor_sees_it_and_changes_nothing(house: House, browser: TestClient) -> None:
    posted(browser, "people/1/stop", digest="")
    posted(browser, "people/2/pause", until=date(2026, 12, 24).isoformat())
    with staff_browser(house.app, Role.AUDITOR) as auditor:
        for id, act in ((1, "again"), (2, "resume")):
            assert f"/people/{id}/{act}" not in auditor.get(f"/en/newsroom/people/{id}").text
            assert auditor.post(f"/en/newsroom/people/{id}/{act}", data=TOLD).status_code == 404
    assert [person_of(house, id).status.value for id in (1, 2)] == ["unsubscribed", "paused"]


def test_another_site_s_form_brings_nobody_back(house: House, browser: TestClient) -> None:
    posted(browser, "people/1/stop", digest="")
    for act in ("again", "resume"):
        forged = browser.post(
            f"/en/newsroom/people/1/{act}", data=TOLD, headers={"sec-fetch-site": "cross-site", "origin": "https://x.y"}
        )
        assert forged.status_code == 403
    assert person_of(house, 1).status.value == "unsubscribed"


def test_a_form_that_waits_is_forgotten_when_staff_bring_them_back(house: House, browser: TestClient) -> None:
    posted(browser, "people/1/stop", digest="")
    with reader(house.app) as their:
        send(their, address="awa@travail.example", digest="letter")
        path = confirmation(house, "awa@travail.example")
        posted(browser, "people/1/again", again="letter", **TOLD)
        with house.app.store.read() as tx:
            assert tx.sign_ups.of(1) == []
        told = plain(their.get(path + "?in=en").text)
        assert "Your subscription is confirmed already" in told and "Open your preferences" in told
        posted(browser, "people/1/stop", digest="")
        their.post(path, data={"name": ""})
    assert person_of(house, 1).status.value == "unsubscribed", "an old link brings nobody back"


def test_a_pause_is_told_to_staff_as_to_the_reader(house: House, browser: TestClient) -> None:
    house.subscribe("zoe@travail.example", cadence="daily", hour=8, zone="Europe/Zurich")
    assert "until Sunday 20 December 2026" in posted(browser, "people/3/pause", until="2026-12-20")
