"""What values of settings may be: addresses, languages, domains; and what a section is."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Texts = dict[str, str]


def _mail_address(text: str) -> str:
    from email_validator import EmailNotValidError, validate_email

    try:
        return validate_email(text, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise ValueError(f"it must be an e-mail address: {error}") from None


def _domain(text: str) -> str:
    if not re.fullmatch(r"(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]+", text):
        raise ValueError("it must be a domain, such as bounces.example.org")
    return text


def _web_address(text: str) -> str:
    if not re.fullmatch(r"https?://[^\s/?#@]+(/[^\s?#]*)?", text):
        raise ValueError("it must be an address that begins with https:// or http://")
    return text


def _language(text: str) -> str:
    if not re.fullmatch(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*", text):
        raise ValueError("it must be a language tag, such as fr or pt-BR")
    return text


MailAddress = Annotated[str, AfterValidator(_mail_address)]
Domain = Annotated[str, AfterValidator(_domain)]
WebAddress = Annotated[str, AfterValidator(_web_address)]
Language = Annotated[str, AfterValidator(_language)]
Minutes = Annotated[int, Field(ge=1)]


class Section(BaseModel):
    """A section of the settings: unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)
