"""A digest's mail: what a reader sees, in the standard library's eyes and in words."""

from __future__ import annotations

import itertools
import json
import re
from dataclasses import replace
from email.utils import parsedate_to_datetime
from html import escape, unescape
from pathlib import Path

import pytest

from tests import mails
from tests.arabic import write_arabic
from tests.mails import ITEMS, LOCALES, parts
from tribune.domain.audience import Cadence, Choice
from tribune.domain.errors import NotFound
from tribune.domain.items import Item, LanguageVersion, Observation
from tribune.domain.mailings import EditionContent
from tribune.rendering.email.composer import Composer, ReaderLinks
from tribune.rendering.email.pieces import cut_out
from tribune.rendering.text import clean

__all__ = ["parts"]


@pytest.fixture(scope="module")
def raw(parts: Composer) -> dict[str, bytes]:
    return {
        locale: mails.mail(ITEMS, locale, parts=parts, more=2).fill(mails.reader(), mails.LINKS) for locale in LOCALES
    }


@pytest.mark.parametrize("locale", LOCALES)
def test_the_standard_library_finds_nothing_wrong(raw: dict[str, bytes], locale: str) -> None:
    message = mails.parse(raw[locale])
    assert [part.get_content_type() for part in message.walk()] == ["multipart/alternative", "text/plain", "text/html"]
    assert {part["Content-Transfer-Encoding"] for part in message.iter_parts()} == {"quoted-printable"}
    assert message["From"].addresses[0].addr_spec == "letter@observatory.example"
    assert message["To"].addresses[0].addr_spec == "awa.diop@travail.example"
    assert message["To"].addresses[0].display_name == "Awa Diop"
    assert message["Message-ID"] == "<12.0.37@observatory.example>"
    assert message["Content-Language"] == locale
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["List-Id"].endswith("<letter.observatory.example>")
    assert message["List-Unsubscribe"] == f"<{mails.LINKS.one_click}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert parsedate_to_datetime(message["Date"]) == mails.EDITION.due_at
    assert "Precedence" not in message
    once = ["From", "To", "Subject", "Date", "Message-ID", "List-Id", "List-Unsubscribe", "MIME-Version"]
    assert all(len(message.get_all(name, [])) == 1 for name in once)


@pytest.mark.parametrize("locale", LOCALES)
def test_lines_are_short_and_none_needs_stuffing(raw: dict[str, bytes], locale: str) -> None:
    raw[locale].decode("ascii")
    head, _, body = raw[locale].partition(b"\r\n\r\n")
    assert b"\n" not in raw[locale].replace(b"\r\n", b"") and b"\r" not in raw[locale].replace(b"\r\n", b"")
    assert max(map(len, head.split(b"\r\n"))) <= 200
    assert max(map(len, body.split(b"\r\n"))) <= 76
    assert not re.search(rb"(?m)^(\.|From )", body)


def test_the_subject_says_what_is_inside(raw: dict[str, bytes], parts: Composer) -> None:
    subjects = {locale: mails.parse(raw[locale])["Subject"] for locale in LOCALES}
    assert subjects["en"] == "Unemployment rate: 1,200 new figures (and 4 other updates)"
    assert subjects["fr"] == "Taux de chômage\u00a0: 1\u202f200\u00a0nouvelles données (et 4\u00a0autres nouveautés)"
    assert subjects["es"] == "Tasa de desempleo: 1200\u00a0datos nuevos (y 4\u00a0novedades más)"

    def subject(items: list[Item], locale: str) -> str:
        return str(mails.parse(mails.mail(items, locale, parts=parts).fill(mails.reader(), mails.LINKS))["Subject"])

    assert subject([mails.publication()], "en") == "Wages and prices in West Africa"
    assert subject([mails.publication(), mails.session()], "fr") == (
        "Salaires et prix en Afrique de l’Ouest (et 1\u00a0autre nouveauté)"
    )
    assert subject([mails.session()], "fr") == "Session en direct le 1er\u00a0décembre\u00a0: Le premier emploi"
    assert subject([mails.publication()], "es") == "Wages and prices in West Africa [en inglés]"
    first = mails.data_release(20)
    assert first.data is not None
    assert subject([replace(first, data=replace(first.data, first_load=True))], "en") == "Unemployment rate 2024"
    arabic = mails.publication(1, ar=("الأجور والأسعار", ""))
    assert subject([arabic], "en") == "\u2068الأجور والأسعار\u2069 [in Arabic]"


