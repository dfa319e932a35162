"""The first contact: quickly, and without a client's threads, whether a broker listens and proves who it is."""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

from tribune.domain.errors import ConfigurationError
from tribune.log.kafka.errors import BrokerAway


def trust(ca_file: Path | None) -> ssl.SSLContext:
    """Whose certificates hold: the machine's authorities, or those of `ca_file` alone. Raises ConfigurationError."""
    try:
        return ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    except OSError as error:  # SSLError is one
        raise ConfigurationError(f"[log.tls] ca_file = {ca_file}: it cannot be read: {error}") from None


def reach(servers: tuple[str, ...], tls: ssl.SSLContext | None, seconds: float) -> None:
    """Reach one of these servers. Raises BrokerAway where none listens, ConfigurationError where those that do cannot
    prove that they are who they are taken for."""
    reasons: list[str] = []
    refused: ConfigurationError | None = None
    for server in servers:
        host, _, port = server.rpartition(":")
        host = host.strip("[]")
        try:
            with socket.create_connection((host, int(port)), timeout=seconds) as connection:
                if tls is None:
                    return
                with tls.wrap_socket(connection, server_hostname=host.rstrip(".")):
                    return
        except ssl.SSLCertVerificationError as error:
            refused = ConfigurationError(_distrusted(server, error))
        except ssl.SSLError as error:
            reasons.append(f"{server}: no TLS there ({error.reason or error}); is it the right port?")
        except TimeoutError:
            reasons.append(f"{server}: no answer in {seconds:g} s")
        except ConnectionResetError:
            reasons.append(f"{server}: it hung up{'; is it the right port for TLS?' if tls else ''}")
        except OSError as error:
            reasons.append(f"{server}: {error.strerror or error}")
    raise refused or BrokerAway(f"No broker can be reached: {'; '.join(reasons)}")


def _distrusted(server: str, error: ssl.SSLCertVerificationError) -> str:
    """What is wrong with a certificate, and what to do."""
    what = error.verify_message.rstrip(".")
    if "ostname" in what or "IP address" in what:
        todo = "Name the broker in [log] bootstrap_servers (and in its advertised.listeners) as its certificate does."
    elif "expired" in what or "not yet valid" in what:
        todo = "Have a new one issued, or look at the clocks."
    else:
        todo = "Where the authority is your own, put its certificate into [log.tls] ca_file."
    return f"[log.tls]: the certificate of {server} is refused: {what}. {todo}"
