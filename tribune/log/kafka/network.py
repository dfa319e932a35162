"""kafka-python's network, mended.

- It forgets to close a socket whose connection or TLS handshake fails, or that has something left to say when the
  client is closed.
- It waits without an end for a handshake that is not answered.
- What comes together with the end of a connection is thrown away; a refused password comes so.
- It forgets that it was refused, and tries the same password for ever.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from kafka import errors as kafka
from kafka.net import (
    KafkaConnectionManager,
    KafkaNetSocket,
    KafkaSSLTransport,
    KafkaTCPTransport,
    NetworkSelector,
    create_connection,
)
from kafka.net.compat import KafkaNetClient

from tribune.log.kafka.errors import UNKNOWN_USER

_DIRECT = "tribune-direct"


class _Socket(KafkaNetSocket):  # type: ignore[misc]  # kafka-python ships no types
    """Connects without a proxy, as the library's own does. It registers itself for addresses of its scheme."""

    SCHEMES = (_DIRECT,)

    async def connect(self, net: Any, addrinfo: Any, socket_options: Any = (), timeout_at: Any = None) -> Any:
        """A connected socket, or none that is open. Raises KafkaConnectionError, KafkaTimeoutError."""
        family, kind, protocol, _, address = addrinfo
        socket = self.socket(family, kind, protocol)
        try:
            socket.setblocking(False)
            for option in socket_options:
                socket.setsockopt(*option)
            return await self.sock_connect(net, socket, address, timeout_at=timeout_at)
        except BaseException:  # GeneratorExit too: a client that is closed ends its tasks so
            socket.close()
            raise


class _ToTheEnd:
    """A transport that first tells what it has received, and then that the other side has gone."""

    def _sock_recv(self) -> tuple[bytes, Any]:
        data, gone = super()._sock_recv()  # type: ignore[misc]
        return data, None if data else gone


class _Tcp(_ToTheEnd, KafkaTCPTransport):  # type: ignore[misc]
    """A transport without encryption."""


class _Tls(_ToTheEnd, KafkaSSLTransport):  # type: ignore[misc]
    """A transport whose handshake ends in time."""

    def __init__(self, net: Any, socket: Any, timeout_at: float | None, **told: Any) -> None:
        super().__init__(net, socket, **told)
        self._net = _Impatient(net, timeout_at)
        self._patient = net

    async def handshake(self) -> None:
        """Raises ssl.SSLError, OSError, KafkaTimeoutError."""
        await super().handshake()
        self._net = self._patient


class _Impatient:
    """The event loop, as a handshake needs it."""

    def __init__(self, net: Any, timeout_at: float | None) -> None:
        self._net = net
        self._timeout_at = timeout_at

    def wait_read(self, socket: Any) -> Any:
        return self._net.wait_read(socket, timeout_at=self._timeout_at)

    def wait_write(self, socket: Any) -> Any:
        return self._net.wait_write(socket, timeout_at=self._timeout_at)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._net, name)


class _Manager(KafkaConnectionManager):  # type: ignore[misc]
    """Keeps connections, and leaves nothing open where one does not come about."""

    def __init__(self, net: Any, **settings: Any) -> None:
        super().__init__(net, **settings)
        self._built: WeakSet[Any] = WeakSet()

    async def _build_transport(self, node: Any, timeout_at: float | None = None) -> Any:
        socket = await create_connection(
            self._net,
            node.host,
            node.port,
            self.config["socket_options"],
            proxy_url=self.config["proxy_url"],
            timeout_at=timeout_at,
        )
        transport: Any = None
        try:
            if self.ssl_enabled:
                transport = _Tls(self._net, socket, timeout_at, host=node.host, ssl_context=self.config["ssl_context"])
            else:
                transport = _Tcp(self._net, socket, host=node.host)
            await transport.handshake()
        except BaseException as error:
            if transport is not None:
                transport.close()
            socket.close()
            if isinstance(error, Exception):
                raise kafka.KafkaConnectionError(f"TLS with {node.host}:{node.port} failed: {error}") from error
            raise
        self._built.add(transport)
        return transport

    async def _connect(self, node: Any, conn: Any, **told: Any) -> None:
        await super()._connect(node, conn, **told)
        failure = conn.init_future.exception if conn.init_future.failed() else None
        if isinstance(failure, UNKNOWN_USER):  # the library forgets it, and tries the same password for ever
            self._auth_failures[node.node_id] = failure

    def end(self) -> None:
        """Close what is still open. To be called when the event loop has ended."""
        for transport in list(self._built):
            socket, transport._sock = transport._sock, None
            if socket is not None:
                socket.close()


class _Client(KafkaNetClient):  # type: ignore[misc]
    def close(self, node_id: Any = None) -> None:
        super().close(node_id)
        if node_id is None:
            self._manager.end()


def client(**settings: Any) -> Any:
    """A network client with these settings of kafka-python's, for its argument `kafka_client`."""
    settings |= {"proxy_url": f"{_DIRECT}://"}
    net = NetworkSelector(**settings)
    return _Client(net=net, manager=_Manager(net, **settings))