def test_text_in_english(raw: dict[str, bytes]) -> None:
    text = mails.text_of(mails.parse(raw["en"]))
    for line in (
        "Weekly edition, Monday 23 November 2026",
        "For Awa Diop",
        "Unemployment rate, 2024",
        "Senegal: 5.4% ▼ down 0.7 percentage points from 2023 (6.1%)",
        "Colombia: 9.6% = unchanged from 2023 (9.6%)",
        "1,200 new figures and 1 revised figure",
        "Report, 48 pages · Senegal",
        "Tuesday 1 December 2026, from 15:00 to 16:30 (Dakar time, UTC)",
        "2 more items match your choices. See them on our website.",
        mails.LINKS.preferences,
        mails.LINKS.unsubscribe,
        "Observatory of the World of Work, 1 Lake Street, Example City",
    ):
        assert line in text.splitlines(), line
    text = text.replace("\n", " ")
    assert "In this issue: 1 publication, 1 data release and 1 live session, and 2 more on our website." in text
    assert "because you chose: Wages (Senegal)." in text
    assert "<" not in text


def test_text_in_french_and_spanish(raw: dict[str, bytes]) -> None:
    french = mails.text_of(mails.parse(raw["fr"])).replace("\n", " ")
    assert "Numéro hebdomadaire du lundi 23\u00a0novembre 2026" in french
    assert "5,4\u00a0% ▼ en baisse de 0,7\u00a0point de pourcentage (2023\u00a0: 6,1\u00a0%)" in french
    assert "1\u202f200\u00a0nouvelles données et 1\u00a0donnée révisée" in french
    assert "Mardi 1er\u00a0décembre 2026, de 15\u00a0h à 16\u00a0h\u00a030 (heure de Dakar, UTC)" in french
    spanish = mails.text_of(mails.parse(raw["es"])).replace("\n", " ")
    assert "Número semanal del lunes 23\u00a0de noviembre de 2026" in spanish
    assert "5,4\u00a0% ▼ 0,7\u00a0puntos porcentuales menos (2023: 6,1\u00a0%)" in spanish
    assert "1200\u00a0datos nuevos y 1\u00a0dato revisado" in spanish
    assert "Informe, 48\u00a0páginas, en inglés" in spanish


def test_several_figures_stand_for_a_data_release_and_say_their_period_once(parts: Composer) -> None:
    def lines(item: Item, beside: bool = False) -> list[str]:
        items = [mails.publication(), item] if beside else [item]
        message = mails.parse(mails.mail(items, "en", parts=parts).fill(mails.reader(), mails.LINKS))
        assert mails.html_of(message).count('class="figure figure-value"') == 4
        assert "Source: ILOSTAT" in mails.html_of(message)
        return mails.text_of(message).splitlines()

    first = mails.data_release(21)
    assert first.data is not None
    told = [Observation(place, "2024", 5.0 + n) for n, place in enumerate(("SEN", "COL", "PER", "ESP", "MLI"))]
    one = replace(first, data=replace(first.data, headline=tuple(told)), authors=("ILOSTAT",))
    for beside in (False, True):
        assert {"Unemployment rate, 2024", "Senegal: 5.0%", "Spain: 8.0%"} <= set(lines(one, beside))
        assert not any("Mali" in line for line in lines(one, beside))
    assert one.data is not None
    titled = replace(one, id=22, versions=(LanguageVersion("en", "Unemployment rate"),))
    assert lines(titled).count("Unemployment rate") == 1 and "2024" in lines(titled)
    told[1] = Observation("COL", "2023", 6.0)
    mixed = replace(titled, id=23, data=replace(one.data, headline=tuple(told)))
    assert {"Senegal, 2024: 5.0%", "Colombia, 2023: 6.0%"} <= set(lines(mixed))


def test_an_item_of_many_places_names_some(parts: Composer) -> None:
    item = replace(mails.publication(24), places=("PER", "ARG", "CHL", "COL"))
    for locale, told in (("en", "Argentina, Chile and 2 others"), ("fr", "Argentine, Chili et 2\u00a0autres")):
        message = mails.parse(mails.mail([item], locale, parts=parts).fill(mails.reader(), mails.LINKS))
        assert told in mails.text_of(message) and told in unescape(mails.html_of(message))


