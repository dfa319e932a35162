"""Staff name a group of people exactly, see at once who is in it, and why: without code and without JavaScript."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House
from tests.newsroom import staff_browser
from tribune.domain.segment_json import read
from tribune.domain.segments import Rule
from tribune.domain.staff import Role
from tribune.services.segments.find_segment import find_segment
from tribune.services.segments.save_segment import Draft, save_segment
from tribune.services.segments.tag_people import tag_people

SEGMENTS = "/en/newsroom/segments"
Fields = list[tuple[str, str]]


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    with staff_browser(house.app, Role.AUDIENCE_MANAGER) as client:
        yield client


@pytest.fixture
def people(house: House) -> House:
    """Two ministries of Latin America, a union there, a ministry elsewhere, and one that follows the whole world."""
    latin = {"wishes": [{"places": "PER|BRA", "policy_areas": "wages", "cadence": "daily"}]}
    house.subscribe("lima@gob.example", name="Ministerio, Lima", languages="es", **latin)
    house.subscribe("brasilia@gov.example", name="Ministério, Brasília", languages="pt-BR|es", **latin)
    house.subscribe("sindicato@union.example", name="Sindicato", languages="es", group="workers", **latin)
    house.subscribe("dakar@gouv.example", name="Ministère, Dakar", languages="fr", wishes=[{"places": "SEN"}])
    house.subscribe("world@gov.example", name="Ministry", languages="en|es")
    return house


class Page:
    """A page as somebody without JavaScript uses it: what its form holds, and its buttons."""

    def __init__(self, browser: TestClient, address: str) -> None:
        self.browser = browser
        self.address = address
        self._take(browser.get(address))

    def _take(self, answer) -> None:  # type: ignore[no-untyped-def]
        self.status = answer.status_code
        self.html = answer.text
        self.address = answer.url.path
        form = re.search(r'<form class="builder".*?</form>', self.html, re.DOTALL)
        self.fields = fields_of(form[0]) if form else []

    @property
    def words(self) -> str:
        return plain(self.html)

    def fill(self, name: str, value: str) -> None:
        assert any(known == name for known, _ in self.fields), (name, self.fields)
        self.fields = [(known, value if known == name else was) for known, was in self.fields]

    def tick(self, name: str, value: str) -> None:
        assert f'name="{name}" value="{value}"' in self.html, (name, value)
        self.fields.append((name, value))

    def press(self, do: str) -> Page:
        assert f'name="do" value="{do}"' in self.html, do
        self._take(self.browser.post(self.address, data=_encoded([*self.fields, ("do", do)])))
        return self

    def add(self, knot: str, kind: str) -> Page:
        self.fill(f"{knot}.new", kind)
        return self.press(f"add:{knot}")


def _encoded(fields: Fields) -> dict[str, list[str]]:
    told: dict[str, list[str]] = {}
    for name, value in fields:
        told.setdefault(name, []).append(value)
    return told


def fields_of(form: str) -> Fields:
    """What a browser sends of a form, buttons aside."""
    found: Fields = []
    for tag in re.finditer(
        r"<input ([^>]*)>|<select ([^>]*)>(.*?)</select>|<textarea ([^>]*)>\n?(.*?)</textarea>", form, re.DOTALL
    ):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag[1] or tag[2] or tag[4]))
        if tag[2]:
            options = re.findall(r'<option value="([^"]*)"( selected)?', tag[3])
            value = next((value for value, chosen in options if chosen), options[0][0])
        elif tag[4]:
            value = tag[5]
        elif attributes.get("type") in ("checkbox", "radio") and " checked" not in tag[1]:
            continue
        else:
            value = attributes.get("value", "")
        found.append((attributes["name"], unescape(value)))
    return found


def plain(html: str) -> str:
    text = re.sub(r"<datalist.*?</datalist>|<[^>]+>", " ", html, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(text).replace("\u00a0", " ").replace("\u202f", " "))


def test_from_nothing_to_a_segment_and_who_is_in_it(people: House, browser: TestClient) -> None:
    assert "There is no segment yet." in plain(browser.get(SEGMENTS).text)
    page = Page(browser, f"{SEGMENTS}/new")
    page.fill("name", "Ministries, Latin America")
    page.add("n", "group")
    page.tick("n-0.codes", "government")
    page.add("n", "wants")
    assert ("n-0.codes", "government") in page.fields, "nothing is lost by adding a condition"
    page.fill("n-1.place", "Amérique latine et Caraïbes")
    page.press("take:n-1")
    assert ("n-1.places", "419") in page.fields
    page.press("count")
    assert "2 people are in this segment" in page.words
    page.tick("n-1.places_all", "yes")
    page.press("save")
    assert page.address == f"{SEGMENTS}/ministries-latin-america"
    assert "Saved." in page.words
    assert "3 people are in this segment" in page.words
    assert "They belong to this group: Government." in page.words
    assert "They follow at least one country of: Latin America and the Caribbean; or they follow the whole world." in (
        page.words
    )
    for name in ("Ministerio, Lima", "Ministério, Brasília", "Ministry"):
        assert name in page.words
    assert "Sindicato" not in page.words
    assert browser.get("/en/newsroom/people/1").status_code == 200 and 'href="/en/newsroom/people/1"' in page.html
    listed = plain(browser.get(SEGMENTS).text)
    assert "Ministries, Latin America People of whom all of this is true:" in listed


GONE = {
    "group": ["workers", "press-corps"],
    "wants": {
        "places": {"any_of": ["PER", "XKX99"], "everywhere": False},
        "policy_areas": {"any_of": ["wages", "gone-area"], "everything": False},
        "kinds": {"any_of": ["report", "gone-kind"], "everything": False},
        "digest": ["zq9"],
    },
    "reads": {"any_of": ["en", "tlh"], "first": False},
    "tags": ["gone-tag"],
}
"""A code that no list has any longer, on each list of codes; languages and tags have no list to be on."""


def test_what_a_list_has_no_longer_stays_until_somebody_takes_it_out(people: House, browser: TestClient) -> None:
    kept = read({"who": {"none": [{kind: told} for kind, told in GONE.items()]}})
    with people.app.store.write() as tx:
        save_segment(tx, Draft("Not the press", "", kept, "not-the-press"), "staff:1", people.clock.now())
    page = Page(browser, f"{SEGMENTS}/not-the-press/edit")
    not_known = {
        ("n-0.codes", "press-corps"),
        ("n-1.places", "XKX99"),
        ("n-1.policy_areas", "gone-area"),
        ("n-1.kinds", "gone-kind"),
        ("n-1.digest", "zq9"),
    }
    stay = {("n-2.codes", "en"), ("n-2.more", "tlh"), ("n-3.more", "gone-tag")}
    assert not_known | stay <= set(page.fields)
    page.press("save")
    assert page.status == 422
    assert not_known | stay <= set(page.fields), "still there to be seen, and to be taken out"
    for name, value in not_known:
        field = "n-1.place" if name == "n-1.places" else name
        assert f"“{value}” is not known. Take it out" in plain(told_of(page.html, field)), (name, value)
    assert kept_rule(people, "not-the-press") == kept
    page.fields = [pair for pair in page.fields if pair not in not_known]
    page.press("save")
    assert (page.status, page.address) == (200, f"{SEGMENTS}/not-the-press")
    assert "press-corps" not in str(kept_rule(people, "not-the-press"))
    assert "gone-tag" in str(kept_rule(people, "not-the-press"))


@pytest.mark.parametrize(
    ("kind", "field"),
    [("status", "n-0.codes"), ("group", "n-0.codes"), ("wants", "n-0.cadence"), ("wants", "n-0.kinds")],
)
def test_what_a_form_sends_that_no_list_has_is_told_and_stays(browser: TestClient, kind: str, field: str) -> None:
    page = Page(browser, f"{SEGMENTS}/new")
    page.fill("name", "Strange")
    page.add("n", kind)
    page.fields.append((field, "gone"))
    page.press("save")
    assert page.status == 422
    assert "“gone” is not known. Take it out" in plain(told_of(page.html, field))
    assert (field, "gone") in page.fields


@pytest.mark.parametrize("version", ["²", "٣", "", "-1", "1.0", "9" * 5_000])
def test_a_version_that_is_no_number_is_a_broken_form(people: House, browser: TestClient, version: str) -> None:
    with people.app.store.write() as tx:
        rule = read({"who": {"everyone": True}})
        save_segment(tx, Draft("All", "", rule, "all"), "staff:1", people.clock.now())
    page = Page(browser, f"{SEGMENTS}/all/edit")
    page.fill("name", "Everybody")
    page.fill("version", version)
    page.press("save")
    assert page.status == 400


def told_of(html: str, field: str) -> str:
    """What is said beside a field."""
    found = re.search(rf'<p class="error" id="{re.escape(field)}-error">.*?</p>', html, re.DOTALL)
    return found[0] if found else ""


def kept_rule(house: House, slug: str) -> Rule:
    with house.app.store.read() as tx:
        return find_segment(tx, slug).rule


def test_conditions_are_nested_removed_and_changed(people: House, browser: TestClient) -> None:
    page = Page(browser, f"{SEGMENTS}/new")
    page.fill("name", "Spanish or Portuguese, not unions")
    page.add("n", "any").add("n", "none")
    page.add("n-0", "reads")
    page.tick("n-0-0.codes", "es")
    page.add("n-0", "reads")
    page.fill("n-0-1.more", "pt")
    page.add("n-1", "group")
    page.tick("n-1-0.codes", "workers")
    page.press("count")
    assert "3 people are in this segment" in page.words
    page.press("remove:n-0-0")
    assert ("n-0-0.more", "pt") in page.fields, "the other one moved up, as it was typed"
    assert "1 person is in this segment" in page.words
    page.press("save")
    assert "They read this language: Portuguese." in page.words
    page = Page(browser, f"{page.address}/edit")
    assert ("n-0-0.more", "pt") in page.fields
    page.fill("n-0-0.more", "pt, fr")
    page.press("save")
    assert "2 people are in this segment" in page.words
    assert "Version 2" in page.words and "Version 1" in page.words


def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_lost(people: House, browser: TestClient) -> None:
    page = Page(browser, f"{SEGMENTS}/new")
    page.press("save")
    assert page.status == 422
    assert "This segment has no condition yet. Add one, or name people." in page.words
    assert "Give the segment a name." in page.words
    page.fill("description", "Kept <b>as typed</b>")
    page.add("n", "wants").add("n", "seen").add("n", "tags")
    page.fill("n-0.place", "Peru, Atlantis")
    page.fill("n-1.days", "many")
    page.fill("include", "1, 77")
    page.press("save")
    assert page.status == 422
    for told in (
        "“Atlantis” is not known.",
        "Write the days as a whole number from 1 to 3660.",
        "Nothing is chosen here. Choose something, or remove the condition.",
    ):
        assert page.words.count(told) >= 2, ("in the summary and beside the field", told)
    assert "Tags: Nothing is chosen here." in page.words, "the summary says of which condition"
    for name in ("n-0.place", "n-1.days", "n-2.more"):
        assert f'href="#{name}"' in page.html and f'id="{name}"' in page.html, name
    assert ("n-0.places", "PER") in page.fields and ("n-0.place", "Atlantis") in page.fields
    assert ("n-1.days", "many") in page.fields
    assert ("description", "Kept <b>as typed</b>") in page.fields
    assert "<b>as typed" not in page.html
    page.fill("n-0.place", "")
    page.fill("n-1.days", "30")
    page.fill("n-2.more", "press")
    page.fill("name", "Mended")
    page.press("save")
    assert "There is no person with the number 77." in page.words
    page.fill("include", "1")
    page.press("save")
    assert page.address == f"{SEGMENTS}/mended"


def test_why_a_person_is_in_it_or_not(people: House, browser: TestClient) -> None:
    page = Page(browser, f"{SEGMENTS}/new")
    page.fill("name", "Governments")
    page.add("n", "group")
    page.tick("n-0.codes", "government")
    page.fill("exclude", "1")
    page.press("save")
    why = plain(browser.get(f"{page.address}/why?person=2").text)
    assert "This person is in the segment: the conditions hold." in why
    assert "✓ yes They belong to this group: Government. Their group: Government" in why
    assert "✗ no They belong to this group" in plain(browser.get(f"{page.address}/why?person=3").text)
    assert "they are left out individually" in plain(browser.get(f"{page.address}/why?person=1").text)
    for unknown in ("99", "0", "x", "9" * 15, "-1"):
        assert f"There is no person with the number {unknown}." in plain(
            browser.get(f"{page.address}/why?person={unknown}").text
        )
    french = plain(browser.get(f"{page.address.replace('/en/', '/fr/')}/why?person=3").text)
    assert "Cette personne ne fait pas partie du segment : les conditions ne sont pas remplies." in french


def test_two_who_change_the_same_segment_lose_nothing(people: House, browser: TestClient) -> None:
    page = Page(browser, f"{SEGMENTS}/new")
    page.fill("name", "Shared")
    page.add("n", "everyone")
    page.press("save")
    mine, theirs = Page(browser, f"{page.address}/edit"), Page(browser, f"{page.address}/edit")
    theirs.fill("name", "Theirs")
    theirs.press("save")
    mine.fill("name", "Mine")
    mine.press("save")
    assert mine.status == 409
    assert "A colleague has saved version 2 of this segment in the meantime." in mine.words
    assert ("name", "Mine") in mine.fields
    mine.press("save")
    assert "Mine" in mine.words and "Version 3" in mine.words and "Theirs" in mine.words


def test_archived_and_taken_back(people: House, browser: TestClient) -> None:
    page = Page(browser, f"{SEGMENTS}/new")
    page.fill("name", "Old")
    page.add("n", "everyone")
    page.press("save")
    assert "Archived." in plain(browser.post(f"{page.address}/archive").text)
    assert "Old" not in plain(browser.get(SEGMENTS).text)
    assert "Old" in plain(browser.get(f"{SEGMENTS}?archived=1").text)
    assert browser.get(f"{page.address}/edit").url.path == page.address, "first it is taken back"
    assert "In use again." in plain(browser.post(f"{page.address}/restore").text)
    with people.app.store.read() as tx:
        told = [entry.action for entry in tx.audit.entries()]
    assert [one for one in told if one.startswith("segment.")] == [
        "segment.created",
        "segment.archived",
        "segment.restored",
    ]


def test_a_tag_that_only_a_rule_knows_stays_in_its_form(people: House, browser: TestClient) -> None:
    with people.app.store.write() as tx:
        tag_people(tx, [1], "press", "cli", people.clock.now())
    page = Page(browser, f"{SEGMENTS}/new")
    page.fill("name", "Tags")
    page.add("n", "tags")
    page.tick("n-0.codes", "press")
    page.fill("n-0.more", "g20")
    page.press("save")
    page = Page(browser, f"{page.address}/edit")
    assert ("n-0.codes", "press") in page.fields and ("n-0.more", "g20") in page.fields


def test_reading_changes_nothing_and_what_is_not_there_is_not_found(people: House, browser: TestClient) -> None:
    for path in ("nowhere", "nowhere/edit", "nowhere/why", "x" * 90, "../x"):
        assert browser.get(f"{SEGMENTS}/{path}").status_code == 404
    for path in ("nowhere/archive", "nowhere/edit"):
        assert browser.post(f"{SEGMENTS}/{path}", data={"do": "save"}).status_code == 404
    for path in ("live", "nowhere/archive", "nowhere/restore"):
        assert browser.get(f"{SEGMENTS}/{path}").status_code in (404, 405)
    with people.app.store.read() as tx:
        assert [entry for entry in tx.audit.entries() if entry.action.startswith("segment.")] == []
        assert tx.segments.all() == []


def test_a_form_beyond_all_bounds_is_refused(people: House, browser: TestClient) -> None:
    assert browser.post(f"{SEGMENTS}/new", data={"name": "x" * 500_000}).status_code == 413
    assert browser.post(f"{SEGMENTS}/live", data={f"f{n}": "" for n in range(21_000)}).status_code in (400, 413)
    assert browser.post(f"{SEGMENTS}/live", data={"n.kind": "all"}).status_code == 200


def test_hostile_words_stay_words(people: House, browser: TestClient) -> None:
    hostile = '<script>alert(1)</script>"&{{7*7}}'
    page = Page(browser, f"{SEGMENTS}/new")
    page.fill("name", hostile)
    page.fill("description", hostile)
    page.add("n", "wants")
    page.fill("n-0.place", hostile)
    page.fill("include", "1")
    page.press("count")
    assert "<script>alert" not in page.html and "49" not in page.words
    page.fill("n-0.place", "Peru")
    page.press("save")
    for path in (page.address, f"{page.address}/edit", SEGMENTS, f"{page.address}/why?person=<script>alert(1)"):
        html = browser.get(path).text
        assert "<script>alert" not in html
        assert "&lt;script&gt;" in html


def test_each_page_is_light(people: House, browser: TestClient) -> None:
    page = Page(browser, f"{SEGMENTS}/new")
    page.fill("name", "Large")
    for _ in range(4):
        page.add("n", "wants")
    assert len(page.html.encode()) < 100_000


def test_an_author_sees_how_many_and_neither_names_nor_the_builder(people: House, browser: TestClient) -> None:
    page = Page(browser, f"{SEGMENTS}/new")
    page.fill("name", "Governments")
    page.add("n", "group")
    page.tick("n-0.codes", "government")
    page.press("save")
    assert "Ministerio, Lima" in page.words and "lima@gob.example" in page.words
    with staff_browser(people.app, Role.AUTHOR) as author:
        seen = author.get(page.address).text
        assert "4 people are in this segment" in plain(seen)
        for told in ("Ministerio", "lima@gob.example", "/edit", "/archive"):
            assert told not in seen
        assert "New segment" not in author.get(SEGMENTS).text
        for path in ("new", "governments/edit"):
            assert author.get(f"{SEGMENTS}/{path}").status_code == 404
        for path in ("new", "live", "governments/edit", "governments/archive", "governments/restore"):
            assert author.post(f"{SEGMENTS}/{path}", data={"do": "save"}).status_code == 404
