"""Consent records: kept in order, found by person, gone with the person, and shortened by time."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.planned import add_people
from tribune.bootstrap import Application
from tribune.domain.consent import ConsentAct, ConsentRecord, ConsentSource, ConsentText, shortened
from tribune.domain.errors import NotFound
from tribune.services.audience.unsubscribe import unsubscribe

pytestmark = pytest.mark.both_stores


def record(app: Application, person: int, act: ConsentAct = ConsentAct.CONFIRMED, network: str = "") -> ConsentRecord:
    return ConsentRecord(
        person,
        act,
        app.clock.now(),
        ConsentSource.FORM,
        {"digests": {"letter": []}, "languages": ["fr"]},
        "fr-0123456789abcdef",
        network or shortened("198.51.100.7"),
    )


def test_what_was_kept_is_given_back_by_person_and_all_together(app: Application) -> None:
    with app.store.write() as tx:
        add_people(tx, 2)
        kept = [record(app, 2, ConsentAct.SIGNED_UP), record(app, 1), record(app, 2)]
        tx.consents.add(kept)
    with app.store.read() as tx:
        assert tx.consents.of(2) == [kept[0], kept[2]]
        assert list(tx.consents.export()) == kept


def test_the_words_are_kept_once_under_their_version(app: Application) -> None:
    words = ConsentText("fr", "J’accepte de recevoir cette lettre.")
    with app.store.write() as tx:
        tx.consents.keep_text(words, app.clock.now())
        tx.consents.keep_text(words, app.clock.now())
        assert tx.consents.text(words.version) == words
        assert tx.consents.text("fr-0") is None
    assert words.version != ConsentText("fr", "J’accepte de recevoir cette lettre !").version


def test_an_erased_person_leaves_no_record(app: Application) -> None:
    with app.store.write() as tx:
        add_people(tx, 2)
        tx.consents.add([record(app, 1), record(app, 2)])
        assert tx.data_requests.erase(1, "erased", app.clock.now())
    with app.store.read() as tx:
        assert [each.subscriber for each in tx.consents.export()] == [2]


def test_networks_are_forgotten_after_their_time_and_records_stay(app: Application) -> None:
    with app.store.write() as tx:
        add_people(tx, 1)
        old, new = record(app, 1), record(app, 1)
        tx.consents.add([old])
    with app.store.write() as tx:
        tx.consents.add([new])
        assert tx.consents.forget_networks(app.clock.now() + timedelta(seconds=1), 1) == 1
        assert [each.network for each in tx.consents.of(1)] == ["", "198.51.100.0/24"]
        assert tx.consents.forget_networks(app.clock.now(), 10) == 0


def test_nobody_who_was_never_there_unsubscribes(app: Application) -> None:
    with app.store.write() as tx, pytest.raises(NotFound):
        unsubscribe(tx, 99, None, app.clock.now())


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("198.51.100.77", "198.51.100.0/24"),
        ("::ffff:198.51.100.77", "198.51.100.0/24"),
        ("2001:db8:1:2:3::4", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("unix:", ""),
        ("", ""),
    ],
)
def test_a_network_points_at_nobody(address: str, network: str) -> None:
    assert shortened(address) == network
