"""What staff choose for a column of their file holds for that column, whatever it is called."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from tests.acceptance.house import House
from tests.people_world import two_people
from tribune.services.imports.work_on_import import work_on_import

BASIS = {"basis": "transfer", "source": "the former system", "do": "check"}


@pytest.fixture
def browser(house: House) -> Iterator[TestClient]:
    with two_people(house) as client:
        yield client


@pytest.mark.parametrize(
    "headings", ["País,Pais", "Country,Country:", "country,country", ",", "#5,Países", 'Autre,"Pays\nd\'origine"']
)
@pytest.mark.parametrize("chosen", [3, 4])
def test_the_column_that_was_chosen_is_the_one_that_is_taken(
    house: House, browser: TestClient, headings: str, chosen: int
) -> None:
    cells = ["KEN", "KEN"]
    cells[chosen - 3] = "SEN"
    content = f"address,langue,zone,{headings},x\nbinta@travail.example,fr,Africa/Dakar,{','.join(cells)},\n"
    answer = browser.post("/en/newsroom/imports", files={"file": ("people.csv", content.encode(), "text/csv")})
    at = str(answer.url)
    columns = {f"column-{n}": name for n, name in enumerate(("address", "languages", "zone", "", "", ""))}
    columns[f"column-{chosen}"] = "places"
    checked = browser.post(f"{at}/check", data=columns | BASIS)
    assert checked.status_code == 200, checked.text
    assert work_on_import(house.app.import_worker)
    again = browser.get(at).text
    assert f'id="column-{chosen}"' in again
    assert again.index('value="places" selected') > again.index(f'id="column-{chosen}"')
    assert browser.post(f"{at}/run").status_code == 200
    assert work_on_import(house.app.import_worker)
    with house.app.store.read() as tx:
        binta = tx.audience.by_address("binta@travail.example")
    assert binta is not None
    assert binta.subscriptions[0].choice.places == {"SEN"}
