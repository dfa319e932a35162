"""How tests send over SMTP: a channel, and what became of each mail."""

from __future__ import annotations

from typing import Any

from tests.contracts.email_contract import mail
from tribune.channels.email.smtp import SmtpChannel
from tribune.domain.errors import DeliveryError
from tribune.ports.channels import Outcome, OutgoingMail


def plain(port: int, timeout: float = 3.0, connections: int = 1, **more: Any) -> SmtpChannel:
    """One connection: the scripts of a nasty server are played one after the other."""
    return SmtpChannel(host="127.0.0.1", port=port, security="none", timeout=timeout, connections=connections, **more)


def outcomes(channel: SmtpChannel, *mails: OutgoingMail) -> list[Outcome]:
    """What became of each mail, in the order of their names. Says goodbye at the end."""
    try:
        told = [outcome for outcome in channel.send(mails or [mail(1)]) if outcome is not None]
    finally:
        channel.close()
    return sorted(told, key=lambda outcome: int(outcome.delivery.rpartition(".")[2]))


def errors(channel: SmtpChannel, *mails: OutgoingMail) -> list[type[DeliveryError] | None]:
    """The same by class."""
    return [type(outcome.error) if outcome.error else None for outcome in outcomes(channel, *mails)]
