"""Links and return paths of notices: signed, scoped to one purpose, without personal data."""

from __future__ import annotations

from datetime import datetime, timedelta

from tribune.domain.addresses import address_key
from tribune.domain.errors import InvalidInput
from tribune.domain.notices import Notice, NoticeKind
from tribune.domain.tokens import Signer
from tribune.services.sending.reader_links import PREFERENCES

NOTICE = "notice"
DATA = "data"
CONFIRM_ADDRESS = "confirm-address"
STOP_ADDRESS = "stop-address"
CONFIRM = "confirm"


class NoticeLinks:
    """Makes what a notice leads to, and where its bounces go. `fresh_for`: how long a link to what is a person's own is
    good, from the moment at which it was asked for."""

    def __init__(
        self, signer: Signer, base_url: str, return_path_domain: str, fresh_for: timedelta = timedelta(hours=1)
    ) -> None:
        self._signer = signer
        self._base_url = base_url.rstrip("/")
        self._return_path_domain = return_path_domain
        self._fresh_for = fresh_for

    def link(self, notice: Notice, address: str = "") -> str:
        """The address that the notice is sent for. `address`: whom it is sent to."""
        who, sign, digest = notice.subscriber, self._signer.sign, next(iter(notice.digests), "")
        match notice.kind:
            case NoticeKind.CONFIRM_SUBSCRIPTION | NoticeKind.ADD_SUBSCRIPTION:
                return f"{self._base_url}/c/{self._signer.sign(CONFIRM, notice.subscriber, notice.content['sign_up'])}"
            case NoticeKind.PREFERENCES_LINK | NoticeKind.ALREADY_SUBSCRIBED:
                # In the third place stands what the link came with: a mailing's number, or this.
                return f"{self._base_url}/p/{sign(PREFERENCES, who, digest, f'n{notice.id}')}"
            case NoticeKind.DATA_LINK:
                until = int((notice.created_at + self._fresh_for).timestamp())
                told = sign(DATA, who, digest, until, mark_of(self._signer, address))
                return f"{self._base_url}/m/{told}"
            case NoticeKind.ADDRESS_CONFIRM:
                return f"{self._base_url}/a/{sign(CONFIRM_ADDRESS, who, notice.content['request'])}"
            case NoticeKind.ADDRESS_ASKED:
                return f"{self._base_url}/n/{sign(STOP_ADDRESS, who, notice.content['request'])}"

    def return_path(self, notice: Notice) -> str:
        """Where a bounce goes: `b+TOKEN@domain`, the token names the notice (decisions.md, 20)."""
        return f"b+{self._signer.sign(NOTICE, notice.id)}@{self._return_path_domain}"


def read_data_link(signer: Signer, token: str, now: datetime) -> tuple[int, str, str]:
    """Whom a fresh link is about, which digest it came from, and the mark of the address that it was sent to. Raises
    InvalidInput for a forged one, and for one that is over."""
    subscriber, digest, until, mark = signer.verify(DATA, token)
    if now.timestamp() >= int(until):
        raise InvalidInput("This link is over.", hint="Ask for a new one on your preferences page.")
    return int(subscriber), digest, mark


def mark_of(signer: Signer, address: str) -> str:
    """Ties a link to the mailbox that it was sent to: once the address is another, the link opens nothing. Keyed, so
    that it tells nobody the address; it changes with the key, as these links are short-lived."""
    return signer.sealed("mailbox", address_key(address)).rpartition(".")[2][:12]
