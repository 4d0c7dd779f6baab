"""A thread pool for parallel requests to an API server."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager


@contextmanager
def workers(most: int, name: str) -> Iterator[ThreadPoolExecutor]:
    """A pool of at most `most` threads. A block that raises does not wait for them: each request is bounded."""
    threads = ThreadPoolExecutor(max_workers=most, thread_name_prefix=name)
    try:
        yield threads
    except BaseException:
        threads.shutdown(wait=False, cancel_futures=True)
        raise
    threads.shutdown()
