"""Taking in a file of subscribers."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest

from tests.import_world import BASIS, DAKAR, HEADER, counts, person, status_row, take, take_bytes
from tests.planning_world import START, World, days
from tribune.bootstrap import Application
from tribune.domain.audience import Cadence, Choice, Fallback, Rhythm, Status
from tribune.domain.errors import InvalidInput
from tribune.services.audience import import_subscribers as importing
from tribune.services.audience import told_people
from tribune.services.audience.export_subscribers import export_subscribers
from tribune.services.audience.import_subscribers import import_subscribers
from tribune.services.audience.unsubscribe import unsubscribe

pytestmark = pytest.mark.both_stores


@pytest.fixture
def world(app: Application) -> World:
    return World(app)


def test_a_row_becomes_a_person_whose_marks_begin_now(world: World, tmp_path: Path) -> None:
    world.item("en")
    assert counts(take(world, tmp_path, DAKAR)) == (1, 0, 0, 0)
    told = person(world, "M@Travail.SN")
    assert (told.name, told.group, told.languages, told.zone) == (
        "Ministère",
        "government",
        ("fr", "en"),
        "Africa/Dakar",
    )
    assert told.subscriptions[0].choice == Choice(frozenset({"wages"}), frozenset({"SEN", "002"}))
    assert told.rhythms == (Rhythm("letter", Cadence.WEEKLY, 0, 8, mark=1),)
    with world.app.store.read() as tx:
        rows = tx.schedules.upcoming(10)
    assert [(r.row.zone, r.row.hour, r.people) for r in rows] == [("Africa/Dakar", 8, 1)]


def test_a_second_time_changes_nothing(world: World, tmp_path: Path) -> None:
    rows = (DAKAR, DAKAR.replace("weekly", "daily").replace("wages", "child_labour"), DAKAR.replace("m@", "n@"))
    assert counts(take(world, tmp_path, *rows)) == (2, 0, 0, 0)
    before = exported(world)
    assert counts(take(world, tmp_path, *rows)) == (0, 0, 2, 0)
    assert counts(take(world, tmp_path, *reversed(rows))) == (0, 0, 2, 0)
    assert exported(world) == before


def test_a_dry_run_says_the_same_and_changes_nothing(world: World, tmp_path: Path) -> None:
    assert counts(take(world, tmp_path, DAKAR, dry_run=True)) == (1, 0, 0, 0)
    assert len(exported(world).splitlines()) == 1


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_files_as_spreadsheets_save_them(world: World, tmp_path: Path, bom: bytes, separator: str, end: str) -> None:
    content = end.join([HEADER, DAKAR, ",,,,,,,,,,,,", ""]).replace(",", separator).encode()
    assert counts(take_bytes(world, tmp_path, bom + content)) == (1, 0, 0, 0)
    assert person(world, "m@travail.sn").name == "Ministère"


@pytest.mark.parametrize(
    ("cell", "wrong", "column", "says"),
    [
        ("m@travail.sn", "m@travail", "address", "not an e-mail address"),
        ("m@travail.sn", "", "address", "no address"),
        ("m@travail.sn", "a@b.example\r\nBcc: x@y.example", "address", "not an e-mail address"),
        ("m@travail.sn", "a..b@travail.sn", "address", "not an e-mail address"),
        ("Ministère", "a\r\nBcc: x@y.example", "name", "line break"),
        ("Ministère", "moc.live\u202eevil", "name", "control character"),
        ("Ministère", "x" * 301, "name", "301 characters"),
        ("government", "goverment", "group", "Did you mean government"),
        ("fr|en", "fr|klingon", "languages", "not a language"),
        ("fr|en", "", "languages", "empty"),
        ("Africa/Dakar", "Africa/Daker", "zone", "Africa/Dakar"),
        ("source", "keep", "fallback", "Use one of: source, omit"),
        ("letter", "leter", "digest", "Did you mean letter"),
        ("wages", "wage theft", "policy_areas", "is not a policy area"),
        ("SEN|002", "SEN|Senegall", "places", "SEN"),
        ("weekly", "fortnightly", "cadence", "Use one of: at_once, daily, weekly, monthly"),
        ("monday", "mondy", "weekday", "Did you mean monday"),
        (",8", ",24", "hour", "0 to 23"),
        (",8", ",8:30", "hour", "full hour"),
    ],
)
def test_a_wrong_row_is_refused_with_its_reason_and_the_good_ones_kept(
    world: World, tmp_path: Path, cell: str, wrong: str, column: str, says: str
) -> None:
    good = DAKAR.replace("m@", "good@")
    cells = [value.replace(cell, wrong) if cell in value else value for value in DAKAR.split(",")]
    if cell.startswith(","):
        cells = [*DAKAR.split(",")[:-1], wrong[1:]]
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    done = take(world, tmp_path, good, line.getvalue().rstrip("\r\n"), good.replace("good@", "better@"))
    assert counts(done) == (2, 0, 0, 1)
    refusal = done.refusals[0]
    assert (refusal.row, refusal.column) == (3, column)
    assert says in f"{refusal.reason} {refusal.hint}"
    assert "m@travail.sn" not in repr(refusal)


def test_rows_of_an_address_must_agree(world: World, tmp_path: Path) -> None:
    daily = DAKAR.replace("weekly,monday,8", "daily,,7")
    done = take(
        world,
        tmp_path,
        DAKAR,
        daily,
        DAKAR.replace("wages", "child_labour").replace("monday", "tuesday"),
        daily.replace("wages", "skills").replace(",7", ",9"),
        daily.replace("Ministère", "Someone else"),
        daily.replace("fr|en", "en"),
    )
    assert [(r.row, r.column) for r in done.refusals] == [(4, "weekday"), (5, "hour"), (6, "name"), (7, "languages")]
    assert "Row 2 has another weekday" in done.refusals[0].reason
    assert len(person(world, "m@travail.sn").subscriptions) == 2


def test_later_rows_may_leave_the_person_out(world: World, tmp_path: Path) -> None:
    short = "m@travail.sn,,,,,,letter,skills,,,daily,,7"
    assert counts(take(world, tmp_path, DAKAR, short)) == (1, 0, 0, 0)
    assert {r.cadence for r in person(world, "m@travail.sn").rhythms} == {Cadence.DAILY, Cadence.WEEKLY}


def test_what_the_file_says_is_what_holds_for_its_digests(world: World, tmp_path: Path) -> None:
    take(world, tmp_path, DAKAR, DAKAR.replace("weekly,monday,8", "daily,,7"))
    assert counts(take(world, tmp_path, DAKAR.replace("fr|en", "es").replace("wages", "skills"))) == (0, 1, 0, 0)
    told = person(world, "m@travail.sn")
    assert told.languages == ("es",)
    assert [(s.cadence, s.choice.policy_areas) for s in told.subscriptions] == [(Cadence.WEEKLY, frozenset({"skills"}))]


def test_nothing_is_taken_away_where_a_row_was_refused(world: World, tmp_path: Path) -> None:
    daily = DAKAR.replace("weekly,monday,8", "daily,,7")
    take(world, tmp_path, DAKAR, daily)
    assert counts(take(world, tmp_path, DAKAR, daily.replace("wages", "wagess")))[1:] == (0, 1, 1)
    assert len(person(world, "m@travail.sn").subscriptions) == 2


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("lost", ["joined", "too wide", "cut off"])
def test_nothing_is_taken_away_where_a_row_could_not_be_read(
    world: World, tmp_path: Path, lost: str, first: bool
) -> None:
    daily = DAKAR.replace("weekly,monday,8", "daily,,7")
    take(world, tmp_path, DAKAR, daily, DAKAR.replace("m@", "n@"))
    unread = {
        "joined": [DAKAR.replace("m@", "o@").replace("Ministère", '"Min'), daily.replace("Ministère", '12"')],
        "too wide": [f"{daily},and,more"],
        "cut off": [daily.replace("Ministère", '"Min'), "x" * 140_000],
    }[lost]
    rows = [DAKAR, *unread] if first else [*unread, DAKAR]
    done = take(world, tmp_path, DAKAR.replace("m@", "n@"), *rows)
    seen = 1 if lost == "cut off" and not first else 2
    assert (done.refused, done.unchanged, done.changed) == (1, seen, 0)
    assert len(person(world, "m@travail.sn").subscriptions) == 2
    assert len(person(world, "n@travail.sn").subscriptions) == 1
    again = DAKAR.replace("m@", "n@").replace("wages", "skills")
    take(world, tmp_path, again, *unread)
    kept = 2 if lost == "cut off" else 1
    assert len(person(world, "n@travail.sn").subscriptions) == kept, "who is surely not among them is as the file says"


def test_an_import_does_not_bring_anybody_back(world: World, tmp_path: Path) -> None:
    take(world, tmp_path, DAKAR, DAKAR.replace("m@", "n@"))
    with world.app.store.write() as tx:
        unsubscribe(tx, person(world, "m@travail.sn").id, "letter", START)
        tx.audience.suppress("n@travail.sn", "complaint", START)
    done = take(world, tmp_path, DAKAR, DAKAR.replace("m@", "n@"))
    assert done.refused == 2
    assert "unsubscribed" in done.refusals[0].reason
    assert "never mailed: complaint" in done.refusals[1].reason
    assert person(world, "m@travail.sn").status is Status.UNSUBSCRIBED


def test_people_who_had_left_another_system_are_kept_as_such(world: World, tmp_path: Path) -> None:
    header, row = f"{HEADER},status", f"{DAKAR},unsubscribed"
    assert counts(take(world, tmp_path, row, header=header)) == (1, 0, 0, 0)
    assert person(world, "m@travail.sn").status is Status.UNSUBSCRIBED
    assert counts(take(world, tmp_path, row, header=header)) == (0, 0, 1, 0)


def test_a_pause_ends_when_the_file_says_so_and_not_before(world: World, tmp_path: Path) -> None:
    header = f"{HEADER},status"
    world.item("en", at=START - days(40))
    take(world, tmp_path, status_row("paused"), header=header)
    world.item("en", at=START - days(31))
    recent = world.item("en", at=START - days(29))
    assert counts(take(world, tmp_path, DAKAR)) == (0, 0, 1, 0), "no word of it"
    assert counts(take(world, tmp_path, status_row(""), header=header)) == (0, 0, 1, 0), "no word of it"
    both = (status_row("active"), status_row("active", DAKAR.replace("wages", "wagess")))
    assert counts(take(world, tmp_path, *both, header=header))[1:] == (0, 1, 1), "a refused row may have said otherwise"
    assert person(world, "m@travail.sn").status is Status.PAUSED
    assert counts(take(world, tmp_path, status_row("active"), header=header, dry_run=True)) == (0, 1, 0, 0)
    assert person(world, "m@travail.sn").status is Status.PAUSED
    assert counts(take(world, tmp_path, status_row("active"), header=header)) == (0, 1, 0, 0)
    told = person(world, "m@travail.sn")
    assert (told.status, told.rhythms[0].mark) == (Status.ACTIVE, recent - 1)
    assert counts(take(world, tmp_path, status_row("active"), header=header)) == (0, 0, 1, 0)


def test_a_change_of_choice_at_the_end_of_a_pause_makes_up_for_no_more(world: World, tmp_path: Path) -> None:
    header, anything = f"{HEADER},status", DAKAR.replace(",wages,SEN|002,", ",,,")
    take(world, tmp_path, status_row("paused", anything), header=header)
    world.item("en", areas=("wages",), at=START - days(31))
    recent = world.item("en", areas=("wages",), at=START - days(29))
    take(world, tmp_path, status_row("active", anything.replace("weekly,monday", "daily,")), header=header)
    who = person(world, "m@travail.sn").id
    assert world.got(world.plan("daily"), who) == [(recent, "en")]


def test_who_unsubscribed_during_a_pause_stays_unsubscribed(world: World, tmp_path: Path) -> None:
    header = f"{HEADER},status"
    take(world, tmp_path, status_row("paused"), header=header)
    with world.app.store.write() as tx:
        unsubscribe(tx, person(world, "m@travail.sn").id, "letter", START)
    assert counts(take(world, tmp_path, status_row("active"), header=header))[1:] == (0, 1, 1)
    assert person(world, "m@travail.sn").status is Status.UNSUBSCRIBED


def test_smtputf8_addresses_and_other_spellings_of_one_address(world: World, tmp_path: Path) -> None:
    rows = ("josé@correo.es", "JOSÉ@correo.es", "x@bücher.de", "x@xn--bcher-kva.de")
    done = take(world, tmp_path, *(DAKAR.replace("m@travail.sn", address) for address in rows))
    assert counts(done) == (2, 0, 0, 0)
    assert person(world, "x@BÜCHER.de").address == "x@bücher.de"


def test_labels_and_synonyms_do_as_codes(world: World, tmp_path: Path) -> None:
    row = DAKAR.replace("wages", "Salaires").replace("SEN|002", "Sénégal|France")
    assert counts(take(world, tmp_path, row)) == (1, 0, 0, 0)
    assert person(world, "m@travail.sn").subscriptions[0].choice.places == {"SEN", "FRA"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings_are_recognised(world: World, tmp_path: Path, encoding: str) -> None:
    content = "\n".join([HEADER, DAKAR.replace("m@", "n@").replace("è", "e"), DAKAR]).encode(encoding)
    assert counts(take_bytes(world, tmp_path, content)) == (2, 0, 0, 0)
    assert person(world, "m@travail.sn").name == "Ministère"


def test_a_file_in_another_encoding_is_refused_once(world: World, tmp_path: Path) -> None:
    content = "\n".join([HEADER, DAKAR.replace("è", "e"), DAKAR]).encode() + b"\x81\n"
    with pytest.raises(InvalidInput, match=r"line 3: This line is not UTF-8, though others are\. Nothing"):
        take_bytes(world, tmp_path, content)
    assert len(exported(world).splitlines()) == 1


def test_an_open_quotation_mark_says_where(world: World, tmp_path: Path) -> None:
    done = take(world, tmp_path, DAKAR, DAKAR.replace("m@", "n@").replace("Ministère", '"Min'), "x" * 140_000)
    assert done.added == 1
    assert (done.refusals[0].row, done.refused) == (3, 1)
    assert "quotation mark" in done.refusals[0].hint


def test_too_many_cells_are_refused(world: World, tmp_path: Path) -> None:
    done = take(world, tmp_path, f"{DAKAR},extra")
    assert "14 cells" in done.refusals[0].reason


@pytest.mark.parametrize(
    ("header", "says"),
    [
        (HEADER.replace("zone", "zones"), "Did you mean zone"),
        (HEADER.replace("zone,", ""), "no column zone"),
        (f"{HEADER},hour", "stands twice"),
        ("", "The first row is empty"),
        ("\0\0", "holds bytes that are no text"),
        (",".join(f"c{n}" for n in range(201)), "names 201 columns"),
        ("x" * 1_000_001, "a line is longer than"),
    ],
)
def test_a_wrong_header_says_what_is_wrong(world: World, tmp_path: Path, header: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        take(world, tmp_path, DAKAR, header=header)


def test_a_file_in_parts_is_the_same_as_at_once(world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [DAKAR.replace("m@", f"m{n % 7}@").replace("wages", area) for area in ("skills", "wages") for n in range(7)]
    monkeypatch.setattr(told_people, "OPEN_AT_ONCE", 2)
    monkeypatch.setattr(importing, "MOST_AT_ONCE", 3)
    content = "\n".join([HEADER, *rows, "broken", DAKAR.replace("8", "99"), f"{DAKAR},,x"]).encode()
    done = take_bytes(world, tmp_path, content + b"\nm@,x\n")
    assert counts(done) == (7, 0, 0, 4)
    assert (done.rows, sorted(refusal.row for refusal in done.refusals)) == (18, [16, 17, 18, 19])
    assert all(len(person(world, f"m{n}@travail.sn").subscriptions) == 2 for n in range(7))


def test_the_demonstrations_people_are_all_taken(world: World, tmp_path: Path) -> None:

    from tribune.resources import locate

    file = locate("demo") / "subscribers.csv"
    with file.open(encoding="utf-8", newline="") as rows:
        digests = {row["digest"] for row in csv.DictReader(rows)}
    products = {id: replace(world.digest(), id=id) for id in digests}
    app = world.app
    done = import_subscribers(app.store, app.clock, file, products, app.codelists, basis=BASIS)
    assert (done.refused, done.refusals) == (0, [])
    assert done.added >= 25


def test_a_change_of_choice_carries_over_what_was_pending(world: World, tmp_path: Path) -> None:
    """Marks move to the line of the change: nothing is lost, nothing old comes."""
    anything = DAKAR.replace(",wages,SEN|002,", ",,,").replace("weekly,monday,8", "daily,,8")
    take(world, tmp_path, anything.replace("fr|en", "en"))
    who = person(world, "m@travail.sn").id
    pending = world.item("en", areas=("wages",))
    world.item("en", areas=("skills",))
    take(world, tmp_path, DAKAR.replace("fr|en", "en"))
    assert person(world, "m@travail.sn").rhythms[0].cadence is Cadence.WEEKLY
    later = world.item("en", areas=("wages",))
    got = world.got(world.plan("weekly"), who)
    assert sorted(got) == [(pending, "en"), (later, "en")]


# -- export


def exported(world: World) -> str:
    out = io.StringIO()
    with world.app.store.read() as tx:
        export_subscribers(tx, out)
    return out.getvalue()


def test_an_export_is_safe_to_open_and_comes_back_as_it_was(world: World, tmp_path: Path) -> None:
    rows = [
        DAKAR.replace("Ministère", name).replace("m@", f"m{n}@")
        for n, name in enumerate(("=HYPERLINK(1)", "@SUM", "''=x", "+1", "-2", "Zoë", "قسم العمل", '"a ""b"""', "＝1"))
    ]
    take(world, tmp_path, *rows, "=cmd@travail.sn,x,government,fr,Africa/Dakar,omit,letter,,,guide,monthly,friday,23")
    told = exported(world)
    cells = list(csv.reader(io.StringIO(told.removeprefix("\ufeff"))))
    assert all(cell[:1] not in set("=+-@＝") for row in cells for cell in row)
    with world.app.store.read() as tx:
        before = list(tx.audience.everyone())
    assert counts(take_bytes(world, tmp_path, told.encode())) == (0, 0, len(rows) + 1, 0)
    with world.app.store.read() as tx:
        assert list(tx.audience.everyone()) == before
    assert exported(world) == told
    assert {p.name for p in before} >= {"=HYPERLINK(1)", "'=x", "＝1"}
    assert before[-1].fallback is Fallback.OMIT
