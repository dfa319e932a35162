"""What staff see on the desk: mails as readers have them, the stories of events, what needs attention."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House
from tests.newsroom import staff_browser
from tribune.domain.topics import groups
from tribune.ports.sources import SourceState
from tribune.services.sending.cancel_mailing import cancel_mailing
from tribune.services.sending.pause_mailing import pause_mailing
from web.words import Words


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    with staff_browser(house.app) as client:
        yield client


@pytest.fixture
def busy(house: House) -> House:
    """A Monday morning: people of three languages, one item in two languages, one mailing for each."""
    house.subscribe("awa@travail.example", name="Awa Diop", languages="fr|en", cadence="daily", hour=8)
    house.subscribe("begona@trabajo.example", name="Begoña Muñoz", languages="es", cadence="daily", hour=8)
    house.subscribe("olena@union.example", name="Olena Kovalenko", languages="en", fallback="omit", hour=9)
    house.subscribe("paul@minier.example", name="Paul", languages="fr", cadence="daily", hour=8, kinds="guide")
    house.publish("energy", titles={"fr": "Énergie et emploi"}, source_language="fr", kind="brief")
    house.until("2026-11-23 10:00")
    return house


def page(browser: TestClient, path: str) -> str:
    answer = browser.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return plain(answer.text)


def plain(html: str) -> str:
    """A page's words: no tags, single spaces."""
    text = re.sub(r"<[^>]+>", " ", html.replace("\u00a0", " ").replace("\u202f", " "))
    return re.sub(r"\s+", " ", text)


def href(browser: TestClient, path: str, wanted: str) -> str:
    """The first address on a page that begins like this."""
    found = re.search(rf'href="({re.escape(wanted)}[^"]+)"', browser.get(path).text)
    assert found, (path, wanted)
    return found[1].replace("&amp;", "&")


def test_an_empty_house_says_what_to_do(browser: TestClient) -> None:
    today = page(browser, "/en/newsroom/")
    assert "Nothing needs your attention." in today
    assert "Import people on the page" in today
    assert "tribune publish item.yaml" in page(browser, "/en/newsroom/events")
    assert "The catalogue is empty." in page(browser, "/en/newsroom/items")
    assert "No mail has been caught yet." in page(browser, "/en/newsroom/mails")
    assert "No mailing has been planned yet." in page(browser, "/en/newsroom/mailings")
    assert "every event could be handled" in page(browser, "/en/newsroom/dead-letters")


def test_the_start_page_leads_to_what_came_in_and_went_out(busy: House, browser: TestClient) -> None:
    today = page(browser, "/en/newsroom/")
    assert "Monday 23 November 2026" in today
    assert "Énergie et emploi" in today
    assert "The letter, daily issue of 23 November 2026" in today
    assert "2 people" in today


def test_each_language_has_its_address(browser: TestClient) -> None:
    assert browser.get("/", headers={"accept-language": "es-MX,fr;q=0.5"}).url.path == "/es/"
    assert browser.get("/", headers={"accept-language": "de"}).url.path == "/en/"
    assert browser.get("/fr").url.path == "/fr/"
    assert browser.get("/fr/newsroom").url.path == "/fr/newsroom/"
    french = browser.get("/fr/newsroom/mails?q=x")
    assert french.headers["content-language"] == "fr"
    assert '<html lang="fr"' in french.text
    assert 'href="/es/newsroom/mails?q=x"' in french.text
    assert "lundi 23 novembre 2026" in page(browser, "/fr/newsroom/").lower()
    assert browser.get("/de/").status_code == 404


