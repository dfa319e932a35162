"""`tribune staff`: who may come into the newsroom. For the server's own administrators: it asks for no sign-in."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tribune.bootstrap import Application
    from tribune.domain.staff import Role
    from tribune.domain.staff_members import StaffMember
    from tribune.ports.store import Transaction
    from tribune.services.staff.links import GivenLink

app = typer.Typer(add_completion=False, rich_markup_mode=None)

BY = "cli"
AsJson = Annotated[bool, typer.Option("--json", help="As JSON, one object a line.")]
Who = Annotated[str, typer.Argument(metavar="WHO", help="An address, or the number that `tribune staff list` tells.")]
Roles = Annotated[
    str, typer.Option(help="author, editor, approver, audience_manager, administrator, auditor; several with commas.")
]


@app.callback()
def staff() -> None:
    """Who may come into the newsroom, and with which roles."""


@app.command(short_help="Add somebody, and print their invitation.")
def add(
    address: Annotated[str, typer.Argument(help="Their e-mail address: they sign in with it.")],
    name: Annotated[str, typer.Option(help="Their name (else what stands before the @).")] = "",
    roles: Roles = "administrator",
    language: Annotated[str, typer.Option(help="The language that the newsroom begins in (else the default).")] = "",
) -> None:
    """Add somebody, and print a link by which they set a password and a second factor. It works once, for a day."""
    from tribune.bootstrap import application
    from tribune.domain.errors import InvalidInput
    from tribune.services.staff.change_staff import add_staff

    with application() as house:
        offered = house.settings.organisation.languages
        if language and language not in offered:
            raise InvalidInput(f"The pages are not in {language!r}.", hint=f"They are in: {', '.join(offered)}.")
        locale = language or house.settings.organisation.default_language
        with house.store.write() as tx:
            given = add_staff(
                tx,
                address,
                name or address.partition("@")[0],
                locale,
                _roles(roles),
                timedelta(hours=house.settings.staff.invitation_hours),
                BY,
                house.clock.now(),
            )
        _tell(house, given, "invitation", f"{given.staff.name} is added.")


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """Everybody: roles, how they sign in, when they last did."""
    from tribune.bootstrap import application
    from tribune.commands._rows import print_rows, shown_time

    with application() as house, house.store.read() as tx:
        people = tx.staff.everyone()
    rows = [
        {
            "no.": str(one.id),
            "name": one.name,
            "address": one.address,
            "roles": ", ".join(sorted(one.roles)),
            "signs in with": _way(one),
            "last sign-in": shown_time(one.last_sign_in_at) if one.last_sign_in_at else "never",
        }
        for one in people
    ]
    print_rows(rows, as_json, "There is nobody yet. `tribune staff add ADDRESS` adds the first administrator.")


@app.command(short_help="Say what somebody may do.")
def roles(
    who: Who,
    roles: Annotated[str, typer.Argument(help="All their roles from now on, with commas: editor,approver.")],
) -> None:
    """Give somebody these roles in place of theirs. It holds from the next page on."""
    from tribune.bootstrap import application
    from tribune.services.staff.change_staff import change_roles

    wanted = _roles(roles)
    with application() as house, house.store.write() as tx:
        found = _find(tx, who)
        changed = change_roles(tx, found, wanted, BY, house.clock.now())
    print(f"{found.name} {'is now' if changed else 'was already'}: {', '.join(sorted(wanted))}.")


@app.command(short_help="Let somebody in no more, or again.")
def disable(
    who: Who,
    undo: Annotated[bool, typer.Option("--undo", help="Let them in again.")] = False,
) -> None:
    """Let somebody in no more: sessions, links and API tokens end at once. What they did stays in the audit log."""
    from tribune.bootstrap import application
    from tribune.services.staff.change_staff import disable, enable

    with application() as house, house.store.write() as tx:
        found = _find(tx, who)
        changed = (enable if undo else disable)(tx, found, BY, house.clock.now())
    state = "enabled" if undo else "disabled"
    print(f"{found.name} is {state}{'' if changed else ' already'}.")


@app.command(short_help="Take password and second factor away; print an invitation.")
def reset(who: Who) -> None:
    """For a lost device or password: take both away, end all sessions, and print a link to set new ones."""
    from tribune.bootstrap import application
    from tribune.services.staff.change_staff import reset

    with application() as house:
        life = timedelta(hours=house.settings.staff.invitation_hours)
        with house.store.write() as tx:
            given = reset(tx, _find(tx, who), life, BY, house.clock.now())
        _tell(house, given, "invitation", f"{given.staff.name} can no longer sign in as before.")


@app.command(short_help="Print a link that signs somebody in once.")
def link(who: Who) -> None:
    """Print a link that signs somebody in once, within minutes: for an administrator who is locked out."""
    from tribune.bootstrap import application

    with application() as house:
        life = timedelta(minutes=house.settings.staff.link_minutes)
        with house.store.write() as tx:
            from tribune.domain.staff_members import LinkPurpose
            from tribune.services.staff.links import give_link

            given = give_link(tx, _find(tx, who), LinkPurpose.SIGN_IN, life, BY, house.clock.now())
        _tell(house, given, "sign-in", f"Whoever opens it is {given.staff.name}.")


def link_address(house: Application, given: GivenLink, kind: str) -> str:
    """Where a link leads: `invitation` or `sign-in`."""
    offered = house.settings.organisation.languages
    locale = given.staff.locale if given.staff.locale in offered else house.settings.organisation.default_language
    return f"{house.base_url.rstrip('/')}/{locale}/newsroom/{kind}/{given.token}"


def _tell(house: Application, given: GivenLink, kind: str, said: str) -> None:
    print(f"{said} This link works once, until {given.expires_at:%Y-%m-%d %H:%M} UTC:")
    print(link_address(house, given, kind))


def _find(tx: Transaction, who: str) -> StaffMember:
    from tribune.commands._numbers import LARGEST
    from tribune.domain.errors import NotFound

    number = int(who) if who.isascii() and who.isdigit() and len(who) <= 10 else 0
    found = tx.staff.one(number) if 0 < number <= LARGEST else tx.staff.by_address(who)
    if found is None:
        raise NotFound(f"There is no {who!r} among the staff.", hint="See `tribune staff list`.")
    return found


def _roles(text: str) -> list[Role]:
    from tribune.domain.errors import InvalidInput
    from tribune.domain.staff import Role

    words = [word.strip().lower().replace("-", "_").replace(" ", "_") for word in text.split(",") if word.strip()]
    wrong = [word for word in words if word not in {role.value for role in Role}]
    if wrong:
        raise InvalidInput(f"There is no role {wrong[0]!r}.", hint=f"Roles are: {', '.join(Role)}.")
    return [Role(word) for word in words]


def _way(one: StaffMember) -> str:
    if not one.active:
        return "disabled"
    if one.has_password:
        return "password and code"
    return "the organisation's account" if one.provider else "nothing yet"
