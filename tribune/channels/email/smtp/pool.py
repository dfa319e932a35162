"""A few kept connections and the event loop that serves them, in the caller's own thread.

The loop runs only while the caller waits for an outcome. Each turn: give every connection that can go on a mail, run
until something is known, hand the outcomes out. As long as all goes well a turn takes in a few outcomes (`_TOGETHER`)
and gives connections their next mail from within: starting and stopping the loop costs more than a mail. What is not
well ends the turn at once. No future, task or timer is made for a mail; one timer looks at the deadlines of all
connections.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from collections.abc import Callable, Iterable, Iterator

from tribune.channels.email.envelope import refusal
from tribune.channels.email.replies import hung_up
from tribune.channels.email.smtp.commands import envelope
from tribune.channels.email.smtp.connection import Connection
from tribune.channels.email.smtp.opening import addresses_of, opened
from tribune.channels.email.smtp.settings import Patience, Server
from tribune.domain.errors import DeliveryError, Permanent, Retryable, Throttled
from tribune.ports.channels import Outcome, OutgoingMail
from tribune.ports.clock import SystemClock

_monotonic = SystemClock().monotonic
"""Deadlines of sockets are real time, whatever clock the house runs on."""

IDLE = 60.0
"""Seconds after which a connection is not used again: servers hang up on their own, most after 300."""

FEWER = 30.0
"""Seconds for which we keep to the connections that there are, when the server wants no more."""

_MOVES = 5
"""How often a mail is offered over another connection because a kept one was closed before its body."""

_TOGETHER = 128
"""How many good outcomes are handed out together, and"""

_SOON = 0.01
"""after how many seconds at the latest."""

_REFUSED_AT_ONCE = 16
"""How many mails in a row may be refused before the outcomes are handed out."""


class Pool:
    """The connections to one server, for one caller at a time. `now` is the reading of the monotonic clock that
    deadlines are counted from; it is taken once a turn. `allowed` says how many connections it may have at this moment,
    where fewer than the server's `connections`."""

    def __init__(self, server: Server, allowed: Callable[[], int] | None = None) -> None:
        self._server = server
        self._allowed = allowed
        self.patience = Patience.of(server.timeout)
        self.now = _monotonic()
        self.outcomes: list[Outcome] = []
        self.ready: list[Connection] = []
        self.held: deque[OutgoingMail] = deque()
        self._moves: dict[str, int] = {}
        self._connections: set[Connection] = set()
        self._opening: set[asyncio.Task[Connection]] = set()
        self._loop = _new_loop()
        self._running = self._waking = False
        self._sweeper: asyncio.TimerHandle | None = None
        self._addresses: list[str] = []
        self._tls: ssl.SSLContext | None = None
        self._fewer_until = 0.0
        self._dry = self._ended = False
        self._broken: Exception | None = None
        self._limit, self._surplus = server.connections, 0
        self._source: Iterator[OutgoingMail | None] = iter(())
        self._soon: asyncio.TimerHandle | None = None

    # -- the caller's side ------------------------------------------------------------------------------------

    def send(self, mails: Iterable[OutgoingMail | None]) -> Iterator[Outcome | None]:
        """See tribune.ports.channels.EmailChannel.send."""
        self._source = source = iter(mails)
        self._dry = self._ended = False
        self._broken = None
        self._freshen()
        try:
            while True:
                self._fill(source)
                if not self.outcomes:
                    if self._in_hand():
                        self._turn()
                    elif self._ended:
                        break
                    elif self._dry:
                        yield None
                        self._dry = False
                    elif self._opening:
                        self._turn()
                    else:
                        self._let_callbacks_run()  # a connection is about to be over, or to be there
                if self.outcomes:
                    known, self.outcomes = self.outcomes, []
                    self._dry = False
                    yield from known
            if self._broken is not None:
                raise self._broken
        finally:
            self._settle()

    def open_one(self) -> Connection:
        """One connection more, to see whether it can be had. Raises Throttled."""
        connection = self._loop.run_until_complete(self._open())
        self._connections.add(connection)
        self.ready.append(connection)
        return connection

    def close(self) -> None:
        """Say goodbye on every connection and close the loop. For good."""
        if self._loop.is_closed() or self._loop.is_running():
            return
        for connection in self._connections:
            connection.quit()
        self._running = True
        end = _monotonic() + min(1.0, self._server.timeout)
        while any(not connection.over for connection in self._connections) and _monotonic() < end:
            self._loop.call_later(0.05, self._loop.stop)
            self._loop.run_forever()
        for connection in self._connections:
            connection.drop()
        self._connections.clear()
        self._let_callbacks_run()
        self._loop.close()

    def addresses(self) -> list[str]:
        """The server's addresses. Asked in this thread: an event loop would start threads for it. Raises OSError."""
        if not self._addresses:
            self._addresses = addresses_of(self._server.host, self._server.port)
        return self._addresses

    def tls(self) -> ssl.SSLContext | None:
        """How to secure a connection; read anew after a failure. Raises Throttled."""
        if self._tls is None:
            self._tls = self._server.tls()
        return self._tls

    # -- what connections tell --------------------------------------------------------------------------------

    def wake(self) -> None:
        """Let the turn end: something is known."""
        if self._running and not self._waking:
            self._waking = True
            self._loop.stop()

    def went_well(self, connection: Connection, mail: OutgoingMail) -> None:
        """What all but always comes: a mail is sent, and the server waits for the next one's body."""
        self.outcomes.append(Outcome(mail.delivery))
        if self._waking or self._dry or self._ended:
            self.ready.append(connection)
            self.wake()
            return
        following, lines = self._next(self._source, connection) if self._goes_on(connection) else (None, b"")
        connection.hand_over(following, lines)
        if following is None or len(self.outcomes) >= _TOGETHER:
            self.wake()
        elif self._soon is None:
            self._soon = self._loop.call_later(_SOON, self.wake)

    def settled(self, mail: OutgoingMail, error: DeliveryError | None) -> None:
        """A mail has its outcome."""
        self.outcomes.append(Outcome(mail.delivery, error))
        self.wake()

    def not_handed_over(
        self, connection: Connection, mail: OutgoingMail, *, started: bool, error: DeliveryError | None = None
    ) -> None:
        """A connection ended before a mail's body. On a kept connection that says nothing about the mail: it goes
        another way. A new one that ends like this is the server's refusal of us, or of this recipient."""
        moves = self._moves.get(mail.delivery, 0)
        if connection.served and moves < _MOVES:
            self._moves[mail.delivery] = moves + 1
            self.held.append(mail)
            self.wake()
        elif error is not None:
            self.settled(mail, error)
        elif started:
            words = "The connection was lost before the message was complete."
            self.settled(mail, Retryable(words, code="connection lost before the message"))
        else:
            # A server that hangs up on everyone says nothing about this recipient.
            self.settled(mail, Throttled("The mail server closes its connections.", code="connection closed"))

    def gone(self, connection: Connection) -> None:
        """A connection is over."""
        self._connections.discard(connection)
        self.wake()

    # -- a turn -----------------------------------------------------------------------------------------------

    def _in_hand(self) -> bool:
        return bool(self.held) or any(connection.busy for connection in self._connections)

    def _fill(self, source: Iterator[OutgoingMail | None]) -> None:
        """Give every connection that can go on a mail, and make connections where there is more to do."""
        waiting, self.ready = self.ready, []
        if self._allowed is not None:
            self._keep_to(self._allowed(), waiting)
        rest: list[Connection] = []
        for connection in reversed(waiting):  # who rested last works first, so that too many come to rest for good
            if not connection.alive:
                continue
            if connection.accepted:
                mail, lines = self._next(source, connection) if self._goes_on(connection) else (None, b"")
                connection.hand_over(mail, lines)
            elif not connection.busy and self.now - connection.idle_since > IDLE:
                connection.leave()
            elif not connection.busy:
                mail, lines = self._next(source, connection)
                if mail is None:
                    rest.append(connection)
                else:
                    connection.ask(mail, lines)
        self.ready += reversed(rest)
        self._grow(source)

    def _keep_to(self, allowed: int, waiting: list[Connection]) -> None:
        """Say goodbye on connections that are others' now: on those that have nothing in hand at once."""
        self._limit = min(allowed, self._server.connections)
        surplus = sum(connection.alive for connection in self._connections) - self._limit
        for connection in waiting:
            if surplus > 0 and connection.alive and not connection.busy:
                connection.leave()
                surplus -= 1
        self._surplus = max(0, surplus)

    def _goes_on(self, connection: Connection) -> bool:
        """Whether a connection is given another mail behind the one in hand."""
        if self._surplus:
            self._surplus -= 1
            return False
        return connection.takes_next

    def _next(self, source: Iterator[OutgoingMail | None], connection: Connection) -> tuple[OutgoingMail | None, bytes]:
        """The next mail for this connection, with its envelope."""
        for _ in range(_REFUSED_AT_ONCE):
            mail = self.held.popleft() if self.held else self._take(source)
            if mail is None:
                break
            lines = envelope(mail, connection.abilities)
            if not isinstance(lines, Permanent):
                return mail, lines
            self.outcomes.append(Outcome(mail.delivery, lines))
        return None, b""

    def _take(self, source: Iterator[OutgoingMail | None]) -> OutgoingMail | None:
        """The next mail that may be sent at all. Where the source breaks, what is in hand is still finished."""
        while not (self._dry or self._ended):
            try:
                mail = next(source)
            except StopIteration:
                self._ended = True
                break
            except Exception as error:
                self._ended, self._broken = True, error
                break
            if mail is None:
                self._dry = True
                break
            refused = refusal(mail)
            if refused is None:
                return mail
            self.outcomes.append(Outcome(mail.delivery, refused))
            if len(self.outcomes) > _REFUSED_AT_ONCE:
                break
        return None

    def _grow(self, source: Iterator[OutgoingMail | None]) -> None:
        """Open as many connections again as there are, while all have work and there is more."""
        there = sum(connection.alive for connection in self._connections)
        if self._opening or self.ready or there >= self._limit or (there and self.now < self._fewer_until):
            return
        if not self.held:
            mail = self._take(source)
            if mail is None:
                return
            self.held.append(mail)
        for _ in range(min(max(there, 1), self._limit - there)):
            task = self._loop.create_task(self._open())
            self._opening.add(task)
            task.add_done_callback(self._opened)

    async def _open(self) -> Connection:
        return await opened(self, self._server)

    def _opened(self, task: asyncio.Task[Connection]) -> None:
        self._opening.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            connection = task.result()
            if connection.alive:
                self._connections.add(connection)
                self.ready.append(connection)
                self.wake()
                return
            error = hung_up("just after the greeting")
        if self._connections or self._opening:
            self._fewer_until = self.now + FEWER  # it may want no more of us: go on with what there is
        else:
            self._addresses, self._tls = [], None
            if not isinstance(error, DeliveryError):
                self._ended = True
                self._broken = error if isinstance(error, Exception) else None
                error = Throttled("No connection could be made.", code=type(error).__name__)
            while self.held:
                self.outcomes.append(Outcome(self.held.popleft().delivery, error))
        self.wake()

    def _turn(self) -> None:
        """Run the loop until something is known."""
        before, self.now = self.now, _monotonic()
        away = self.now - before
        if away > 0.05:
            for connection in self._connections:
                connection.shift(away)
        if self._sweeper is None:
            self._sweeper = self._loop.call_later(self._tick, self._sweep)
        self._waking, self._running = False, True
        try:
            self._loop.run_forever()
        finally:
            self._running = False
            self.now = _monotonic()
            if self._soon is not None:
                self._soon.cancel()
                self._soon = None

    @property
    def _tick(self) -> float:
        return min(0.25, self._server.timeout / 4)

    def _sweep(self) -> None:
        self._sweeper = self._loop.call_later(self._tick, self._sweep)
        self.now = _monotonic()
        for connection in list(self._connections):
            connection.look_at_the_time(self.now)

    # -- between calls ----------------------------------------------------------------------------------------

    def _freshen(self) -> None:
        """Notice connections that ended while nobody looked."""
        self.now = _monotonic()
        if self._connections:
            self._let_callbacks_run()
        self.ready = [connection for connection in self._connections if connection.alive]

    def _settle(self) -> None:
        """Keep the idle connections; end what is half done."""
        opening = list(self._opening)
        for task in opening:
            task.cancel()
        if opening:
            self._loop.run_until_complete(asyncio.wait(opening))
        for connection in list(self._connections):
            if connection.busy or not connection.alive:
                self._connections.discard(connection)
                connection.drop()
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        self._let_callbacks_run()
        self._source = iter(())
        self.held.clear()
        self.outcomes.clear()
        self._moves.clear()

    def _let_callbacks_run(self) -> None:
        for _ in range(3):
            self._loop.call_soon(self._loop.stop)
            self._loop.run_forever()


def _new_loop() -> asyncio.AbstractEventLoop:
    try:
        import uvloop
    except ImportError:  # no uvloop on Windows
        return asyncio.new_event_loop()
    return uvloop.new_event_loop()
