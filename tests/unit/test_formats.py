"""Dates, times, numbers and lists as each language writes them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from babel import Locale
from hypothesis import given
from hypothesis import strategies as st

from tribune.codelists import load
from tribune.domain.zones import names
from tribune.rendering.formats import Formats

NB, NN = "\u00a0", "\u202f"
EN, FR, ES, AR = (Formats(locale, load()) for locale in ("en", "fr", "es", "ar"))
ALL = pytest.mark.parametrize("formats", [EN, FR, ES, AR], ids=["en", "fr", "es", "ar"])


def test_dates() -> None:
    first, other = date(2026, 11, 1), date(2026, 8, 21)
    assert [f.date(first) for f in (EN, FR, ES)] == [
        "1 November 2026",
        f"1er{NB}novembre 2026",
        f"1{NB}de noviembre de 2026",
    ]
    assert [f.date(other) for f in (EN, FR, ES)] == ["21 August 2026", f"21{NB}août 2026", f"21{NB}de agosto de 2026"]
    assert [f.full_date(first) for f in (EN, FR, ES)] == [
        "Sunday 1 November 2026",
        f"dimanche 1er{NB}novembre 2026",
        f"domingo 1{NB}de noviembre de 2026",
    ]
    assert [f.day_and_month(other) for f in (EN, FR, ES)] == ["21 August", f"21{NB}août", f"21{NB}de agosto"]
    assert FR.date(date(1111, 1, 11)) == f"11{NB}janvier 1111"
    assert AR.date(first) == "1 نوفمبر 2026"


def test_times_of_day() -> None:
    half, whole = datetime(2026, 1, 1, 15, 30, tzinfo=UTC), datetime(2026, 1, 1, 9, 0, tzinfo=UTC)
    assert [f.time(half) for f in (EN, FR, ES, AR)] == ["15:30", f"15{NB}h{NB}30", "15:30", "3:30 م"]
    assert [f.time(whole) for f in (EN, FR, ES)] == ["09:00", f"9{NB}h", "09:00"]


def test_zones_are_named() -> None:
    winter, summer = datetime(2026, 12, 3, tzinfo=UTC), datetime(2026, 7, 3, tzinfo=UTC)
    for zone, told in {
        "Africa/Dakar": ("Dakar time, UTC", "heure de Dakar, UTC", "hora de Dakar, UTC"),
        "Africa/Abidjan": ("Abidjan time, UTC", "heure d’Abidjan, UTC", "hora de Abiyán, UTC"),
        "Africa/Cairo": ("Cairo time, UTC+2", "heure du Caire, UTC+2", "hora de El Cairo, UTC+2"),
        "Atlantic/Bermuda": ("Bermuda time, UTC−4", "heure des Bermudes, UTC−4", "hora de Bermudas, UTC−4"),
        "Asia/Kolkata": ("Kolkata time, UTC+5:30", "heure de Calcutta, UTC+5:30", "hora de Calcuta, UTC+5:30"),
        "America/New_York": ("New York time, UTC−5", "heure de New York, UTC−5", "hora de Nueva York, UTC−5"),
        "UTC": ("UTC", "UTC", "UTC"),
        "Etc/GMT+5": ("UTC−5", "UTC−5", "UTC−5"),
    }.items():
        assert tuple(f.zone(zone, winter) for f in (EN, FR, ES)) == told
    assert EN.zone("Europe/Paris", summer) == "Paris time, UTC+2"
    assert AR.zone("Africa/Dakar", winter) == "توقيت داكار، UTC"


@ALL
def test_every_zone_has_a_name(formats: Formats) -> None:
    at = datetime(2026, 12, 3, tzinfo=UTC)
    for zone in names():
        said = formats.zone(zone, at)
        assert said and "_" not in said and "%s" not in said


def test_periods() -> None:
    told = {
        "2024": ("2024",) * 3,
        "2024-Q1": ("Q1 2024", "1er trimestre 2024", "1.er trimestre de 2024"),
        "2024Q4": ("Q4 2024", "4e trimestre 2024", "4.º trimestre de 2024"),
        "2024-M03": ("March 2024", "mars 2024", "marzo de 2024"),
        "2024M12": ("December 2024", "décembre 2024", "diciembre de 2024"),
        "2024-03": ("March 2024", "mars 2024", "marzo de 2024"),
        "2023/24": ("2023/24",) * 3,
        "": ("",) * 3,
        "2024-13": ("2024-13",) * 3,
    }
    for code, said in told.items():
        assert tuple(f.period(code) for f in (EN, FR, ES)) == said


def test_numbers() -> None:
    assert [f.number(1234) for f in (EN, FR, ES)] == ["1,234", f"1{NN}234", "1234"]
    assert [f.number(12345.6) for f in (EN, FR, ES)] == ["12,345.6", f"12{NN}345,6", f"12{NB}345,6"]
    assert [f.number(1234567) for f in (EN, FR, ES)] == ["1,234,567", f"1{NN}234{NN}567", f"1{NB}234{NB}567"]
    assert [f.number(-0.7) for f in (EN, FR, ES)] == ["−0.7", "−0,7", "−0,7"]
    assert EN.number(2.675, 2) == "2.68" and EN.number(0.05, 1) == "0.1" and EN.number(-0.04, 1) == "0.0"
    assert EN.number(5, 1) == "5.0"


def test_percentages() -> None:
    assert [f.percent(5.44) for f in (EN, FR, ES)] == ["5.4%", f"5,4{NB}%", f"5,4{NB}%"]
    assert [f.percent(100, 0) for f in (EN, FR, ES)] == ["100%", f"100{NB}%", f"100{NB}%"]
    assert "5.4" in AR.percent(5.44) and "%" in AR.percent(5.44)


@ALL
@given(value=st.decimals(min_value=-(10**9), max_value=10**9, places=2))
def test_a_number_can_be_read_back(formats: Formats, value: Decimal) -> None:
    text = formats.number(value)
    symbols = Locale.parse(formats.locale).number_symbols["latn"]
    bare = (
        text.replace("−", "-")
        .replace(NB, "")
        .replace(NN, "")
        .replace(str(symbols["group"]), "")
        .replace(str(symbols["decimal"]), ".")
    )
    assert Decimal(bare) == value


@ALL
@given(value=st.decimals(min_value=0, max_value=300, places=1))
def test_the_plural_of_a_decimal_is_that_of_a_whole_number(formats: Formats, value: Decimal) -> None:
    cldr = Locale.parse("en_GB" if formats.locale == "en" else formats.locale)
    if value != int(value):
        assert cldr.plural_form(formats.plural(value)) == cldr.plural_form(value)


def test_lists() -> None:
    assert [f.list(["A", "B", "C"]) for f in (EN, FR, ES)] == ["A, B and C", "A, B et C", "A, B y C"]
    assert [f.list(["A"]) for f in (EN, FR, ES)] == ["A", "A", "A"] and EN.list([]) == ""
    assert ES.list(["Francia", "Irlanda"]) == "Francia e Irlanda"
    assert ES.list(["Chile", "Honduras", "India"]) == "Chile, Honduras e India"
    assert ES.list(["agua", "hielo"]) == "agua y hielo"
    assert ES.list(["Omán", "Yemen"]) == "Omán y Yemen"
    assert ES.list(["padres", "hijos"]) == "padres e hijos"
    assert FR.apart(["a", "b"]) == f"a{NN}; b" and AR.parts(["a", "b"]) == "a، b"


def test_names_with_an_and_of_their_own_stand_apart() -> None:
    skills = {"en": "Skills and learning", "fr": "Compétences et apprentissage", "es": "Formación e innovación"}
    told = [f.names([skills[locale], "X"]) for f, locale in ((EN, "en"), (FR, "fr"), (ES, "es"))]
    assert told == ["Skills and learning; X", f"Compétences et apprentissage{NN}; X", "Formación e innovación; X"]
    assert ES.names(["Trinidad y Tabago", "Perú"]) == "Trinidad y Tabago; Perú"
    assert EN.names(["Iran, Islamic Republic of", "Mali"]) == "Iran, Islamic Republic of; Mali"
    assert EN.names(["Mali", "Senegal"]) == "Mali and Senegal" and EN.names(["Mali"]) == "Mali"


def test_names_come_from_the_code_lists() -> None:
    assert [f.place("SEN") for f in (EN, FR, ES)] == ["Senegal", "Sénégal", "Senegal"]
    assert [f.kind("working_paper") for f in (EN, FR, ES)] == [
        "working paper",
        "document de travail",
        "documento de trabajo",
    ]
    assert EN.place("XYZ") == "XYZ"
    assert AR.place("SEN") == "\u2068Senegal\u2069"
    assert [f.language("en") for f in (EN, FR, ES)] == ["English", "anglais", "inglés"]
    assert FR.language("pt-BR") == "portugais brésilien" and EN.language("tlh-x") in ("Klingon", "tlh-x")
    assert ES.capitalised("índice") == "Índice" and AR.capitalised("\u2068report\u2069") == "\u2068Report\u2069"


def test_sizes_and_lengths() -> None:
    assert [f.size(1_234_567) for f in (EN, FR, ES)] == [f"1.2{NB}MB", f"1,2{NN}Mo", f"1,2{NB}MB"]
    assert EN.size(20_400_000) == f"20{NB}MB" and EN.size(340_000) == f"340{NB}KB" and EN.size(1) == f"1{NB}KB"
    assert [f.minutes(90) for f in (EN, FR, ES)] == ["90 minutes", "90 minutes", "90 minutos"]


def test_an_unknown_locale_follows_the_default() -> None:
    assert Formats("xx", load(), "fr").month(date(2026, 3, 1)) == "mars 2026"
    assert Formats("pt-BR", load()).date(date(2026, 11, 1)) == "1 de novembro de 2026"