def test_a_mail_is_shown_as_its_reader_has_it(busy: House, browser: TestClient) -> None:
    path = href(browser, "/en/newsroom/mails?language=fr", "/en/newsroom/mails/")
    html = browser.get(path).text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in html
    assert "Awa Diop" in html
    body = browser.get(path.partition("?")[0] + "/body")
    assert "Énergie et emploi" in body.text
    assert '<base target="_blank">' in body.text
    assert body.headers["content-security-policy"].startswith("default-src 'none'")
    assert "sandbox" in body.headers["content-security-policy"]
    assert "allow-scripts" not in body.headers["content-security-policy"]
    assert "Énergie et emploi" in page(browser, path + "&as=text")
    assert "List-Unsubscribe-Post" in page(browser, path + "&as=headers")
    file = browser.get(path.partition("?")[0] + "/message.eml")
    assert file.content == busy.mails("awa@travail.example")[0].path.read_bytes()
    assert file.headers["content-disposition"].startswith("attachment")


def test_mails_are_found_by_language_mailing_and_words(busy: House, browser: TestClient) -> None:
    assert "2 mails" in page(browser, "/en/newsroom/mails")
    spanish = page(browser, "/en/newsroom/mails?language=es")
    assert "1 mail" in spanish
    assert "Begoña" in spanish and "Awa" not in spanish
    assert "Begoña" in page(browser, "/en/newsroom/mails?q=begona")
    assert "No mail fits this choice." in page(browser, "/en/newsroom/mails?q=nobody")
    assert "2 mails" in page(browser, "/en/newsroom/mails?mailing=1")
    assert "No mail fits this choice." in page(browser, "/en/newsroom/mails?mailing=999999999999999999999999")


def test_one_turns_from_a_mail_to_its_neighbours(busy: House, browser: TestClient) -> None:
    newest = href(browser, "/en/newsroom/mails", "/en/newsroom/mails/")
    assert "1 of 2" in page(browser, newest)
    assert 'rel="next"' in browser.get(newest).text and 'rel="prev"' not in browser.get(newest).text
    filtered = href(browser, "/en/newsroom/mails?language=es", "/en/newsroom/mails/")
    assert "1 of 1" in page(browser, filtered)


def test_a_mail_says_why_its_items_are_in_it(busy: House, browser: TestClient) -> None:
    told = page(browser, href(browser, "/en/newsroom/mails?language=es", "/en/newsroom/mails/"))
    assert "There is no version in Spanish, so it is shown in French." in told
    assert "Asked for: everything that we publish." in told


def test_an_event_tells_its_story(busy: House, browser: TestClient) -> None:
    path = href(browser, "/en/newsroom/events", "/en/newsroom/events/")
    told = page(browser, path)
    assert "Publication published" in told
    assert "New in the catalogue" in told
    assert "Released in French" in told
    assert "The letter, daily issue of 23 November 2026: to 2 people" in told
    assert "In French: 1 person." in told
    assert "1 person reads Spanish first; there is no such version, so it was shown in French." in told
    assert "1 person reads none of its languages, and wants nothing in other languages." in told
    assert "For example: Olena Kovalenko" in told
    assert "1 person asked for other kinds of item." in told
    assert path.rpartition("/")[2] in told
    for address in ("awa@", "olena@"):
        assert address not in told


def test_the_story_tells_whose_mail_had_no_room_for_it(house: House, browser: TestClient) -> None:
    for name in ("ana", "ben"):
        house.subscribe(f"{name}@work.example", languages="en", cadence="daily", hour=8)
    most = house.app.digests["letter"].max_items
    for number in range(most + 1):
        house.publish(f"study-{number}", titles={"en": f"Study {number}"}, source_language="en")
    house.until("2026-11-23 10:00")
    house.subscribe("late@work.example", languages="en", cadence="daily", hour=8)  # nothing was ever due to them
    stories = [page(browser, f"/en/newsroom/items/{number}") for number in range(1, most + 2)]
    left_out = [told for told in stories if "For 2 people it did not fit into their mail" in told]
    assert len(left_out) == 1
    assert "to 2 people" not in left_out[0]
    assert sum("to 2 people" in told for told in stories) == most


