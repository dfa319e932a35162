"""Which column of a file is which, where several are called nearly the same."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from tribune.domain.errors import InvalidInput
from tribune.domain.imports import Basis, BasisKind
from tribune.services.audience.csv_file import told_apart
from tribune.services.audience.import_columns import columns_of
from tribune.services.audience.import_subscribers import Columns
from tribune.services.imports.plan_import import Plan

HEADER = ("address", "langue", "zone", "País", "Pais")


@pytest.mark.parametrize("told", [{"País": "places", "Pais": ""}, {"Pais": "", "País": "places"}])
def test_a_name_as_the_file_writes_it_goes_before_one_that_is_like_it(told: Mapping[str, str]) -> None:
    assert columns_of(HEADER, told) == ["address", "languages", "zone", "places", ""]


def test_marks_between_words_tell_columns_apart_too() -> None:
    header = ("E-mail", "E mail", "zone", "lang")
    assert columns_of(header, {"E mail": "", "E-mail": "address"}) == ["address", "", "zone", "languages"]


def test_a_name_that_is_only_like_one_column_means_it() -> None:
    assert columns_of(("Mél. ", "zone", "lang", "L'État"), {"MEL": "address", "l etat": ""})[::3] == ["address", ""]


def test_a_name_that_is_like_several_means_none() -> None:
    with pytest.raises(InvalidInput, match=r"Several columns are like 'PAIS'.*País, Pais"):
        columns_of(HEADER, {"PAIS": "places"})


def test_a_place_names_a_column_that_has_no_heading_of_its_own() -> None:
    header = ("address", "", "lang", "", "zone")
    assert columns_of(header, {"#2": "places", "#4": ""}) == ["address", "places", "languages", "", "zone"]
    with pytest.raises(InvalidInput, match="Column 2 has no heading"):
        columns_of(header, {"#4": ""})
    with pytest.raises(InvalidInput, match="The file has no column '#6'"):
        columns_of(header, {"#2": "", "#4": "", "#6": ""})
    assert columns_of(("address", "lang", "zone", "#1"), {"#1": "name"})[-1] == "name"


def test_columns_can_be_told_one_by_one_in_their_order() -> None:
    told = ("address", "languages", "zone", "", "places")
    assert columns_of(HEADER, told) == list(told)
    with pytest.raises(InvalidInput, match="stands twice"):
        columns_of(HEADER, (*told[:3], "places", "places"))


def test_headings_that_are_the_same_are_told_apart_whatever_else_there_is() -> None:
    assert told_apart(["a", "A", "a (2)", "", ""]) == ("a", "A (2)", "a (2) (2)", "", "")


@pytest.mark.parametrize("told", [{"País": "places"}, ("address", "", "places")])
def test_a_plan_is_kept_as_it_was_told(told: Mapping[str, str] | tuple[str, ...]) -> None:
    plan = Plan(Basis(BasisKind.TRANSFER, "the former system"), Columns(told, {"zone": "UTC"}))
    assert Plan.from_json(plan.to_json()) == plan
