"""Links and return paths of notices: signed, scoped to one purpose, without personal data."""

from __future__ import annotations

from tribune.domain.notices import Notice, NoticeKind
from tribune.domain.tokens import Signer
from tribune.services.sending.reader_links import PREFERENCES

NOTICE = "notice"
CONFIRM = "confirm"


class NoticeLinks:
    """Makes what a notice leads to, and where its bounces go."""

    def __init__(self, signer: Signer, base_url: str, return_path_domain: str) -> None:
        self._signer = signer
        self._base_url = base_url.rstrip("/")
        self._return_path_domain = return_path_domain

    def link(self, notice: Notice) -> str:
        """The address that the notice is sent for."""
        match notice.kind:
            case NoticeKind.CONFIRM_SUBSCRIPTION:
                return f"{self._base_url}/c/{self._signer.sign(CONFIRM, notice.subscriber, notice.content['sign_up'])}"
            case NoticeKind.PREFERENCES_LINK | NoticeKind.ALREADY_SUBSCRIBED:
                # In the third place stands what the link came with: a mailing's number, or this.
                digest, came_with = notice.content["digest"], f"n{notice.id}"
                return f"{self._base_url}/p/{self._signer.sign(PREFERENCES, notice.subscriber, digest, came_with)}"

    def return_path(self, notice: Notice) -> str:
        """Where a bounce goes: `b+TOKEN@domain`, the token names the notice (decisions.md, 20)."""
        return f"b+{self._signer.sign(NOTICE, notice.id)}@{self._return_path_domain}"
