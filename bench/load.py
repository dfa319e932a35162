"""A load generator: requests at a steady rate over kept connections, each timed from the moment at which it was due, so
that what waits behind a slow answer counts as slow too."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Told:
    """What came of a run: seconds from when each was due to its answer, answers by status, seconds that it took."""

    waits: list[float] = field(default_factory=list)
    statuses: dict[int, int] = field(default_factory=dict)
    took: float = 0.0

    def line(self, what: str, asked: float) -> str:
        waits = sorted(self.waits) or [float("nan")]
        at = {p: waits[min(len(waits) - 1, int(len(waits) * p / 100))] * 1000 for p in (50, 95, 99)}
        return (
            f"{what}: asked for {asked:,.0f} /s, answered {len(self.waits) / self.took:,.0f} /s; "
            f"p50 {at[50]:.0f} ms, p95 {at[95]:.0f} ms, p99 {at[99]:.0f} ms, most {waits[-1] * 1000:.0f} ms; "
            f"answers {dict(sorted(self.statuses.items()))}"
        )


def run(port: int, requests: Iterator[bytes], rate: float, seconds: float, connections: int = 160) -> Told:
    """Send requests (whole HTTP/1.1 messages) to 127.0.0.1, `rate` a second, for so long."""
    try:
        import uvloop

        return uvloop.run(_run(port, requests, rate, seconds, connections))
    except ImportError:
        return asyncio.run(_run(port, requests, rate, seconds, connections))


async def _run(port: int, requests: Iterator[bytes], rate: float, seconds: float, connections: int) -> Told:
    told, queue = Told(), asyncio.Queue[tuple[float, bytes]]()
    clients = [asyncio.create_task(_client(port, queue, told)) for _ in range(connections)]
    began, sent = time.perf_counter(), 0
    while (now := time.perf_counter() - began) < seconds:
        while sent < now * rate:
            queue.put_nowait((began + sent / rate, next(requests)))
            sent += 1
        await asyncio.sleep(0.002)
    await asyncio.wait_for(queue.join(), 120)
    told.took = time.perf_counter() - began
    for client in clients:
        client.cancel()
    await asyncio.gather(*clients, return_exceptions=True)
    return told


async def _client(port: int, queue: asyncio.Queue[tuple[float, bytes]], told: Told) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while True:
        due, request = await queue.get()
        status = 0
        try:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            status = int(head[9:12])
            lower = head.lower()
            if (at := lower.find(b"content-length: ")) >= 0:
                await reader.readexactly(int(lower[at + 16 : lower.index(b"\r\n", at)]))
            elif b"transfer-encoding: chunked" in lower:
                await reader.readuntil(b"0\r\n\r\n")
        except (OSError, asyncio.IncompleteReadError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        told.waits.append(time.perf_counter() - due)
        told.statuses[status] = told.statuses.get(status, 0) + 1
        queue.task_done()


def post(path: str, body: bytes, port: int, network: str) -> bytes:
    """A form as a browser behind a proxy sends it, from this network."""
    return (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        f"X-Forwarded-For: {network}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body
