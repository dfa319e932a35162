"""What a mail shows of an item, in words of the frame's locale: the templates only lay it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from tribune.domain.codelists import fold
from tribune.domain.digests import text_in
from tribune.domain.errors import NotFound
from tribune.domain.items import DataSummary, Item, LanguageVersion, Link, Observation, Revision
from tribune.domain.mailings import FragmentKey, Shape
from tribune.rendering.formats import Formats
from tribune.rendering.locales import Texts, direction
from tribune.rendering.text import clean, cut_at_sentence, isolate, same_language, short_title
from tribune.rendering.wording import Wording, starts_in

LEAD_ABSTRACT = 480
ROW_ABSTRACT = 125
"""What two lines of a row hold on a desktop."""
MOST_FIGURES = 4
MOST_PLACES = 2
"""How many places are named where they are more than three."""
SUBJECT_TITLE = 72
_FORMATS = ("html", "pdf", "epub", "xlsx", "csv", "audio", "video", "other")


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure: what it is of, the value with its unit, its change as a sign and in words ("" where there is none).

    `brief` says no more than what the figure was before, for a column of figures.
    """

    label: str
    value: str
    sign: str = ""
    change: str = ""
    brief: str = ""


@dataclass(frozen=True, slots=True)
class ItemView:
    """An item as a mail shows it. `language` and `direction` are of title and abstract; all else is the frame's."""

    group: str  # publication, data or session
    title: str
    language: str
    direction: str
    abstract: str
    particulars: str  # kind, length, language: "Working paper, 48 pages, in English"
    places: str
    url: str  # "" where the item has no address that a mail may link to
    action: str
    figures: tuple[Figure, ...]
    figures_of: str  # the indicator, unless the title says it, and the period where all figures are of one
    news: str  # what a data release brought: "134 new figures and 12 revised figures"
    source: str
    when: str  # of a session, in the reader's zone
    spoken: str
    subject: str


def group_of(item: Item) -> str:
    """What an item counts as in "3 publications and 1 data release"."""
    if item.session is not None or item.kind == "session":
        return "session"
    return "data" if item.data is not None or item.kind == "data_release" else "publication"


def view(item: Item, key: FragmentKey, formats: Formats, wording: Wording, texts: Texts) -> ItemView:
    """The view of `item` for a fragment. Raises NotFound where the item lacks the language shown."""
    version = item.version_in(key.language)
    if version is None:
        raise NotFound(f"Item {item.id} has no version in {key.language!r}.", where=f"version {item.version}")
    group = group_of(item)
    link = link_of(item, version)
    return ItemView(
        group=group,
        title=clean(version.title) or formats.capitalised(formats.kind(item.kind)),
        language=key.language,
        direction=direction(key.language),
        abstract=(
            cut_at_sentence(version.abstract, LEAD_ABSTRACT)
            if key.shape is Shape.LEAD
            else cut_at_sentence(version.abstract, ROW_ABSTRACT, ROW_ABSTRACT)
        ),
        particulars=_particulars(item, version, key, formats, wording),
        places=wording.names(map(formats.place, item.places), MOST_PLACES) if group == "publication" else "",
        url=link.url if link else "",
        action=action_of(item, link, formats, texts) if link else "",
        figures=_figures(item.data, formats, wording) if item.data else (),
        figures_of=figures_of(item.data, version.title, formats) if item.data else "",
        news=news_of(item.data, formats, wording) if item.data else "",
        source=formats.aside(clean(formats.list(item.authors))) if item.data and item.authors else "",
        when=wording.session(item.session, key.zone or item.session.zone) if item.session else "",
        spoken=wording.languages(item.session.languages) if item.session and item.session.languages else "",
        subject=_subject(item, version, key, formats, wording, texts),
    )


def _particulars(item: Item, version: LanguageVersion, key: FragmentKey, formats: Formats, wording: Wording) -> str:
    said = [formats.capitalised(formats.kind(item.kind))]
    if version.pages and version.pages > 0:
        said.append(wording.pages(version.pages))
    if not same_language(key.language, key.locale):
        said.append(wording.in_language(key.language))
    return formats.parts(said)


def link_of(item: Item, version: LanguageVersion) -> Link | None:
    """The link that a mail gives: the registration of a session, else a page before a file. http(s) only."""
    if item.session is not None and fit_to_link(item.session.registration_url):
        return Link(item.session.registration_url)
    fit = [link for link in version.links if fit_to_link(link.url)]
    return min(fit, key=lambda link: _FORMATS.index(link.format) if link.format in _FORMATS else 99, default=None)


