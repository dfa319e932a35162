"""Keep the masks in step with the code lists (decisions.md, 24)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tribune.domain.audience import Choice
from tribune.domain.codelists import Codelists
from tribune.domain.errors import Conflict
from tribune.domain.items import Item
from tribune.domain.masks import CODELIST_OF, Bits, choice_mask, item_mask
from tribune.ports.store import AUDIENCE, Store, Transaction

_AT_ONCE = 5_000


@dataclass(slots=True)
class Masker:
    """Makes masks; the same choice is reckoned once."""

    codelists: Codelists
    bits: Bits
    _choices: dict[Choice, tuple[int, ...]] = field(default_factory=dict)

    def __call__(self, choice: Choice) -> tuple[int, ...]:
        found = self._choices.get(choice)
        if found is None:
            found = self._choices[choice] = choice_mask(choice, self.bits, self.codelists.places)
        return found

    def item(self, item: Item) -> tuple[int, ...]:
        return item_mask(item.policy_areas, item.places, item.kind, self.bits, self.codelists.places)


def wanted_versions(codelists: Codelists) -> Mapping[str, str]:
    """The versions of the lists that masks are derived from."""
    return {name: codelists.versions[name] for name in CODELIST_OF.values()}


def masker(tx: Transaction, codelists: Codelists) -> Masker:
    """What makes masks. Raises Conflict while the stored ones were derived from other versions of the code lists, or
    from none."""
    stored = tx.planning.mask_versions()
    if not stored:
        raise Conflict(
            "The code lists have not been taken into this store yet.",
            hint="Run `tribune subscribers refresh`, or start Tribune's processes.",
        )
    if stored != wanted_versions(codelists):
        raise Conflict(
            "The code lists have changed, and subscriptions have not been brought in step with them yet.",
            hint="Restart Tribune's processes (or run `tribune subscribers refresh`) with the same code lists.",
        )
    return Masker(codelists, tx.planning.bits())


def begin_masks(store: Store, codelists: Codelists) -> None:
    """Take the code lists into a store that has none yet. Lists that have changed are left alone: other processes may
    still work with the old ones."""
    with store.read() as tx:
        if tx.planning.mask_versions():
            return
    refresh_masks(store, codelists)


def refresh_masks(store: Store, codelists: Codelists) -> int:
    """Give new codes their bits and derive every subscription's masks anew, where the code lists have changed.

    In one transaction, so that nobody plans with half of them; how many subscriptions changed.
    """
    with store.read() as tx:
        if tx.planning.mask_versions() == wanted_versions(codelists):
            return 0
    with store.write() as tx:
        tx.lock(AUDIENCE)
        if tx.planning.mask_versions() == wanted_versions(codelists):
            return 0  # another process was first
        for axis, codes in tx.planning.bits().missing(codelists).items():
            tx.planning.add_bits(axis, codes)
        masks = Masker(codelists, tx.planning.bits())
        changed, batch = 0, []
        for id, choice in tx.planning.choices():
            batch.append((id, masks(choice)))
            if len(batch) == _AT_ONCE:
                changed += tx.planning.set_masks(batch)
                batch = []
        changed += tx.planning.set_masks(batch)
        tx.planning.set_mask_versions(wanted_versions(codelists))
        return changed
