"""OAI-PMH pages and Dublin Core, read from bytes; harvesting through a fetcher that plays the repository."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import BinaryIO
from urllib.parse import parse_qs, urlsplit

import pytest

from tribune.codelists import load
from tribune.domain.errors import SourceError
from tribune.domain.items import Identifier, ItemRecord, Link, Scheme, Withdrawal
from tribune.ports.clock import StoppedClock
from tribune.ports.http import Answer
from tribune.ports.sources import SourceState
from tribune.services.sources.classify import Classifier, Defaults
from tribune.services.sources.dublin_core import to_item
from tribune.services.sources.oai_pages import OaiError, read_identify, read_page
from tribune.services.sources.oai_source import OaiSource
from tribune.services.sources.publish_records import Told

NOW = datetime(2026, 11, 23, 6, tzinfo=UTC)
ADDRESS = "https://repo.example/oai"


def envelope(body: str, when: str = "2026-11-23T06:00:00Z") -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><OAI-PMH xmlns="http://www.openarchives.org/OAI/2.0/">'
        f"<responseDate>{when}</responseDate><request>x</request>{body}</OAI-PMH>"
    ).encode()


def record(dc: str, id: str = "oai:repo.example:1", attributes: str = "") -> str:
    return (
        f"<record><header><identifier>{id}</identifier><datestamp>2026-11-01</datestamp></header><metadata>"
        f'<oai_dc:dc xmlns:oai_dc="http://www.openarchives.org/OAI/2.0/oai_dc/" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/" {attributes}>{dc}</oai_dc:dc></metadata></record>'
    )


def deleted(id: str) -> str:
    return f'<record><header status="deleted"><identifier>{id}</identifier></header></record>'


def page(*records: str, token: str | None = None) -> bytes:
    more = "" if token is None else f"<resumptionToken>{token}</resumptionToken>"
    return envelope(f"<ListRecords>{''.join(records)}{more}</ListRecords>")


def item(dc: str, attributes: str = "", defaults: Defaults | None = None) -> ItemRecord:
    known = defaults or Defaults()
    (told,) = read_page(page(record(dc, attributes=attributes)), ADDRESS).records
    found = to_item(told, Classifier(known, load()), known.language)
    assert found
    return found


# -- Dublin Core


def test_a_full_record() -> None:
    found = item(
        """<dc:title>Wages in Senegal</dc:title><dc:creator>Diop, Awa</dc:creator><dc:creator>Diop, Awa</dc:creator>
        <dc:description>First
            line.</dc:description><dc:language>eng</dc:language><dc:type>info:eu-repo/semantics/workingPaper</dc:type>
        <dc:type>Text</dc:type><dc:subject>wages; Senegal; odd words</dc:subject>
        <dc:coverage>Western Africa</dc:coverage>
        <dc:identifier>https://repo.example/handle/1</dc:identifier><dc:identifier>https://repo.example/1.pdf</dc:identifier>
        <dc:identifier>doi:10.5555/ABC</dc:identifier><dc:identifier>ISBN 978-1-234567-04-0</dc:identifier>
        <dc:identifier>TR-12</dc:identifier><dc:date>2026-11-20T10:00:00Z</dc:date><dc:date>2026-10-01</dc:date>
        <dc:date>2025</dc:date><dc:relation>translation of https://doi.org/10.5555/FR</dc:relation>
        <dc:relation>isVersionOf doi:10.5555/old-edition</dc:relation>"""
    )
    assert found.record == "oai:repo.example:1"
    assert found.kind == "working_paper"
    assert found.authors == ("Diop, Awa",)
    assert (found.policy_areas, found.places, found.categories) == (("wages",), ("SEN", "011"), ("odd words",))
    assert found.published_on == date(2026, 10, 1)
    assert found.versions[0].abstract == "First line."
    assert {(i.scheme, i.value) for i in found.identifiers} >= {
        (Scheme.OAI, "oai:repo.example:1"),
        (Scheme.DOI, "10.5555/abc"),
        (Scheme.ISBN, "9781234567040"),
    }
    assert found.translation_of == (Identifier(Scheme.DOI, "10.5555/fr"),), "another edition is not a translation"
    assert found.versions[0].links[:2] == (
        Link("https://repo.example/handle/1"),
        Link("https://repo.example/1.pdf", "pdf"),
    )


def test_dc_language_says_which_versions_there_are() -> None:
    found = item(
        """<dc:title xml:lang="en">Wages</dc:title><dc:title xml:lang="fr">Salaires</dc:title>
        <dc:description xml:lang="en">Words.</dc:description><dc:description xml:lang="fr">Mots.</dc:description>
        <dc:language>fre</dc:language>"""
    )
    assert found.source_language == "fr"
    (version,) = found.versions
    assert (version.language, version.title, version.abstract) == ("fr", "Salaires", "Mots.")


def test_several_languages_are_several_versions() -> None:
    found = item(
        """<dc:title>Wages</dc:title><dc:title xml:lang="es">Salarios</dc:title><dc:language>en; es</dc:language>
        <dc:description xml:lang="es">Palabras.</dc:description>"""
    )
    assert [(v.language, v.title, v.abstract) for v in found.versions] == [
        ("en", "Wages", ""),
        ("es", "Salarios", "Palabras."),
    ]


def test_without_dc_language_titles_say_it_and_then_settings() -> None:
    assert [v.language for v in item('<dc:title xml:lang="fr-CA">A</dc:title>').versions] == ["fr"]
    assert item("<dc:title>A</dc:title>", attributes='xml:lang="spa"').source_language == "es"
    assert item("<dc:title>A</dc:title>", defaults=Defaults(language="fr")).source_language == "fr"
    assert item("<dc:title>A</dc:title><dc:language>und</dc:language>").source_language == "en"


@pytest.mark.parametrize(
    ("type", "kind"),
    [
        ("Working Paper", "working_paper"),
        ("http://purl.org/coar/resource_type/c_93fc", "report"),
        ("Dataset", "data_release"),
        ("Document de travail", "working_paper"),
        ("Event", "brief"),
        ("doc-type:unheard", "brief"),
    ],
)
def test_dc_type_is_a_kind(type: str, kind: str) -> None:
    assert item(f"<dc:title>A</dc:title><dc:type>{type}</dc:type>", defaults=Defaults(kind="brief")).kind == kind


def test_markup_in_abstracts_comes_off() -> None:
    found = item(
        "<dc:title>A &amp;amp; B</dc:title><dc:description>&lt;p&gt;x&lt;/p&gt;&lt;p&gt;y&lt;/p&gt;</dc:description>"
    )
    assert (found.versions[0].title, found.versions[0].abstract) == ("A & B", "x\ny")


def test_alternative_identifiers_of_openaire() -> None:
    found = item(
        "<dc:title>A</dc:title><dc:relation>info:eu-repo/semantics/altIdentifier/doi/10.5555/x</dc:relation>"
        "<dc:identifier>1234-5679</dc:identifier>"
    )
    assert Identifier(Scheme.DOI, "10.5555/x") in found.identifiers
    assert Identifier(Scheme.ISSN, "1234-5679") in found.identifiers


# -- pages


@pytest.fixture
def samples(shared_data: Path) -> Path:
    return shared_data / "oai-pmh" / "sickle" / "tests" / "sample_data"


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("badArgument", "badArgument"),
        ("badResumptionToken", "badResumptionToken"),
        ("cannotDisseminateFormat", "cannotDisseminateFormat"),
        ("idDoesNotExist", "idDoesNotExist"),
        ("noRecordsMatch", "noRecordsMatch"),
        ("noSetHierarchy", "noSetHierarchy"),
        ("undefinedError", "undefinedError"),
    ],
)
def test_every_error_of_the_samples_is_told_with_advice(samples: Path, name: str, code: str) -> None:
    with pytest.raises(OaiError) as error:
        read_page((samples / f"{name}.xml").read_bytes(), ADDRESS)
    assert error.value.code == code
    assert code in str(error.value) and error.value.hint and error.value.where == ADDRESS


def test_the_samples_pages(samples: Path) -> None:
    first = read_page((samples / "ListRecords.xml").read_bytes(), ADDRESS)
    assert [(r.identifier, r.deleted) for r in first.records] == [
        ("oai:test.example.com:1585310", True),
        ("oai:test.example.com:1585322", False),
    ]
    assert first.token == "ListRecords2.xml" and first.response_date == "2013-02-27T09:10:56Z"
    last = read_page((samples / "ListRecords4.xml").read_bytes(), ADDRESS)
    assert (len(last.records), last.skipped, last.token) == (1, 1, "")
    utf8 = read_page((samples / "GetRecord_utf8test.xml").read_bytes(), ADDRESS)
    assert utf8.records[0].texts("title")
    assert read_identify((samples / "Identify.xml").read_bytes(), ADDRESS).granularity == "YYYY-MM-DD"
    for name in ("ListRecordsBroken", "ListIdentifiers", "ListSets", "ListMetadataFormats"):
        with pytest.raises(SourceError):
            read_page((samples / f"{name}.xml").read_bytes(), ADDRESS)


def test_bombs_entities_and_other_pages_are_harmless(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("top secret")
    body = page(record("<dc:title>a&x;b</dc:title>")).decode()
    outside = body.replace("<OAI-PMH", f'<!DOCTYPE r [<!ENTITY x SYSTEM "{secret.as_uri()}">]><OAI-PMH', 1)
    assert "top secret" not in str(read_page(outside.encode(), ADDRESS))
    nested = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    bomb = body.replace("&x;", "&l11;").replace("<OAI-PMH", f'<!DOCTYPE r [<!ENTITY l0 "lol">{nested}]><OAI-PMH', 1)
    started = time.process_time()
    try:
        told = str(read_page(bomb.encode(), ADDRESS))
    except SourceError:
        told = ""
    assert len(told) < 10_000 and time.process_time() - started < 5
    with pytest.raises(SourceError, match="web page"):
        read_page(b"<!DOCTYPE html><html><body>Not found</body></html>", ADDRESS)


def test_control_characters_of_old_databases_are_passed_over() -> None:
    content = page(record("<dc:title>A\x0bB&#11;C</dc:title>"))
    assert read_page(content, ADDRESS).records[0].texts("title") == ["ABC"]


# -- harvesting


@dataclass
class Repository:
    """A repository that answers from prepared pages; the queries it got."""

    answers: list[bytes | Answer]
    granularity: str = "YYYY-MM-DDThh:mm:ssZ"
    queries: list[dict[str, str]] = field(default_factory=list)

    def fetch(
        self,
        url: str,
        *,
        etag: str = "",
        last_modified: str = "",
        accept: str = "*/*",
        max_bytes: int | None = None,
        into: BinaryIO | None = None,
        allow: frozenset[int] = frozenset(),
    ) -> Answer:
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        if query["verb"] == "Identify":
            identify = (
                f"<Identify><repositoryName>R</repositoryName><earliestDatestamp>2020-01-01</earliestDatestamp>"
                f"<granularity>{self.granularity}</granularity></Identify>"
            )
            return Answer(url, 200, {}, envelope(identify))
        self.queries.append(query)
        told = self.answers.pop(0)
        return told if isinstance(told, Answer) else Answer(url, 200, {}, told)

    def check(self, url: str) -> str:
        return "answers"


def harvest(
    repository: Repository,
    mark: str = "",
    clock: StoppedClock | None = None,
    defaults: Defaults | None = None,
    set: str = "",
) -> tuple[list[Told], SourceState | None]:
    source = OaiSource(
        "oai/r", ADDRESS, defaults or Defaults(), load(), clock or StoppedClock(NOW), repository, set=set
    )
    told: list[Told] = []
    state = None
    for reading in source.read(SourceState("oai/r", mark=mark), NOW):
        told += reading.told
        state = reading.state or state
    return told, state


A, B = record("<dc:title>A</dc:title>", "oai:r:a"), record("<dc:title>B</dc:title>", "oai:r:b")


def test_pages_follow_tokens_and_the_mark_is_the_repositorys_own_clock() -> None:
    repository = Repository([page(A, deleted("oai:r:gone"), token="t 1&amp;"), page(B, token="")])
    told, state = harvest(repository, set="pubs")
    assert [r.record for r in told] == ["oai:r:a", "oai:r:gone", "oai:r:b"]
    assert isinstance(told[1], Withdrawal)
    assert repository.queries == [
        {"verb": "ListRecords", "metadataPrefix": "oai_dc", "set": "pubs"},
        {"verb": "ListRecords", "resumptionToken": "t 1&"},
    ]
    assert state is not None and state.mark == "2026-11-23T06:00:00+00:00"


@pytest.mark.parametrize(
    ("granularity", "start"),
    [("YYYY-MM-DDThh:mm:ssZ", "2026-11-22T23:00:00Z"), ("YYYY-MM-DD", "2026-11-22")],
)
def test_the_next_harvest_begins_with_an_overlap_at_the_repositorys_granularity(granularity: str, start: str) -> None:
    repository = Repository([page(A)], granularity)
    harvest(repository, "2026-11-23T00:00:00+00:00")
    assert repository.queries[0]["from"] == start


def test_the_first_harvest_begins_where_settings_say_but_not_before_the_repository() -> None:
    repository = Repository([page(A)], "YYYY-MM-DD")
    harvest(repository, defaults=Defaults(since=date(2026, 1, 1)))
    assert repository.queries[0]["from"] == "2026-01-01"
    repository = Repository([page(A)], "YYYY-MM-DD")
    harvest(repository, defaults=Defaults(since=date(1999, 1, 1)))
    assert repository.queries[0]["from"] == "2020-01-01"


def test_nothing_new_is_no_error() -> None:
    told, state = harvest(Repository([envelope('<error code="noRecordsMatch"/>')]), "2026-11-23T00:00:00+00:00")
    assert told == [] and state is not None and state.mark == "2026-11-23T00:00:00+00:00"


def test_a_file_without_records_is_told_in_words() -> None:
    content = envelope('<error code="noRecordsMatch">nothing</error>')
    source = OaiSource("oai/x.xml", "/work/x.xml", Defaults(), load(), StoppedClock(NOW), content=content)
    (reading,) = source.read(SourceState("oai/x.xml"), NOW)
    assert (reading.told, reading.problems) == ((), ("The page holds no records.",))
    wrong = OaiSource("oai/x.xml", "/work/x.xml", Defaults(), load(), StoppedClock(NOW), content=b"<a/>")
    with pytest.raises(SourceError) as error:
        list(wrong.read(SourceState("oai/x.xml"), NOW))
    assert "x.xml" not in str(error.value), "the source's name says it already"


def test_an_expired_token_begins_the_harvest_anew_once() -> None:
    expired = envelope('<error code="badResumptionToken"/>')
    repository = Repository([page(A, token="t1"), expired, page(A, token="t2"), page(B)])
    told, state = harvest(repository)
    assert [r.record for r in told] == ["oai:r:a", "oai:r:a", "oai:r:b"] and state
    with pytest.raises(OaiError):
        harvest(Repository([page(A, token="t1"), expired, page(A, token="t2"), expired]))


def test_a_loop_of_tokens_ends() -> None:
    with pytest.raises(SourceError, match="again and again"):
        harvest(Repository([page(A, token="t1"), page(B, token="t2"), page(A, token="t1"), page(B, token="t2")]))


def test_a_busy_repository_is_asked_again_when_it_says() -> None:
    clock = StoppedClock(NOW)
    busy = Answer(ADDRESS, 503, {"retry-after": "30"})
    dated = Answer(ADDRESS, 429, {"retry-after": "Mon, 23 Nov 2026 06:01:00 GMT"})
    told, _ = harvest(Repository([busy, dated, page(A)]), clock=clock)
    assert len(told) == 1
    assert clock.now() == datetime(2026, 11, 23, 6, 1, tzinfo=UTC)


@pytest.mark.parametrize("after", ["7200", "Tue, 24 Nov 2026 06:00:00 GMT"])
def test_a_repository_that_is_busy_for_long_is_left_for_later(after: str) -> None:
    clock = StoppedClock(NOW)
    with pytest.raises(SourceError, match="busy"):
        harvest(Repository([Answer(ADDRESS, 503, {"retry-after": after})]), clock=clock)
    assert clock.now() == NOW


def test_a_repository_that_stays_busy_is_given_up() -> None:
    with pytest.raises(SourceError, match="busy"):
        harvest(Repository([Answer(ADDRESS, 503)] * 4), clock=StoppedClock(NOW))


def test_records_without_a_title_are_counted_not_fatal() -> None:
    content = page(A, B.replace("dc:title", "dc:nothing"))
    (reading,) = OaiSource("oai/r", "f.xml", Defaults(), load(), StoppedClock(NOW), content=content).read(
        SourceState("oai/r"), NOW
    )
    assert [r.record for r in reading.told] == ["oai:r:a"]
    assert reading.problems == ("Passed over 1 record without a title.",)
