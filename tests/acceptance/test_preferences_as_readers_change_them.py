"""What readers change on their preferences page, and what becomes of their mails."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House, Mail
from tribune.domain.audience import Fallback, Status, Subscriber
from web.app import create_app

READER = "awa@travail.example"


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    with TestClient(create_app(house.app), base_url="http://127.0.0.1:8080", client=("203.0.113.9", 4321)) as client:
        yield client


@pytest.fixture
def mail(house: House) -> Mail:
    """Awa, who reads French and then English, has had a mail about employment and one about wages."""
    house.subscribe(READER, name="Awa Diop", languages="fr|en", cadence="daily", hour=8, zone="Africa/Dakar")
    house.publish("work", titles={"en": "Work", "fr": "Travail"})
    house.publish("pay", titles={"en": "Pay", "fr": "Paie"}, policy_areas=["wages"])
    house.until("2026-11-23 09:00")
    return house.mails(READER)[0]


@pytest.fixture
def page(mail: Mail) -> str:
    return path(mail, "p")


def path(mail: Mail, kind: str) -> str:
    found = re.search(rf"https?://[^\s>\"]+(/{kind}/[^\s>\"]+)", str(mail.message["List-Unsubscribe"]) + mail.text)
    assert found
    return found[1]


def person(house: House) -> Subscriber:
    with house.app.store.read() as tx:
        found = tx.audience.by_address(READER)
    assert found
    return found


def day(house: House, days: int = 1) -> None:
    house.until(f"{house.clock.now() + timedelta(days=days):%Y-%m-%d} 09:00")


def text(html: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html)).replace("\u00a0", " ").replace("\u202f", " ")


def test_the_page_says_in_one_sentence_what_comes(browser: TestClient, page: str) -> None:
    told = text(browser.get(page, params={"in": "en"}).text)
    assert "Every day at 08:00, when there is something new: everything that we publish." in told
    assert "In French, otherwise in English. Everything else comes in its own language." in told
    assert "Chaque jour à 8 h, quand il y a du nouveau" in text(browser.get(page).text)
    assert "Cada día, a las 08:00, cuando hay novedades" in text(browser.get(page, params={"in": "es"}).text)


def test_topics_and_countries_are_changed_and_nothing_old_comes_again(
    house: House, browser: TestClient, page: str
) -> None:
    house.publish("before", titles={"fr": "Avant"}, source_language="fr", policy_areas=["wages"], places=["SEN"])
    answer = browser.post(
        f"{page}/topics",
        params={"in": "en"},
        data={"topic": ["wages", "skills"], "place": ["SEN", "MLI"], "kind": ["report"]},
    )
    assert [step.status_code for step in answer.history] == [303]
    assert "Your choices are saved." in answer.text
    assert "Skills and lifelong learning; Wages (Mali and Senegal)" in text(answer.text)
    house.publish("fits", titles={"fr": "Convient"}, source_language="fr", policy_areas=["wages"], places=["MLI"])
    house.publish("not", titles={"fr": "Ailleurs"}, source_language="fr", policy_areas=["wages"], places=["PER"])
    day(house)
    told = house.mails(READER)[-1].text
    assert "Convient" in told and "Ailleurs" not in told
    assert "Avant" in told, "what was due and is still wanted is not lost"
    assert sum("Avant" in one.text for one in house.mails(READER)) == 1


def test_rhythm_hour_and_zone(house: House, browser: TestClient, page: str) -> None:
    form = browser.get(f"{page}/when").text
    assert re.search(r'value="daily" checked', form) and 'value="8" selected' in form
    assert re.search(r'value="Africa/Dakar" selected', form)
    answer = browser.post(
        f"{page}/when",
        params={"in": "en"},
        data={"cadence": "weekly", "weekday": "3", "hour": "17", "zone": "Asia/Kolkata"},
    )
    assert "Every Thursday at 17:00" in text(answer.text)
    now = person(house)
    assert (now.zone, now.rhythms[0].weekday, now.rhythms[0].hour) == ("Asia/Kolkata", 3, 17)
    house.publish("later", titles={"fr": "Plus tard"}, source_language="fr")
    house.until("2026-11-30 12:00")
    assert f"{house.mails(READER)[-1].came_at:%a %H:%M}" == "Thu 11:30"


def test_languages_in_order_and_what_to_do_beyond_them(house: House, browser: TestClient, page: str) -> None:
    answer = browser.post(
        f"{page}/languages",
        params={"in": "en"},
        data={"language1": "es", "language2": "fr", "language3": "", "fallback": "omit"},
    )
    assert "In Spanish, otherwise in French. Everything else is left out." in text(answer.text)
    assert (person(house).languages, person(house).fallback) == (("es", "fr"), Fallback.OMIT)
    assert browser.get(page).headers["content-language"] == "es"


def test_name_and_group_are_written_and_never_shown(house: House, browser: TestClient, page: str) -> None:
    for address in (page, f"{page}/you", f"{page}/topics", f"{page}/when", f"{page}/languages"):
        told = browser.get(address).text
        assert "Awa" not in told and "Diop" not in told and READER not in told
        assert 'value="government" selected' not in told
    browser.post(f"{page}/you", data={"name": "Awa <b>Ndiaye</b>", "group": "workers"})
    assert (person(house).name, person(house).group) == ("Awa <b>Ndiaye</b>", "workers")
    browser.post(f"{page}/you", data={"name": "", "group": ""})
    assert (person(house).name, person(house).group) == ("Awa <b>Ndiaye</b>", "workers"), "empty leaves it"
    browser.post(f"{page}/you", data={"name": "", "nameless": "yes"})
    assert person(house).name == ""


@pytest.mark.parametrize(
    ("section", "data", "field"),
    [
        ("topics", {"topic": "nonsense"}, "topic"),
        ("topics", {"place": "XXX"}, "place"),
        ("topics", {"kind": "'; DROP TABLE people; --"}, "kind"),
        ("when", {"cadence": "hourly", "zone": "UTC"}, "cadence"),
        ("when", {"cadence": "weekly", "hour": "25", "zone": "UTC"}, "hour"),
        ("when", {"cadence": "weekly", "hour": "8", "zone": "Mars/Olympus"}, "zone"),
        ("languages", {"language1": "", "fallback": "source"}, "language1"),
        ("languages", {"language1": "xx", "fallback": "source"}, "language1"),
        ("you", {"name": "Awa\r\nBcc: all@example.org"}, "name"),
        ("you", {"group": "kings"}, "group"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_saved(
    house: House, browser: TestClient, page: str, section: str, data: dict[str, str], field: str
) -> None:
    before = person(house)
    answer = browser.post(f"{page}/{section}", params={"in": "en"}, data=data)
    assert answer.status_code == 422
    assert f'href="#{field}"' in answer.text and f'id="{field}-error"' in answer.text
    assert "<title>Error:" in answer.text
    assert person(house) == before


def test_what_was_typed_is_not_lost_on_an_error(browser: TestClient, page: str) -> None:
    answer = browser.post(f"{page}/topics", data={"topic": "wages", "place": ["SEN", "XXX"]})
    assert re.search(r'value="wages" checked', answer.text) and re.search(r'value="SEN" checked', answer.text)


def test_a_form_that_is_out_of_date_saves_nothing_and_says_so(house: House, browser: TestClient, page: str) -> None:
    old = re.search(r"/topics\?of=([0-9a-f]+)", browser.get(page).text)
    assert old
    browser.post(f"{page}/topics", params={"of": old[1]}, data={"topic": "wages"})
    answer = browser.post(f"{page}/topics", params={"of": old[1], "in": "en"}, data={"topic": "skills"})
    assert "Nothing was saved" in answer.text
    assert {a for s in person(house).subscriptions for a in s.choice.policy_areas} == {"wages"}


def test_saving_what_is_so_already_changes_nothing(house: House, browser: TestClient, page: str) -> None:
    answer = browser.post(f"{page}/topics", params={"in": "en"}, data={"nothing": "ticked"})
    assert "Nothing has changed" in answer.text
    with house.app.store.read() as tx:
        assert [record.act for record in tx.consents.of(person(house).id) if record.act == "changed"] == []


def test_a_change_is_on_record(house: House, browser: TestClient, page: str) -> None:
    browser.post(f"{page}/topics", data={"topic": "wages"})
    with house.app.store.read() as tx:
        record = tx.consents.of(person(house).id)[-1]
    assert record.act == "changed"
    assert record.agreed["digests"]["letter"][0]["policy_areas"] == ["wages"]


def test_a_pause_and_its_end(house: House, browser: TestClient, page: str) -> None:
    answer = browser.post(page, params={"in": "en"}, data={"do": "pause", "until": "2026-12-01"})
    assert "Nothing comes until Tuesday 1 December 2026." in text(answer.text)
    assert "You are taking a break" in text(browser.get(page, params={"in": "en"}).text)
    house.publish("away", titles={"fr": "Absente"}, source_language="fr")
    day(house, 2)
    assert len(house.mails(READER)) == 1
    answer = browser.post(page, params={"in": "en"}, data={"do": "resume"})
    assert "The pause is over." in answer.text
    day(house)
    assert "Absente" in house.mails(READER)[-1].text


@pytest.mark.parametrize("until", ["", "tomorrow", "2026-11-23", "2031-01-01", "9999-99-99"])
def test_a_pause_that_cannot_be_is_refused_in_words(house: House, browser: TestClient, page: str, until: str) -> None:
    answer = browser.post(page, params={"in": "en"}, data={"do": "pause", "until": until})
    assert answer.status_code == 422
    assert "Please choose a day after today, within a year." in answer.text
    assert person(house).status is Status.ACTIVE


def test_a_get_of_any_section_changes_nothing(house: House, browser: TestClient, page: str) -> None:
    before = person(house)
    for section in ("topics", "when", "languages", "you"):
        told = {"topic": "wages", "cadence": "monthly", "language1": "es", "name": "X", "do": "pause", "done": "topics"}
        assert browser.get(f"{page}/{section}", params=told).status_code == 200
    assert browser.get(f"{page}/nonsense").status_code == 404
    assert browser.post(f"{page}/nonsense", data={"x": "y"}).status_code == 404
    assert person(house) == before


def test_nobody_else_s_page_opens(house: House, browser: TestClient, mail: Mail, page: str) -> None:
    house.subscribe("other@example.com", name="Other", languages="en")
    other = page.replace(f"{person(house).id}~", f"{person(house).id + 1}~", 1)
    unsubscribe = path(mail, "u").replace("/u/", "/p/")
    for address in (other, unsubscribe, page[:-1], "/p/x"):
        for section in ("", "/topics", "/when", "/languages", "/you"):
            assert browser.get(address + section).status_code == 404
            assert browser.post(address + section, data={"topic": "wages", "do": "pause"}).status_code == 404


def test_one_person_s_subscription_cannot_be_named_on_another_s_page(
    house: House, browser: TestClient, page: str
) -> None:
    house.subscribe("other@example.com", languages="en", policy_areas="skills", cadence="monthly")
    with house.app.store.read() as tx:
        other = tx.audience.by_address("other@example.com")
    assert other
    token = house.app.reader_links.links(other.id, "letter", 1).preferences.rpartition("/")[2]
    key = re.search(r"of=([0-9a-f]+)", browser.get(f"/p/{token}").text)
    assert key
    answer = browser.post(f"{page}/topics", params={"of": key[1], "in": "en"}, data={"topic": "wages"})
    assert "Nothing was saved" in answer.text


# -- from the unsubscribe page


def test_a_topic_of_the_mail_is_left_out_and_taken_back(house: House, browser: TestClient, mail: Mail) -> None:
    stop = path(mail, "u")
    before = person(house)
    told = browser.get(stop, params={"in": "en"}).text
    assert re.findall(r'name="topic" value="([a-z_]+)"', told) == ["wages", "employment"] or re.findall(
        r'name="topic" value="([a-z_]+)"', told
    ) == ["employment", "wages"]
    answer = browser.post(stop, params={"in": "en"}, data={"do": "leave-out", "topic": "wages"})
    assert "From now on, you receive The letter without: Wages." in text(answer.text)
    house.publish("pay2", titles={"fr": "Paie encore"}, source_language="fr", policy_areas=["wages"])
    house.publish("work2", titles={"fr": "Travail encore"}, source_language="fr")
    day(house)
    assert "Paie encore" not in house.mails(READER)[-1].text and "Travail encore" in house.mails(READER)[-1].text
    undo = re.search(r'name="undo" value="([^"]+)"', answer.text)
    assert undo
    answer = browser.post(stop, params={"in": "en"}, data={"do": "undo-topics", "undo": undo[1]})
    assert "You receive the same topics as before." in answer.text
    assert person(house).subscriptions == before.subscriptions
    house.publish("pay3", titles={"fr": "Paie enfin"}, source_language="fr", policy_areas=["wages"])
    day(house)
    assert "Paie enfin" in house.mails(READER)[-1].text


def test_several_topics_are_named_as_the_language_separates_them(house: House, browser: TestClient, mail: Mail) -> None:
    topics = {"do": "leave-out", "topic": ["wages", "employment"]}
    answer = browser.post(path(mail, "u"), params={"in": "fr"}, data=topics)
    assert re.search(r"sans ces thèmes[^.<]*\u202f; ", answer.text)


def test_only_this_topic(house: House, browser: TestClient, mail: Mail) -> None:
    answer = browser.post(path(mail, "u"), params={"in": "en"}, data={"do": "only", "topic": "wages"})
    assert "From now on, you receive The letter only about: Wages." in text(answer.text)
    house.publish("work2", titles={"fr": "Travail encore"}, source_language="fr")
    day(house)
    assert len(house.mails(READER)) == 1


def test_no_topic_at_all_is_said_in_words(house: House, browser: TestClient, mail: Mail) -> None:
    before = person(house)
    for topics in ([], ["nonsense"]):
        answer = browser.post(path(mail, "u"), params={"in": "en"}, data={"do": "leave-out", "topic": topics})
        assert answer.status_code == 422 and "Please tick at least one topic." in answer.text
    assert person(house) == before


def test_undoing_is_for_whom_it_was_made_and_while_nothing_has_changed(
    house: House, browser: TestClient, mail: Mail
) -> None:
    stop = path(mail, "u")
    undo = re.search(r'name="undo" value="([^"]+)"', browser.post(stop, data={"do": "only", "topic": "wages"}).text)
    assert undo
    house.subscribe("other@example.com", languages="en", policy_areas="wages")
    with house.app.store.read() as tx:
        other = tx.audience.by_address("other@example.com")
    assert other
    theirs = house.app.reader_links.links(other.id, "letter", 1).unsubscribe.rpartition("/")[2]
    for where, token in ((f"/u/{theirs}", undo[1]), (stop, undo[1][:-1]), (stop, "k1.x.y"), (stop, "")):
        browser.post(where, data={"do": "undo-topics", "undo": token})
    assert {a for s in person(house).subscriptions for a in s.choice.policy_areas} == {"wages"}
    browser.post(f"{path(mail, 'p')}/topics", data={"topic": "skills"})
    browser.post(stop, data={"do": "undo-topics", "undo": undo[1]})
    assert {a for s in person(house).subscriptions for a in s.choice.policy_areas} == {"skills"}


def test_a_change_of_choices_keeps_the_network_that_it_came_from_shortened(
    house: House, browser: TestClient, mail: Mail, page: str
) -> None:
    """As a sign-up does: it is a part of the answer to "why do you write to me?"."""
    browser.post(f"{page}/topics", data={"topic": "wages"})
    browser.post(page, data={"do": "slower"})
    browser.post(page, data={"do": "pause", "until": "2026-12-24"})
    browser.post(page, data={"do": "resume"})
    browser.post(page, data={"do": "stop"})
    browser.post(page, data={"do": "again"})
    browser.post(path(mail, "u"), data={"do": "only", "topic": "employment"})
    with house.app.store.read() as tx:
        mine = [record for record in tx.consents.of(1) if record.source == "mail"]
    assert [record.act.value for record in mine] == [
        *("changed", "changed", "paused", "resumed", "unsubscribed", "resubscribed", "changed")
    ]
    assert {record.network for record in mine} == {"203.0.113.0/24"}
