"""A campaign: staff write to the people of a segment, and each gets it in their language, over a real mail server."""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest

from tests.acceptance.house import House
from tests.mail_servers import Mailbox, mail_server
from tests.newsroom import anybody
from tribune.config import Settings
from tribune.domain.campaigns import Draft
from tribune.domain.errors import Conflict
from tribune.domain.mailings import MailingState
from tribune.domain.segment_json import read
from tribune.services.campaigns.plan_campaign import Wanted, plan_campaign
from tribune.services.campaigns.read_campaign import read_campaign
from tribune.services.planning.approve_mailing import approve_mailing
from tribune.services.segments.save_segment import Draft as SegmentDraft
from tribune.services.segments.save_segment import save_segment
from tribune.services.sending.cancel_mailing import cancel_mailing

pytestmark = pytest.mark.both_pairs

SURVEY = """
name: Survey on platform work
source_language: fr
messages:
  fr:
    subject: Votre avis sur le travail de plateforme
    text: |
      Nous préparons un **rapport** sur le travail de plateforme.

      [Répondre à l’enquête](https://observatory.example/fr/enquete)
  en:
    subject: Your view on platform work
    text: |
      We are preparing a **report** on platform work.

      [Answer the survey](https://observatory.example/en/survey)
"""


@pytest.fixture
def settings(settings: Settings) -> Settings:
    with socket.create_server(("127.0.0.1", 0)) as free:
        smtp: dict[str, Any] = {"host": "127.0.0.1", "port": free.getsockname()[1], "security": "none"}
    return Settings.model_validate(settings.model_dump() | {"email": {"channel": "smtp", "smtp": smtp}})


@pytest.fixture
def post(house: House) -> Iterator[Mailbox]:
    """The mail server of everybody."""
    mailbox = Mailbox()
    with mail_server(mailbox, port=house.app.settings.email.smtp.port):
        yield mailbox


def segment(house: House, slug: str, who: object) -> None:
    with house.app.store.write() as tx:
        save_segment(tx, SegmentDraft(slug, "", read({"version": 1, "who": who}), slug), "test", house.clock.now())


def draft(text: str = SURVEY) -> Draft:
    return read_campaign(text, "campaign.yaml", ("en", "fr", "es"))


def plan(house: House, slug: str, told: Draft | None = None) -> int:
    app = house.app
    with app.store.write() as tx:
        wanted = Wanted(told or draft(), slug, "letter")
        mailing = plan_campaign(tx, wanted, app.digests, app.codelists, app.rules, "test", house.clock.now())
    house.work()
    return mailing.id


def approve(house: House, mailing: int) -> None:
    with house.app.store.write() as tx:
        approve_mailing(tx, mailing, house.clock.now())
    house.work()


def opened(mailbox: Mailbox) -> dict[str, EmailMessage]:
    """Recipient -> their one mail."""
    found = {}
    for got in mailbox.mails:
        message = message_from_bytes(got.content, policy=policy.SMTP)
        assert isinstance(message, EmailMessage)
        assert message.defects == []
        assert got.recipient not in found, "nobody gets it twice"
        found[got.recipient] = message
    return found


