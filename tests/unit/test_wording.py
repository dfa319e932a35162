"""Figures, sessions and contents in words; texts cut where a sentence ends."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import mails
from tribune.domain.audience import Cadence, Choice
from tribune.domain.items import Observation, SessionInfo
from tribune.rendering.receiving import Receiving
from tribune.rendering.text import clean, clean_name, cut_at_sentence, cut_at_word, isolate, short_title
from tribune.rendering.wording import Wording

PARTS = mails.composer()
EN, FR, ES = (PARTS.voice(locale).wording for locale in ("en", "fr", "es"))
NB = "\u00a0"


def change(wording: Wording, value: float, previous: float, unit: str = "percent") -> str:
    told = wording.change(Observation("SEN", "2024", value, "2023", previous), unit)
    assert told is not None
    return f"{told.sign} {told.words}"


def test_a_change_says_how_much_from_what_and_which_way() -> None:
    assert change(EN, 5.4, 6.1) == "▼ down 0.7 percentage points from 2023 (6.1%)"
    assert change(EN, 7.1, 6.1) == "▲ up 1.0 percentage points from 2023 (6.1%)"
    assert change(FR, 7.6, 6.1) == f"▲ en hausse de 1,5{NB}point de pourcentage (2023{NB}: 6,1{NB}%)"
    assert change(FR, 8.2, 6.1) == f"▲ en hausse de 2,1{NB}points de pourcentage (2023{NB}: 6,1{NB}%)"
    assert change(ES, 5.4, 6.1) == f"▼ 0,7{NB}puntos porcentuales menos (2023: 6,1{NB}%)"
    assert change(ES, 7.6, 6.1) == f"▲ 1,5{NB}puntos porcentuales más (2023: 6,1{NB}%)"


@pytest.mark.parametrize(
    ("before", "english", "french", "spanish"),
    [
        ("2024-Q1", "Q1 2024", "1er trimestre 2024", "1.er trimestre de 2024"),
        ("2024-M03", "March 2024", "mars 2024", "marzo de 2024"),
        ("2024", "2024", "2024", "2024"),
    ],
)
def test_a_sentence_holds_for_quarters_months_and_years(before: str, english: str, french: str, spanish: str) -> None:
    told = [wording.change(Observation("SEN", "2025", 5.4, before, 6.1), "percent") for wording in (EN, FR, ES)]
    assert [change.words for change in told if change] == [
        f"down 0.7 percentage points from {english} (6.1%)",
        f"en baisse de 0,7{NB}point de pourcentage ({french}{NB}: 6,1{NB}%)",
        f"0,7{NB}puntos porcentuales menos ({spanish}: 6,1{NB}%)",
    ]
    assert [change.brief for change in told if change] == [
        f"down from 6.1% in {english}",
        f"en baisse ({french}{NB}: 6,1{NB}%)",
        f"a la baja ({spanish}: 6,1{NB}%)",
    ]


def test_a_change_is_that_of_the_figures_that_are_shown() -> None:
    assert change(EN, 5.44, 6.06) == "▼ down 0.7 percentage points from 2023 (6.1%)"
    assert change(EN, 5.44, 5.36) == "= unchanged from 2023 (5.4%)"


def test_other_units() -> None:
    assert change(EN, 12300, 12000, "number") == "▲ up 2.5% from 2023 (12,000)"
    assert change(EN, 5, 0, "number") == "▲ up 5 from 2023 (0)"
    assert change(FR, 0.85, 0.9, "ratio") == f"▼ en baisse de 0,05 (2023{NB}: 0,90)"
    assert (
        EN.value(0.9, "ratio") == "0.90" and EN.value(12.34, "number") == "12.3" and EN.value(-3, "percent") == "−3.0%"
    )
    assert EN.change(Observation("SEN", "2024", 1.0), "percent") is None


def test_contents_count_with_the_right_plurals() -> None:
    groups = {"publication": 1, "data": 2, "session": 1}
    assert EN.contents(groups) == "In this issue: 1 publication, 2 data releases and 1 live session."
    assert (
        FR.contents(groups)
        == f"Dans ce numéro{NB}: 1{NB}publication, 2{NB}publications de données et 1{NB}session en direct."
    )
    assert (
        ES.contents(groups)
        == f"En este número: 1{NB}publicación, 2{NB}publicaciones de datos y 1{NB}sesión en directo."
    )
    assert FR.contents({"publication": 3}) == f"Dans ce numéro{NB}: 3{NB}publications."


def test_contents_say_how_many_more_there_are() -> None:
    groups = {"publication": 12}
    assert EN.contents(groups, 6) == "In this issue: 12 publications, and 6 more on our website."
    assert FR.contents(groups, 6) == f"Dans ce numéro{NB}: 12{NB}publications, et 6{NB}autres sur notre site web."
    assert ES.contents(groups, 1) == f"En este número: 12{NB}publicaciones, y 1{NB}más en nuestro sitio web."


def test_names_stand_in_the_order_of_the_alphabet_whatever_their_accents() -> None:
    names = ("Travail", "Économie informelle", "Emploi", "Formation")
    assert FR.names(names, 4) == "Économie informelle, Emploi, Formation et Travail"
    assert EN.names(("Peru", "Chile", "Argentina"), 2) == "Argentina, Chile and Peru"
    assert EN.names(("Peru", "Chile", "Uruguay", "Argentina"), 2) == "Argentina, Chile and 2 others"
    assert FR.names(("Pérou", "Chili", "Uruguay", "Argentine"), 2) == f"Argentine, Chili et 2{NB}autres"
    assert ES.names(("Perú", "Chile", "Uruguay", "Argentina"), 2) == f"Argentina, Chile y 2{NB}más"


@pytest.mark.parametrize(
    ("kinds", "topics", "places", "english", "french", "spanish"),
    [
        ("", "", "", "everything that we publish", "tout ce que nous publions", "todo lo que publicamos"),
        ("report", "", "", "reports", "rapports", "informes"),
        ("", "wages", "", "Wages", "Salaires", "Salarios"),
        ("", "wages", "MLI SEN", "Wages (Mali and Senegal)", "Salaires (Mali et Sénégal)", "Salarios (Malí y Senegal)"),
        (
            "working_paper data_release",
            "",
            "002",
            "data releases and working papers, about Africa",
            "documents de travail et publications de données (Afrique)",
            "documentos de trabajo y publicaciones de datos sobre África",
        ),
        (
            "report",
            "wages",
            "SEN",
            "reports, about Wages (Senegal)",
            "rapports (Salaires – Sénégal)",
            "informes sobre Salarios (Senegal)",
        ),
    ],
)
def test_a_choice_in_words(kinds: str, topics: str, places: str, english: str, french: str, spanish: str) -> None:
    choice = Choice(frozenset(topics.split()), frozenset(places.split()), frozenset(kinds.split()))
    assert (EN.choice(choice), FR.choice(choice), ES.choice(choice)) == (english, french, spanish)


def test_an_hour_has_its_article() -> None:
    voice = PARTS.voice("es")
    receiving = Receiving(voice.texts, voice.formats)
    told = [receiving.when(Cadence.DAILY, 0, hour) for hour in (0, 1, 13)]
    assert told == [f"Cada día, {at}, cuando hay novedades" for at in ("a las 00:00", "a la 01:00", "a las 13:00")]
    assert receiving.when(Cadence.WEEKLY, 0, 1) == "Cada lunes, a la 01:00, cuando hay novedades"


def test_a_column_of_figures_says_what_they_were() -> None:
    fell, same = (Observation("SEN", "2024", value, "2023", 6.1) for value in (5.4, 6.1))
    told = [wording.change(seen, "percent") for wording in (EN, FR, ES) for seen in (fell, same)]
    assert [change.brief for change in told if change] == [
        "down from 6.1% in 2023",
        "as in 2023",
        f"en baisse (2023{NB}: 6,1{NB}%)",
        "sans changement (2023)",
        f"a la baja (2023: 6,1{NB}%)",
        "sin cambios (2023)",
    ]


def test_a_session_over_midnight_names_both_days() -> None:
    info = SessionInfo(datetime(2026, 12, 31, 23, 0), "Europe/Paris", 90)  # noqa: DTZ001 - wall-clock time
    told = FR.session(info, "Europe/Paris")
    assert (
        told.replace(NB, " ")
        == "Du jeudi 31 décembre 2026, 23 h, au vendredi 1er janvier 2027, 0 h 30 (heure de Paris, UTC+1)"
    )


# -- cutting


@pytest.mark.parametrize(
    ("text", "limit", "cut"),
    [
        ("One. Two.", 20, "One. Two."),
        ("A first sentence here. A second one that is longer.", 30, "A first sentence here."),
        (
            "Mr. Smith and Dr. Jones met, e.g. in Geneva, at 3.5 per cent. Then they left for home.",
            65,
            "Mr. Smith and Dr. Jones met, e.g. in Geneva, at 3.5 per cent.",
        ),
        ("Que faire\u202f? Agir vite. Et puis attendre que cela passe.", 26, "Que faire\u202f? Agir vite."),
        ("Il dit : «\u00a0Non.\u00a0» Elle répond que si, et longuement encore.", 24, "Il dit : «\u00a0Non.\u00a0»"),
        ("¿Quién cuida? ¡Nadie! Y después de eso viene otra frase larga.", 25, "¿Quién cuida? ¡Nadie!"),
        ("هل هذا كاف؟ نعم هو كاف. ثم تأتي جملة أخرى طويلة", 26, "هل هذا كاف؟ نعم هو كاف."),
        (
            "This first sentence is a little longer than it may be. Next.",
            45,
            "This first sentence is a little longer than it may be.",
        ),
        (
            "This first sentence is far longer than it may ever be in such a place. Next.",
            30,
            "This first sentence…",
        ),
        (
            "Ok. But then comes a sentence that goes on and on and does not end for long.",
            40,
            "Ok. But then comes a sentence that goes…",
        ),
        ("unbreakable" * 20, 30, "unbreakable" * 2 + "unbreak" + "…"),
    ],
)
def test_an_abstract_is_cut_where_a_sentence_ends(text: str, limit: int, cut: str) -> None:
    assert cut_at_sentence(text, limit) == cut


@pytest.mark.parametrize(
    ("title", "short"),
    [
        ("Short: and whole", "Short: and whole"),
        ("Registered but not yet protected: Small traders in Kenya and Uganda", "Registered but not yet protected"),
        (
            "Trouver un premier emploi en Afrique\u00a0: ce que disent les chiffres",
            "Trouver un premier emploi en Afrique",
        ),
        ("¿Puede el salario seguir los precios? Conversación desde Bogotá", "¿Puede el salario seguir los precios?"),
        ("Wages: what is known of them and what is not after four years", "Wages: what is known of them and what…"),
    ],
)
def test_a_long_title_is_told_without_its_subtitle(title: str, short: str) -> None:
    assert short_title(title, 40) == short


def test_an_abstract_may_be_held_to_its_limit() -> None:
    text = "This first sentence is a little longer than it may be. Next."
    assert cut_at_sentence(text, 45, 45) == "This first sentence is a little longer than…"
    assert cut_at_word("Des spécialistes issus des gouvernements, des syndicats", 46) == (
        "Des spécialistes issus des gouvernements…"
    )
    assert cut_at_word("Hablarán especialistas de los sindicatos y de empresas", 46) == (
        "Hablarán especialistas de los sindicatos…"
    )
    assert cut_at_sentence("It ends here. This sentence goes on and on.", 30, 30) == "It ends here."


@given(text=st.text(max_size=400), limit=st.integers(20, 200))
def test_a_cut_text_is_a_beginning_and_not_too_long(text: str, limit: int) -> None:
    cut = cut_at_sentence(text, limit)
    assert len(cut) <= limit * 4 // 3
    assert clean(text).startswith(cut.removesuffix("…").rstrip()) or cut == clean(text)
    assert len(cut_at_word(text, limit)) <= limit


@given(text=st.text(max_size=200))
def test_clean_text_is_one_line_and_stays_clean(text: str) -> None:
    done = clean(text)
    assert clean(done) == done
    assert not any(ord(c) < 32 or c in "\u202e\u2066\u2028" or "\ud800" <= c <= "\udfff" for c in done)
    done.encode("utf-8")


def test_names_and_directions() -> None:
    assert clean_name("\u200b \u202e\ufeff") == "" and clean_name(" Zoë\r\n\tÉa ") == "Zoë Éa"
    assert clean_name("👩‍👩‍👧 نور") == "👩‍👩‍👧 نور"
    assert isolate("Title", "en", "ar") == "\u2068Title\u2069" and isolate("Title", "en", "fr") == "Title"
