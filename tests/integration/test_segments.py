"""Segments in the store: versions, the audit log, tags, visits, and the people whom a mailing plans with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import event, text

from tests.segment_world import AREAS, NOW, TODAY, Person, settle, terms
from tests.sign_up_world import Door
from tribune.bootstrap import Application
from tribune.domain.audience import Cadence, Choice, Status
from tribune.domain.errors import Conflict, InvalidInput, NotFound
from tribune.domain.segment_json import read
from tribune.domain.segment_matching import explain
from tribune.domain.segment_problems import Fault, InvalidRule
from tribune.domain.segments import Rule
from tribune.ports.clock import StoppedClock
from tribune.services.audience.export_my_data import export_my_data
from tribune.services.segments.archive_segment import archive_segment, restore_segment
from tribune.services.segments.find_segment import find_segment
from tribune.services.segments.note_visit import note_visit
from tribune.services.segments.save_segment import Draft, save_segment, slug_of
from tribune.services.segments.say_why_in_segment import say_why_in_segment
from tribune.services.segments.see_segment import count_segment, see_segment
from tribune.services.segments.segment_people import segment_people
from tribune.services.segments.tag_people import tag_people, untag_people

pytestmark = pytest.mark.both_stores

GOVERNMENTS = read({"who": {"group": ["government"]}})
PRESS = read({"who": {"tags": ["press"]}})
EVERYONE = read({"who": {"everyone": True}})


def save(app: Application, name: str, rule: Rule, *, slug: str = "", version: int | None = None) -> int:
    """Save it; the version that it then has."""
    with app.store.write() as tx:
        return save_segment(tx, Draft(name, "", rule, slug, version), "staff/3", app.clock.now()).version


def audit(app: Application) -> list[tuple[str, str]]:
    with app.store.read() as tx:
        return [(entry.action, entry.about) for entry in tx.audit.entries()]


def test_every_version_stays_to_be_read(app: Application, clock: StoppedClock) -> None:
    assert save(app, "Governments, all", GOVERNMENTS) == 1
    clock.move(timedelta(hours=1))
    assert save(app, "Governments", PRESS, slug="governments-all", version=1) == 2
    with app.store.read() as tx:
        segment = find_segment(tx, "governments-all")
        assert (segment.name, segment.rule, segment.version, segment.changed_by) == ("Governments", PRESS, 2, "staff/3")
        assert segment.changed_at - segment.created_at == timedelta(hours=1)
        versions = tx.segments.versions(segment.id)
    assert [(one.version, one.name, one.rule) for one in versions] == [
        (2, "Governments", PRESS),
        (1, "Governments, all", GOVERNMENTS),
    ]
    assert audit(app) == [("segment.created", "segment/1"), ("segment.saved", "segment/1")]


def test_saving_what_is_so_already_makes_no_version(app: Application) -> None:
    save(app, "Governments", GOVERNMENTS)
    assert save(app, "Governments", GOVERNMENTS, slug="governments", version=1) == 1
    assert len(audit(app)) == 1


def test_who_worked_on_an_older_version_is_told(app: Application) -> None:
    save(app, "Governments", GOVERNMENTS)
    save(app, "Theirs", GOVERNMENTS, slug="governments", version=1)
    with pytest.raises(Conflict, match="saved version 2"):
        save(app, "Mine", GOVERNMENTS, slug="governments", version=1)


def test_short_names_come_from_names_and_are_unique(app: Application) -> None:
    assert slug_of("Ministères d’Afrique & d'Asie (G20)") == "ministeres-d-afrique-and-d-asie-g20"
    assert slug_of("政府") == "segment"
    for _ in range(3):
        save(app, "Press", PRESS)
    with app.store.read() as tx:
        assert [one.slug for one in tx.segments.all()] == ["press", "press-2", "press-3"]
    with pytest.raises(Conflict, match="already"):
        save(app, "Another", PRESS, slug="press")
    with pytest.raises(InvalidInput, match="short name"):
        save(app, "Another", PRESS, slug="../x")


@pytest.mark.parametrize(("name", "says"), [("  ", "no name"), ("x" * 121, "longer than 120"), ("a\x00b", "signs")])
def test_names_are_looked_at(app: Application, name: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says) as wrong:
        save(app, name, PRESS)
    assert wrong.value.where == "name"


def test_who_is_named_in_a_rule_exists(app: Application) -> None:
    (known,) = settle(app, [Person()])
    with pytest.raises(InvalidRule) as wrong:
        save(app, "Named", Rule(None, (known, 4_000), ()))
    assert [(one.path, one.fault) for one in wrong.value.problems] == [("include[1]", Fault.NO_SUCH_PERSON)]
    assert save(app, "Named", Rule(None, (known,), ())) == 1


def test_archiving_hides_and_restoring_shows_again(app: Application) -> None:
    save(app, "Press", PRESS)
    for _ in range(2):
        with app.store.write() as tx:
            assert archive_segment(tx, "press", "staff/3", NOW).archived_at == NOW
    with app.store.read() as tx:
        assert tx.segments.all() == []
        assert [one.slug for one in tx.segments.all(archived=True)] == ["press"]
    with pytest.raises(Conflict, match="archived"):
        save(app, "Press", GOVERNMENTS, slug="press", version=1)
    with app.store.write() as tx:
        assert restore_segment(tx, "press", "staff/3", NOW).archived_at is None
    assert [action for action, _ in audit(app)] == ["segment.created", "segment.archived", "segment.restored"]


def test_a_segment_that_is_not_there_names_the_nearest(app: Application) -> None:
    save(app, "Press", PRESS)
    with app.store.read() as tx, pytest.raises(NotFound, match="Did you mean 'press'"):
        find_segment(tx, "pres")


def test_tags_are_given_and_taken_with_a_word_in_the_audit_log(app: Application) -> None:
    one, two, three = settle(app, [Person(), Person(), Person()])
    with app.store.write() as tx:
        assert tag_people(tx, [one, two], "g20-alumni", "staff/3", NOW) == 2
        assert tag_people(tx, [two, three], "g20-alumni", "staff/3", NOW) == 1
        assert untag_people(tx, [one], "g20-alumni", "staff/3", NOW) == 1
        assert untag_people(tx, [one], "g20-alumni", "staff/3", NOW) == 0
    with app.store.read() as tx:
        assert tx.segments.tags() == {"g20-alumni": 2}
        entries = list(tx.audit.entries())
    assert [(entry.action, entry.about) for entry in entries] == [
        ("people.tagged", ""),
        ("people.tagged", ""),
        ("people.untagged", f"subscriber/{one}"),
    ]
    assert entries[0].facts == {"tag": "g20-alumni", "people": 2, "numbers": f"{one},{two}"}
    with app.store.write() as tx:
        with pytest.raises(NotFound, match="Nobody was tagged"):
            tag_people(tx, [one, 4_000], "press", "staff/3", NOW)
        with pytest.raises(InvalidInput, match="not a tag"):
            tag_people(tx, [one], "G20; DROP", "staff/3", NOW)


def test_the_last_visit_is_kept_and_never_an_earlier_one(app: Application) -> None:
    (person,) = settle(app, [Person()])
    for days in (3, 1, 2):
        with app.store.write() as tx:
            note_visit(tx, person, NOW - timedelta(days=days))
            note_visit(tx, 4_000, NOW)
    with app.store.read() as tx:
        assert tx.segments.facts([person])[person].seen == TODAY - timedelta(days=1)


def test_who_confirms_has_used_a_page(app: Application) -> None:
    door = Door(app)
    door.asks("awa@travail.example")
    person = door.person("awa@travail.example")
    assert person is not None
    with app.store.read() as tx:
        assert tx.segments.facts([person.id])[person.id].seen is None
    door.confirms(door.link("awa@travail.example"))
    with app.store.read() as tx:
        assert tx.segments.facts([person.id])[person.id].seen == TODAY


def test_tags_and_visits_go_with_the_person(app: Application) -> None:
    (person,) = settle(app, [Person(tags=("g20",), seen=TODAY)])
    with app.store.write() as tx:
        for table in ("subscriptions", "rhythms", "marks"):
            tx.connection.execute(text(f"DELETE FROM {table}"))
        tx.connection.execute(text("DELETE FROM subscribers"))
        tx.connection.execute(text("DELETE FROM people"))
    with app.store.read() as tx:
        assert tx.segments.tags() == {}
        assert tx.segments.facts([person]) == {}


def test_a_mailing_plans_with_those_whom_it_may_reach(app: Application) -> None:
    people = [
        Person(),
        Person(status=Status.PAUSED),
        Person(status=Status.UNSUBSCRIBED),
        Person(suppressed=True),
        Person(group="media"),
        Person(),
    ]
    ids = settle(app, people)
    with app.store.read() as tx:
        reached = [id for batch in segment_people(tx, GOVERNMENTS, app.codelists, NOW) for id in batch]
        assert reached == [ids[0], ids[5]]
        everybody = [
            id for batch in segment_people(tx, GOVERNMENTS, app.codelists, NOW, mailable=False) for id in batch
        ]
        assert everybody == [ids[0], ids[1], ids[2], ids[3], ids[5]]
        assert count_segment(tx, GOVERNMENTS, app.codelists, NOW) == (5, 2)
    with app.store.write() as tx:  # and a plan takes them as they are
        due = tx.planning.these("letter", Cadence.WEEKLY, reached)
        assert due.ids.tolist() == reached
        tx.planning.wishes("letter", Cadence.WEEKLY, due, with_marks=True)


def test_batches_cover_everybody_once(app: Application, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = settle(app, [Person(seen=TODAY if n % 2 else None) for n in range(23)])
    monkeypatch.setattr("tribune.store.segment_people._SLICE", 5)
    rule = read({"who": {"any": [{"seen": {"never": True}}, {"tags": ["x"]}]}, "include": [ids[1]]})
    with app.store.read() as tx:
        batches = list(segment_people(tx, rule, app.codelists, NOW))
    assert len(batches) == 5
    assert [id for batch in batches for id in batch] == sorted({ids[1], *ids[::2]})


def test_an_empty_house_has_nobody(app: Application) -> None:
    settle(app, [])
    with app.store.read() as tx:
        assert list(segment_people(tx, EVERYONE, app.codelists, NOW)) == []
        assert see_segment(tx, EVERYONE, app.codelists, NOW).numbers == (0, 0)


def test_a_sample_is_spread_and_stays_the_same(app: Application) -> None:
    ids = settle(app, [Person() for _ in range(60)])
    with app.store.read() as tx:
        first = [facts.id for facts in see_segment(tx, EVERYONE, app.codelists, NOW).sample]
        again = [facts.id for facts in see_segment(tx, EVERYONE, app.codelists, NOW).sample]
    assert first == again
    assert len(set(first)) == 5
    assert set(first) != set(ids[:5])
    assert max(first) - min(first) > 20


def test_why_somebody_is_in_it(app: Application) -> None:
    wish = (Cadence.DAILY, Choice(frozenset({AREAS[0]}), frozenset({"PER"})))
    (person,) = settle(app, [Person(wishes=(wish,))])
    rule = read({"who": {"wants": {"places": {"any_of": ["419"], "everywhere": False}}}})
    with app.store.read() as tx:
        why = say_why_in_segment(tx, rule, person, app.codelists, NOW)
        assert why.verdict.inside and why.verdict.found is not None
        assert why.verdict.found.wishes[0].places == {"PER"}
        with pytest.raises(NotFound):
            say_why_in_segment(tx, rule, 4_000, app.codelists, NOW)


def test_code_lists_out_of_step_are_told(app: Application) -> None:
    settle(app, [Person()])
    with app.store.write() as tx:
        tx.planning.set_mask_versions({"places": "another"})
        with pytest.raises(Conflict, match="code lists have changed"):
            count_segment(tx, EVERYONE, app.codelists, NOW)


HOSTILE = "x') OR 1=1; DROP TABLE people; --"


@pytest.fixture
def statements(app: Application) -> Iterator[list[str]]:
    """Every statement that the store is sent, without its parameters."""
    seen: list[str] = []

    def note(connection: object, cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(app.store.engine, "before_cursor_execute", note)
    yield seen
    event.remove(app.store.engine, "before_cursor_execute", note)


def test_nothing_that_a_rule_holds_becomes_sql(app: Application, statements: list[str]) -> None:
    settle(app, [Person(tags=("g20",))])
    rule = read(
        {
            "who": {
                "any": [
                    {"group": [HOSTILE]},
                    {"wants": {"digest": [HOSTILE], "cadence": ["daily"], "places": {"any_of": [HOSTILE, "PER"],
                                                                                     "everywhere": False}}},
                    {"reads": {"any_of": ["qaa"], "first": False}},
                    {"tags": ["qqq"]},
                    {"mailed": {"on_or_after": "2031-01-07"}},
                    {"confirmed": {"before": "1931-01-07"}},
                ]
            },
            "exclude": [987_654],
        }
    )  # fmt: skip
    statements.clear()
    with app.store.read() as tx:
        assert tx.segments.count(rule, terms(app)) == (0, 0)
        assert tx.segments.look(rule, terms(app), 3).sample == ()
    sent = " ".join(statements)
    assert "subscriptions" in sent
    for value in ("DROP", "qaa", "qqq", "2031", "1931", "987654", "daily"):
        assert value not in sent
    with app.store.read() as tx:
        assert tx.segments.count(EVERYONE, terms(app)).people == 1


def test_a_rule_of_the_greatest_size_still_runs(app: Application) -> None:
    settle(app, [Person()])
    places = list(app.codelists.places.places)[:290]
    wants = {"wants": {"places": {"any_of": places, "everywhere": False}, "cadence": ["daily", "weekly"]}}
    deep = {"any": [{"all": [{"any": [{"none": [{"any": [{"tags": ["a"]}, wants]}]}, wants]}]}, wants] + [wants] * 60}
    rule = read({"who": deep, "include": list(range(1, 1_001)), "exclude": list(range(2_001, 3_001))})
    with app.store.read() as tx:
        assert tx.segments.count(rule, terms(app)).people == 1
        assert tx.segments.look(rule, terms(app), 3).sample == (1,)


def test_dates_are_days_of_utc(app: Application) -> None:
    settle(app, [Person(confirmed=date(2026, 11, 22))])
    with app.store.read() as tx:
        for day, expected in (("2026-11-22", 1), ("2026-11-23", 0)):
            rule = read({"who": {"confirmed": {"on_or_after": day}}})
            assert tx.segments.count(rule, terms(app)).people == expected


@pytest.mark.parametrize("slug", ["new", "live"])
def test_no_segment_has_the_short_name_of_a_page(app: Application, slug: str) -> None:
    with app.store.write() as tx, pytest.raises(InvalidInput, match="The newsroom has a page of this name"):
        save_segment(tx, Draft("Anything", "", EVERYONE, slug), "staff/1", NOW)


@pytest.mark.parametrize(
    ("when", "inside"),
    [
        ({"within_days": 3}, False),
        ({"not_within_days": 3}, True),
        ({"on_or_after": "2026-11-01"}, False),
        ({"before": "2026-12-01"}, False),
    ],
)
def test_who_has_signed_up_only_has_never_confirmed(app: Application, when: dict[str, object], inside: bool) -> None:
    (waits,) = settle(app, [Person(status=Status.PENDING)])
    for rule, holds in (({"confirmed": when}, inside), ({"none": [{"confirmed": when}]}, not inside)):
        asked = read({"who": rule})
        with app.store.read() as tx:
            assert tx.segments.count(asked, terms(app)).people == holds
            assert explain(asked, tx.segments.facts([waits])[waits], terms(app)).inside is holds


def test_the_copy_of_one_s_data_does_not_say_so_either(app: Application) -> None:
    waits, confirmed = settle(app, [Person(status=Status.PENDING), Person()])
    with app.store.write() as tx:
        told = [export_my_data(tx, id, app.digests, "self", NOW)[0]["person"] for id in (waits, confirmed)]
    assert told[0]["confirmed_at"] is None
    assert told[1]["confirmed_at"] is not None
