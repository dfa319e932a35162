"""What values of settings may be: addresses, languages, domains; and what a section is."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from tribune.domain.addresses import ascii_domain

Texts = dict[str, str]
MOST_OF_A_LINK = 200
"""Characters of what links begin with: a token follows, and the whole stands on one line of a header (998 at most)."""


def _mail_address(text: str) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(text, check_deliverability=False, test_environment=True)
    except EmailNotValidError as error:
        raise ValueError(f"it must be an e-mail address: {error}") from None
    if not text.isascii():
        # It stands in From, which every mail server must take, also one without SMTPUTF8.
        written = f": write {found.ascii_email}" if found.ascii_email else ""
        raise ValueError(f"it must be an e-mail address in plain letters (ASCII), which any mail server takes{written}")
    return found.ascii_email or text


def _domain(text: str) -> str:
    if not re.fullmatch(r"(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]+", text):
        raise ValueError("it must be a domain, such as bounces.example.org")
    return text


def _web_address(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", text):
        raise ValueError("it must be an address that begins with https:// or http://")
    return text


def _base_of_links(text: str) -> str:
    from tribune.domain.errors import InvalidInput
    from tribune.rendering.email.mime import link

    try:
        link(text)
    except InvalidInput:
        host = re.sub(r"^(https?://)([^/:]+).*", lambda found: found[1] + ascii_domain(found[2]), text)
        raise ValueError(
            'links of mails begin with it, so it may hold no space, <, > or " and nothing beyond ASCII; a host beyond '
            f"ASCII is written as {host if host.isascii() else 'https://xn--...'}, a path in %-form"
        ) from None
    if len(text) > MOST_OF_A_LINK:
        raise ValueError(f"it must be at most {MOST_OF_A_LINK} characters long; it has {len(text)}")
    return text


def _language(text: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", text):
        raise ValueError("it must be a language tag, such as fr or pt-BR")
    return text


def _network(text: str) -> str:
    import ipaddress

    try:
        return str(ipaddress.ip_network(text))
    except ValueError as error:
        raise ValueError(f"it must be a network, such as 10.1.0.0/16 or 2001:db8::/48: {error}") from None


MailAddress = Annotated[str, AfterValidator(_mail_address)]
Network = Annotated[str, AfterValidator(_network)]
Domain = Annotated[str, AfterValidator(_domain)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
BaseOfLinks = Annotated[WebAddress, AfterValidator(_base_of_links)]
Language = Annotated[str, AfterValidator(_language)]
Minutes = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A section of the settings: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
