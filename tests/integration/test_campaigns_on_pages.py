"""What the newsroom says of campaigns, and what a reader finds of them among their own: in three languages."""

from __future__ import annotations

import re

import pytest

from tests.campaign_world import approve, draft, plan, readers, segment
from tests.mailing_world import Scripted, cancel
from tests.newsroom import staff_browser
from tests.planned import make_sender
from tests.planning_world import World
from tribune.bootstrap import Application
from tribune.domain.staff import Role
from tribune.services.sending.send_chunk import send_chunk

NAMES = {
    "en": "The letter, campaign “Survey & more”",
    "fr": "La lettre, campagne «\u00a0Survey & more\u00a0»",
    "es": "El boletín, campaña «Survey & more»",
}


def words(page: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", page).replace("&amp;", "&").split(" ")).replace("\n", " ")


@pytest.mark.parametrize("locale", ["en", "fr", "es"])
def test_today_and_the_list_name_a_campaign_as_one(app: Application, locale: str) -> None:
    readers(app, 2)
    segment(app)
    mailing = plan(app, draft(name="Survey & more"))
    browser = staff_browser(app, Role.APPROVER)
    today = browser.get(f"/{locale}/newsroom/").text
    assert NAMES[locale] in words(today)
    assert today.count(f"/newsroom/mailings/{mailing.id}") == 1, "it waits for approval, and has not gone out"
    assert NAMES[locale] in words(browser.get(f"/{locale}/newsroom/mailings").text)
    approve(app, mailing)
    send_chunk(make_sender(app, Scripted()), mailing.id, 0)
    assert f"/newsroom/mailings/{mailing.id}" in browser.get(f"/{locale}/newsroom/").text


def test_its_page_says_what_stands_in_it_and_for_whom(app: Application) -> None:
    world = World(app)
    readers(app, 2)
    world.person("weekly", digest="other")
    segment(app)
    text = "Please **tell** us.\n\n- <script>alert(1)</script>\n\n[Here](https://observatory.example/x)"
    mailing = plan(app, draft("fr", "en", name="Survey", text=text))
    page = staff_browser(app, Role.APPROVER).get(f"/en/newsroom/mailings/{mailing.id}").text
    assert "Subject in fr" in page and "Subject in en" in page
    assert "Please <strong>tell</strong> us." in page
    assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page
    assert 'href="https://observatory.example/x"' in page
    told = words(page)
    assert "1 person does not receive this newsletter" in told
    assert f"tribune mailing approve {mailing.id}" in told
    assert 'href="/en/newsroom/segments/everyone"' in page
    cancel(app, mailing.id)
    told = words(staff_browser(app, Role.APPROVER).get(f"/en/newsroom/mailings/{mailing.id}").text)
    assert "This campaign was cancelled. 2 people were not mailed, and nothing of it comes later." in told
    assert "Not sent: cancelled" in told and "carried over" not in told


@pytest.mark.parametrize(
    ("locale", "whom", "frame"),
    [
        (
            "en",
            ("Who is in it", "People of whom this is true:", "They read this language: Spanish."),
            "How far it is, by language of the mail’s frame",
        ),
        ("fr", ("Qui en fait partie", "espagnol"), "Avancement par langue de l’habillage du courriel"),
        ("es", ("Quién forma parte de él", "español"), "Avance por idioma del marco del correo"),
    ],
)
def test_its_page_says_whom_the_kept_rule_selects_and_of_what_the_table_tells(
    app: Application, locale: str, whom: tuple[str, ...], frame: str
) -> None:
    readers(app, 2, languages=("es", "fr"))
    segment(app, "spanish", {"reads": {"any_of": ["es"], "first": False}})
    mailing = plan(app, draft("fr"), "spanish")
    segment(app, "spanish", {"tags": ["later"]})
    page = staff_browser(app, Role.APPROVER).get(f"/{locale}/newsroom/mailings/{mailing.id}").text
    told = words(page)
    for sentence in whom:
        assert sentence in told
    assert "later" not in told
    assert f"<h2>{frame}</h2>" in page, "they get a message in French in a Spanish frame"
    assert 'class="meaning"' in page


def test_the_page_of_a_person_names_what_they_got(app: Application) -> None:
    (reader,) = readers(app, 1)
    segment(app)
    mailing = plan(app, draft(name="Survey"))
    approve(app, mailing)
    send_chunk(make_sender(app, Scripted()), mailing.id, 0)
    page = staff_browser(app).get(f"/en/newsroom/people/{reader}").text
    assert "The letter, campaign “Survey”" in words(page)
