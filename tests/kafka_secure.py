"""A real Kafka that wants TLS and SCRAM: a listener whose certificate fits, and one whose certificate names another."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tests.kafka_broker import Broker, free_port, own_broker

USER, PASSWORD = "tribune", "correct-horse-4711"
GUEST, GUEST_PASSWORD = "guest", "battery-staple-4712"

_PROPERTIES = """
listeners=SECURE://127.0.0.1:{secure},MISNAMED://127.0.0.1:{misnamed},INTERNAL://127.0.0.1:{internal},\
CONTROLLER://127.0.0.1:{controller}
advertised.listeners=SECURE://127.0.0.1:{secure},MISNAMED://127.0.0.1:{misnamed},INTERNAL://127.0.0.1:{internal}
listener.security.protocol.map=SECURE:SASL_SSL,MISNAMED:SASL_SSL,INTERNAL:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=INTERNAL
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.secure.scram-sha-512.sasl.jaas.config={scram}
listener.name.misnamed.scram-sha-512.sasl.jaas.config={scram}
listener.name.secure.ssl.keystore.type=PEM
listener.name.secure.ssl.keystore.location={folder}/secure.pem
listener.name.misnamed.ssl.keystore.type=PEM
listener.name.misnamed.ssl.keystore.location={folder}/misnamed.pem
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:tribune
"""
_SCRAM = "org.apache.kafka.common.security.scram.ScramLoginModule required;"


@dataclass(frozen=True)
class SecureBroker:
    """The broker, and what a client needs: its own listener, the misnamed one, and the authority's certificate."""

    broker: Broker
    misnamed: str
    plain: str
    ca_file: Path

    @property
    def server(self) -> str:
        return self.broker.server


@contextmanager
def secure_broker(folder: Path) -> Iterator[SecureBroker]:
    """Start it; `tribune` may do everything, `guest` nothing."""
    authority = trustme.CA()
    ca_file = folder / "authority.pem"
    authority.cert_pem.write_to_path(ca_file)
    _keystore(authority, folder / "secure.pem", "127.0.0.1", "localhost")
    _keystore(authority, folder / "misnamed.pem", "kafka.example")
    misnamed, internal = free_port(), free_port()
    users = "\n".join(
        f"--add-scram\nSCRAM-SHA-512=[name={name},password={password}]"
        for name, password in ((USER, PASSWORD), (GUEST, GUEST_PASSWORD))
    )

    def properties(broker: Broker) -> str:
        return _PROPERTIES.format(
            secure=broker.port,
            misnamed=misnamed,
            internal=internal,
            controller=broker.controller_port,
            folder=folder,
            scram=_SCRAM,
        )

    with own_broker(folder / "kafka", properties, users) as broker:
        yield SecureBroker(broker, f"127.0.0.1:{misnamed}", f"127.0.0.1:{internal}", ca_file)


def _keystore(authority: trustme.CA, path: Path, *names: str) -> None:
    """Key and certificates in the form that Kafka reads: PKCS 8, then the chain."""
    told = authority.issue_cert(*names)
    key = load_pem_private_key(told.private_key_pem.bytes(), None)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(pem + b"".join(blob.bytes() for blob in told.cert_chain_pems))
