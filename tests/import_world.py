"""Files of subscribers, for tests of taking them in."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from tests.planning_world import World
from tribune.domain.audience import Subscriber
from tribune.domain.imports import Basis, BasisKind
from tribune.services.audience.import_subscribers import Columns, Import, import_subscribers

BASIS = Basis(BasisKind.TRANSFER, "the former system")
HEADER = "address,name,group,languages,zone,fallback,digest,policy_areas,places,kinds,cadence,weekday,hour"
DAKAR = "m@travail.sn,Ministère,government,fr|en,Africa/Dakar,source,letter,wages,SEN|002,,weekly,monday,8"


def take(
    world: World,
    tmp_path: Path,
    *rows: str,
    header: str = HEADER,
    dry_run: bool = False,
    defaults: Mapping[str, str] = MappingProxyType({}),
) -> Import:
    return take_bytes(world, tmp_path, "\n".join([header, *rows, ""]).encode(), dry_run, defaults)


def take_bytes(
    world: World,
    tmp_path: Path,
    content: bytes,
    dry_run: bool = False,
    defaults: Mapping[str, str] = MappingProxyType({}),
) -> Import:
    file = tmp_path / "people.csv"
    file.write_bytes(content)
    app = world.app
    house = app.store, app.clock, file, app.digests, app.codelists
    return import_subscribers(*house, basis=BASIS, dry_run=dry_run, columns=Columns(defaults=defaults))


def counts(done: Import) -> tuple[int, int, int, int]:
    return done.added, done.changed, done.unchanged, done.refused


def person(world: World, address: str) -> Subscriber:
    with world.app.store.read() as tx:
        found = tx.audience.by_address(address)
    assert found is not None
    return found


def status_row(status: str, row: str = DAKAR) -> str:
    return f"{row},{status}"
