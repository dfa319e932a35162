"""Settings of the engines: where state and events are kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator, model_validator

from tribune.config.kinds import Section
from tribune.domain.topics import PARTITIONS


class Store(Section):
    """Where state is kept: `sqlite:///file`, or `postgresql://user@host/database`, to which the others belong.

    `prepared_statements` off is for a pooler that mixes sessions (pgbouncer before 1.21).
    """

    url: Annotated[str, Field(repr=False)] = "sqlite:///var/tribune.sqlite3"  # not shown: it may hold a password
    pool_size: Annotated[int, Field(ge=1, le=100)] = 5
    statement_timeout_seconds: Annotated[float, Field(gt=0)] = 60.0
    lock_timeout_seconds: Annotated[float, Field(gt=0)] = 30.0
    application_name: Annotated[str, Field(max_length=63)] = "tribune"
    prepared_statements: bool = True


class Sasl(Section):
    """How we prove to Kafka who we are. With `none` the broker lets anybody in."""

    mechanism: Literal["none", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "none"
    username: str = ""
    password: SecretStr = SecretStr("")


class KafkaTls(Section):
    """An encrypted connection to Kafka. The certificate is always verified, with `ca_file` by that authority alone."""

    on: bool = False
    ca_file: Path | None = None


class Log(Section):
    """Where events are kept: `embedded` in the store's SQLite file, or on Kafka beside a store on PostgreSQL.

    `prefix` begins the names of all topics and groups. `replicas` of topics that we create: by default as many as the
    brokers say. `partitions` of each topic: so many copies of consumers, and of senders, share the work; `tribune
    migrate` makes them, and their number only grows (docs/settings.md). A member that is killed is missed after
    `session_seconds`; one that works on one event for longer than `work_seconds` without a sign of life is taken for
    stuck."""

    kind: Literal["embedded", "kafka"] = "embedded"
    bootstrap_servers: Annotated[tuple[str, ...], Field(min_length=1)] = ("127.0.0.1:9092",)
    prefix: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{0,60}$")] = "tribune."
    partitions: Annotated[int, Field(ge=1, le=256)] = PARTITIONS
    replicas: Annotated[int, Field(ge=1, le=32)] | None = None
    sasl: Sasl = Sasl()
    tls: KafkaTls = KafkaTls()
    session_seconds: Annotated[float, Field(ge=1, le=1800)] = 10.0
    work_seconds: Annotated[float, Field(ge=1)] = 300.0
    request_timeout_seconds: Annotated[float, Field(ge=0.5, le=300)] = 10.0
    delivery_timeout_seconds: Annotated[float, Field(ge=1, le=600)] = 20.0

    @field_validator("bootstrap_servers")
    @classmethod
    def _host_and_port(cls, servers: tuple[str, ...]) -> tuple[str, ...]:
        for server in servers:
            if not re.fullmatch(r"(\[[0-9A-Fa-f:]+\]|[A-Za-z0-9._-]+):\d{1,5}", server):
                raise ValueError(f"{server!r} is not a host and a port, such as kafka.example.org:9092")
        return servers

    @model_validator(mode="after")
    def _whole(self) -> Log:
        if self.sasl.mechanism != "none" and not (self.sasl.username and self.sasl.password.get_secret_value()):
            raise ValueError("log.sasl needs a username and a password")
        if self.delivery_timeout_seconds < self.request_timeout_seconds:
            raise ValueError("delivery_timeout_seconds must be at least request_timeout_seconds")
        return self
