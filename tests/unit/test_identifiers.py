"""Identifiers and languages in their normal form."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tribune.domain import identifiers, languages
from tribune.domain.items import Identifier, Scheme


@pytest.mark.parametrize(
    "told",
    [
        "10.5555/ABC-12",
        "doi:10.5555/abc-12",
        "DOI: 10.5555/ABC-12",
        "https://doi.org/10.5555/abc-12",
        "http://dx.doi.org/10.5555/ABC-12",
        "info:doi/10.5555/abc-12",
        "https://doi.org/10.5555%2Fabc-12",
        " 10.5555/abc-12. ",
        "doi:https://doi.org/10.5555/abc-12",
    ],
)
def test_a_doi_has_one_form(told: str) -> None:
    assert identifiers.doi(told) == "10.5555/abc-12"


@pytest.mark.parametrize("told", ["10.5555/", "11.5555/abc", "abc", "", "10.5555/a b", "10.5/x", "doi:"])
def test_what_is_no_doi(told: str) -> None:
    assert identifiers.doi(told) is None


def test_dois_of_real_publishers_with_odd_characters_hold() -> None:
    assert identifiers.doi("10.1002/(SICI)1097-0258(19980815/30)17:15/16<1661::AID-SIM968>3.0.CO;2-2") is None  # <>
    assert identifiers.doi("10.54394/RQWU4214") == "10.54394/rqwu4214"
    assert identifiers.doi("10.1016/S0140-6736(20)30183-5") == "10.1016/s0140-6736(20)30183-5"


@pytest.mark.parametrize(
    "told",
    [
        "9789220327531",
        "978-92-2-032753-1",
        "ISBN 978-92-2-032753-1",
        "urn:isbn:9789220327531",
        "ISBN-13: 978‑92‑2‑032753‑1",
    ],
)
def test_an_isbn_has_one_form(told: str) -> None:
    assert identifiers.isbn(told) == "9789220327531"


def test_isbn_10_becomes_13_and_a_wrong_check_digit_is_refused() -> None:
    assert identifiers.isbn("0-306-40615-2") == "9780306406157"
    assert identifiers.isbn("0-8044-2957-X") == "9780804429573"
    assert identifiers.isbn("0-306-40615-3") is None
    assert identifiers.isbn("978-92-2-032753-2") is None
    assert identifiers.isbn("9789220327") is None


def test_an_issn_is_checked() -> None:
    assert identifiers.issn("ISSN 0378-5955") == "0378-5955"
    assert identifiers.issn("2434561x") == "2434-561X"
    assert identifiers.issn("0378-5954") is None


def test_an_oai_id_keeps_its_local_part() -> None:
    assert identifiers.oai("OAI:Repo.Example:Ab/12") == "oai:repo.example:Ab/12"
    assert identifiers.oai("oai:repo.example:") is None
    assert identifiers.oai("oai:repo:with space") is None


@pytest.mark.parametrize(
    ("told", "normal"),
    [
        ("HTTP://Example.ORG:80/a b?q=1#part", "http://example.org/a%20b?q=1"),
        ("https://example.org", "https://example.org/"),
        ("https://example.org:8443/x", "https://example.org:8443/x"),
        ("https://exämple.org/ü", "https://xn--exmple-cua.org/%C3%BC"),
        ("https://straße.de/", "https://xn--strae-oqa.de/"),  # strasse.de is another's
        ("https://" + "é" * 70 + ".example/", None),
        ("https://é..example/", None),
        ("https://[2001:db8::1]/x", "https://[2001:db8::1]/x"),
        ("javascript:alert(1)", None),
        ("ftp://example.org/x", None),
        ("https://user:secret@example.org/", None),
        ("https://exa mple.org/", None),
        ("//example.org/x", None),
        ("https://example.org/\r\nX: y", None),
    ],
)
def test_addresses(told: str, normal: str | None) -> None:
    assert identifiers.url(told) == normal


@pytest.mark.parametrize(
    ("told", "scheme", "value"),
    [
        ("https://doi.org/10.5555/x", Scheme.DOI, "10.5555/x"),
        ("urn:isbn:0306406152", Scheme.ISBN, "9780306406157"),
        ("978-0-306-40615-7", Scheme.ISBN, "9780306406157"),
        ("ISSN 0378-5955", Scheme.ISSN, "0378-5955"),
        ("0378-5955", Scheme.ISSN, "0378-5955"),
        ("oai:repo.example:1", Scheme.OAI, "oai:repo.example:1"),
        ("https://example.org/a", Scheme.URL, "https://example.org/a"),
    ],
)
def test_identifiers_are_recognised(told: str, scheme: Scheme, value: str) -> None:
    assert identifiers.recognise(told) == Identifier(scheme, value)


@pytest.mark.parametrize("told", ["12345678", "0306406152", "TechReport 12", "", "isbn", "ISBN 9780306406158"])
def test_bare_numbers_and_words_are_not_identifiers(told: str) -> None:
    assert identifiers.recognise(told) is None


@given(st.text(max_size=60))
def test_any_text_is_safe_and_normal_forms_are_stable(text: str) -> None:
    for normal in (identifiers.doi, identifiers.isbn, identifiers.issn, identifiers.oai, identifiers.url):
        found = normal(text)
        assert found is None or normal(found) == found
    recognised = identifiers.recognise(text)
    if recognised and recognised.scheme is not Scheme.ISSN:
        assert identifiers.recognise(recognised.value) == recognised


@given(st.integers(0, 999_999_999))
def test_every_isbn_10_and_its_13_are_one(number: int) -> None:
    body = f"{number:09}"
    check = -sum(int(c) * weight for c, weight in zip(body, range(10, 1, -1), strict=True)) % 11
    ten = body + ("X" if check == 10 else str(check))
    thirteen = identifiers.isbn(ten)
    assert thirteen is not None and identifiers.isbn(thirteen) == thirteen and thirteen[3:12] == body


@given(st.integers(0, 9_999_999), st.integers(0, 7), st.integers(1, 9))
def test_one_wrong_digit_in_an_issn_is_seen(number: int, place: int, by: int) -> None:
    body = f"{number:07}"
    check = -sum(int(c) * weight for c, weight in zip(body, range(8, 1, -1), strict=True)) % 11
    good = body + ("X" if check == 10 else str(check))
    assert identifiers.issn(good) == f"{good[:4]}-{good[4:]}"
    if good[place] != "X":
        bad = good[:place] + str((int(good[place]) + by) % 10) + good[place + 1 :]
        assert identifiers.issn(bad) is None


@pytest.mark.parametrize(
    ("told", "tag"),
    [
        ("en", "en"),
        ("en-US", "en"),
        ("EN_gb", "en"),
        ("eng", "en"),
        ("English", "en"),
        ("Anglais", "en"),
        ("Inglés", "en"),
        ("fre", "fr"),
        ("fra", "fr"),
        ("Français", "fr"),
        ("Castellano", "es"),
        ("Español", "es"),
        ("spa", "es"),
        ("pt-BR", "pt"),
        ("zh-Hans-CN", "zh"),
        ("zh-TW", "zh-Hant"),
        ("zh-hant", "zh-Hant"),
        ("ar", "ar"),
        ("العربية", "ar"),
        ("fil", "fil"),
        ("http://id.loc.gov/vocabulary/iso639-2/spa", "es"),
        ("und", ""),
        ("mul", ""),
        ("zxx", ""),
        ("xx", ""),
        ("en; fr", ""),
        ("", ""),
    ],
)
def test_languages_have_one_tag(told: str, tag: str) -> None:
    assert languages.tag(told) == tag


@given(st.text(max_size=30))
def test_a_tag_is_its_own_tag(text: str) -> None:
    found = languages.tag(text)
    assert not found or languages.tag(found) == found
