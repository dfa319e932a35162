"""What is exported comes back exactly, whoever people are and whatever they chose."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from tests.planning_world import START
from tribune.bootstrap import Application
from tribune.config import Digest, Settings, Store
from tribune.domain.addresses import address_key, plain
from tribune.domain.audience import Cadence, Choice, Fallback, Rhythm, Status, Subscriber, Subscription
from tribune.domain.changes import in_order, rhythms_in_order
from tribune.domain.imports import Basis, BasisKind
from tribune.domain.spreadsheet import TRIGGERS, neutral, original
from tribune.ports.clock import StoppedClock
from tribune.services.audience.export_subscribers import export_subscribers
from tribune.services.audience.import_subscribers import import_subscribers
from tribune.services.audience.refresh_masks import masker, refresh_masks
from tribune.services.audience.subscriber_rows import RefusedCell, read_name

BASIS = Basis(BasisKind.TRANSFER, "the former system")


@given(st.text())
def test_cells_are_safe_and_come_back(cell: str) -> None:
    safe = neutral(cell)
    assert original(safe) == cell
    assert safe[:1] not in TRIGGERS or not safe


def _is_name(text: str) -> bool:
    try:
        return read_name(text) == text and text == text.strip()
    except RefusedCell:
        return False


names = st.one_of(
    st.sampled_from(["=1+1", "'=1", "@x", "Nguyễn Thị Ánh", "محمد", "李 小龙", 'A "B", C', "a;b,c\u00a0d", "-"]),
    st.text(max_size=30).map(str.strip).filter(_is_name),
)
local = st.text("abcdefghijklmnopqrstuvwxyz0123456789=+-_'{|}~", min_size=1, max_size=12)
addresses = st.builds(
    lambda name, host: f"{name}@{host}", local, st.sampled_from(["a.org", "xn--bcher-kva.de", "gmail.com"])
)
places = st.lists(st.sampled_from(["SEN", "002", "LIC", "FRA"]), max_size=3).map(frozenset)
choices = st.builds(Choice, st.lists(st.sampled_from(["wages", "skills"])).map(frozenset), places, st.just(frozenset()))


@st.composite
def persons(draw: st.DrawFn) -> Subscriber:
    wishes = draw(
        st.dictionaries(
            st.tuples(st.sampled_from(["letter", "news"]), st.sampled_from(list(Cadence))),
            st.lists(choices, min_size=1, max_size=2, unique=True),
            min_size=1,
            max_size=3,
        )
    )
    stopped = {digest for digest, _ in wishes if draw(st.integers(0, 4)) == 0}
    rhythms = [
        Rhythm(
            digest,
            cadence,
            draw(st.integers(0, 6)) if cadence in (Cadence.WEEKLY, Cadence.MONTHLY) else 0,
            0 if cadence is Cadence.AT_ONCE else draw(st.integers(0, 23)),
            stopped_at=START if digest in stopped else None,
        )
        for digest, cadence in wishes
    ]
    all_stopped = all(r.stopped_at for r in rhythms)
    return Subscriber(
        id=0,
        address=draw(addresses),
        name=draw(names),
        group=draw(st.sampled_from(["government", "workers", "other"])),
        languages=tuple(draw(st.lists(st.sampled_from(["en", "fr", "pt-BR", "ar"]), min_size=1, unique=True))),
        zone=draw(st.sampled_from(["Africa/Dakar", "Pacific/Apia"])),
        fallback=draw(st.sampled_from(list(Fallback))),
        status=Status.UNSUBSCRIBED if all_stopped else draw(st.sampled_from([Status.ACTIVE, Status.PAUSED])),
        subscriptions=in_order([Subscription(d, c, choice) for (d, c), told in wishes.items() for choice in told]),
        rhythms=rhythms_in_order(rhythms),
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("round_trip")


def new_house(folder: Path, name: str) -> Application:
    for file in folder.glob(f"{name}.sqlite3*"):
        file.unlink()
    product = {"names": {"en": "Letter"}, "sender": "l@observatory.example"}
    digests = {id: Digest.model_validate(product) for id in ("letter", "news")}
    store = Store(url=f"sqlite:///{folder}/{name}.sqlite3")
    app = Application(Settings(data_dir=folder, store=store, digests=digests), StoppedClock(START))
    app.prepare()
    refresh_masks(app.store, app.codelists)
    return app


def exported(app: Application) -> str:
    out = io.StringIO()
    with app.store.read() as tx:
        export_subscribers(tx, out)
    return out.getvalue()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(st.lists(persons(), min_size=1, max_size=6, unique_by=lambda p: address_key(p.address)))
def test_everybody_comes_back(folder: Path, people: list[Subscriber]) -> None:
    assume(all(plain(p.address) or "xn--" in p.address for p in people))
    here, there = new_house(folder, "here"), new_house(folder, "there")
    with here.store.write() as tx:
        tx.audience.add(people, masker(tx, here.codelists), START)
        kept = list(tx.audience.everyone())
    told = exported(here)
    file = folder / "people.csv"
    file.write_text(told, encoding="utf-8", newline="")
    done = import_subscribers(there.store, there.clock, file, there.digests, there.codelists, basis=BASIS)
    assert (done.added, done.refusals) == (len(people), [])
    with there.store.read() as tx:
        assert list(tx.audience.everyone()) == kept
    assert exported(there) == told
    again = import_subscribers(there.store, there.clock, file, there.digests, there.codelists, basis=BASIS)
    assert (again.unchanged, again.changed, again.refused) == (len(people), 0, 0)
    here.close()
    there.close()
