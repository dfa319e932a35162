"""What is done on the command line stands in the audit log, as what is done on pages and through the API does.

A row for each command. A command without a row fails here: it says what it writes down, or why it need not.
"""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest
import typer
from sqlalchemy import insert

from tests.integration.test_events_command import handle, released
from tests.newsroom import staff_member
from tests.planned import add_item, plan
from tribune.bootstrap import Application
from tribune.cli import COMMANDS, main
from tribune.domain.mailings import MailingState
from tribune.domain.staff import Role
from tribune.store.tables import delivery_exceptions

LOOKS_AT_NOBODY = {
    *("api.description", "check", "search", "schedule.list", "audit.tail", "audit.verify"),
    *("campaign.preview", "campaign.schema", "campaign.show"),
    *("suppression.keys", "events.lag", "events.schemas", "events.show", "events.waiting"),
    *("items.history", "items.list", "items.show", "items.unmapped"),
    *("mailing.list", "mailing.quarantined", "mailing.show", "notices.list", "notices.show"),
    *("segments.count", "segments.list", "segments.schema", "segments.show", "segments.tags"),
}
"""They change nothing, and name nobody: people are numbers in them."""
OF_NUMBERS = ["segments.sample", "segments.why"]
"""What rules know of people, by their number."""
STAFF_ALONE = ["staff.list"]
"""Colleagues, not readers."""
THE_MACHINE_S = ["demo", "items.recode", "migrate", "pull", "run", "subscribers.refresh", "up"]
"""What the house does by itself as well, at its start or by the clock: it decides about nobody."""
NEED_NOT = {*LOOKS_AT_NOBODY, *OF_NUMBERS, *STAFF_ALONE, *THE_MACHINE_S}

FILES = {
    "people.csv": "address,name,group,languages,zone,policy_areas,cadence,weekday,hour\n"
    "n@travail.sn,N,government,en,Africa/Dakar,,daily,,8\n",
    "item.yaml": "record: r-1\nkind: guide\nsource_language: en\nversions:\n  en:\n    title: A guide\n    links:\n"
    '      - {url: "https://observatory.example/en/guide", format: html}\n',
    "rule.json": '{"who": {"group": ["government"]}}',
    "survey.yaml": "name: Survey\nmessages:\n  en: {subject: Your view, text: Tell us.}\n",
}
SETTINGS = """
[store]
url = "{url}"
[digests.letter]
names = {{ en = "The letter" }}
sender = "letter@observatory.example"
"""

WRITES: dict[str, tuple[str, list[str]]] = {
    "subscribers.import": ("people.csv --basis transfer --source old", ["import.started", "import.done"]),
    "subscribers.export": ("out.csv", ["people.exported"]),
    "subscribers.show": ("1", ["person.seen"]),
    "subscribers.unsubscribe": ("1", ["person.unsubscribed"]),
    "subscribers.erase": ("1 --yes", ["person.erased"]),
    "consents.export": ("out.csv", ["consents.exported"]),
    "mailing.approve": ("{planned}", ["mailing.approved"]),
    "mailing.pause": ("{approved}", ["mailing.paused"]),
    "mailing.resume": ("{paused}", ["mailing.resumed"]),
    "mailing.cancel": ("{approved} --yes", ["mailing.cancelled"]),
    "mailing.settle": ("{approved} --yes", ["mailing.settled"]),
    "mailing.retry": ("{approved}", ["mailing.retried"]),
    "events.replay": ("1 2", ["dead_letter.replayed", "dead_letter.replayed"]),
    "events.rewind": ("digests catalogue --offset 0", ["events.rewound"]),
    "publish": ("item.yaml", ["item.published"]),
    "segments.save": ("rule.json --slug ministries", ["segment.created"]),
    "segments.archive": ("old", ["segment.archived"]),
    "segments.tag": ("g20 1", ["people.tagged"]),
    "segments.untag": ("here 1", ["people.untagged"]),
    "campaign.plan": ("survey.yaml --segment old --digest letter", ["campaign.planned"]),
    "staff.add": ("new@staff.example --roles editor", ["staff.added", "staff.link_given"]),
    "staff.roles": ("editor@staff.example author", ["staff.roles_changed"]),
    "staff.disable": ("editor@staff.example", ["staff.disabled"]),
    "staff.reset": ("editor@staff.example", ["staff.reset", "staff.link_given"]),
    "staff.link": ("editor@staff.example", ["staff.link_given"]),
    "audit.export": ("out.jsonl", ["audit.exported"]),
}
ELSEWHERE = {"events.aside", "events.dead", "suppression.forget"}
"""Of the first two, what is thrown away is written down, and only beside Kafka is anything set aside; only of a list
with two keys can one be forgotten: test_events_aside.py, test_events_command.py, test_suppression_keys.py,
test_relay.py."""


