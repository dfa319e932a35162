"""What to do about an error of the database: one sentence for whoever runs Tribune."""

from __future__ import annotations

SQLITE = (
    "Look whether the file of [store] url is a database of Tribune's, whether you may write it, and whether its disk "
    "has room."
)
UNREACHABLE = "Is the server of [store] url running, has it that database (`createdb NAME`), and does it let you in?"
OTHER = "See the log of the server of [store] url."
_BY_STATE = {
    "57014": "It took longer than [store] statement_timeout_seconds: give it more, or see what keeps the server busy.",
    "55P03": (
        "Another process held what was needed for longer than [store] lock_timeout_seconds: try again, or see in "
        "pg_stat_activity who holds it."
    ),
    "25P03": "A transaction stood still for so long that the server ended it: was the process stopped?",
    "42P01": "The tables are not there: run `tribune migrate`.",
    "42501": "The user of [store] url may not do this: let it own the database.",
    "53100": "The server's disk is full.",
    "53300": "The server has no connection left: lower [store] pool_size, or raise its max_connections.",
    "57P01": "The server is being stopped or restarted: try again in a moment.",
    "57P03": "The server is starting: try again in a moment.",
    "25006": "The server only reads: it is a standby, or in recovery.",
}
"""By SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html."""


def advice(error: BaseException) -> str:
    """What to do about an error that SQLAlchemy raised."""
    cause = getattr(error, "orig", None) or error
    if type(cause).__module__.partition(".")[0] != "psycopg":
        return SQLITE
    state = getattr(cause, "sqlstate", None)
    if state is None or state.startswith("08"):  # no connection: psycopg has no state for why
        return UNREACHABLE
    return _BY_STATE.get(state, OTHER)
