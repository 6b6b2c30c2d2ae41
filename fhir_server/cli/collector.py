"""How often Python's cycle collector runs: rarely, because documents are trees, which need none.

https://docs.python.org/3/library/gc.html#gc.freeze
"""

from __future__ import annotations

import gc

# The default of 700 made the collector walk the same large Bundle again and again: a quarter of a load's time.
_ALLOCATIONS = 200_000


def relieve() -> None:
    """Keep what is there now (code, definitions, closures) out of collections, and make those rare."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_ALLOCATIONS, 20, 20)
