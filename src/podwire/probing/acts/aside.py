"""Work beside the flows, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

_T = TypeVar("_T")


def aside(work: Callable[[], _T]) -> Future[_T]:
    """Do this in a thread of its own, which nobody waits for when the run is interrupted."""
    done: Future[_T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as problem:
            done.set_exception(problem)

    threading.Thread(target=run, name="aside", daemon=True).start()
    return done