def words(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    return " ".join(str(part.get_content()).split())


def state(house: House, mailing: int) -> MailingState:
    with house.app.store.read() as tx:
        told = tx.ledger.mailing(mailing)
    assert told is not None
    return told.state


def test_everybody_of_the_segment_gets_it_in_the_first_of_their_languages(house: House, post: Mailbox) -> None:
    house.subscribe("awa@travail.example", name="Awa", languages="fr|en", group="government")
    house.subscribe("olena@union.example", languages="uk|en", group="government")
    house.subscribe("ana@trabajo.example", languages="es", group="government")
    house.subscribe("luz@trabajo.example", languages="es", group="government", fallback="omit")
    house.subscribe("press@news.example", languages="fr", group="media")
    segment(house, "governments", {"group": ["government"]})
    mailing = plan(house, "governments")
    assert post.mails == [], "it waits for approval"
    assert state(house, mailing) is MailingState.PLANNED
    approve(house, mailing)
    mails = opened(post)
    assert sorted(mails) == ["ana@trabajo.example", "awa@travail.example", "olena@union.example"]
    french, english, spanish = (
        mails[one] for one in ("awa@travail.example", "olena@union.example", "ana@trabajo.example")
    )
    assert (french["Subject"], french["Content-Language"]) == ("Votre avis sur le travail de plateforme", "fr")
    assert "Nous préparons un rapport sur le travail de plateforme." in words(french)
    assert "https://observatory.example/fr/enquete" in words(french)
    assert "abonnement à « La lettre »" in words(french)
    assert english["Subject"] == "Your view on platform work"
    assert "You receive this message because you are subscribed to The letter." in words(english)
    assert (spanish["Subject"], spanish["Content-Language"]) == ("Votre avis sur le travail de plateforme", "es")
    assert "Este mensaje no está disponible en español; se lo enviamos en francés." in words(spanish)
    for message in mails.values():
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert re.fullmatch(r"<http://[^>]+/u/[^>]+>", message["List-Unsubscribe"])
        assert message["From"].addresses[0].addr_spec == "letter@observatory.example"
    assert state(house, mailing) is MailingState.FINISHED


def test_what_is_taken_back_before_it_leaves_is_not_in_it(house: House, post: Mailbox) -> None:
    house.subscribe("awa@travail.example", languages="fr|en", fallback="source")
    house.publish("wages", titles={"en": "Wages in figures", "fr": "Les salaires en chiffres"})
    house.publish("hours", source_language="es", titles={"es": "Horas de trabajo"})
    segment(house, "all", {"everyone": True})
    mailing = plan(house, "all", replace(draft(), items=(1, 2)))
    house.withdraw("wages")
    approve(house, mailing)
    (message,) = opened(post).values()
    told = words(message)
    assert "Pour aller plus loin" in told
    assert "Horas de trabajo" in told and "en espagnol" in told, "it says in which language it is"
    assert "Les salaires en chiffres" not in told


def test_whoever_stops_in_the_meantime_gets_nothing_and_stops_the_next_campaign_too(
    house: House, post: Mailbox
) -> None:
    house.subscribe("awa@travail.example", languages="fr")
    house.subscribe("ana@trabajo.example", languages="en")
    segment(house, "all", {"everyone": True})
    first = plan(house, "all")
    with house.app.store.write() as tx:
        tx.audience.stop([(1, "letter")], house.clock.now())
    approve(house, first)
    assert list(opened(post)) == ["ana@trabajo.example"]
    post.mails.clear()
    approve(house, plan(house, "all", replace(draft(), name="Another")))
    assert list(opened(post)) == ["ana@trabajo.example"]


def test_one_click_in_a_campaign_ends_the_digest_and_its_campaigns(house: House, post: Mailbox) -> None:
    house.subscribe("awa@travail.example", languages="fr", cadence="daily", hour=8)
    segment(house, "all", {"everyone": True})
    approve(house, plan(house, "all"))
    link = str(opened(post)["awa@travail.example"]["List-Unsubscribe"]).strip("<>")
    path = "/u/" + link.partition("/u/")[2]
    answer = anybody(house.app).post(path, data={"List-Unsubscribe": "One-Click"}, headers={"sec-fetch-site": "none"})
    assert answer.status_code == 200
    post.mails.clear()
    house.publish("news")
    house.until("2026-11-24 09:00")
    with pytest.raises(Conflict, match="Nobody in the segment 'all' would get this campaign"):
        plan(house, "all", replace(draft(), name="Another"))
    assert post.mails == []


def test_a_cancelled_campaign_comes_with_nothing(house: House, post: Mailbox) -> None:
    house.subscribe("awa@travail.example", languages="fr", cadence="daily", hour=8)
    segment(house, "all", {"everyone": True})
    house.publish("old", titles={"en": "Old news"})
    house.until("2026-11-24 07:00")
    post.mails.clear()
    mailing = plan(house, "all", replace(draft(), items=(1,)))
    with house.app.store.write() as tx:
        cancel_mailing(tx, mailing, house.clock.now())
    house.publish("fresh", titles={"en": "Fresh news"})
    house.until("2026-11-24 09:00")
    (message,) = opened(post).values()
    assert "Fresh news" in words(message)
    assert state(house, mailing) is MailingState.CANCELLED


def test_a_server_that_is_away_delays_a_campaign_and_loses_nobody(house: House) -> None:
    for number in range(3):
        house.subscribe(f"p{number}@travail.example", languages="fr")
    segment(house, "all", {"everyone": True})
    mailing = plan(house, "all")
    approve(house, mailing)
    assert state(house, mailing) is MailingState.RUNNING
    mailbox = Mailbox()
    mailbox.answers = {"p1@travail.example": "450 4.2.0 greylisted"}
    with mail_server(mailbox, port=house.app.settings.email.smtp.port):
        house.until("2026-11-23 06:05", step=timedelta(minutes=1))
        assert sorted(opened(mailbox)) == ["p0@travail.example", "p2@travail.example"]
        mailbox.answers = {}
        house.until("2026-11-23 06:20", step=timedelta(minutes=1))
    assert len(opened(mailbox)) == 3
    assert state(house, mailing) is MailingState.FINISHED
