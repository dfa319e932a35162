"""`python -m tools.postgres start [folder] | stop [folder] | url [folder]`: a server for trials; see the Makefile."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tools.postgres.server import NoPostgres, Server

parser = argparse.ArgumentParser(prog="python -m tools.postgres", description=__doc__)
parser.add_argument("what", choices=["start", "stop", "url"])
parser.add_argument("folder", nargs="?", type=Path, default=Path("var/postgres"))
told = parser.parse_args()
server = Server(told.folder.resolve())
try:
    if told.what == "start" and not server.runs:
        server.start()
    elif told.what == "stop":
        server.stop()
except NoPostgres as error:
    sys.exit(str(error))
if told.what != "stop":
    print(server.url())
