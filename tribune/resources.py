"""Where the data that travels with the code is: templates, locales, code lists, migrations, the demo.

In a checkout they stand at the root; in the wheel they travel in `tribune/_data` (decisions.md, 26).
"""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def locate(name: str) -> Path:
    """The folder `name` (templates, locales, codelists, migrations, demo)."""
    for root in (_PACKAGE / "_data", _PACKAGE.parent):
        if (root / name).is_dir():
            return root / name
    raise FileNotFoundError(f"Tribune's own folder {name!r} is missing: the installation is not complete.")
