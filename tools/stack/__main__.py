"""`python -m tools.stack up|stop`: Kafka, PostgreSQL, a mail sink and two of each worker as processes (make stack).

With --embedded one SQLite file takes the place of Kafka and PostgreSQL. Everything stands in var/stack: settings, data,
logs, pids. It runs until `make stack-stop`; Ctrl-C only ends the tailing of the logs.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tools.stack import house
from tools.stack.engines import Embedded, Engines, Real
from tools.stack.workers import Worker, alike, free_port, save_pid, stop_remembered, tribune

COPIES = {"web": 1, "producers": 2, "consumers": 2, "senders": 2, "scheduler": 2}


def settings(folder: Path, engines: Engines, sink: int, web: int, *, daily_cap: int = 5) -> str:
    """tribune.toml of the stack: its engines and its sink, and the sample's digest."""
    return f"""data_dir = "{folder}/data"
{engines.settings()}
[organisation]
names = {{ en = "The stack" }}
{house.sections("letter@stack.example", sink, web, daily_cap=daily_cap)}"""


def start_sink(folder: Path) -> int:
    """Postfix's smtp-sink, which takes mail and throws it away; where it is missing, the crash suite's own."""
    port = free_port()
    found = shutil.which("smtp-sink") or shutil.which("smtp-sink", path="/usr/sbin")
    as_nobody = ["-u", "nobody"] if os.geteuid() == 0 else []
    command = [found, "-c", *as_nobody, f"127.0.0.1:{port}", "512"] if found else _own_sink(folder, port)
    with (folder / "logs" / "sink.log").open("ab") as log:
        process = subprocess.Popen(
            command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True
        )
    save_pid(folder, "sink", process.pid)
    return port


def _own_sink(folder: Path, port: int) -> list[str]:
    script = Path(__file__).resolve().parent.parent / "crash" / "sink.py"
    return [sys.executable, str(script), str(folder / "mails.tsv"), str(port)]


def up(folder: Path, embedded: bool, tail: bool) -> None:
    """Start all, wait until each says that it is well, and tell where things are."""
    if any((folder / "pids").glob("*")):
        sys.exit(f"A stack runs in {folder} already, or was not stopped: make stack-stop")
    (folder / "logs").mkdir(parents=True, exist_ok=True)
    engines: Engines = Embedded(folder) if embedded else Real(folder)
    print(f"Starting {engines.name} ...", flush=True)
    engines.start()
    copies = COPIES if embedded else COPIES | {"relay": 2}
    workers = alike(copies, folder)
    sink = start_sink(folder)
    (folder / "tribune.toml").write_text(settings(folder, engines, sink, workers["web-1"].port), encoding="utf-8")
    (folder / "engines").write_text(engines.name, encoding="utf-8")
    tribune(folder, "migrate")
    for worker in workers.values():
        worker.start()
    for worker in workers.values():
        wait_until_well(worker)
        print(f"  {worker.name:<12} well   http://127.0.0.1:{worker.port}/healthz   pid {worker.pid}", flush=True)
    print(f"\nThe desk: http://127.0.0.1:{workers['web-1'].port}/    mail goes to a sink at port {sink}")
    print(f"Commands: cd {folder} && TRIBUNE_CONFIG=tribune.toml {sys.executable} -m tribune ...")
    print(f"Logs: {folder}/logs. Stop it with `make stack-stop`.\n", flush=True)
    if tail:
        try:
            subprocess.run(["tail", "-n", "2", "-F", *(str(w.log) for w in workers.values())], check=False)
        except KeyboardInterrupt:
            print("\nThe stack runs on; `make stack-stop` ends it.")


def wait_until_well(worker: Worker, seconds: float = 90) -> None:
    """Wait for a worker. Ends this program with the last of its log where it is not well in time."""
    until = time.monotonic() + seconds
    while not worker.healthy():
        if worker.ended() is not None or time.monotonic() > until:
            last = worker.log.read_text(encoding="utf-8", errors="replace")[-2000:]
            sys.exit(f"{worker.name} is not well ({dict(worker.health()) or 'no answer'}). Its log ends:\n{last}")
        time.sleep(0.2)


def stop(folder: Path) -> None:
    """End the workers and the sink, then the engines."""
    for name in stop_remembered(folder):
        print(f"  {name} stopped", flush=True)
    if (folder / "engines").exists():
        if (folder / "engines").read_text(encoding="utf-8") != Embedded.name:
            Real(folder).stop()
        (folder / "engines").unlink()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tools.stack", description=__doc__)
    parser.add_argument("what", choices=["up", "stop"])
    parser.add_argument("--folder", type=Path, default=Path("var/stack"))
    parser.add_argument("--embedded", action="store_true", help="one SQLite file instead of Kafka and PostgreSQL")
    parser.add_argument("--no-tail", action="store_true", help="return once all are well")
    told = parser.parse_args()
    if told.what == "up":
        up(told.folder.resolve(), told.embedded, not told.no_tail)
    else:
        stop(told.folder.resolve())
