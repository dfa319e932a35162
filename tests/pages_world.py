"""A house in which every page has something to show, and the words that stand for its things in addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from tests.acceptance.house import House
from tests.acceptance.test_hostile_texts_on_pages import told
from tests.browser_world import LETTER, opened_house, path_in
from tests.issues import add_issue
from tests.mails import data_release
from tests.newsroom import anybody, staff_browser
from tests.sign_up_world import Door
from tests.staff_world import Person
from tribune.domain.items import ItemRecord
from tribune.domain.segment_json import read
from tribune.domain.staff import Role
from tribune.domain.staff_members import LinkPurpose
from tribune.services.audience.pause_subscriber import pause_until
from tribune.services.audience.unsubscribe import unsubscribe
from tribune.services.imports.work_on_import import work_on_import
from tribune.services.segments.archive_segment import archive_segment
from tribune.services.segments.save_segment import Draft, save_segment
from tribune.services.staff.links import give_link

LONG = "long@" + "example." * 20 + "com"
FILE = """Courriel;Nom;Langue;Fuseau horaire;Groupe;Remarques
binta.ba@travail.example;Binta Ba;fr;Africa/Dakar;government;conference
not an address;<b>Marie</b>;fr;Africa/Dakar;employers;conference
lea@patronat.example;Léa Favre;fr;Europe/Zurich;employers;conference
kofi@example.com;Kofi Mensah;en;Africa/Acra;academia;conference
"""
RULE = {
    "who": {
        "all": [
            {"group": ["government"]},
            {"wants": {"places": {"any_of": ["419"], "everywhere": True}, "cadence": ["weekly", "daily"]}},
            {"any": [{"reads": {"any_of": ["es", "fr"], "first": True}}, {"seen": {"within_days": 90}}]},
            {"none": [{"tags": ["press"]}, {"mailed": {"on_or_after": "2026-01-01", "before": "2026-02-01"}}]},
        ]
    },
    "exclude": [2],
}


@contextmanager
def full_house(folder: Path) -> Iterator[tuple[House, dict[str, str]]]:
    """The house, on a Monday morning after the first mails, and its things by the words of addresses."""
    letters: dict[str, dict[str, object]] = {"letter": {"names": LETTER, "sender": "letter@observatory.example"}}
    letters["data"] = {"names": {"en": "Data news"}, "sender": "data@observatory.example", "cadences": ["weekly"]}
    letters["old"] = {**letters["letter"], "names": {"en": "Guides"}, "kinds": ["guide"], "retired": True}
    provider = {"issuer": "https://id.example", "client_id": "tribune", "client_secret": "secret"}
    with opened_house(folder, digests=letters, staff={"oidc": provider}) as house:
        _people_and_items(house)
        facts = _readers(house) | _staff(house) | _imports(house)
        _segments(house)
        # One newsletter is retired, and its issue held what was withdrawn; one was taken out of the settings.
        for digest in ("old", "lost"):
            add_issue(house.app, "2026-11-23", digest=digest)
        with house.app.store.read() as tx:
            item = tx.catalogue.item(1)
        assert item is not None
        yield house, facts | {"story": item.correlation_id}


def _people_and_items(house: House) -> None:
    house.subscribe("awa@travail.example", name="Awa Diop", languages="fr|en", cadence="daily", hour=8)
    house.subscribe("olena@union.example", name="Olena Kovalenko", languages="en", cadence="weekly", hour=9)
    house.subscribe(LONG, name="N" * 150, languages="es", cadence="daily", hour=8)
    links = [{"url": "https://o.example/a", "format": "html"}, {"url": "https://o.example/a.pdf", "format": "pdf"}]
    abstract = "Wages are back at their level of 2021 in most countries. " * 8
    english = {"title": "Global Wage Review", "abstract": abstract, "pages": 148, "links": links}
    french = {"title": "Panorama des salaires", "abstract": "Les salaires.", "links": [dict(one) for one in links]}
    house.publish(
        "wages",
        versions={"en": english, "fr": french},
        policy_areas=["wages", "skills"],
        places=["SEN", "MLI", "002", "LIC"],
        identifiers={"doi": "10.5555/wages"},
        authors=["Awa Diop"],
    )
    house.publish("arabic", source_language="ar", titles={"ar": "العمل اللائق في العالم العربي (2026)"}, kind="brief")
    house.publish("longest", titles={"en": "Donaudampfschifffahrtsgesellschaft" * 6}, kind="brief")
    figures = data_release()
    record = ItemRecord("d", "data_release", "en", figures.versions, data=figures.data, authors=("ILOSTAT",))
    told(house, "data.released", record)
    house.publish("withdrawn", kind="guide")
    house.withdraw("withdrawn")
    house.until("2026-11-23 10:00")
    house.app.log.publish_raw("publications", "broken" * 30, b'{"specversion": "0.1"}')
    house.work()
    with house.app.store.write() as tx:
        tx.audience.suppress("complained@travail.example", "complaint", house.clock.now())
        tx.audience.suppress("gone@travail.example", "hard_bounce", house.clock.now())
    _somebody_who_pauses(house)


def _somebody_who_pauses(house: House) -> None:
    """Number 4, who has stopped one of two newsletters."""
    wishes = [{"digest": "letter", "cadence": "daily", "hour": 8}, {"digest": "data", "cadence": "weekly"}]
    house.subscribe("rosa@prensa.example", name="Rosa Vidal", group="media", languages="es|en", wishes=wishes)
    now = house.clock.now()
    with house.app.store.write() as tx:
        person = tx.audience.by_address("rosa@prensa.example")
        assert person is not None and person.id == 4
        unsubscribe(tx, person.id, "data", now)
        pause_until(tx, person.id, date(2026, 12, 24), now)


def _readers(house: House) -> dict[str, str]:
    """The links of their mails, by what they lead to."""
    app = house.app
    mail = house.mails("awa@travail.example")[0]
    facts = {"u": path_in(mail, "u"), "p": path_in(mail, "p")}
    readers = anybody(app)
    house.clock.move(timedelta(hours=2))
    readers.post(facts["p"], data={"do": "data-link"})
    house.work()
    facts["m"] = path_in(house.mails("awa@travail.example")[-1], "m")
    readers.post(facts["m"], data={"do": "address", "address": "awa@new.example"})
    Door(app).asks("asks@travail.example")
    house.clock.move(timedelta(seconds=1))
    house.work()
    facts["c"] = path_in(house.mails("asks@travail.example")[-1], "c")
    facts["a"] = path_in(house.mails("awa@new.example")[-1], "a")
    facts["n"] = path_in(house.mails("awa@travail.example")[-1], "n")
    facts["sent"] = name_in(readers.get(facts["m"] + "/sent").text)
    facts["m_over"] = f"/m/{app.signer.sign('data', 1, 'letter', 1, 'x')}"
    facts["a_over"] = f"/a/{app.signer.sign('confirm-address', 1, 99)}"
    return facts


def name_in(page: str) -> str:
    """The first mail on the page of what somebody was sent."""
    found = re.search(r"/sent/([^?\"]+)", page)
    assert found
    return found[1]


def _staff(house: House) -> dict[str, str]:
    app = house.app
    with app.store.write() as tx:
        now = app.clock.now()
        new = tx.staff.add("new@travail.example", "Noor Example", "fr", [Role.EDITOR], now)
        link = tx.staff.add("link@travail.example", "Lena Example", "en", [Role.AUTHOR], now)
        invited = give_link(tx, new, LinkPurpose.INVITATION, timedelta(days=1), "cli", now)
        given = give_link(tx, link, LinkPurpose.SIGN_IN, timedelta(days=1), "cli", now)
    return {"invitation": invited.token, "sign_in": given.token}


def _imports(house: House) -> dict[str, str]:
    """An import in each of its states."""
    facts = {}
    boss = staff_browser(house.app, staff=Person(house.app, "boss@travail.example", Role.ADMINISTRATOR).member)
    for state in ("uploaded", "checked", "done", "removed", "checking"):
        files = {"file": (f"contacts-{state}.csv", FILE, "text/csv")}
        at = boss.post("/en/newsroom/imports", files=files, follow_redirects=False).headers["location"]
        facts[state] = at.rpartition("/")[2]
        if state == "uploaded":
            continue
        columns = {f"column-{n}": name for n, name in enumerate(("address", "name", "languages", "zone", "group"))}
        basis = {"basis": "public_function", "source": "contact points of 2026", "digest": "letter"}
        boss.post(f"{at}/check", data={**columns, **basis, "do": "check"})
        if state == "checking":
            break
        assert work_on_import(house.app.import_worker)
        if state == "done":
            boss.post(f"{at}/run")
            assert work_on_import(house.app.import_worker)
        if state == "removed":
            boss.post(f"{at}/remove")
    return facts


def _segments(house: House) -> None:
    now = house.clock.now()
    with house.app.store.write() as tx:
        save_segment(tx, Draft("Latin America", "For March.\nTwice.", read(RULE)), "staff/1", now)
        save_segment(tx, Draft("Old friends", "", read({"who": {"group": ["media"]}})), "staff/1", now)
        archive_segment(tx, "old-friends", "staff/1", now)
