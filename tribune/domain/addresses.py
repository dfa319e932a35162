"""E-mail addresses: what is accepted, how two of them are compared, and which provider is behind one.

`plain` decides most of them in one expression; only what it does not know goes to email-validator (in
`tribune.services.audience.import_subscribers`), which is slow and exact.
Source: RFC 5321, RFC 6531 (SMTPUTF8), RFC 5891 (IDNA).
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Mapping, Sequence
from functools import lru_cache

MAX_LENGTH = 254

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_PLAIN = re.compile(
    rf"{_ATOM}(?:\.{_ATOM})*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{{0,61}}[A-Za-z0-9])?\.)+[A-Za-z]{{2,63}}", re.ASCII
)
_SUSPECT = re.compile(r"--|\.(?:test|invalid|local|localhost|arpa|onion|internal)$", re.ASCII | re.IGNORECASE)

_ANY = re.compile(r"[^\s<>()\"']+@[^\s<>()\"']+")
_STATUS = re.compile(r"(?:\d{3}(?: \d\.\d{1,3}\.\d{1,3})?\b)?")

_HOST_NAME = re.compile(r"[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*")


def plain(address: str) -> bool:
    """Whether an address is surely well formed: ASCII, dots and lengths right, nothing that wants a closer look."""
    at = address.find("@")
    return at <= 64 and len(address) <= MAX_LENGTH and bool(_PLAIN.fullmatch(address)) and not _SUSPECT.search(address)


def address_key(address: str) -> str:
    """The address folded for comparison: local part case-folded, domain in lower case as IDNA has it."""
    if address.isascii():
        return address.lower()
    local, _, domain = address.rpartition("@")
    return f"{local.casefold()}@{ascii_domain(domain)}"


@lru_cache(maxsize=10_000)
def ascii_domain(domain: str) -> str:
    """A domain as the DNS has it: in lower case, labels beyond ASCII as `xn--...`. Whatever it is given, it answers."""
    # Python's own "idna" codec is IDNA 2003 and would make strasse of straße: two different domains.
    labels = unicodedata.normalize("NFC", domain.lower()).split(".")
    return ".".join(label if label.isascii() else f"xn--{label.encode('punycode').decode()}" for label in labels)


def host_name(domain: str) -> str:
    """`ascii_domain` of a domain beyond ASCII that is about to be asked for. Raises ValueError where the DNS can hold
    no such name: a label that is empty, too long, or has more than letters, digits, - and _."""
    domain = ascii_domain(domain.encode().decode())  # a lone surrogate is a ValueError
    if len(domain) > 253 or not _HOST_NAME.fullmatch(domain):
        raise ValueError(f"{domain!r} is no name of a domain")
    return domain


def without_addresses(words: str, recipient: str) -> str:
    """What a server said, with `<...>` for each address, and for the recipient's local part where it stands alone.
    Codes at the head (`550 5.1.1`) stay."""
    head = _STATUS.match(words)
    at = head.end() if head else 0
    rest = _ANY.sub("<...>", words[at:].replace(recipient, "<...>"))
    if local := re.escape(recipient.rpartition("@")[0]):
        rest = re.sub(rf"(?<![\w.+-]){local}(?![\w+-]|\.\w)", "<...>", rest, flags=re.IGNORECASE)
    return words[:at] + rest


def plain_hash(key: str) -> str:
    """What the suppression list kept of a folded address before it was keyed: whoever guesses an address can check it.
    `SuppressionHash` builds on it, so that what was kept then could be carried over."""
    return hashlib.sha256(key.encode()).hexdigest()


class SuppressionHash:
    """What the suppression list keeps of folded addresses: keyed BLAKE2b (RFC 7693) over `plain_hash`, 64 hexadecimal
    digits. Without the key nobody can tell whether an address is on the list.

    `fingerprint` names the key (16 hexadecimal digits) without telling anything of it; `fingerprints` also those of
    the `former` keys, with which addresses are looked for, and none is added. Raises ValueError for a key of less than
    32 bytes."""

    def __init__(self, key: bytes, former: Sequence[bytes] = ()) -> None:
        if len(key) < 32:
            raise ValueError("the key holds at least 32 bytes")
        # BLAKE2b takes keys of up to 64 bytes. A copy of what has taken in the key costs half of a new one.
        self._primed = hashlib.blake2b(digest_size=32, key=hashlib.sha512(key).digest())
        self.fingerprint = self._keyed(b"which key is this?")[:16]
        self._former = tuple(SuppressionHash(one) for one in former)
        self.fingerprints = frozenset({self.fingerprint, *(one.fingerprint for one in self._former)})

    def __call__(self, key: str) -> str:
        """The hash of a folded address."""
        return self._keyed(hashlib.sha256(key.encode()).hexdigest().encode())

    def each(self, key: str) -> tuple[str, ...]:
        """The hashes under which a folded address may be listed: with this key, and with each former one."""
        return (self(key), *(one(key) for one in self._former))

    def of_plain(self, plain: str) -> str:
        """The same from the address's `plain_hash`."""
        return self._keyed(plain.encode())

    def _keyed(self, text: bytes) -> str:
        made = self._primed.copy()
        made.update(text)
        return made.hexdigest()


_PROVIDERS: Mapping[str, str] = {
    "gmail.com": "google",
    "googlemail.com": "google",
    "icloud.com": "apple",
    "me.com": "apple",
    "mac.com": "apple",
    "aol.com": "yahoo",
    "ymail.com": "yahoo",
    "rocketmail.com": "yahoo",
    "proton.me": "proton",
    "protonmail.com": "proton",
    "protonmail.ch": "proton",
    "pm.me": "proton",
    "gmx.de": "gmx",
    "gmx.net": "gmx",
    "gmx.at": "gmx",
    "gmx.ch": "gmx",
    "gmx.com": "gmx",
    "gmx.fr": "gmx",
    "web.de": "gmx",
    "orange.fr": "orange",
    "wanadoo.fr": "orange",
    "free.fr": "free",
    "laposte.net": "laposte",
    "sfr.fr": "sfr",
    "yandex.ru": "yandex",
    "yandex.com": "yandex",
    "mail.ru": "mailru",
    "qq.com": "qq",
    "163.com": "netease",
    "126.com": "netease",
}
_FAMILIES = {"yahoo": "yahoo", "outlook": "microsoft", "hotmail": "microsoft", "live": "microsoft", "msn": "microsoft"}

OTHER = "other"
"""The group of everybody who has no large mailbox provider."""

GROUPS = tuple(sorted({*_PROVIDERS.values(), *_FAMILIES.values(), OTHER}))
"""All that `domain_group` may answer."""


@lru_cache(maxsize=50_000)
def domain_group(domain: str) -> str:
    """Who takes in mail for a domain: one name per large mailbox provider, else "other".

    A provider that slows us down is then slowed down for as a whole (decisions.md, 17).
    """
    domain = domain.lower()
    found = _PROVIDERS.get(domain)
    if found:
        return found
    name, _, ending = domain.partition(".")
    # yahoo.fr, yahoo.com.br, hotmail.co.uk: a family has one name under many countries' endings.
    return _FAMILIES.get(name, OTHER) if 0 < len(ending) <= 6 else OTHER
