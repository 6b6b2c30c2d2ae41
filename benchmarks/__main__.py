"""Runs every benchmark in turn: `make bench`, or `python -m benchmarks [SYNTHEA-FILE...]`.

https://github.com/synthetichealth/synthea

Without files the Synthea bundles beside the project are taken, and the parts that need them are left out, with a word,
where there are none.
"""

from __future__ import annotations

import sys
from pathlib import Path

from benchmarks import load, read, search, validation

BESIDE = Path(__file__).parent.parent.parent / "shared" / "data" / "synthea"


def main() -> None:
    """Run all."""
    files = [Path(name) for name in sys.argv[1:]] or sorted(BESIDE.glob("*.json.bz2"))
    print("== validation, every rule on, against the R4B models")
    validation.main()
    print("\n== read by id, against a bare view")
    read.main()
    print("\n== load, against bare COPY and executemany")
    if files:
        load.main(files)
        print("\n== searches, against plain SQL")
        search.filled(files, repeat=2, rounds=100)
    else:
        print("left out: no Synthea bundles were named, and none lie beside the project")


if __name__ == "__main__":
    main()
