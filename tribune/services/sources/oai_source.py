"""An OAI-PMH repository as a source: harvested page by page from the last harvest on.

The watermark is the repository's own clock at the last harvest, less an overlap; what is read twice is recognised by
its content. It moves when all pages were published, so a harvest that breaks off is taken up from where it began.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import urlencode, urlsplit, urlunsplit

from tribune.domain.codelists import Codelists
from tribune.domain.errors import SourceError
from tribune.domain.items import Withdrawal
from tribune.ports.clock import Clock
from tribune.ports.http import Answer, Fetcher
from tribune.ports.sources import SourceState
from tribune.services.sources.classify import Classifier, Defaults
from tribune.services.sources.dublin_core import to_item
from tribune.services.sources.oai_pages import OaiError, OaiPage, Repository, read_identify, read_page
from tribune.services.sources.plain_text import counted
from tribune.services.sources.publish_records import Told
from tribune.services.sources.pull_sources import Reading

MAX_PAGES = 20_000
MAX_WAIT_SECONDS = 120.0
TRIES = 4
BUSY = frozenset({429, 503})
ACCEPT = "text/xml, application/xml;q=0.9, */*;q=0.1"
WITHDRAWN = "The repository deleted the record."


class OaiSource:
    """Harvests the repository at `address`, or reads one page's `content` where it is already at hand (a file)."""

    def __init__(
        self,
        name: str,
        address: str,
        defaults: Defaults,
        codelists: Codelists,
        clock: Clock,
        fetcher: Fetcher | None = None,
        *,
        prefix: str = "oai_dc",
        set: str = "",
        content: bytes | None = None,
    ) -> None:
        self.name = name
        self._address = address
        self._defaults = defaults
        self._classifier = Classifier(defaults, codelists)
        self._clock = clock
        self._fetcher = fetcher
        self._prefix = prefix
        self._set = set
        self._content = content

    def read(self, since: SourceState, now: datetime) -> Iterator[Reading]:
        """A reading per page; the last one carries the watermark."""
        if self._content is not None:
            yield self._file(self._content)
            return
        repository = read_identify(self._ask({"verb": "Identify"}), self._address)
        try:
            yield from self._pages(since, repository, now)
        except OaiError as error:
            if error.code != "badResumptionToken":
                raise
            # The list expired while we read it. Once more from the start of this harvest; what was
            # published is recognised.
            yield from self._pages(since, repository, now)

    def settle(self, states: Iterable[SourceState], now: datetime) -> None:
        """Nothing is left behind."""

    def _file(self, content: bytes) -> Reading:
        try:
            page = read_page(content, "")
        except OaiError as error:
            if error.code != "noRecordsMatch":
                raise
            return Reading(problems=("The page holds no records.",))
        return self._reading(page, ("More pages follow; a file is read as one page.",) if page.token else ())

    def _pages(self, since: SourceState, repository: Repository, now: datetime) -> Iterator[Reading]:
        query = {"verb": "ListRecords", "metadataPrefix": self._prefix}
        if self._set:
            query["set"] = self._set
        start = _start(since.mark, repository, self._defaults)
        if start:
            query["from"] = start
        seen: set[str] = set()
        began = ""
        for _ in range(MAX_PAGES):
            try:
                page = read_page(self._ask(query), self._address)
            except OaiError as error:
                if error.code != "noRecordsMatch":
                    raise
                page = OaiPage((), "", "")
            began = began or page.response_date
            if not page.token:
                mark = _parse(began) or (_parse(since.mark) if not page.records else None) or now
                yield replace(
                    self._reading(page), state=replace(since, mark=mark.astimezone(UTC).isoformat(), pulled_at=now)
                )
                return
            if page.token in seen:
                raise SourceError(
                    "The repository gives the same resumption token again and again.",
                    where=self.name,
                    hint="Tell the repository's owner; what came so far was published.",
                )
            seen.add(page.token)
            yield self._reading(page)
            query = {"verb": "ListRecords", "resumptionToken": page.token}
        raise SourceError(f"More than {MAX_PAGES:,} pages.", where=self.name, hint="Harvest a set of it.")

    def _reading(self, page: OaiPage, problems: tuple[str, ...] = ()) -> Reading:
        told: list[Told] = []
        untitled = 0
        for record in page.records:
            if record.deleted:
                told.append(Withdrawal(record.identifier, WITHDRAWN))
                continue
            item = to_item(record, self._classifier, self._defaults.language)
            if item is None:
                untitled += 1
            elif not (self._defaults.since and item.published_on and item.published_on < self._defaults.since):
                told.append(item)
        if page.skipped:
            problems += (f"Passed over {counted(page.skipped, 'record', 'records')} without an identifier.",)
        if untitled:
            problems += (f"Passed over {counted(untitled, 'record', 'records')} without a title.",)
        return Reading(tuple(told), None, problems)

    def _ask(self, query: dict[str, str]) -> bytes:
        """One request; a busy repository is asked again when it says, a few times."""
        if self._fetcher is None:
            raise SourceError("There is nothing to fetch it with.", where=self.name)
        parts = urlsplit(self._address)
        address = urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, urlencode(query)))), fragment=""))
        for attempt in range(TRIES):
            answer = self._fetcher.fetch(address, accept=ACCEPT, allow=BUSY)
            if answer.status not in BUSY:
                return answer.body
            wait = retry_after(answer, self._clock.now(), 5.0 * 2**attempt)
            if wait > MAX_WAIT_SECONDS or attempt == TRIES - 1:
                break
            self._clock.sleep(wait)
        raise SourceError(
            f"The repository is busy ({answer.status}).", where=address, hint=f"It asks to come back in {wait:.0f} s."
        )


def retry_after(answer: Answer, now: datetime, otherwise: float) -> float:
    """Seconds that the Retry-After header asks for: a number or a date (RFC 9110, 10.2.3)."""
    told = answer.headers.get("retry-after", "").strip()
    if told.isascii() and told.isdigit() and len(told) < 9:
        return float(told)
    try:
        at = parsedate_to_datetime(told)
    except ValueError:
        return otherwise
    return max((at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now.timestamp(), 0.0)


def _start(mark: str, repository: Repository, defaults: Defaults) -> str:
    """`from` at the repository's granularity, with an overlap for records that got their datestamp a little before
    they could be seen; empty for a first harvest of everything."""
    fine = repository.granularity.strip().lower().endswith("ssz")
    last = _parse(mark)
    if last:
        last -= timedelta(hours=1) if fine else timedelta(days=1)
    elif defaults.since:
        last = datetime.combine(defaults.since, datetime.min.time(), UTC)
    else:
        return ""
    earliest = _parse(repository.earliest)
    if earliest and last < earliest:
        last = earliest  # some repositories take an earlier date for a bad argument
    return last.strftime("%Y-%m-%dT%H:%M:%SZ" if fine else "%Y-%m-%d")


def _parse(told: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(told.strip())
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
