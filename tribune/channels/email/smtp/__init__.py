"""SMTP: a pipelined client of our own (docs/adr/0018-an-own-smtp-client.md)."""

from tribune.channels.email.smtp.channel import SmtpChannel

__all__ = ["SmtpChannel"]
