"""Worker processes end when the process that started them is gone: nobody else would tell them to.

https://docs.python.org/3/library/multiprocessing.html#multiprocessing.parent_process
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading


def end_with_parent(how: signal.Signals) -> None:
    """Send `how` to this process, made by `multiprocessing`, as soon as its parent has ended."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch() -> None:
        parent.join()
        os.kill(os.getpid(), how)

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
