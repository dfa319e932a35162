"""kafka-python's errors in our words. The loop, the relay and the commands see these."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kafka import errors as kafka

from tribune.domain.errors import ConfigurationError, Conflict

FENCED = (
    kafka.CommitFailedError,
    kafka.UnknownMemberIdError,
    kafka.IllegalGenerationError,
    kafka.FencedInstanceIdError,
)
"""The group goes on without this member: what it has in hand belongs to others now."""

_REFUSED = (
    kafka.SaslAuthenticationFailedError,
    kafka.UnsupportedSaslMechanismError,
    kafka.TopicAuthorizationFailedError,
    kafka.GroupAuthorizationFailedError,
    kafka.ClusterAuthorizationFailedError,
)


class BrokerAway(ConnectionError):
    """The broker cannot be reached, or does not answer in time. Trying again later is right."""


@contextmanager
def translated(doing: str, servers: tuple[str, ...]) -> Iterator[None]:
    """Raises BrokerAway, Conflict or ConfigurationError instead of kafka-python's errors. `doing` is for the message:
    "publish to catalogue"."""
    where = ", ".join(servers)
    try:
        yield
    except FENCED as error:
        raise Conflict(f"The group has gone on without this member ({type(error).__name__}).", where=doing) from None
    except _REFUSED as error:
        raise ConfigurationError(
            f"[log]: the broker at {where} does not let us {doing}: {type(error).__name__}. Look at [log] sasl, and at "
            "the rights of that user (docs/settings.md)."
        ) from None
    except kafka.KafkaError as error:
        told = str(error).strip() or "no further word"
        raise BrokerAway(f"Could not {doing}; broker {where}: {type(error).__name__}: {told[:200]}") from error
