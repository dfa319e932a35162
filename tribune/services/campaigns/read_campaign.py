"""A campaign written by staff (YAML or JSON) -> a draft. All mistakes of a file are told at once.

name: Survey on platform work            # how staff call it; readers do not see it
source_language: fr                      # in which it was written first; without it, the first under `messages`
messages:
  fr: {subject: ..., text: |
    Plain text with the few marks of docs/campaigns.md.}
  en: {subject: ..., text: ...}
items: [12, 40]                          # numbers of the catalogue, shown under the text
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from tribune.domain.campaigns import MAX_ITEMS, MAX_NAME, MAX_SUBJECT, MAX_TEXT, Draft, Message
from tribune.domain.errors import Fault, InvalidInput
from tribune.rendering import marked_text
from tribune.rendering.text import clean
from tribune.services.sources.yaml_nodes import At, Mistakes, documents

KEYS = ("name", "source_language", "messages", "items")
LARGEST = 2**31 - 1


def read_campaign(text: str, where: str, offered: Sequence[str]) -> Draft:
    """The campaign of a file. `offered` are the languages of the house's mails. Raises InvalidInput with every
    mistake."""
    mistakes = Mistakes()
    found = list(documents(text, mistakes, json=where.endswith(".json")))
    draft = _draft(found[0], offered) if found else None
    for more in found[1:]:
        more.wrong("a file holds one campaign.", "Put the next one into a file of its own.")
    if mistakes.found:
        in_order = sorted(set(mistakes.found))
        told = "\n".join(mistake.told(where) for mistake in in_order)
        raise InvalidInput(told, faults=[Fault(mistake.pointer, mistake.what, mistake.hint) for mistake in in_order])
    if draft is None:
        raise InvalidInput("The file holds no campaign.", where=where, hint="docs/campaigns.md shows one.")
    return draft


def _draft(at: At, offered: Sequence[str]) -> Draft:
    told = at.fields(KEYS, ("name", "messages"))
    messages = _messages(told["messages"], offered) if "messages" in told else []
    source = told["source_language"].text().strip() if "source_language" in told else ""
    if source and source not in [one.language for one in messages]:
        told["source_language"].wrong(f"there is no message in {source!r}.", "Name one of those under `messages`.")
    first = source or (messages[0].language if messages else "")
    return Draft(
        name=_line(told["name"], MAX_NAME) if "name" in told else "",
        messages=tuple(sorted(messages, key=lambda one: one.language != first)),
        items=tuple(_items(told["items"])) if "items" in told else (),
    )


def _messages(at: At, offered: Sequence[str]) -> list[Message]:
    found = []
    for language, message in at.pairs():
        if language not in offered:
            message.wrong(f"{language!r} is none of the languages of our mails.", f"They are {', '.join(offered)}.")
        told = message.fields(("subject", "text"), ("subject", "text"))
        subject = _line(told["subject"], MAX_SUBJECT) if "subject" in told else ""
        found.append(Message(language, subject, _text(told["text"]) if "text" in told else ""))
    if not found:
        at.wrong("there is no message.", "Write it in one language at least.")
    return found


def _text(at: At) -> str:
    told = at.text(MAX_TEXT)
    # A block (`text: |`) begins on the line after its key.
    first = at.line + (getattr(at.node, "style", None) in ("|", ">"))
    for wrong in marked_text.faults(told):
        at.wrong(f"line {first + wrong.line - 1}: {wrong.what}", wrong.hint)
    if told and not marked_text.blocks(told):
        at.wrong("nothing of this can be seen.")
    return told.replace("\r\n", "\n").strip()


def _line(at: At, most: int) -> str:
    told = at.text(most)
    if "\n" in told.strip():
        at.wrong("this must be one line.")
    if told and not clean(told):
        at.wrong("nothing of this can be seen.")
    return clean(told)


def _items(at: At) -> list[int]:
    found: list[int] = []
    for one in at.items():
        number = one.parsed(int, "an item's number", "`tribune items list` shows them.")
        if number is None:
            continue
        if not 0 < number <= LARGEST:
            one.wrong(f"there is no item {number}.", "`tribune items list` shows them.")
        elif number in found:
            one.wrong(f"item {number} stands here twice.", "Keep one.")
        else:
            found.append(number)
    if len(found) > MAX_ITEMS:
        at.wrong(f"more than {MAX_ITEMS} items are too many for a mail.", "Link to a page that lists them.")
    return found


def schema() -> str:
    """The JSON Schema of such a file, as docs/schemas/campaign.json holds it."""
    message = {
        "type": "object",
        "properties": {
            "subject": {"type": "string", "minLength": 1, "maxLength": MAX_SUBJECT, "description": "One line."},
            "text": {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_TEXT,
                "description": "Paragraphs, ## headings, - lists, **bold**, *italics* and [links](https://...).",
            },
        },
        "required": ["subject", "text"],
        "additionalProperties": False,
    }
    told: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:tribune:campaign",
        "title": "A campaign",
        "description": "A message that staff write for the people of a segment.",
        "type": "object",
        "properties": {
            "name": {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_NAME,
                "description": "How staff call it; readers do not see it.",
            },
            "source_language": {
                "type": "string",
                "description": "In which it was written first; without it, the first under messages.",
            },
            "messages": {
                "type": "object",
                "minProperties": 1,
                "description": "Language (en, fr, es) to what it says in it.",
                "additionalProperties": message,
            },
            "items": {
                "type": "array",
                "items": {"type": "integer", "minimum": 1, "maximum": LARGEST},
                "maxItems": MAX_ITEMS,
                "uniqueItems": True,
                "description": "Numbers of items of the catalogue that are shown under the text.",
            },
        },
        "required": ["name", "messages"],
        "additionalProperties": False,
    }
    return json.dumps(told, ensure_ascii=False, indent=2) + "\n"
