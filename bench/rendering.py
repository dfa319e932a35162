"""Mails a second: two stages against Jinja2 + EmailMessage for each mail, in the same run on one core.

Every mail has its own name, address, signed links and 5 of 20 items, so that hardly two have the same content.
Run: python -m bench.rendering [--count 20000]
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from itertools import islice
from types import SimpleNamespace
from typing import Any

from tribune.codelists import load
from tribune.domain.audience import Cadence, Choice
from tribune.domain.digests import Digest, Organisation
from tribune.domain.items import Item, LanguageVersion, Link
from tribune.domain.mailings import EditionContent, FragmentKey, Shape
from tribune.domain.tokens import Signer
from tribune.rendering.email.composer import Composer, EditionFacts, Reader
from tribune.rendering.locales import Translations
from tribune.resources import locate
from tribune.services.sending.reader_links import ReaderLinkMaker

NAMES = (
    "Awa Diop",
    "José Núñez de Cáceres",
    "Mary O’Neill",
    "Nguyễn Thị Minh Khai",
    "Jean-Pierre Lefèvre",
    "Peter Lindqvist",
    "Ministry of Labour, Kigali",
    "محمد الأمين",
    "Lucía Montes",
    "Grace Achieng Otieno",
)
WORDS = [
    "employment",
    "policy",
    "young",
    "people",
    "informal",
    "economy",
    "social",
    "protection",
    "wages",
    "working",
    "time",
    "skills",
    "enterprises",
    "labour",
    "inspection",
    "statistics",
    "countries",
    "evidence",
    "review",
    "measures",
    "collective",
    "agreements",
    "women",
    "men",
    "regions",
]
DIGEST = Digest("letter", {"en": "The Observatory Letter"}, "letter@observatory.example")
EDITION = EditionFacts(1, DIGEST, Cadence.WEEKLY, "2026-11-23", datetime(2026, 11, 23, 8, tzinfo=UTC))
CHOICES = tuple(
    (Choice(frozenset({area}), frozenset({place})),)
    for area in ("employment", "wages", "social_protection", "skills")
    for place in ("SEN", "COL", "RWA", "VNM", "002")
)


def items(count: int, abstract_words: int) -> dict[tuple[int, int], Item]:
    """Items with titles and abstracts of a usual length."""
    dice = random.Random(7)
    made = {}
    for number in range(1, count + 1):
        abstract = ". ".join(" ".join(dice.choices(WORDS, k=12)).capitalize() for _ in range(abstract_words // 12))
        version = LanguageVersion(
            "en",
            " ".join(dice.choices(WORDS, k=9)).capitalize(),
            abstract + ".",
            (Link(f"https://observatory.example/en/publications/{number}"),),
            dice.randrange(8, 200),
        )
        made[number, 1] = Item(number, 1, "working_paper", "en", (version,), published_on=date(2026, 11, 20))
    return made


def composer() -> Composer:
    organisation = Organisation(
        {"en": "Observatory of the World of Work"},
        {"en": "1 Lake Street, Example City"},
        website="https://observatory.example",
    )
    return Composer(Translations((locate("locales"),)), load(), organisation, locate("templates"))


def contents(count: int, chosen: int) -> Iterator[EditionContent]:
    """Each mail's own choice of items."""
    dice = random.Random(11)
    keys = {
        (number, shape): FragmentKey(number, 1, shape, "en", "en") for number in range(1, count + 1) for shape in Shape
    }
    while True:
        first, *rest = dice.sample(range(1, count + 1), chosen)
        yield EditionContent("en", (keys[first, Shape.LEAD], *(keys[number, Shape.ROW] for number in rest)))


def readers() -> Iterator[Reader]:
    dice = random.Random(13)
    number = 0
    while True:
        number += 1
        name = f"{dice.choice(NAMES)} {number}"
        yield Reader(
            name,
            f"reader{number}@ministry{number % 700}.example",
            dice.choice(CHOICES),
            f"1.{number // 500}.{number % 500}",
        )


def links() -> ReaderLinkMaker:
    return ReaderLinkMaker(Signer({"k1": b"x" * 32}, "k1"), "https://tribune.observatory.example", "bounces.example")


def two_stages(count: int, chosen: int, among: int = 20, abstract_words: int = 90) -> tuple[float, int]:
    """Mails a second and bytes a mail: content composed and links signed for each mail."""
    stock, parts, made = items(among, abstract_words), composer(), links()
    work = list(zip(islice(contents(among, chosen), count), islice(readers(), count), strict=True))
    for content, _ in work[: 4 * among]:
        parts.compose(content, stock, EDITION)  # every fragment once
    total = 0
    began = time.perf_counter()
    for number, (content, reader) in enumerate(work):
        mail = parts.compose(content, stock, EDITION)
        total += len(mail.fill(reader, made.links(number, "letter", 1)))
    return count / (time.perf_counter() - began), total // count


