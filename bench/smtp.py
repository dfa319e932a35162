"""The SMTP channel alone: mails a second into smtp-sink, beside C's smtp-source into the same sink, and what TLS costs.

    python -m bench.smtp [--mails 50000] [--connections 10] [--rounds 3] [--sizes 2800 34000]

Nothing else of the house runs: no ledger, no rendering. A round is smtp-source, the channel, smtp-source again; the
ratio is to the mean of the two, and the median round is told. For TLS there is stunnel before the sink (smtp-sink
has none), so two processes more share the machine's cores: the processor time that each process took says what limits.
Needs Postfix's smtp-sink and smtp-source, and stunnel for the second part (Debian: postfix, stunnel4).
"""

from __future__ import annotations

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.__main__ import machine
from tribune.channels.email.smtp import SmtpChannel
from tribune.ports.channels import OutgoingMail

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
TICKS = os.sysconf("SC_CLK_TCK")


def main(words: Sequence[str] | None = None) -> int:
    told = argparse.ArgumentParser(prog="bench.smtp")
    told.add_argument("--mails", type=int, default=50_000)
    told.add_argument("--connections", type=int, default=10)
    told.add_argument("--rounds", type=int, default=3)
    told.add_argument("--sizes", type=int, nargs="+", default=[2_800, 34_000], help="bytes of a message")
    asked = told.parse_args(words)
    for program in ("smtp-sink", "smtp-source"):
        if not shutil.which(program, path=PATH):
            print(f"{program} is missing: it comes with Postfix.")
            return 1
    print(f"{machine()}; load {os.getloadavg()[0]:.1f} before it began")
    with tempfile.TemporaryDirectory(prefix="tribune-bench-") as name, sink() as (port, sink_pid):
        for size in asked.sizes:
            # Large mails take longer; as many bytes would be too few mails.
            number = asked.mails if size < 10_000 else asked.mails // 4
            in_the_clear(port, sink_pid, number, size, asked.connections, asked.rounds)
        if not shutil.which("stunnel4", path=PATH) and not shutil.which("stunnel", path=PATH):
            print("TLS: stunnel is missing (Debian: apt install stunnel4), so its cost is not measured.")
            return 0
        with tls_before(port, Path(name)) as (tls_port, tls_pid, ca_file):
            for size in asked.sizes:
                number = asked.mails if size < 10_000 else asked.mails // 4
                over_tls(port, sink_pid, tls_port, tls_pid, ca_file, number, size, asked.connections, asked.rounds)
    return 0


@dataclass(frozen=True)
class Run:
    """One run of the channel: mails a second, and processor seconds for 1,000 mails by process."""

    rate: float
    cpu: dict[str, float]

    def by_process(self) -> str:
        return ", ".join(f"{name} {seconds:.3f}" for name, seconds in self.cpu.items())


