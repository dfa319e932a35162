"""kafka-python's network, mended.

It forgets to close a socket whose connection or TLS handshake fails, or that has something left to say when the client
is closed; and it waits without an end for a handshake that is not answered.
"""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from kafka import errors as kafka
from kafka.net import KafkaConnectionManager, KafkaNetSocket, KafkaSSLTransport, NetworkSelector, create_connection
from kafka.net.compat import KafkaNetClient

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


class _Tls(KafkaSSLTransport):  # type: ignore[misc]
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
        if self.ssl_enabled:
            transport = await self._encrypted(node, timeout_at)
        else:
            transport = await super()._build_transport(node, timeout_at=timeout_at)
        self._built.add(transport)
        return transport

    async def _encrypted(self, node: Any, timeout_at: float | None) -> Any:
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
            transport = _Tls(self._net, socket, timeout_at, host=node.host, ssl_context=self.config["ssl_context"])
            await transport.handshake()
        except BaseException as error:
            if transport is not None:
                transport.close()
            socket.close()
            if isinstance(error, Exception):
                raise kafka.KafkaConnectionError(f"TLS with {node.host}:{node.port} failed: {error}") from error
            raise
        return transport

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
