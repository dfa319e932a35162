"""What the SMTP client is told, and how long each step may take."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from tribune.domain.errors import Throttled


@dataclass(frozen=True, slots=True)
class Server:
    """A mail server and how to speak to it. Raises Throttled from `tls` where `ca_file` is none.
    `password_file` goes before `password`."""

    host: str
    port: int
    security: str = "starttls"
    username: str = ""
    password: str = field(default="", repr=False)
    auth: str = "auto"
    ca_file: Path | None = None
    timeout: float = 30.0
    connections: int = 10
    password_file: Path | None = None

    def secret(self) -> str:
        """The password, or the access token, as it is now: a file is read at each sign-in. Raises Throttled."""
        if self.password_file is None:
            return self.password
        try:
            return self.password_file.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeError):
            raise Throttled(
                f"{self.password_file} cannot be read.",
                code="no password",
                hint="Set email.smtp.password_file to a file that holds the password or the access token alone.",
            ) from None

    def tls(self) -> ssl.SSLContext | None:
        """TLS 1.2 or newer, the certificate always verified; None where there is to be none."""
        if self.security == "none":
            return None
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.ca_file is not None:
            try:
                context.load_verify_locations(self.ca_file)
            except (OSError, ssl.SSLError):
                raise Throttled(
                    f"{self.ca_file} cannot be read as certificates (PEM).",
                    code="no certificates",
                    hint="Set email.smtp.ca_file to your authority's certificate, or leave it out.",
                ) from None
        return context


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds that each step may take. The body's answer may take longer, for that is when servers look for spam
    (RFC 5321, 4.5.3.2 gives it twice the time); opening and a whole mail have an end of their own, because a server
    that sends a byte now and then beats the limit of every single step."""

    connect: float
    banner: float
    ehlo: float
    tls: float
    auth: float
    command: float
    body: float
    opening: float
    mail: float

    @classmethod
    def of(cls, seconds: float) -> Patience:
        """All steps from the one setting."""
        return cls(
            connect=seconds,
            banner=seconds,
            ehlo=seconds,
            tls=seconds,
            auth=seconds,
            command=seconds,
            body=2 * seconds,
            opening=2 * seconds,
            mail=4 * seconds,
        )