def in_the_clear(port: int, sink_pid: int, number: int, size: int, connections: int, rounds: int) -> None:
    runs: list[tuple[float, Run]] = []
    for _ in range(rounds):
        before = source(port, number, size)
        run = channel(port, number, size, connections, {"sink": sink_pid})
        runs.append((statistics.mean([before, source(port, number, size)]), run))
    reference, run = sorted(runs, key=lambda one: one[1].rate / one[0])[len(runs) // 2]
    ratios = sorted(run.rate / reference for reference, run in runs)
    print(
        f"{size / 1000:.1f} KB in the clear: {run.rate:,.0f} mails/s; smtp-source -d -s 20: {reference:,.0f}/s; "
        f"ratio {run.rate / reference:.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}); "
        f"CPU s per 1,000: {run.by_process()}",
        flush=True,
    )


def over_tls(
    port: int,
    sink_pid: int,
    tls_port: int,
    tls_pid: int,
    ca_file: Path,
    number: int,
    size: int,
    connections: int,
    rounds: int,
) -> None:
    """The same mails in the clear and over TLS, in turn."""
    pairs: list[tuple[Run, Run]] = []
    for _ in range(rounds):
        plain = channel(port, number, size, connections, {"sink": sink_pid})
        processes = {"stunnel": tls_pid, "sink": sink_pid}
        pairs.append((plain, channel(tls_port, number, size, connections, processes, ca_file)))
    plain, secured = sorted(pairs, key=lambda pair: pair[1].rate / pair[0].rate)[len(pairs) // 2]
    busiest = max(secured.cpu, key=lambda name: secured.cpu[name])
    share = secured.cpu[busiest] * secured.rate / 1000
    print(
        f"{size / 1000:.1f} KB over TLS: {secured.rate:,.0f} mails/s, {secured.rate / plain.rate:.2f} of "
        f"{plain.rate:,.0f} in the clear; "
        f"the channel itself takes {secured.cpu['channel'] / plain.cpu['channel']:.2f} times the CPU; "
        f"CPU s per 1,000: {secured.by_process()}; busiest: {busiest}, {share:.0%} of a core; "
        f"all of them {sum(secured.cpu.values()) * secured.rate / 1000:.1f} cores of {os.cpu_count()}",
        flush=True,
    )


def channel(
    port: int, number: int, size: int, connections: int, processes: dict[str, int], ca_file: Path | None = None
) -> Run:
    """Send so many mails over kept connections (opened before the clock starts)."""
    made = SmtpChannel(
        host="127.0.0.1",
        port=port,
        security="none" if ca_file is None else "tls",
        ca_file=ca_file,
        connections=connections,
    )
    line = b"x" * 70 + b"\r\n"
    head = b"From: a@observatory.example\r\nTo: b@observatory.example\r\nSubject: A mail\r\n\r\n"
    content = head + line * ((size - len(head)) // len(line))

    def mails(many: int) -> Iterator[OutgoingMail]:
        for n in range(many):
            yield OutgoingMail(str(n), "a@observatory.example", f"reader{n}@observatory.example", content, sound=True)

    def send(many: int) -> int:
        return sum(outcome is not None and outcome.error is None for outcome in made.send(mails(many)))

    send(200)
    before = {name: _cpu(pid) for name, pid in processes.items()}
    own, began = time.process_time(), time.perf_counter()
    sent = send(number)
    took, own = time.perf_counter() - began, time.process_time() - own
    after = {name: _cpu(pid) - before[name] for name, pid in processes.items()}
    made.close()
    if sent != number:
        raise RuntimeError(f"{number - sent} of {number} mails did not leave")
    return Run(number / took, {name: used / number * 1000 for name, used in ({"channel": own} | after).items()})


def source(port: int, number: int, size: int) -> float:
    """Mails a second of C's smtp-source into the same sink."""
    command = ["smtp-source", "-d", "-s", "20", "-l", str(size), "-m", str(number)]
    began = time.perf_counter()
    subprocess.run(
        [*command, "-f", "a@x.example", "-t", "b@x.example", f"127.0.0.1:{port}"],
        check=True,
        env=os.environ | {"PATH": PATH},
    )
    return number / (time.perf_counter() - began)


@contextmanager
def sink() -> Iterator[tuple[int, int]]:
    """smtp-sink on a free port; its process id."""
    port = _free()
    user = ["-u", "nobody"] if os.getuid() == 0 else []
    with _running(["smtp-sink", *user, f"127.0.0.1:{port}", "1000"], port) as pid:
        yield port, pid


@contextmanager
def tls_before(port: int, folder: Path) -> Iterator[tuple[int, int, Path]]:
    """stunnel on a free port before this one: its port, its process id, and the authority of its certificate."""
    import trustme

    authority, tls_port = trustme.CA(), _free()
    authority.cert_pem.write_to_path(folder / "ca.pem")
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "server.pem")
    (folder / "stunnel.conf").write_text(
        f"foreground = yes\npid =\ndebug = err\nsocket = l:TCP_NODELAY=1\nsocket = r:TCP_NODELAY=1\n"
        f"[smtps]\naccept = 127.0.0.1:{tls_port}\nconnect = 127.0.0.1:{port}\ncert = {folder}/server.pem\n",
        encoding="ascii",
    )
    program = shutil.which("stunnel4", path=PATH) or shutil.which("stunnel", path=PATH) or ""
    with _running([program, str(folder / "stunnel.conf")], tls_port) as pid:
        yield tls_port, pid, folder / "ca.pem"


@contextmanager
def _running(command: list[str], port: int) -> Iterator[int]:
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, env=os.environ | {"PATH": PATH})
    try:
        end = time.monotonic() + 10
        while process.poll() is None and time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", port), 0.5).close()
                break
            except OSError:
                time.sleep(0.05)
        else:
            raise RuntimeError(f"{command[0]} did not start")
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _free() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _cpu(pid: int) -> float:
    """Processor seconds of a process up to now."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


if __name__ == "__main__":
    sys.exit(main())
