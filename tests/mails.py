"""Items, an edition and readers that the tests of mails share."""

from __future__ import annotations

import email
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from tests.arabic import write_arabic
from tribune.codelists import load
from tribune.domain.audience import Cadence, Choice, Fallback, shown_language
from tribune.domain.digests import Digest, Organisation
from tribune.domain.items import DataSummary, Item, LanguageVersion, Link, Observation, SessionInfo
from tribune.domain.mailings import EditionContent, FragmentKey, Shape
from tribune.rendering.email.composer import Composer, EditionFacts, Mail, Reader, ReaderLinks
from tribune.rendering.locales import Translations
from tribune.resources import locate

ORGANISATION = Organisation(
    names={
        "en": "Observatory of the World of Work",
        "fr": "Observatoire du monde du travail",
        "es": "Observatorio del Trabajo",
    },
    addresses={
        "en": "1 Lake Street, Example City",
        "fr": "1, rue du Lac, Exempleville",
        "es": "Calle del Lago 1, Ciudad Ejemplo",
    },
    website="https://observatory.example",
)
DIGEST = Digest("letter", {"en": "The Letter", "fr": "La Lettre", "es": "El Boletín"}, "letter@observatory.example")
EDITION = EditionFacts(12, DIGEST, Cadence.WEEKLY, "2026-11-23", datetime(2026, 11, 23, 8, tzinfo=UTC))
LINKS = ReaderLinks(
    unsubscribe="https://tribune.example/u/k1.412~letter~12." + "ab" * 16,
    one_click="https://tribune.example/u/k1.412~letter~12." + "ab" * 16,
    preferences="https://tribune.example/p/k1.412~letter~12." + "cd" * 16,
)
CHOICES = (Choice(frozenset({"wages"}), frozenset({"SEN"}), frozenset()),)


def reader(name: str = "Awa Diop", address: str = "awa.diop@travail.example", **other: object) -> Reader:
    given = {"choices": CHOICES, "delivery": "12.0.37", **other}
    return Reader(name=name, address=address, **given)  # type: ignore[arg-type]


def publication(id: int = 1, **versions: tuple[str, str]) -> Item:
    """A report. Versions as language=(title, abstract)."""
    told = versions or {
        "en": ("Wages and prices in West Africa", "Wages have kept up with prices. The report says where."),
        "fr": ("Salaires et prix en Afrique de l’Ouest", "Les salaires ont suivi les prix. Le rapport dit où."),
    }
    return Item(
        id, 1, "report", next(iter(told)),
        tuple(
            LanguageVersion(language, title, abstract, (Link(f"https://observatory.example/{language}/{id}"),), 48)
            for language, (title, abstract) in told.items()
        ),
        places=("SEN",), published_on=date(2026, 11, 20),
    )  # fmt: skip


def data_release(id: int = 2) -> Item:
    labels = {"en": "Unemployment rate", "fr": "Taux de chômage", "es": "Tasa de desempleo"}
    return Item(
        id, 1, "data_release", "en",
        tuple(
            LanguageVersion(language, f"{label} 2024", "", (Link("https://observatory.example/data"),))
            for language, label in labels.items()
        ),
        data=DataSummary(
            "UNE", labels, "percent", new_count=1200, revised_count=1,
            headline=(Observation("SEN", "2024", 5.4, "2023", 6.1), Observation("COL", "2024", 9.6, "2023", 9.6)),
        ),
    )  # fmt: skip


def session(id: int = 3) -> Item:
    info = SessionInfo(
        datetime(2026, 12, 1, 15, 0),  # noqa: DTZ001 - wall-clock time
        "Africa/Dakar",
        90,
        ("fr", "en"),
        "https://observatory.example/live/1",
    )
    versions = (LanguageVersion("fr", "Le premier emploi", "Une conversation."), LanguageVersion("en", "The first job"))
    return Item(id, 1, "session", "fr", versions, session=info)


def composer(*folders: Path) -> Composer:
    return Composer(Translations((locate("locales"), *folders), "en"), load(), ORGANISATION, locate("templates"))


ITEMS = (data_release(), publication(), session())
LOCALES = ("en", "fr", "es", "ar")


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Composer:
    """A composer that also speaks Arabic, from a folder of data."""
    return composer(write_arabic(tmp_path_factory.mktemp("locales")))


def content(items: Sequence[Item], locale: str, *, zone: str = "Africa/Dakar", more: int = 0) -> EditionContent:
    keys = []
    for place, item in enumerate(items):
        languages = [version.language for version in item.versions]
        shown = shown_language([locale], languages, item.source_language, Fallback.SOURCE) or languages[0]
        shape = Shape.ROW if place else Shape.LEAD
        keys.append(FragmentKey(item.id, item.version, shape, shown, locale, zone if item.session else ""))
    return EditionContent(locale, tuple(keys), more)


def mail(
    items: Sequence[Item], locale: str, *, parts: Composer | None = None, edition: EditionFacts = EDITION, **how: object
) -> Mail:
    stock = {(item.id, item.version): item for item in items}
    return (parts or composer()).compose(content(items, locale, **how), stock, edition)  # type: ignore[arg-type]


def parse(raw: bytes) -> EmailMessage:
    """The message as the standard library reads it; it must find nothing wrong."""
    message = email.message_from_bytes(raw, policy=SMTP)
    assert isinstance(message, EmailMessage)
    assert not list(defects(message))
    return message


def defects(message: EmailMessage) -> Iterable[object]:
    for part in message.walk():
        yield from part.defects
        for value in part.values():
            yield from getattr(value, "defects", ())


def text_of(message: EmailMessage) -> str:
    part = message.get_body(("plain",))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


def html_of(message: EmailMessage) -> str:
    part = message.get_body(("html",))
    assert part is not None
    return str(part.get_content())
