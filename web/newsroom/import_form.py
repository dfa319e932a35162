"""What staff say about a file that they bring: which column is which, what holds where it is silent, on which basis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from tribune.domain.errors import InvalidInput
from tribune.domain.imports import Basis, BasisKind
from tribune.rendering.locales import Texts
from tribune.services.audience.import_subscribers import Columns
from tribune.services.audience.subscriber_cells import RefusedCell, read_languages, read_tags, read_zone
from tribune.services.audience.subscriber_rows import COLUMNS, REQUIRED
from tribune.services.imports.plan_import import Plan
from web.forms import Fields

DEFAULTS = ("languages", "zone", "group", "digest", "cadence", "tags")


_READ: Mapping[str, Callable[[str], object]] = {"languages": read_languages, "zone": read_zone, "tags": read_tags}


@dataclass(slots=True)
class ImportForm:
    """The form as it was filled in. `columns` are the file's, in order."""

    columns: list[str]
    defaults: dict[str, str] = field(default_factory=dict)
    basis: str = ""
    source: str = ""
    given: str = ""
    errors: dict[str, str] = field(default_factory=dict)


def form_of(fields: Fields, width: int) -> ImportForm:
    """From what a browser sent."""
    columns = [fields.one(f"column-{n}") for n in range(width)]
    return ImportForm(
        columns=[name if name in COLUMNS else "" for name in columns],
        defaults={name: fields.one(name).strip()[:100] for name in DEFAULTS if fields.one(name).strip()},
        basis=fields.one("basis"),
        source=fields.one("source").strip(),
        given=fields.one("given").strip(),
    )


def form_of_plan(columns: Sequence[str], kept: Mapping[str, object]) -> ImportForm:
    """From a plan that was kept; empty where there is none."""
    form = ImportForm(list(columns))
    if kept:
        plan = Plan.from_json(kept)
        form.defaults = dict(plan.columns.defaults)
        form.basis, form.source = plan.basis.kind.value, plan.basis.source
        form.given = plan.basis.given.isoformat() if plan.basis.given else ""
    return form


def plan_of(form: ImportForm, texts: Texts, now: datetime) -> Plan | None:
    """What the form says, or None with `errors` in the form."""
    _ = texts.gettext
    errors = form.errors
    named = [name for name in form.columns if name]
    twice = next((n for n, name in enumerate(form.columns) if name and named.count(name) > 1), None)
    if twice is not None:
        errors[f"column-{twice}"] = _("Two columns of the file are said to be the same. Keep one of them.")
    missing = [name for name in REQUIRED if name not in named and name not in form.defaults]
    if "address" in missing:
        errors["column-0"] = _("Say which column holds the e-mail addresses.")
    if "languages" in missing:
        errors["languages"] = _("The file has no column of languages: say which language these people read.")
    if "zone" in missing:
        errors["zone"] = _("The file has no column of time zones: say in which time zone these people live.")
    for name, read in _READ.items():
        try:
            if name in form.defaults:
                read(form.defaults[name])
        except RefusedCell:
            errors[name] = {
                "languages": _("Use codes of languages such as fr or fr|en, the first one first."),
                "zone": _("Use the name of a time zone such as Africa/Dakar."),
                "tags": _("Use small letters, digits and hyphens, such as g20-alumni; several with | between them."),
            }[name]
    basis = basis_of(form, texts, now)
    if errors or basis is None:
        return None
    return Plan(basis, Columns(tuple(form.columns), form.defaults))


class SaysBasis(Protocol):
    """A form in which staff say on which basis they write to somebody (templates/web/newsroom/basis.html)."""

    basis: str
    source: str
    given: str
    errors: dict[str, str]


def basis_of(form: SaysBasis, texts: Texts, now: datetime) -> Basis | None:
    """What the form says, or None with `errors` in the form."""
    _ = texts.gettext
    kind = next((kind for kind in BasisKind if kind.value == form.basis), None)
    if kind is None:
        form.errors["basis"] = _("Say on which basis you may write to them.")
    if not form.source:
        form.errors["source"] = _("Say where they or their consent come from.")
    given = None
    try:
        given = date.fromisoformat(form.given) if form.given else None
    except ValueError:
        form.errors["given"] = _("Write the day as year, month and day: 2026-03-01.")
    if kind is BasisKind.CONSENT and not form.given:
        form.errors["given"] = _("A consent that was given elsewhere needs its date.")
    if form.errors.keys() & {"basis", "source", "given"} or kind is None:
        return None
    try:
        return Basis.stated(kind, form.source, given, now)
    except InvalidInput as error:
        if error.where == "given":
            form.errors["given"] = _("This day has not come yet. Give the day on which they agreed.")
        else:
            form.errors["source"] = _("Write at most 200 characters, in one line.")
        return None