def test_a_session_is_told_on_the_reader_s_clocks(parts: Composer) -> None:
    one = mails.session()
    for zone, told in (
        ("America/Bogota", "Tuesday 1 December 2026, from 10:00 to 11:30 (Bogota time, UTC−5)"),
        ("Asia/Kolkata", "Tuesday 1 December 2026, from 20:30 to 22:00 (Kolkata time, UTC+5:30)"),
        ("Asia/Tokyo", "Wednesday 2 December 2026, from 00:00 to 01:30 (Tokyo time, UTC+9)"),
        (
            "Asia/Hong_Kong",
            "From Tuesday 1 December 2026, 23:00, to Wednesday 2 December 2026, 00:30 (Hong Kong time, UTC+8)",
        ),
    ):
        message = mails.parse(mails.mail([one], "en", parts=parts, zone=zone).fill(mails.reader(), mails.LINKS))
        assert told in mails.html_of(message)
        assert told in mails.text_of(message).replace("\n", " ")


def test_the_html_is_made_for_screen_readers(raw: dict[str, bytes]) -> None:
    html = mails.html_of(mails.parse(raw["es"]))
    assert re.search(r'<html[^>]* lang="es"[^>]* dir="ltr"', html)
    assert re.findall(r"<h[1-6]", html) == ["<h1", "<h2", "<h2", "<h3", "<h3"]
    assert re.search(r'<h3[^>]* lang="en"[^>]*dir="ltr"|<h3[^>]*dir="ltr"[^>]* lang="en"', html)
    tables = re.findall(r"<table[^>]*>", html)
    assert tables and all('role="presentation"' in table for table in tables)
    assert '<span aria-hidden="true">▼</span>' in html
    assert "<img" not in html and "url(" not in html and "fonts.googleapis" not in html
    read_aloud = html.partition("<h1")[2]
    assert (
        read_aloud.index("Tasa de desempleo 2024") < read_aloud.index("Wages") < read_aloud.index("Le premier emploi")
    )
    hidden = re.search(r'<div style="([^"]*)">Wages', html)  # the preheader stands first, hidden in every way there is
    assert hidden and {"display:none", "max-height:0", "opacity:0", "mso-hide:all"} <= set(
        hidden[1].replace(": ", ":").replace("; ", ";").rstrip(";").split(";")
    )


def test_arabic_is_data_only_and_runs_from_right_to_left(raw: dict[str, bytes]) -> None:
    html = mails.html_of(mails.parse(raw["ar"]))
    assert re.search(r'<html[^>]* lang="ar"[^>]* dir="rtl"', html)
    assert "العدد الأسبوعي، الاثنين، 23 نوفمبر 2026" in html
    assert 'إلى <span dir="auto">Awa Diop</span>' in html
    assert re.search(r'<h2[^>]*lang="en"[^>]*dir="ltr"|<h2[^>]*dir="ltr"[^>]*lang="en"', html)
    assert "\u2068Report\u2069" in html  # a label that fell back keeps its direction
    assert html.count('align="left"') == 3  # the cut corner and two figures, which turn to the other side too
    assert "direction:ltr" not in html.replace(" ", "")
    text = mails.text_of(mails.parse(raw["ar"])).replace("\n", " ")
    assert "في هذا العدد: منشور واحد وإصدار بيانات واحد وجلسة مباشرة واحدة، و2 غيرها على" in text


def test_twelve_items_stay_under_what_gmail_shows(parts: Composer) -> None:
    long = "A sentence of a usual length about work and those who do it. " * 20
    items = [
        mails.publication(n, en=(f"A title that is long enough to take two lines, number {n}", long))
        for n in range(101, 113)
    ]
    message = mails.parse(mails.mail(items, "en", parts=parts, more=5).fill(mails.reader(), mails.LINKS))
    assert len(mails.html_of(message).encode()) < 102_000 * 0.8


def test_one_item_alone_has_no_heading_over_others_and_an_opening_as_preheader(parts: Composer) -> None:
    html = mails.html_of(
        mails.parse(mails.mail([mails.publication()], "en", parts=parts).fill(mails.reader(), mails.LINKS))
    )
    assert "Also new for you" not in html and "more item" not in html and "In this issue" not in html
    assert "Wages have kept up with prices." in html.partition("<h1")[0]
    several = mails.html_of(mails.parse(mails.mail(ITEMS, "en", parts=parts).fill(mails.reader(), mails.LINKS)))
    assert "Wages and prices in West Africa · The first job" in several.partition("<h1")[0]


