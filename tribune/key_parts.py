"""The part of the wiring that holds keys: those that sign links, and the one of the suppression list. See bootstrap."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from tribune import config
from tribune.domain.errors import ConfigurationError

if TYPE_CHECKING:
    from tribune.domain.addresses import SuppressionHash


class KeyParts:
    """Keys of the application, each read, or made, on first use."""

    settings: config.Settings

    @cached_property
    def keys(self) -> tuple[Mapping[str, bytes], str]:
        """Key id -> secret, and the id of the key that signs."""
        told = self.settings.security
        keys = {kid: secret.get_secret_value().encode() for kid, secret in told.signing_keys.items()}
        for kid, secret in keys.items():
            if len(secret) < 32:
                raise ConfigurationError(f"security.signing_keys.{kid}: a secret holds at least 32 characters.")
        if not keys:
            return {"k1": own_key(self.settings.data_dir / "signing.key")}, "k1"
        current = told.current_key or max(keys)
        if current not in keys:
            raise ConfigurationError(
                f"security.current_key = {current!r}: it must be one of {', '.join(sorted(keys))}."
            )
        return keys, current

    @cached_property
    def suppression_hash(self) -> SuppressionHash:
        """What makes the suppression list's hashes. Raises ConfigurationError where its key is cut short."""
        from tribune.domain.addresses import SuppressionHash

        told = self.settings.security
        former = [one.get_secret_value().encode() for one in told.former_suppression_keys]
        if any(len(one) < 32 for one in former):
            raise ConfigurationError("security.former_suppression_keys: each holds at least 32 characters.")
        if told.suppression_key is None:
            lost = "and the addresses on the suppression list are mailed again"
            return SuppressionHash(own_key(self.settings.data_dir / "suppression.key", lost), former)
        secret = told.suppression_key.get_secret_value().encode()
        if len(secret) < 32:
            raise ConfigurationError("security.suppression_key: a secret holds at least 32 characters.")
        return SuppressionHash(secret, former)

    def find_suppression_hash(self, must_be_there: bool) -> SuppressionHash:
        """The same for the store. `must_be_there`: the list was made with a key, and a new one would read nothing of
        it; raises ConfigurationError where there is none."""
        file = self.settings.data_dir / "suppression.key"
        if must_be_there and self.settings.security.suppression_key is None and not file.exists():
            raise ConfigurationError(
                f"The suppression list was made with a key that is not here: there is no {file.absolute()}. A new one "
                "is not made, as it would protect nobody. Start Tribune where its data_dir is, put the file back "
                "from your backup, or set [security] suppression_key as it was."
            )
        return self.suppression_hash


def own_key(path: Path, lost: str = "and the unsubscribe links of all mails sent so far stop working") -> bytes:
    """A key of this installation, made on first use and readable by its owner only. `lost`: what is if it is."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-")  # readable by its owner only
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(secrets.token_hex(32).encode())
                file.flush()
                os.fsync(file.fileno())
            # The key appears whole, and only one: of several processes that start at once, one wins.
            with suppress(FileExistsError):
                os.link(aside, path)
        finally:
            Path(aside).unlink()
    key = path.read_bytes()
    if len(key) < 32:
        raise ConfigurationError(
            f"{path} holds no key: it is cut short. Put it back from your backup; or delete it, {lost}."
        )
    return key