def test_a_withdrawal_stands_in_the_story(busy: House, browser: TestClient) -> None:
    busy.withdraw("energy", "A table was wrong.")
    told = page(browser, "/en/newsroom/items/1")
    assert "Withdrawn" in told
    assert "A table was wrong." in told
    assert "The letter, daily issue of 23 November 2026: to 2 people" in told
    assert "Publication withdrawn" in page(browser, "/en/newsroom/events")


def test_items_are_found_in_the_reader_s_language(busy: House, browser: TestClient) -> None:
    assert "Énergie et emploi" in page(browser, "/fr/newsroom/items?q=energie")
    assert "Énergie et emploi" in page(browser, "/en/newsroom/items?kind=brief")
    assert "Énergie et emploi" not in page(browser, "/en/newsroom/items?kind=guide")
    assert "Nothing was found." in page(browser, "/en/newsroom/items?q=zebra")


def test_a_mailing_shows_how_far_it_is(busy: House, browser: TestClient) -> None:
    told = page(browser, "/en/newsroom/mailings/1")
    assert "finished" in told
    assert "2 of 2" in told
    assert "French Spanish" not in told
    assert 'href="/en/newsroom/mails?mailing=1"' in browser.get("/en/newsroom/mailings/1").text


def test_dead_letters_stand_on_the_start_page_with_their_reason(busy: House, browser: TestClient) -> None:
    busy.app.log.publish_raw("publications", "broken", b'{"specversion": "1.0"}')
    busy.work()
    assert "1 event could not be handled" in page(browser, "/en/newsroom/")
    told = page(browser, "/en/newsroom/dead-letters")
    assert "BrokenEvent" in told and "is missing" in told
    assert "tribune events replay" in told


def test_events_are_found_by_type_and_words(busy: House, browser: TestClient) -> None:
    assert "Énergie et emploi" in page(browser, "/en/newsroom/events?q=energie&type=publication.published")
    assert "No event fits this choice." in page(browser, "/en/newsroom/events?type=data.released")
    assert "Énergie et emploi" in page(browser, "/en/newsroom/events?type=no.such.type")


@pytest.mark.parametrize(
    "path",
    [
        "/en/newsroom/mails/9.9.9",
        "/en/newsroom/mails/..%2f..%2fetc",
        "/en/newsroom/items/99",
        "/en/newsroom/events/nothing",
        "/en/newsroom/mailings/99",
        "/en/newsroom/x",
    ],
)
def test_what_is_not_there_is_a_page_that_says_so(busy: House, browser: TestClient, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 404
    assert "This page is not here" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/en/newsroom/mails?page=0",
        "/en/newsroom/items?page=x",
        "/en/newsroom/items/x",
        "/en/newsroom/mails?q=" + "x" * 999,
    ],
)
def test_addresses_that_make_no_sense_are_refused(browser: TestClient, path: str) -> None:
    assert browser.get(path).status_code == 404


def test_the_desk_only_reads(busy: House, browser: TestClient) -> None:
    for path in (
        "/en/newsroom/",
        "/en/newsroom/mails",
        "/en/newsroom/mailings/1",
        "/en/newsroom/dead-letters",
        "/en/newsroom/events",
        "/en/newsroom/items/1",
    ):
        for method in ("POST", "PUT", "DELETE", "PATCH"):
            assert browser.request(method, path).status_code == 405
        main = browser.get(path).text.partition("<main")[2]
        assert "<form method" not in main


def test_an_embargo_is_told_in_the_reader_s_language(house: House, browser: TestClient) -> None:
    house.publish("wages", embargo_until="2026-11-30T09:00:00+00:00")
    told = page(browser, "/fr/newsroom/items/1")
    assert "La révision 1 est sous embargo jusqu’au 30 novembre 2026" in told
    assert "revision=" not in told and "waits until" not in told