def test_one_reader_s_data_is_never_in_another_s_mail(parts: Composer) -> None:
    made = mails.mail(ITEMS, "en", parts=parts)
    first = made.fill(mails.reader(), mails.LINKS)
    other = made.fill(
        mails.reader("José Núñez", "jose@otro.example", delivery="12.0.38", choices=(Choice(),)),
        ReaderLinks(
            "https://tribune.example/u/other", "https://tribune.example/u/other", "https://tribune.example/p/other"
        ),
    )
    assert made.fill(mails.reader(), mails.LINKS) == first
    shown = mails.text_of(mails.parse(other)) + mails.html_of(mails.parse(other)) + other.decode()
    for told in ("Awa", "awa.diop", "412", "12.0.37", "Senegal.", "ab" * 16):
        assert told not in shown
    assert "everything that we publish" in shown


def test_why_a_person_gets_it_names_cadence_and_choices(parts: Composer) -> None:
    many = Choice(
        frozenset({"wages", "skills"}),
        frozenset({"SEN", "MLI", "COL", "PER", "ECU", "RWA", "ESP"}),
        frozenset({"report"}),
    )
    for cadence, said in (
        (Cadence.AT_ONCE, "as soon as something new is published"),
        (Cadence.DAILY, "every day"),
        (Cadence.WEEKLY, "every week"),
        (Cadence.MONTHLY, "every month"),
    ):
        edition = replace(mails.EDITION, cadence=cadence)
        made = mails.mail(ITEMS, "en", parts=parts, edition=edition)
        text = mails.text_of(mails.parse(made.fill(mails.reader(choices=(many, Choice())), mails.LINKS))).replace(
            "\n", " "
        )
        assert said in text
        assert (
            "because you chose: reports, about Skills and lifelong learning; Wages (Colombia, Ecuador, Mali, Peru"
            " and 3 others); everything that we publish."
        ) in text


def test_a_mail_without_items_or_with_unknown_ones_is_not_made(parts: Composer) -> None:
    with pytest.raises(NotFound):
        parts.compose(EditionContent("en", ()), {}, mails.EDITION)
    with pytest.raises(NotFound):
        parts.compose(mails.content([mails.publication(99)], "en"), {}, mails.EDITION)


def test_every_shape_fits_the_frame_s_head(parts: Composer) -> None:
    """The CSS in the head is the frame's: an item compiled inside it must not ask for more (decisions.md, 15)."""
    from tribune.rendering.email.item_view import view
    from tribune.rendering.email.pieces import HtmlSlots

    frame = parts.frame(mails.EDITION, "en")
    voice = parts.voice("en")

    def head(**shown: object) -> str:
        html = parts.templates.html(
            "digest/digest.mjml", "en", frame=frame.view, slot=HtmlSlots(), **{"lead": None, "row": None, **shown}
        )
        for shape in shown:
            assert cut_out(html, shape).strip().startswith("<!--[if mso")
        return html.partition("<body")[0]

    empty = head()
    for item in ITEMS:
        for key in mails.content([item, item], "en").fragments:
            assert head(**{key.shape.value: view(item, key, voice.formats, voice.wording, voice.texts)}) == empty


def test_more_folders_of_locales_are_settings(tmp_path: Path) -> None:
    from tribune.rendering.locales import Translations
    from tribune.resources import locate

    assert Translations((locate("locales"), write_arabic(tmp_path / "more")), "en").offered == ("en", "ar", "es", "fr")


def test_real_publications_make_mails_in_every_language(parts: Composer, shared_data: Path) -> None:
    told = json.loads((shared_data / "publications" / "ilo_items.json").read_text(encoding="utf-8"))
    works = [work for part in ("publications", "standards", "data_posts", "events") for work in told[part]]
    items = []
    for number, one in enumerate(works, 5000):
        versions = {
            language: (title, one.get("abstract", {}).get(language, "")) for language, title in one["titles"].items()
        }
        items.append(mails.publication(number, **versions))
    assert len(items) > 30
    for item, locale in zip(items, itertools.cycle(LOCALES)):
        message = mails.parse(mails.mail([item, item], locale, parts=parts).fill(mails.reader(), mails.LINKS))
        shown = item.version_in(mails.content([item], locale).fragments[0].language)
        assert shown is not None
        assert escape(clean(shown.title), quote=False) in mails.html_of(message).replace("&nbsp;", "\u00a0")
        assert len(str(message["Subject"])) < 150
