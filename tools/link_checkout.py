"""Make this checkout importable, and `tribune` runnable, in the virtual environment that runs this script.

What `pip install -e .` does, without building anything: one .pth file and one script.
"""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
SCRIPT = f"""#!{sys.executable}
from tribune.cli import main

main()
"""


def main() -> None:
    (Path(sysconfig.get_path("purelib")) / "tribune-checkout.pth").write_text(f"{CHECKOUT}\n", encoding="utf-8")
    script = Path(sysconfig.get_path("scripts")) / "tribune"
    script.write_text(SCRIPT, encoding="utf-8")
    script.chmod(0o755)


if __name__ == "__main__":
    main()
