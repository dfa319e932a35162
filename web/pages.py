"""Turn a template and its facts into an answer, in the reader's language."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.exceptions import HTTPException

from tribune.bootstrap import Application
from tribune.domain.audience import Fallback, shown_language
from tribune.domain.items import DataSummary, Item, LanguageVersion
from tribune.domain.mailings import Mailing
from tribune.rendering.compiled import Compiled
from tribune.rendering.formats import Formats
from tribune.rendering.locales import Texts, direction
from tribune.rendering.marked_text import blocks
from tribune.rendering.receiving import Receiving
from tribune.rendering.segment_words import SegmentWords
from tribune.rendering.wording import Wording
from tribune.resources import locate
from web.away import RETRY_SECONDS
from web.languages import preferred
from web.newsroom.reasons import Reasons
from web.newsroom.staff_words import StaffWords
from web.newsroom.steps import Steps
from web.words import Words

_COMPILED = Compiled()


class Pages:
    """The templates of templates/web, one environment per locale (gettext is bound to it)."""

    def __init__(self, app: Application) -> None:
        self.app = app
        self.offered = tuple(app.settings.organisation.languages)
        self._environments: dict[str, Environment] = {}
        # Each language is named in itself: who looks for theirs must be able to read it.
        self._formats = {tag: Formats(tag, app.codelists) for tag in self.offered}
        self._language_names = {tag: told.capitalised(told.language(tag)) for tag, told in self._formats.items()}

    def render(self, locale: str, template: str, *, status: int = 200, **facts: Any) -> HTMLResponse:
        """The page. `facts` are what the template names."""
        text = self._environment(locale).get_template(template).render(**facts)
        return HTMLResponse(text, status, headers={"content-language": locale, "vary": "accept-language"})

    def locale_of(self, request: Request) -> str:
        """The language of the address, else the browser's, else the organisation's."""
        first = request.url.path.split("/")[1] if "/" in request.url.path else ""
        if first in self.offered:
            return first
        default = self.app.settings.organisation.default_language
        return preferred(request.headers.get("accept-language", ""), self.offered, default)

    def locale_in(self, request: Request) -> str:
        """The language in an address that has one. Raises HTTPException 404 for one that is not offered."""
        locale = str(request.path_params["locale"])
        if locale not in self.offered:
            raise HTTPException(404)
        return locale

    def error(self, request: Request, status: int) -> HTMLResponse:
        """A page that says what happened and what to do; never a traceback."""
        locale, path = self.locale_of(request), request.url.path
        public = not path.startswith(tuple(f"/{tag}/newsroom" for tag in self.offered))
        page = self.render(locale, "error.html", status=status, code=status, public=public, rest="/", place="")
        if status == 503:
            page.headers["retry-after"] = RETRY_SECONDS
        return page

    def steps(self, locale: str) -> Steps:
        """What tells stories in this locale."""
        return Steps(
            self.app.translations.gettext(locale), self.formats(locale), lambda mailing: self.name_of(mailing, locale)
        )

    def reasons(self, locale: str) -> Reasons:
        """What tells reasons in this locale."""
        return Reasons(self.app.translations.gettext(locale), self.formats(locale))

    def segment_words(self, locale: str) -> SegmentWords:
        """What tells the rules of segments in this locale."""
        texts, groups = self.app.translations.gettext(locale), self.app.codelists.groups
        return SegmentWords(locale, texts, self.formats(locale), groups, self.app.every_digest)

    def formats(self, locale: str) -> Formats:
        """How this locale writes things."""
        return self._formats[locale]

    def name_of(self, mailing: Mailing, locale: str) -> str:
        """`The Observatory Letter, weekly issue of 23 November 2026`, `The Observatory Letter, campaign “Survey”`."""
        formats, words = self._formats[locale], Words(self.app.translations.gettext(locale))
        letter = self.app.digest(mailing.digest).name(locale)
        if mailing.cadence is None:
            return words.campaign(letter, mailing.campaign.name if mailing.campaign else "")
        try:
            day = formats.date(date.fromisoformat(mailing.occasion))
        except ValueError:  # at once: the occasion is an instant
            day = f"{formats.date(mailing.due_at.date())}, {formats.time(mailing.due_at)} UTC"
        return words.issue(letter, mailing.cadence, day)

    def _environment(self, locale: str) -> Environment:
        if locale not in self._environments:
            texts = self.app.translations.gettext(locale)
            environment = Environment(
                loader=FileSystemLoader(locate("templates") / "web"),
                bytecode_cache=_COMPILED,
                autoescape=True,
                undefined=StrictUndefined,
                trim_blocks=True,
                lstrip_blocks=True,
                extensions=["jinja2.ext.i18n"],
            )
            environment.install_gettext_callables(  # type: ignore[attr-defined]
                texts.gettext, texts.ngettext, newstyle=True, pgettext=texts.pgettext, npgettext=texts.npgettext
            )
            formats = self._formats[locale]
            environment.globals.update(
                locale=locale,
                newsroom=f"/{locale}/newsroom",
                direction=direction(locale),
                direction_of=direction,
                formats=formats,
                words=Words(texts),
                staff_words=StaffWords(texts),
                receiving=Receiving(texts, formats),
                offered=self.offered,
                language_names=self._language_names,
                organisation=self.app.organisation,
                codelists=self.app.codelists,
                digests=self.app.digests,
            )
            environment.globals.update(
                name_of=lambda mailing: self.name_of(mailing, locale),
                digest_name=lambda id: self.app.digest(id).name(locale),
                blocks_of=blocks,
                shown_version=lambda item: shown_version(item, locale),
                news_of=lambda data: news_of(data, formats, Wording(texts, formats)),
                duration=lambda time: duration(time, texts, formats),
                topic_options=lambda codes: [(code, formats.policy_area(code)) for code in codes],
                names_of_languages=lambda tags: [formats.language(tag) for tag in tags],
                language_list=lambda item: [formats.language(version.language) for version in item.versions],
            )
            environment.filters.update(
                place=formats.place, policy_area=formats.policy_area, is_web=is_web, commands=commands, spoken=spoken
            )
            environment.globals["ui"] = environment.get_template("parts.html").module
            environment.globals["forms"] = environment.get_template("forms.html").module
            self._environments[locale] = environment
        return self._environments[locale]


def commands(text: str) -> Markup:
    """A text in which `tribune ...` between backticks is to be typed."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))  # noqa: S704 - escaped before