def every_command() -> set[str]:
    """Each command as `mailing.pause`; one that is the only one of its name as `publish`."""
    found = set()
    for name in COMMANDS:
        app: typer.Typer = importlib.import_module(f"tribune.commands.{name}").app
        group = len(app.registered_commands) > 1 or app.registered_callback is not None
        for one in app.registered_commands:
            assert one.callback is not None
            own = one.name or one.callback.__name__.rstrip("_").removesuffix("_items")
            found.add(f"{name}.{own}" if group else name)
    return found


def test_every_command_has_a_row_and_every_row_a_command() -> None:
    assert every_command() == WRITES.keys() | NEED_NOT | ELSEWHERE
    assert not WRITES.keys() & NEED_NOT


@pytest.fixture
def given(app: Application, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A house with something for each command to do; the numbers of its mailings."""
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    settings = tmp_path / "tribune.toml"
    settings.write_text(SETTINGS.format(url=app.settings.store.url), encoding="utf-8")
    monkeypatch.setenv("TRIBUNE_CONFIG", str(settings))
    monkeypatch.chdir(tmp_path)
    run("subscribers import people.csv --basis transfer --source old")
    run("segments save rule.json --slug old")
    run("segments tag here 1")
    staff_member(app), staff_member(app, Role.EDITOR)
    with app.store.write() as tx:
        item = add_item(tx)
        tx.outbox.add(*map(released, range(5)))
    handle(app, 1, 3)
    states = (MailingState.PLANNED, MailingState.APPROVED, MailingState.PAUSED)
    numbers = {one.value: plan(app.store, [1], items=[item], state=one, occasion=one.value) for one in states}
    held = {"mailing_id": numbers["approved"], "chunk": 0, "place": 0, "state": "quarantined"}
    with app.store.write() as tx:
        tx.connection.execute(insert(delivery_exceptions).values(held | {"changed_at": app.clock.now()}))
    return numbers


def run(words: str) -> None:
    with pytest.raises(SystemExit) as left:
        main(words.split())
    assert not left.value.code, words


@pytest.mark.parametrize("command", WRITES)
def test_it_is_written_down_by_cli(app: Application, given: dict[str, int], command: str) -> None:
    words, actions = WRITES[command]
    with app.store.read() as tx:
        before = len(list(tx.audit.entries()))
    run(f"{command.replace('.', ' ')} {words.format_map(given)}")
    with app.store.read() as tx:
        added = list(tx.audit.entries())[before:]
    assert [one.action for one in added] == actions
    assert {one.actor for one in added} == {"cli"}
    assert "travail.sn" not in str(added)


def test_a_dry_run_writes_nothing_down(app: Application, given: dict[str, int]) -> None:
    with app.store.read() as tx:
        before = len(list(tx.audit.entries()))
    run("subscribers import people.csv --basis transfer --source old --dry-run")
    run("publish item.yaml --dry-run")
    run("campaign plan survey.yaml --segment old --digest letter --dry-run")
    with app.store.read() as tx:
        assert len(list(tx.audit.entries())) == before


def test_what_is_refused_is_not_written_down(app: Application, given: dict[str, int]) -> None:
    with app.store.read() as tx:
        before = len(list(tx.audit.entries()))
    for words in (f"mailing approve {given['paused']}", "subscribers show 99", "events rewind nobody catalogue"):
        with pytest.raises(SystemExit) as left:
            main(words.split())
        assert left.value.code == 1
    with app.store.read() as tx:
        assert len(list(tx.audit.entries())) == before
