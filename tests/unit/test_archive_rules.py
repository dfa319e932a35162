"""The rules of the public archive: names in addresses, what a place's page holds, which issues are listed."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribune.domain.archive import (
    SLUG,
    PublicEdition,
    Selection,
    address_name,
    alternates,
    asks_for,
    day_of,
    for_the_shelf,
    locale_of_page,
    one_before,
    places_about,
    places_shared,
    slug,
)
from tribune.domain.audience import Cadence, Choice
from tribune.domain.codelists import Codelists

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("title", "said"),
    [
        (
            "Global Wage Review 2026–27: What inflation left behind",
            "global-wage-review-2026-27-what-inflation-left-behind",
        ),
        ("L’emploi à Ziguinchor", "l-emploi-a-ziguinchor"),
        ("Œuvres & métiers", "oeuvres-and-metiers"),
        ("العمل اللائق", ""),
        ("../../etc/passwd\r\nSet-Cookie: x", "etc-passwd-set-cookie-x"),
        ("", ""),
    ],
)
def test_a_slug_is_made_of_letters_digits_and_hyphens(title: str, said: str) -> None:
    assert slug(title) == said


@given(st.text(max_size=600))
def test_no_title_brings_anything_else_into_an_address(title: str) -> None:
    assert re.fullmatch(r"(?:[a-z0-9]+(?:-[a-z0-9]+)*)?", slug(title))
    assert len(slug(title)) <= SLUG
    assert re.fullmatch(r"12(?:-[a-z0-9-]+)?", address_name(12, slug(title)))


def test_a_place_page_holds_what_lies_within_and_what_holds_the_whole_of_it(codelists: Codelists) -> None:
    senegal = places_about("SEN", codelists.places)
    assert {"SEN", "011", "002", "001"} <= senegal
    assert not {"MLI", "FRA", "150"} & senegal
    africa = places_about("002", codelists.places)
    assert {"SEN", "MLI", "011", "001"} <= africa
    assert "FRA" not in africa
    assert "LIC" not in africa, "low-income countries are neither all in Africa nor all of Africa"


def test_a_subscription_to_a_region_shares_countries_with_groups(codelists: Codelists) -> None:
    assert {"SEN", "002", "LIC", "001"} <= places_shared(["002"], codelists.places)
    assert "FRA" not in places_shared(["002"], codelists.places)


def test_a_digest_of_some_kinds_narrows_what_is_asked_for(codelists: Codelists) -> None:
    report, brief = frozenset(["report"]), frozenset(["brief"])
    assert asks_for(Choice(), codelists.places) == Selection(everywhere=True)
    assert asks_for(Choice(kinds=report), codelists.places, ["report", "brief"]) == Selection(report, everywhere=True)
    assert asks_for(Choice(), codelists.places, ["brief"]) == Selection(brief, everywhere=True)
    assert asks_for(Choice(kinds=report), codelists.places, ["brief"]) is None


@pytest.mark.parametrize(
    ("cadence", "day", "before"),
    [
        (Cadence.DAILY, date(2026, 3, 1), date(2026, 2, 28)),
        (Cadence.WEEKLY, date(2026, 11, 24), date(2026, 11, 17)),
        (Cadence.MONTHLY, date(2026, 12, 7), date(2026, 11, 2)),  # Mondays, five weeks apart
        (Cadence.MONTHLY, date(2026, 11, 2), date(2026, 10, 5)),  # four
        (Cadence.MONTHLY, date(2026, 3, 1), date(2026, 2, 1)),
    ],
)
def test_the_issue_before_is_that_of_the_same_people(cadence: Cadence, day: date, before: date) -> None:
    assert one_before(cadence, day) == before


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)))
def test_the_monthly_issue_before_is_the_first_such_weekday_of_the_month_before(day: date) -> None:
    if day.day > 7:
        day = day.replace(day=day.day % 7 + 1)
    before = one_before(Cadence.MONTHLY, day)
    assert before.weekday() == day.weekday()
    assert before.day <= 7
    assert (day.year * 12 + day.month) - (before.year * 12 + before.month) == 1


def edition(cadence: Cadence, occasion: str) -> PublicEdition:
    return PublicEdition("letter", cadence, occasion, NOON, NOON)


def test_the_shelf_has_one_weekly_issue_a_week_and_stays_as_it_is() -> None:
    days = ["2026-11-24", "2026-11-23", "2026-11-29", "2026-11-30", "2026-11-22"]
    weekly = [edition(Cadence.WEEKLY, day) for day in days]
    monthly = [edition(Cadence.MONTHLY, day) for day in ("2026-11-03", "2026-11-02", "2026-12-01")]
    daily = [edition(Cadence.DAILY, day) for day in ("2026-11-23", "2026-11-24")]
    told = [(one.cadence.value, one.occasion) for one in for_the_shelf(weekly + monthly + daily)]
    assert told == [
        ("monthly", "2026-12-01"),
        ("weekly", "2026-11-30"),
        ("daily", "2026-11-24"),
        ("daily", "2026-11-23"),
        ("weekly", "2026-11-23"),
        ("weekly", "2026-11-22"),
        ("monthly", "2026-11-02"),
    ]


def test_an_item_bears_the_day_of_its_publication_unless_it_came_out_before() -> None:
    assert day_of(None, NOON) == date(2026, 11, 23)
    assert day_of(date(2020, 1, 1), NOON) == date(2020, 1, 1)
    assert day_of(date(2030, 1, 1), NOON) == date(2026, 11, 23)


def test_a_page_shows_regional_versions_as_its_own() -> None:
    assert locale_of_page("fr-CA", ("en", "fr")) == "fr"
    assert locale_of_page("pt-BR", ("en", "pt-BR")) == "pt-BR"
    assert locale_of_page("ar", ("en", "fr")) is None
    assert alternates({}, ("en", "fr")) == {}