def one_content(count: int, chosen: int, among: int = 20, abstract_words: int = 90) -> tuple[float, int]:
    """As `two_stages`, for readers who share one content."""
    stock, parts, made = items(among, abstract_words), composer(), links()
    mail = parts.compose(next(contents(among, chosen)), stock, EDITION)
    work = list(islice(readers(), count))
    total = 0
    began = time.perf_counter()
    for number, reader in enumerate(work):
        total += len(mail.fill(reader, made.links(number, "letter", 1)))
    return count / (time.perf_counter() - began), total // count


def whole(count: int, chosen: int, among: int = 20) -> tuple[float, int]:
    """The full way: for each mail the whole HTML and text through Jinja2 and a message through EmailMessage.

    The MJML is compiled once, beforehand: its Jinja fields are put into the compiled HTML, as one would do it by hand.
    """
    from dataclasses import fields

    from jinja2 import Environment

    from tribune.rendering.email.item_view import ItemView, view
    from tribune.rendering.email.pieces import cut_out

    stock, parts, made = items(among, 90), composer(), links()
    voice = parts.voice("en")
    views = {
        key: view(stock[key.item, 1], key, voice.formats, voice.wording, voice.texts)
        for number in range(1, among + 1)
        for key in (FragmentKey(number, 1, shape, "en", "en") for shape in Shape)
    }
    blank: Any = SimpleNamespace(**{field.name: f"{{{{ item.{field.name} }}}}" for field in fields(ItemView)})
    blank.figures, blank.when, blank.news, blank.source = (), "", "", ""
    frame = parts.frame(EDITION, "en")
    slots = SimpleNamespace(
        **{
            name: f"{{{{ {name} }}}}"
            for name in ("name", "why", "preferences", "unsubscribe", "preheader", "contents", "more")
        },
        items="{{ items }}",
    )
    html = parts.templates.html("digest/digest.mjml", "en", frame=frame.view, slot=slots, lead=blank, row=blank)
    lead, row = cut_out(html, "lead"), cut_out(html, "row")
    for part in ("lead", "row", "more"):
        html = html.replace(cut_out(html, part), "")
    html = html.replace(
        "{{ items }}",
        "{% for item in items %}{% if loop.first %}" + lead + "{% else %}" + row + "{% endif %}{% endfor %}",
    )
    text = parts.templates.render("digest/digest.txt", "en", frame=frame.view, slot=slots)
    text = text.replace(
        "{{ items }}", "{% for item in items %}{{ item.title }}\n{{ item.abstract }}\n{{ item.url }}\n{% endfor %}"
    )
    html_template = Environment(autoescape=True).from_string(html)
    text_template = Environment().from_string(text)
    work = list(zip(islice(contents(among, chosen), count), islice(readers(), count), strict=True))
    total = 0
    began = time.perf_counter()
    for number, (content, reader) in enumerate(work):
        shown = [views[key] for key in content.fragments]
        mine = made.links(number, "letter", 1)
        values = {
            "items": shown,
            "name": reader.name,
            "why": voice.wording.reason(EDITION.cadence, reader.choices),
            "preferences": mine.preferences,
            "unsubscribe": mine.unsubscribe,
            "preheader": " · ".join(item.title for item in shown[1:4]),
            "contents": voice.wording.contents({"publication": len(shown)}),
        }
        message = EmailMessage()
        message["From"] = "The Observatory Letter <letter@observatory.example>"
        message["To"] = Address(reader.name, addr_spec=reader.address)
        message["Subject"] = shown[0].subject
        message["Message-ID"] = f"<{reader.delivery}@observatory.example>"
        message["List-Unsubscribe"] = f"<{mine.one_click}>"
        message.set_content(text_template.render(values))
        message.add_alternative(html_template.render(values), subtype="html")
        total += len(message.as_bytes(policy=SMTP))
    return count / (time.perf_counter() - began), total // count


def measure(count: int = 20_000) -> list[tuple[str, str]]:
    """Rows of the table of `make bench`."""
    own, size = two_stages(count, 5)
    shared, _ = one_content(count, 5)
    large, large_size = two_stages(count // 2, 12, 40, 180)
    full, full_size = whole(max(100, count // 100), 5)
    return [
        ("digests rendered, each with 5 of 20 items of its own", f"{own:,.0f}/s ({size / 1000:.0f} KB each)"),
        ("the same, readers who share a content", f"{shared:,.0f}/s"),
        ("large ones, each with 12 of 40 items of its own", f"{large:,.0f}/s ({large_size / 1000:.0f} KB each)"),
        ("the full way, Jinja2 + EmailMessage for each", f"{full:,.0f}/s ({full_size / 1000:.0f} KB each)"),
        ("two stages against the full way", f"{own / full:,.0f} times"),
    ]


def main() -> None:
    count = int(sys.argv[sys.argv.index("--count") + 1]) if "--count" in sys.argv else 20_000
    for what, figure in measure(count):
        print(f"{what:<56} {figure}")


if __name__ == "__main__":
    main()
