"""Links and return paths of one delivery: signed, scoped to one purpose, without personal data."""

from __future__ import annotations

from tribune.domain.sending import name_of
from tribune.domain.tokens import Signer, fit
from tribune.rendering.email.composer import ReaderLinks

UNSUBSCRIBE = "unsubscribe"
PREFERENCES = "preferences"
DELIVERY = "delivery"


class ReaderLinkMaker:
    """Makes the links that stand in a mail.

    `/u/TOKEN` answers a GET with a page and a POST at once (RFC 8058); `/p/TOKEN` is the preferences page. Both
    work from any copy of the mail for as long as the signing key is kept (decisions.md, 29).
    """

    def __init__(self, signer: Signer, base_url: str, return_path_domain: str) -> None:
        self._signer = signer
        self._base_url = base_url.rstrip("/")
        self._return_path_domain = return_path_domain

    def links(self, subscriber: int, digest: str, mailing: int) -> ReaderLinks:
        who, sealed = f"{subscriber}~{fit(digest)}~{mailing}", self._signer.sealed
        unsubscribe = f"{self._base_url}/u/{sealed(UNSUBSCRIBE, who)}"
        return ReaderLinks(unsubscribe, unsubscribe, f"{self._base_url}/p/{sealed(PREFERENCES, who)}")

    def return_path(self, mailing: int, chunk: int, place: int) -> str:
        """Where a bounce goes: `b+TOKEN@domain`, the token names the delivery (decisions.md, 20)."""
        return f"b+{self._signer.sealed(DELIVERY, f'{mailing}~{chunk}~{place}')}@{self._return_path_domain}"

    def bounced(self, return_path: str) -> tuple[str, int, int, int]:
        """The delivery that a return path names: (name, mailing, chunk, place). Raises InvalidInput."""
        token = return_path.partition("@")[0].partition("+")[2]
        mailing, chunk, place = map(int, self._signer.verify(DELIVERY, token))
        return name_of(mailing, chunk, place), mailing, chunk, place
