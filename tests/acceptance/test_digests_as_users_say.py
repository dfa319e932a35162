"""From an event to a mail, in the words of those who get it. The clock begins on Monday 23 November 2026, 06:00 UTC."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.acceptance.house import House

pytestmark = pytest.mark.both_pairs

THREE = {"en": "Wages in Africa", "fr": "Les salaires en Afrique", "es": "Los salarios en África"}


def test_a_french_speaking_ministry_in_dakar_gets_it_on_monday_at_eight_local_time(house: House) -> None:
    house.subscribe(
        "m@dakar.example",
        name="Awa Diop",
        languages="fr|en",
        zone="Africa/Dakar",
        weekday="monday",
        hour=8,
        places="002",
    )
    house.until("2026-11-23 09:00", "Africa/Dakar")
    house.publish("wages", titles=THREE, places=["SEN"])
    house.until("2026-11-30 07:59", "Africa/Dakar")
    assert house.mails("m@dakar.example") == []
    house.until("2026-11-30 08:00", "Africa/Dakar")
    (mail,) = house.mails("m@dakar.example")
    assert mail.language == "fr"
    assert "Les salaires en Afrique" in mail.text
    assert "Les salaires en Afrique" in mail.html
    assert "Wages in Africa" not in mail.text


@pytest.mark.parametrize(("languages", "title"), [("en", "Wages in Africa"), ("es|en", "Los salarios en África")])
def test_each_reads_the_first_of_their_languages(house: House, languages: str, title: str) -> None:
    house.subscribe("p@x.example", languages=languages, cadence="daily", hour=8)
    house.publish("wages", titles=THREE)
    house.until("2026-11-24 08:00")
    assert title in house.mails("p@x.example")[0].text


def test_an_item_without_a_french_version_is_shown_in_english_and_says_so(house: House) -> None:
    house.subscribe("p@x.example", languages="fr", cadence="daily", hour=8)
    house.publish("wages", titles={"en": "Wages in Africa"})
    house.until("2026-11-24 08:00")
    (mail,) = house.mails("p@x.example")
    assert mail.language == "fr"
    assert "Wages in Africa" in mail.text
    assert "en anglais" in mail.text
    assert "en anglais" in mail.html
    assert 'lang="en"' in mail.html


def test_who_wants_only_their_languages_is_left_out_until_the_version_comes(house: House) -> None:
    house.subscribe("p@x.example", languages="fr", fallback="omit", cadence="daily", hour=8)
    house.publish("wages", titles={"en": "Wages in Africa"})
    house.until("2026-11-24 08:00")
    assert house.mails("p@x.example") == []
    house.publish("wages", titles={"en": "Wages in Africa", "fr": "Les salaires en Afrique"})
    house.until("2026-11-25 08:00")
    (mail,) = house.mails("p@x.example")
    assert "Les salaires en Afrique" in mail.text


def test_who_has_read_it_in_english_does_not_get_the_late_french_version(house: House) -> None:
    house.subscribe("p@x.example", languages="fr", fallback="source", cadence="daily", hour=8)
    house.publish("wages", titles={"en": "Wages in Africa"})
    house.until("2026-11-24 08:00")
    house.publish("wages", titles={"en": "Wages in Africa", "fr": "Les salaires en Afrique"})
    house.until("2026-11-26 08:00")
    assert len(house.mails("p@x.example")) == 1


def test_nothing_new_is_no_mail(house: House) -> None:
    house.subscribe("p@x.example", cadence="daily", hour=8)
    house.until("2026-11-27 08:00")
    assert house.mails("p@x.example") == []


def test_no_item_comes_twice(house: House) -> None:
    house.subscribe("p@x.example", cadence="daily", hour=8)
    house.publish("wages", titles=THREE)
    house.until("2026-11-24 12:00")
    house.publish("skills", titles={"en": "Skills"})
    house.publish("wages", titles={**THREE, "en": "Wages in Africa, corrected"})
    house.until("2026-11-26 12:00")
    first, second = house.mails("p@x.example")
    assert "Wages in Africa" in first.text
    assert "Skills" in second.text
    assert "Wages in Africa" not in second.text


def test_under_embargo_nothing_leaves(house: House) -> None:
    house.subscribe("p@x.example", cadence="daily", hour=8)
    house.subscribe("now@x.example", cadence="at_once")
    house.publish("secret", titles={"en": "A secret"}, embargo_until="2026-11-25T10:00:00+00:00")
    house.until("2026-11-25 09:59")
    assert house.mails("p@x.example") == house.mails("now@x.example") == []
    house.until("2026-11-25 10:15")
    assert "A secret" in house.mails("now@x.example")[0].text
    house.until("2026-11-26 08:00")
    assert "A secret" in house.mails("p@x.example")[0].text


def test_at_once_waits_ten_minutes_and_joins_what_came_meanwhile(house: House) -> None:
    house.subscribe("now@x.example", cadence="at_once")
    house.publish("one", titles={"en": "The first"})
    house.clock.move(timedelta(minutes=5))
    house.tick()
    house.publish("two", titles={"en": "The second"})
    assert house.mails("now@x.example") == []
    house.clock.move(timedelta(minutes=5))
    house.tick()
    (mail,) = house.mails("now@x.example")
    assert "The first" in mail.text and "The second" in mail.text


def test_what_was_withdrawn_is_in_no_mail(house: House) -> None:
    house.subscribe("p@x.example", cadence="daily", hour=8)
    house.publish("wrong", titles={"en": "Wrong figures"})
    house.publish("right", titles={"en": "Right figures"})
    house.withdraw("wrong")
    house.until("2026-11-24 08:00")
    (mail,) = house.mails("p@x.example")
    assert "Right figures" in mail.text and "Wrong figures" not in mail.text


def test_an_item_comes_in_the_quickest_of_a_persons_matching_rhythms_only(house: House) -> None:
    house.subscribe(
        "p@x.example",
        wishes=[
            {"cadence": "daily", "hour": 8, "policy_areas": "wages"},
            {"cadence": "weekly", "weekday": "wednesday", "hour": 8},
        ],
    )
    house.publish("wages", titles={"en": "On wages"}, policy_areas=["wages"])
    house.publish("skills", titles={"en": "On skills"}, policy_areas=["skills"])
    house.until("2026-11-26 08:00")
    daily, weekly = house.mails("p@x.example")
    assert "On wages" in daily.text and "On skills" not in daily.text
    assert "On skills" in weekly.text and "On wages" not in weekly.text


def test_an_item_on_a_region_matches_its_countries_and_other_countries_do_not(house: House) -> None:
    house.subscribe("sn@x.example", cadence="daily", hour=8, places="SEN")
    house.subscribe("pe@x.example", cadence="daily", hour=8, places="PER")
    house.publish("africa", titles={"en": "Work in Africa"}, places=["002"])
    house.until("2026-11-24 08:00")
    assert len(house.mails("sn@x.example")) == 1
    assert house.mails("pe@x.example") == []


def test_the_mail_says_who_sends_why_and_how_to_stop(house: House) -> None:
    house.subscribe("p@x.example", name="Awa Diop", languages="fr", cadence="daily", hour=8, policy_areas="wages")
    house.publish("wages", titles=THREE, policy_areas=["wages"])
    house.until("2026-11-24 08:00")
    (mail,) = house.mails("p@x.example")
    assert "Observatoire du monde du travail" in mail.text
    assert "1, rue du Lac" in mail.text
    assert mail.message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = str(mail.message["List-Unsubscribe"]).strip("<>")
    assert link.startswith("http://127.0.0.1:8080/u/")
    assert link in mail.text
    assert "Awa Diop" in str(mail.message["To"])


def test_a_scheduler_that_was_down_sends_once_and_late(house: House) -> None:
    house.subscribe("p@x.example", cadence="daily", hour=8)
    house.publish("one", titles={"en": "The first"})
    house.clock.move(timedelta(days=4))
    house.tick()
    assert len(house.mails("p@x.example")) == 1
    house.until("2026-11-28 08:00")
    assert len(house.mails("p@x.example")) == 1


def test_a_session_stands_in_the_readers_own_time_zone(house: House) -> None:
    house.subscribe("p@x.example", languages="fr", zone="America/Bogota", cadence="daily", hour=8)
    house.publish(
        "live",
        kind="session",
        titles={"fr": "Un premier emploi", "en": "A first job"},
        session={"starts_at": "2026-12-03 15:00", "zone": "Africa/Dakar", "minutes": 90, "languages": ["fr", "en"]},
    )
    house.until("2026-11-24 08:00", "America/Bogota")
    (mail,) = house.mails("p@x.example")
    assert "10 h" in mail.text  # 15:00 in Dakar is 10:00 in Bogotá
    assert "Bogota" in mail.text or "Bogotá" in mail.text
    assert "UTC−5" in mail.text


def test_french_titles_keep_their_no_break_spaces(house: House) -> None:
    house.subscribe("p@x.example", languages="fr", cadence="daily", hour=8)
    house.publish("prices", source_language="fr", titles={"fr": "Le salaire suit-il les prix\u202f?  Étude n°\u00a04"})
    house.until("2026-11-24 08:00")
    part = house.mails("p@x.example")[0].message.get_body(("html",))
    assert part is not None
    assert "les prix\u202f? Étude n°\u00a04" in part.get_content()
