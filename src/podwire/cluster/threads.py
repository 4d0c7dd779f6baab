"""Threads that ask an API server for several things at once."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def workers(most: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """So many threads. A block that fails, or is interrupted, waits for none of them: what they ask for is bounded."""
    threads = ThreadPoolExecutor(max_workers=most, thread_name_prefix=name)
    try:
        yield threads
    except BaseException:
        threads.shutdown(wait=False, cancel_futures=True)
        raise
    threads.shutdown()