def test_a_source_that_fails_stands_on_the_start_page(house: House, browser: TestClient) -> None:
    failed = SourceState("feeds/press", pulled_at=house.clock.now(), outcome="error: The server does not answer.")
    with house.app.store.write() as tx:
        tx.sources.save_state(failed)
    told = page(browser, "/en/newsroom/")
    assert "Nothing needs your attention." not in told
    assert "feeds/press could not be read at the last attempt" in told
    assert "tribune pull feeds press" in told and "The server does not answer." in told


def test_a_paused_and_a_cancelled_mailing_say_what_that_means(busy: House, browser: TestClient) -> None:
    with busy.app.store.write() as tx:
        tx.connection.exec_driver_sql("UPDATE mailings SET state = 'running', finished_at = NULL")
        tx.connection.exec_driver_sql("UPDATE chunks SET state = 'ready', sent_upto = 0, doubt_upto = 0")
        mailing = next(told.id for told in tx.ledger.mailings() if told.recipients)
        pause_mailing(tx, mailing, busy.clock.now())
    assert "is paused" in page(browser, "/en/newsroom/")
    assert f"Let it go on with: tribune mailing resume {mailing}" in page(browser, f"/en/newsroom/mailings/{mailing}")
    assert "suspendu" in page(browser, "/fr/newsroom/mailings")
    assert "en pausa" in page(browser, f"/es/newsroom/mailings/{mailing}")
    with busy.app.store.write() as tx:
        told, _ = cancel_mailing(tx, mailing, busy.clock.now())
        people = told.recipients
    shown = page(browser, f"/en/newsroom/mailings/{mailing}")
    assert f"This mailing was cancelled. {people} pe" in shown
    assert "Not sent: carried over" in shown
    assert "0 of" in shown, "what was not mailed is no progress"
    assert "annulé" in page(browser, f"/fr/newsroom/mailings/{mailing}")
    assert "trasladado" in page(browser, f"/es/newsroom/mailings/{mailing}")
    assert "to which it was carried over" in page(
        browser, href(browser, "/en/newsroom/items", "/en/newsroom/items/").removesuffix("?")
    )


def test_the_pace_and_the_time_left_are_told_in_words(busy: House, browser: TestClient) -> None:
    with busy.app.store.write() as tx:
        mailing = next(told.id for told in tx.ledger.mailings() if told.recipients == 2)
        tx.connection.exec_driver_sql(
            "UPDATE chunks SET state = 'ready', sent_upto = 0, doubt_upto = 0 WHERE chunk = 0"
        )

    def begun(at: str) -> None:
        with busy.app.store.write() as tx:
            started = f"2026-11-23T{at}:00.000000+00:00"
            tx.connection.exec_driver_sql(
                f"UPDATE mailings SET state = 'running', finished_at = NULL, started_at = '{started}'"
            )

    begun("09:59")
    assert "1 mail a minute · about 1 minute left" in page(browser, f"/en/newsroom/mailings/{mailing}")
    assert "1 message par minute · encore 1 minute environ" in page(browser, f"/fr/newsroom/mailings/{mailing}")
    assert "1 mensaje por minuto · tiempo restante aproximado: 1 minuto" in page(
        browser, f"/es/newsroom/mailings/{mailing}"
    )
    begun("08:30")
    assert "less than one mail a minute · about 1 h 30 min left" in page(browser, f"/en/newsroom/mailings/{mailing}")
    assert "moins d’un message par minute · encore 1 h 30 min environ" in page(
        browser, f"/fr/newsroom/mailings/{mailing}"
    )


def except_one(house: House, state: str) -> int:
    """The first mail of the mailing that has any stands in this state; which mailing."""
    with house.app.store.write() as tx:
        mailing = next(told.id for told in tx.ledger.mailings() if told.recipients)
        tx.connection.exec_driver_sql(
            "INSERT INTO delivery_exceptions (mailing_id, chunk, place, state, changed_at)"
            f" VALUES ({mailing}, 0, 0, '{state}', '2026-11-23T08:00:00.000000+00:00')"
        )
    return mailing


