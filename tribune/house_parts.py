"""The part of the wiring that says who the house is and what it sends. See bootstrap."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

from tribune import config
from tribune.domain.digests import Digest, Organisation, forgotten


class HouseParts:
    """What the settings say of the organisation and of its digests."""

    settings: config.Settings

    @cached_property
    def organisation(self) -> Organisation:
        told = self.settings.organisation
        return Organisation(
            names=told.names,
            addresses=told.addresses,
            languages=told.languages,
            default_language=told.default_language,
            website=told.website,
            contact=told.contact,
        )

    @cached_property
    def digests(self) -> Mapping[str, Digest]:
        """Those that are offered and planned."""
        return {id: _digest(id, told) for id, told in self.settings.digests.items() if not told.retired}

    @cached_property
    def retired_digests(self) -> Mapping[str, Digest]:
        return {id: _digest(id, told) for id, told in self.settings.digests.items() if told.retired}

    @property
    def every_digest(self) -> Mapping[str, Digest]:
        """Those of the settings, retired ones too: for the names of what went out, and to send what is on its way."""
        return {**self.retired_digests, **self.digests}

    def digest(self, id: str) -> Digest:
        """The digest of this id, or what is left of one that was taken out of the settings: what people were sent names
        it, and so do the addresses of its issues, which stay."""
        return self.every_digest.get(id) or forgotten(id, self.organisation.contact)


def _digest(id: str, told: config.Digest) -> Digest:
    return Digest(
        id=id,
        names=told.names,
        sender=told.sender,
        kinds=told.kinds,
        cadences=told.cadences,
        approval=told.approval,
        max_items=told.max_items,
        in_doubt=told.in_doubt or "",
        retired=told.retired,
    )
