"""A million observations read, compared with the release before, and summarised: seconds, rows a second, memory.

Run: `python bench/ilostat.py [ROWS]`. The work is done in a process of its own, so that its memory is its own.
"""

from __future__ import annotations

import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

ROWS = 1_000_000
SEXES = ("SEX_T", "SEX_M", "SEX_F")
AGES = tuple(f"AGE_YTHADULT_{age}" for age in ("YGE15", "Y15-24", "YGE25"))
CLASSES = tuple(f"EDU_AGGREGATE_{level}" for level in ("TOTAL", "LTB", "BAS", "INT", "ADV", "X"))
HEAD = (
    "ref_area,indicator,source,sex,classif1,classif2,time,obs_value,obs_status,note_classif,note_indicator,note_source"
)


def write_release(path: Path, rows: int, *, later: bool) -> None:
    """A release in ILOSTAT's bulk form; the later one has a new year, and revises one value in a hundred."""
    per_year = len(SEXES) * len(AGES) * len(CLASSES)
    years = 80
    areas = max(rows // (per_year * years), 1)
    with gzip.open(path, "wt", encoding="utf-8-sig", newline="", compresslevel=1) as file:
        file.write(HEAD + "\r\n")
        for area in range(areas):
            code = chr(65 + area // 676) + chr(65 + area // 26 % 26) + chr(65 + area % 26)
            for year in range(1945, 1945 + years + later):
                for place, (sex, age, level) in enumerate((s, a, c) for s in SEXES for a in AGES for c in CLASSES):
                    value = (area * 31 + year * 7 + place * 13) % 4000 / 100 + (
                        later and (area + year + place) % 100 == 0
                    )
                    file.write(
                        f"{code},UNE_DEAP_SEX_AGE_EDU_RT,BA:{area},{sex},{age},{level},{year},{value:.2f},"
                        f"{'B' if year == 1990 else ''},,,R1:3513\r\n"
                    )


def work(folder: Path) -> dict[str, float]:
    """Pull both releases as `tribune pull ilostat` does, less the store."""
    from tribune.codelists import load
    from tribune.domain.items import ItemRecord
    from tribune.ports.sources import SourceState
    from tribune.services.sources.ilostat_source import Dataflow, IlostatSource
    from tribune.store.releases import ReleaseFolder

    lists = load()
    shelf = ReleaseFolder(folder / "releases")
    state = SourceState("ilostat/bench")
    told: dict[str, float] = {}
    for name in ("first", "second"):
        started = time.perf_counter()
        path = folder / f"{name}.csv.gz"
        source = IlostatSource(state.source, str(path), Dataflow(), lists, shelf, file=path)
        (reading,) = source.read(state, datetime(2026, 11, 23, tzinfo=UTC))
        told[name] = time.perf_counter() - started
        state = reading.state or state
        item = reading.told[0]
        assert isinstance(item, ItemRecord) and item.data
        told |= {"rows": item.data.observations, "new": item.data.new_count, "revised": item.data.revised_count}
    told["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return told


def main() -> None:
    """Print one line a release."""
    if sys.argv[1:2] == ["--work"]:
        print(json.dumps(work(Path(sys.argv[2]))))
        return
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as folder:
        for name in ("first", "second"):
            write_release(Path(folder) / f"{name}.csv.gz", rows, later=name == "second")
        here = Path(__file__).resolve()
        done = subprocess.run(
            [sys.executable, str(here), "--work", folder],
            check=True,
            capture_output=True,
            text=True,
            cwd=here.parent.parent,
            env={"PYTHONPATH": str(here.parent.parent), "PATH": "/usr/bin:/bin"},
        )
    told = json.loads(done.stdout)
    print(f"ilostat: {told['rows']:,.0f} observations, {told['new']:,.0f} new, {told['revised']:,.0f} revised")
    print(f"  first load           {told['first']:6.1f} s")
    pace = told["rows"] / told["second"]
    print(f"  compared release     {told['second']:6.1f} s   {pace:,.0f} rows/s   (aim: < 20 s a million)")
    print(f"  peak memory          {told['peak_mb']:6.0f} MB  (aim: < 400 MB)")


if __name__ == "__main__":
    main()
