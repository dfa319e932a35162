"""kafka-python's errors in our words. The loop, the relay and the commands see these."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from kafka import errors as kafka

from tribune.domain.errors import ConfigurationError, Conflict
from tribune.ports.log import LogAway

FENCED = (
    kafka.CommitFailedError,
    kafka.UnknownMemberIdError,
    kafka.IllegalGenerationError,
    kafka.FencedInstanceIdError,
)
"""The group goes on without this member: what it has in hand belongs to others now."""

UNKNOWN_USER = (kafka.SaslAuthenticationFailedError, kafka.UnsupportedSaslMechanismError, kafka.IllegalSaslStateError)
"""The broker does not take us for whom we say we are. No waiting mends it."""

_FORBIDDEN = (
    kafka.TopicAuthorizationFailedError,
    kafka.GroupAuthorizationFailedError,
    kafka.ClusterAuthorizationFailedError,
    kafka.TransactionalIdAuthorizationFailedError,
)


class BrokerAway(LogAway):
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
    except UNKNOWN_USER as error:
        raise ConfigurationError(
            f"[log.sasl]: the broker at {where} refuses to let us in ({type(error).__name__}). Look at mechanism, "
            "username and password; the password may stand in TRIBUNE_LOG__SASL__PASSWORD."
        ) from None
    except _FORBIDDEN as error:
        raise ConfigurationError(
            f"[log.sasl]: the broker at {where} does not let this user {doing} ({type(error).__name__}). Give it the "
            "rights that docs/settings.md lists."
        ) from None
    except kafka.KafkaConfigurationError as error:
        raise ConfigurationError(f"[log]: this cannot be: {str(error)[:200]}") from None
    except kafka.KafkaError as error:
        raise BrokerAway(f"Could not {doing}: {_why(error, where)}") from error


def _why(error: kafka.KafkaError, where: str) -> str:
    """What is the matter with the broker, and what to look at: kafka-python's own words speak of its insides."""
    name = type(error).__name__
    told = " ".join(re.sub(rf"\[Error -?\d+\]|{name}:?|None$", "", str(error)).split())
    if "Unable to bootstrap" in told:
        return (
            f"what listens at {where} does not answer as a Kafka broker. Is it one, does it run, and do [log.tls] and "
            "[log.sasl] say what its port wants?"
        )
    if "Failed to update metadata" in told:
        return (
            f"the broker at {where} does not tell of that topic, or did not answer in time. `tribune check` says "
            "whether the topic is there and led by a broker; `tribune migrate` creates what is missing."
        )
    detail = f" ({name}: {told[:120]})" if told else f" ({name})"
    if isinstance(error, (kafka.KafkaTimeoutError, kafka.RequestTimedOutError)):
        return (
            f"the broker at {where} did not answer in time. Does it run, and is each broker reached at the address "
            "that it tells its clients (advertised.listeners)? Where it is only slow, raise [log] "
            f"request_timeout_seconds and delivery_timeout_seconds.{detail}"
        )
    if isinstance(error, kafka.KafkaConnectionError):
        return (
            f"the broker at {where} cannot be reached, or hung up. Does it run, and is each broker reached at the "
            f"address that it tells its clients (advertised.listeners)?{detail}"
        )
    return f"the broker at {where} answered with an error.{detail}"
