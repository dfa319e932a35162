"""The command line: finds the command, imports only that one, and turns errors into words.

Each command is a typer app in tribune/commands/NAME.py. Nothing is imported before it is needed, so that
`tribune --help` answers at once.
"""

from __future__ import annotations

import importlib
import os
import sys

COMMANDS = {
    "demo": "Run the whole way of an event with the sample organisation, then serve the desk",
    "up": "Run every role in one process",
    "run": "Run one role, in several processes if you like: web, producers, consumers, senders, scheduler, relay",
    "check": "Try each configured connection and say in plain words what works",
    "migrate": "Bring the database to the newest shape and create the topics",
    "publish": "Publish items by hand, from YAML files",
    "pull": "Read feeds, OAI-PMH repositories or ILOSTAT releases now",
    "items": "Look into the catalogue",
    "search": "Search the catalogue in a reader's language",
    "subscribers": "Import, export and look up subscribers",
    "suppression": "With which keys the list of addresses never mailed was made",
    "consents": "On what ground people are written to: give the records out",
    "segments": "Saved rules that select people: who is in, and why; tags of people",
    "schedule": "What is due, and when",
    "campaign": "Messages to the people of a segment: plan, preview, look at them",
    "mailing": "Mailings and their deliveries",
    "notices": "Mails to one person, such as a link that they asked for",
    "api": "The description of the REST API",
    "events": "The event log: lag, dead letters, replay",
    "staff": "Who may come into the newsroom, and with which roles",
    "audit": "Who did what when, and whether the record is whole",
}


def usage() -> str:
    """The help text."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {meaning}" for name, meaning in COMMANDS.items()]
    return "\n".join(
        [
            "Usage: tribune [--config FILE] COMMAND [ARGUMENTS]",
            "",
            "Publications and data releases become digests in each reader's language, time zone and rhythm.",
            "",
            "Commands:",
            *lines,
            "",
            "Options:",
            "  --config FILE  Settings (else $TRIBUNE_CONFIG, else ./tribune.toml)",
            "  --version      Print the version",
            "  --help         Print this; `tribune COMMAND --help` tells more of a command",
        ]
    )


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and leave with its exit code: 0 well, 1 an error that is told, 2 wrong usage."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    while words and words[0].startswith("-"):
        option, _, value = words.pop(0).partition("=")
        if option == "--config" and (value or words):
            os.environ["TRIBUNE_CONFIG"] = value or words.pop(0)
        elif option == "--version":
            from tribune import __version__

            print(f"tribune {__version__}")
            return
        elif option in ("--help", "-h"):
            print(usage())
            return
        else:
            _leave(f"There is no option {option}.", hint="Try `tribune --help`.")
    if not words:
        print(usage())
        return
    name, *rest = words
    if name not in COMMANDS:
        import difflib

        near = difflib.get_close_matches(name, COMMANDS, n=1)
        _leave(f"There is no command {name!r}.", hint=f"Did you mean {near[0]!r}?" if near else "Try `tribune --help`.")
    _run(name, rest)


def _run(name: str, arguments: list[str]) -> None:
    from tribune.domain.errors import ConfigurationError, TribuneError

    os.umask(0o077)  # what a command writes may hold names and addresses: for its owner only
    try:
        importlib.import_module(f"tribune.commands.{name}").app(arguments, prog_name=f"tribune {name}")
    except (TribuneError, ConfigurationError) as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output has gone (`| head`): not an error of ours.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        if type(error).__module__.startswith("sqlalchemy") and not os.environ.get("TRIBUNE_DEBUG"):
            from tribune.failures import reason
            from tribune.store.advice import advice

            print(f"Error: the store answered: {reason(error)}. {advice(error)}", file=sys.stderr)
            sys.exit(1)
        if os.environ.get("TRIBUNE_DEBUG"):
            raise
        told = f"{type(error).__name__}: {error}".splitlines()[0]
        print(
            f"Error: something unexpected went wrong in `tribune {name}` ({told}). Nothing was half done: each step "
            "commits whole. Set TRIBUNE_DEBUG=1 to see where, and tell the maintainers.",
            file=sys.stderr,
        )
        sys.exit(70)


def _leave(what: str, *, hint: str) -> None:
    print(f"Error: {what} {hint}", file=sys.stderr)
    sys.exit(2)
