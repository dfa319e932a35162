"""Masks, their bits, and their keeping in step with the code lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest

from tests.planning_world import START, World
from tribune.bootstrap import Application
from tribune.codelists import load
from tribune.domain.audience import Choice
from tribune.domain.codelists import Code, Codelist, Codelists, Places, PlaceType
from tribune.domain.errors import Conflict, InvalidInput
from tribune.domain.masks import AXES, Bits, choice_mask, codes, item_mask, room
from tribune.services.audience.refresh_masks import begin_masks, masker, refresh_masks


def bits() -> Bits:
    return Bits(*({code: n for n, code in enumerate(codes(axis, load()), 1)} for axis in AXES))


def test_an_empty_choice_is_any_and_a_choice_of_what_is_gone_is_nothing() -> None:
    places = load().places
    assert choice_mask(Choice(), bits(), places) == (1, 0, 1, 0, 0, 0, 0, 0, 1)
    gone = choice_mask(Choice(policy_areas=frozenset({"gone"})), bits(), places)
    assert gone[:2] == (0, 0)
    assert len(gone) == sum(AXES.values())


def test_words_keep_their_sign_bit_free() -> None:
    world = item_mask((), (), "report", bits(), load().places)
    assert all(0 <= word < 2**63 for word in world)
    assert world[2:8] == (2**63 - 1,) * 6, "no places: every place"


def test_the_code_lists_fit_with_room_to_grow() -> None:
    for axis in AXES:
        assert len(codes(axis, load())) * 1.3 < room(axis)


def with_group(codelists: Codelists, code: str, members: frozenset[str]) -> Codelists:
    groups: Mapping[str, frozenset[str]] = {**codelists.places.groups, code: members}
    return replace(codelists, places=Places(codelists.places.places, groups, version="another"))


def test_a_group_that_changes_reaches_its_new_members_after_a_refresh(app: Application) -> None:
    world = World(app)
    group = next(place.code for place in app.codelists.places.of_type(PlaceType.GROUP))
    outside = "FRA"
    assert outside not in app.codelists.places.countries(group)
    person = world.person(("daily", Choice(places=frozenset({group}))))
    item = world.item("en", places=(outside,))
    changed = with_group(app.codelists, group, frozenset({outside}))
    app.__dict__["codelists"] = changed
    with pytest.raises(Conflict):
        world.plan("daily")
    assert refresh_masks(app.store, changed) == 1
    assert refresh_masks(app.store, changed) == 0, "once is enough"
    assert world.got(world.plan("daily"), person) == [(item, "en")]


def test_a_store_that_has_no_code_lists_yet_says_so_and_takes_them_in_once(app: Application) -> None:
    world = World(app)
    world.person("daily")
    with app.store.write() as tx:
        tx.planning.set_mask_versions({"places": "older"})
    begin_masks(app.store, app.codelists)
    with app.store.read() as tx, pytest.raises(Conflict, match="code lists have changed"):
        masker(tx, app.codelists)
    with app.store.write() as tx:
        tx.connection.exec_driver_sql("DELETE FROM codelist_versions")
    with app.store.read() as tx, pytest.raises(Conflict, match="have not been taken into this store yet") as told:
        masker(tx, app.codelists)
    assert "tribune subscribers refresh" in str(told.value)
    begin_masks(app.store, app.codelists)
    with app.store.read() as tx:
        assert masker(tx, app.codelists).bits.topics


def with_areas(codelists: Codelists, names: list[str]) -> Codelists:
    areas = {name: Code(name, {"en": name, "fr": name, "es": name}) for name in names}
    return replace(codelists, policy_areas=Codelist("policy area", areas, version="-".join(names)[:60]))


def test_a_bit_is_never_used_again(app: Application) -> None:
    for names in (["a", "b"], ["b", "c"], ["a", "c"]):
        refresh_masks(app.store, with_areas(app.codelists, names))
    with app.store.read() as tx:
        assert tx.planning.bits().topics == {"a": 1, "b": 2, "c": 3}


def test_a_list_that_has_no_room_says_so(app: Application) -> None:
    with pytest.raises(InvalidInput, match="room for 125 codes"):
        refresh_masks(app.store, with_areas(app.codelists, [f"area{n}" for n in range(126)]))


def test_masks_are_refused_until_they_are_in_step(app: Application) -> None:
    with app.store.write() as tx, pytest.raises(Conflict, match="code lists have not been taken in"):
        masker(tx, app.codelists)
    assert START