def test_what_failed_and_what_is_held_back_are_told_apart(busy: House, browser: TestClient) -> None:
    name = "The letter, daily issue of 23 November 2026"
    mailing = except_one(busy, "quarantined")
    today = page(browser, "/en/newsroom/")
    assert f"1 mail of {name} is held back until you decide" in today
    assert "not delivered" not in today
    assert f'href="/en/newsroom/mailings/{mailing}">1 mail of' in browser.get("/en/newsroom/").text
    assert "1 message est retenu dans l’attente de votre décision : " in page(browser, "/fr/newsroom/")
    assert "1 mensaje está retenido a la espera de su decisión: " in page(browser, "/es/newsroom/")
    with busy.app.store.write() as tx:
        tx.connection.exec_driver_sql("UPDATE delivery_exceptions SET state = 'failed'")
    today = page(browser, "/en/newsroom/")
    assert f"1 mail of {name} was not delivered" in today
    assert "held back" not in today
    for by_itself in ("retry", "suppressed", "empty"):  # these need nobody
        with busy.app.store.write() as tx:
            tx.connection.exec_driver_sql(f"UPDATE delivery_exceptions SET state = '{by_itself}'")
        assert "Nothing needs your attention." in page(browser, "/en/newsroom/"), by_itself


def test_what_a_cancelled_mailing_held_back_waits_for_nobody(busy: House, browser: TestClient) -> None:
    except_one(busy, "quarantined")
    with busy.app.store.write() as tx:
        tx.connection.exec_driver_sql("UPDATE delivery_exceptions SET handovers = 1")
        tx.connection.exec_driver_sql("UPDATE mailings SET state = 'cancelled'")
    assert "Nothing needs your attention." in page(browser, "/en/newsroom/")


def test_staff_read_what_is_done_not_the_names_of_groups(busy: House, browser: TestClient) -> None:
    busy.app.log.publish_raw("publications", "broken", b'{"specversion": "1.0"}')
    busy.work()
    with busy.app.store.write() as tx:
        tx.connection.exec_driver_sql("UPDATE log_offsets SET committed = 0 WHERE consumer_group = 'deliveries'")
    assert "2 events wait to be handled (sending of mailings)" in page(browser, "/en/newsroom/")
    assert "2 événements en attente de traitement (départ des envois)" in page(browser, "/fr/newsroom/")
    assert "2 eventos pendientes de procesar (salida de los envíos)" in page(browser, "/es/newsroom/")
    assert "Mise à jour du catalogue" in page(browser, "/fr/newsroom/dead-letters")
    assert "Actualización del catálogo" in page(browser, "/es/newsroom/dead-letters")
    told = page(browser, "/en/newsroom/dead-letters")
    assert "Update of the catalogue" in told
    assert "Group" not in told and "group" not in told


@pytest.mark.parametrize("locale", ["en", "fr", "es"])
def test_every_group_has_a_name_for_staff(house: House, locale: str) -> None:
    words = Words(house.app.translations.gettext(locale))
    named = {group: words.task(group) for group in groups()}
    assert all(told != group for group, told in named.items()), named
    assert len(set(named.values())) == len(named)


def test_what_is_held_back_says_what_to_do(busy: House, browser: TestClient) -> None:
    mailing = except_one(busy, "quarantined")
    shown = page(browser, f"/en/newsroom/mailings/{mailing}")
    assert "1 mail is held back" in shown
    assert f"tribune mailing retry {mailing}" in shown
    with busy.app.store.write() as tx:  # its deliveries were let go of: nothing is left to be tried again
        tx.connection.exec_driver_sql(
            f"UPDATE mailings SET aged_at = '2028-01-01T08:00:00.000000+00:00' WHERE id = {mailing}"
        )
    shown = page(browser, f"/en/newsroom/mailings/{mailing}")
    assert "It ended so long ago" in shown
    assert "tribune mailing retry" not in shown
