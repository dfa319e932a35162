"""How the brokers are reached: addresses, names with their prefix, security, patience. Makes kafka-python's clients."""

from __future__ import annotations

import logging
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

from tribune.log.kafka.errors import translated
from tribune.log.kafka.joining import keep_answers
from tribune.log.kafka.network import client
from tribune.log.kafka.reach import reach, trust

RECONNECT_MS = 2_000
"""A broker that comes back is found again after so long at most (kafka-python's own 30 s would be long)."""

LINGER_MS = 5
"""How long a producer gathers messages into one batch."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """The brokers, as settings tell them. `prefix` begins the name of every topic and group of this installation.

    A group waits for a member that does not answer for `rebalance_seconds`; members at long work do answer (member.py).
    """

    servers: tuple[str, ...]
    prefix: str = "tribune."
    mechanism: str = ""
    username: str = ""
    password: str = field(default="", repr=False)
    tls: bool = False
    ca_file: Path | None = None
    replicas: int | None = None
    session_seconds: float = 10.0
    rebalance_seconds: float = 60.0
    work_seconds: float = 300.0
    request_seconds: float = 10.0
    delivery_seconds: float = 20.0

    def topic(self, name: str) -> str:
        """The broker's name of a topic."""
        return self.prefix + name

    def producer(self) -> Any:
        """A producer: acknowledged by all replicas, idempotent, in order. Raises BrokerAway, ConfigurationError."""
        return self._made(
            KafkaProducer,
            acks="all",
            enable_idempotence=True,
            # kafka-python refuses less than what one request may take
            delivery_timeout_ms=int(max(self.delivery_seconds, self.request_seconds) * 1_000) + LINGER_MS,
            max_block_ms=int(self.request_seconds * 1_000),
            linger_ms=LINGER_MS,
            batch_size=131_072,
            max_request_size=1_048_576,
            metadata_max_age_ms=60_000,  # how soon partitions that a topic gets later are used
            allow_auto_create_topics=False,
        )

    def admin(self) -> Any:
        """An admin client. Raises BrokerAway, ConfigurationError."""
        return self._made(KafkaAdminClient)

    def reader(self) -> Any:
        """A consumer of no group, to look into partitions. Raises BrokerAway, ConfigurationError."""
        return self._made(
            KafkaConsumer,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            fetch_max_wait_ms=100,
            fetch_max_bytes=8_388_608,
        )

    def member(self, group: str) -> Any:
        """A consumer of a group. Raises BrokerAway, ConfigurationError."""
        session = int(self.session_seconds * 1_000)
        consumer = self._made(
            KafkaConsumer,
            group_id=self.prefix + group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            allow_auto_create_topics=False,
            session_timeout_ms=session,
            heartbeat_interval_ms=max(session // 10, 100),
            max_poll_interval_ms=max(int(self.rebalance_seconds * 1_000), session),
            fetch_max_wait_ms=250,
            fetch_max_bytes=8_388_608,
            max_partition_fetch_bytes=1_048_576,
            metadata_max_age_ms=max(session, 1_000),  # how soon partitions that a topic gets later are seen
        )
        keep_answers(consumer)
        return consumer

    def _made(self, kind: Any, **settings: Any) -> Any:
        tls = trust(self.ca_file) if self.tls else None
        reach(self.servers, tls, self.request_seconds)
        made: list[Any] = []

        def network(**told: Any) -> Any:
            made.append(client(**told))
            return made[-1]

        try:
            with translated("connect", self.servers):
                return kind(**self._common(tls), **settings, kafka_client=network)
        except BaseException:
            for one in made:  # kafka-python leaves its thread behind when the first contact fails
                with suppress(Exception):
                    one.close()
                with suppress(Exception):
                    one._manager._net.stop(timeout_ms=1_000)
            raise

    def _common(self, tls: ssl.SSLContext | None) -> dict[str, Any]:
        told: dict[str, Any] = {
            "bootstrap_servers": list(self.servers),
            "client_id": "tribune",
            "request_timeout_ms": int(self.request_seconds * 1_000),
            "bootstrap_timeout_ms": int(self.request_seconds * 1_000),
            "reconnect_backoff_max_ms": RECONNECT_MS,
            "security_protocol": f"{'SASL_' if self.mechanism else ''}{'SSL' if self.tls else 'PLAINTEXT'}",
        }
        if self.mechanism:
            told |= {
                "sasl_mechanism": self.mechanism,
                "sasl_plain_username": self.username,
                "sasl_plain_password": self.password,
            }
        if tls is not None:
            told["ssl_context"] = tls
        # At debug level kafka-python logs its whole configuration, the password with it.
        library = logging.getLogger("kafka")
        if library.getEffectiveLevel() < logging.INFO:
            library.setLevel(logging.INFO)
        return told
