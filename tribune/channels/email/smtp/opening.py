"""Making a connection: greeting, EHLO, STARTTLS or TLS from the first byte, AUTH. Happens once for many mails."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
from typing import TYPE_CHECKING, cast

from tribune.channels.email.replies import hung_up, not_offered, ours, too_slow, unreachable
from tribune.channels.email.smtp.commands import Abilities
from tribune.channels.email.smtp.connection import Connection
from tribune.channels.email.smtp.parser import Reply
from tribune.channels.email.smtp.settings import Server
from tribune.domain.addresses import ascii_domain

if TYPE_CHECKING:
    from tribune.channels.email.smtp.pool import Pool

_BY_CHOICE = ("PLAIN", "LOGIN")
"""Which way of signing in is taken where the settings leave it open: both are the same over TLS."""


async def opened(pool: Pool, server: Server) -> Connection:
    """A connection that is ready for mails. Raises Throttled with what failed."""
    connection = Connection(pool)
    try:
        try:
            async with asyncio.timeout(pool.patience.opening):
                await _open(connection, pool, server)
        except TimeoutError:
            raise too_slow("making a connection") from None
        except (OSError, UnicodeError) as error:
            raise unreachable(error, server.host, server.port) from None
    except BaseException:
        connection.drop()
        raise
    return connection


async def _open(connection: Connection, pool: Pool, server: Server) -> None:
    patience = pool.patience
    context = pool.tls()
    plain = transport = await _connect(connection, pool, server)
    if server.security == "tls":
        transport = await _secure(connection, plain, pool, server)
    _expect(220, await connection.reply(patience.banner, "greeting"), "greeting")
    abilities = await _hello(connection, patience.ehlo)
    if server.security == "starttls":
        # Where the server does not offer it we never go on in the clear.
        if not abilities.starttls or context is None:
            raise not_offered("STARTTLS")
        _expect(220, await connection.command(b"STARTTLS", patience.tls, "STARTTLS"), "STARTTLS")
        if not connection.clean:
            raise hung_up("STARTTLS")  # words slipped in before TLS are not taken for answers
        transport = await _secure(connection, plain, pool, server)
        abilities = await _hello(connection, patience.ehlo)
    if server.username:
        await _sign_in(connection, server, abilities, patience.auth)
    connection.opened(transport, None if transport is plain else plain, abilities)
    if not connection.alive:
        raise hung_up("greeting")


async def _connect(connection: Connection, pool: Pool, server: Server) -> asyncio.Transport:
    """The first of the server's addresses that answers. Raises OSError."""
    last = OSError("there is no address")
    for address in pool.addresses():
        try:
            async with asyncio.timeout(pool.patience.connect):
                transport, _ = await asyncio.get_running_loop().create_connection(
                    lambda: connection, address, server.port
                )
                return transport
        except OSError as error:
            last = error
    raise last


async def _secure(connection: Connection, plain: asyncio.Transport, pool: Pool, server: Server) -> asyncio.Transport:
    """TLS over the line, the certificate verified. Raises OSError, Throttled."""
    context = cast(ssl.SSLContext, pool.tls())
    secured = await asyncio.get_running_loop().start_tls(
        plain,
        connection,
        context,
        server_hostname=ascii_domain(server.host),
        ssl_handshake_timeout=pool.patience.tls,
    )
    if secured is None:
        raise hung_up("TLS")
    connection.transport = secured
    return secured


async def _hello(connection: Connection, seconds: float) -> Abilities:
    """EHLO, or HELO for a server that does not know it."""
    name = own_name().encode()
    reply = await connection.command(b"EHLO " + name, seconds, "greeting")
    if reply.code == 250:
        return Abilities.of(reply)
    if reply.code in (500, 501, 502, 504, 550):
        _expect(250, await connection.command(b"HELO " + name, seconds, "greeting"), "greeting")
        return Abilities()
    raise ours(*reply, "greeting")


async def _sign_in(connection: Connection, server: Server, abilities: Abilities, seconds: float) -> None:
    """AUTH (RFC 4954). The answers never hold what was said."""
    ways = _BY_CHOICE if server.auth == "auto" else (server.auth.upper(),)
    way = next((way for way in ways if way in abilities.mechanisms), None)
    if way is None:
        raise not_offered(f"AUTH {' or '.join(ways)}")
    step = "user name and password"
    user, password = server.username, server.secret()
    if way == "LOGIN":
        reply = await connection.command(b"AUTH LOGIN", seconds, step)
        for secret in (user, password):
            if reply.code != 334:
                break
            reply = await connection.command(_encoded(secret), seconds, step)
    else:
        token = f"\0{user}\0{password}" if way == "PLAIN" else f"user={user}\1auth=Bearer {password}\1\1"
        reply = await connection.command(f"AUTH {way} ".encode() + _encoded(token), seconds, step)
        if reply.code == 334:  # XOAUTH2 tells what is wrong, and wants a line before it says no
            reply = await connection.command(b"", seconds, step)
    _expect(235, reply, step)


def _encoded(text: str) -> bytes:
    return base64.b64encode(text.encode())


def _expect(code: int, reply: Reply, step: str) -> None:
    if reply.code != code:
        raise ours(*reply, step)


def own_name() -> str:
    """For EHLO: the machine's full name, else its address as a literal. No name server is asked."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() else "[127.0.0.1]"


def addresses_of(host: str, port: int) -> list[str]:
    """The host's addresses, in the resolver's order. Raises OSError, UnicodeError."""
    found = socket.getaddrinfo(ascii_domain(host), port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))