def spoken(text: str) -> Markup:
    """A text of the API's description: what stands between backticks is code, between two asterisks is stressed."""
    coded = commands(text)
    return Markup(re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", str(coded)))  # noqa: S704 - escaped before


def news_of(data: DataSummary, formats: Formats, wording: Wording) -> str:
    """What tells a data release from others of the same title: the period of one, and what it brought."""
    periods = [formats.period(data.new_periods[-1])] if data.new_periods else []
    return " · ".join([*periods, *wording.new_values(data.new_count, data.revised_count)])


def duration(time: timedelta, texts: Texts, formats: Formats) -> str:
    """How long something still takes, in minutes, or hours and minutes: no more exact than is known."""
    minutes = max(round(time.total_seconds() / 60), 1)
    hours, rest = divmod(minutes, 60)
    if not hours:
        return texts.ngettext("%(number)s minute", "%(number)s minutes", minutes) % {"number": formats.number(minutes)}
    if not rest:
        return texts.gettext("%(hours)s h") % {"hours": formats.number(hours)}
    told = {"hours": formats.number(hours), "minutes": formats.number(rest)}
    return texts.gettext("%(hours)s h %(minutes)s min") % told


def is_web(address: str) -> bool:
    """Whether a link may stand in a page: addresses come from sources."""
    return address.lower().startswith(("http://", "https://"))


def shown_version(item: Item, locale: str) -> LanguageVersion:
    """The language version to name an item by for staff who read `locale`."""
    languages = [version.language for version in item.versions]
    best = shown_language([locale], languages, item.source_language, Fallback.SOURCE)
    return item.version_in(best or "") or item.versions[0]