def fit_to_link(url: str) -> bool:
    """Whether a mail may link to `url`."""
    if not url or any(c.isspace() or c in '<>"\\' or not c.isprintable() for c in url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.username is None
    except ValueError:
        return False


def action_of(item: Item, link: Link, formats: Formats, texts: Texts) -> str:
    """What the button says: what it does."""
    if item.session is not None:
        if link.url == item.session.registration_url:
            return texts.gettext("Register for the session")
        return texts.gettext("See the session")
    if item.data is not None:
        return texts.gettext("See the data")
    if link.format in ("html", "other"):
        return texts.gettext("Read more")
    if link.format in ("audio", "video"):
        return texts.gettext("Listen") if link.format == "audio" else texts.gettext("Watch")
    kind = link.format.upper()
    if link.size_bytes:
        return texts.gettext("Download (%(format)s, %(size)s)") % {
            "format": kind,
            "size": formats.size(link.size_bytes),
        }
    return texts.gettext("Download (%(format)s)") % {"format": kind}


def _figures(data: DataSummary, formats: Formats, wording: Wording) -> tuple[Figure, ...]:
    """Several, so that no single country stands for all: whom a mail is for, a fragment cannot know."""
    shown = shown_of(data)
    one = _one_period(shown)
    return tuple(figure_of(seen, data.unit, formats, wording, with_period=not one) for seen in shown)


def shown_of(data: DataSummary) -> Sequence[Observation | Revision]:
    """The headline figures, else those that were revised and whose value before and after is known."""
    if data.headline:
        return data.headline[:MOST_FIGURES]
    return [seen for seen in data.revisions if seen.before is not None and seen.after is not None][:MOST_FIGURES]


def _one_period(shown: Sequence[Observation | Revision]) -> str:
    """The period of all these figures, "" where they are of several or of none."""
    periods = {seen.period for seen in shown}
    return periods.pop() if len(periods) == 1 else ""


def figure_of(
    seen: Observation | Revision, unit: str, formats: Formats, wording: Wording, *, with_period: bool
) -> Figure:
    place = formats.place(seen.place)
    label = formats.parts([place, formats.period(seen.period)]) if with_period else place
    if isinstance(seen, Revision):
        formerly = wording.formerly(seen.before or 0, unit)
        return Figure(label, wording.value(seen.after or 0, unit), change=formerly, brief=formerly)
    value, change = wording.value(seen.value, unit), wording.change(seen, unit)
    return Figure(label, value, change.sign, change.words, change.brief) if change else Figure(label, value)


def figures_of(data: DataSummary, title: str, formats: Formats) -> str:
    indicator, period = _indicator(data, formats), _one_period(shown_of(data))
    named = fold(indicator) == fold(title)
    return formats.parts([said for said in ("" if named else indicator, formats.period(period)) if said])


def news_of(data: DataSummary, formats: Formats, wording: Wording) -> str:
    """How much is new. Of a first load nothing is said: all of it is new to us, not to the world."""
    return "" if data.first_load else formats.list(wording.new_values(data.new_count, data.revised_count))


def _indicator(data: DataSummary, formats: Formats) -> str:
    return formats.aside(clean(text_in(data.labels, formats.locale)))


def _subject(
    item: Item, version: LanguageVersion, key: FragmentKey, formats: Formats, wording: Wording, texts: Texts
) -> str:
    """What the subject says of an item that leads: how much a data release brought, a session's day, else
    the title."""
    title = short_title(version.title, SUBJECT_TITLE)
    if not same_language(key.language, key.locale):
        shown = texts.pgettext("subject", "%(title)s [%(in_language)s]")
        title = shown % {
            "title": isolate(title, key.language, key.locale),
            "in_language": wording.in_language(key.language),
        }
    if item.session is not None:
        day = formats.day_and_month(starts_in(item.session, key.zone or item.session.zone).date())
        return texts.gettext("Live session on %(date)s: %(title)s") % {"date": day, "title": title}
    if item.data is not None and (indicator := _indicator(item.data, formats)):
        news = [] if item.data.first_load else wording.new_values(item.data.new_count, item.data.revised_count)
        if news:
            return texts.pgettext("figure", "%(what)s: %(value)s") % {"what": indicator, "value": news[0]}
    return title
