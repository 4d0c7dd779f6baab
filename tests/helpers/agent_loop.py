"""The agent's loop, in this process and for a bounded time."""

import inspect
import time
from contextlib import suppress


class Done(Exception):
    """Ends a loop."""


def run_coroutine(loop, main, limit=5.0):
    """Run an agent's loop until what `main` makes has ended, within a time limit (seconds). Returns its result.

    `main` is a function that returns a coroutine: one that is made already has its loop from elsewhere.
    """
    if not callable(main):
        if inspect.iscoroutine(main):
            main.close()  # Nobody else will.
        raise TypeError(f"run_coroutine takes a function that makes a coroutine, not {type(main).__name__}")
    results = []

    async def whole():
        results.append(await main())

    def stop():
        if results or time.monotonic() > until:
            raise Done

    until = time.monotonic() + limit
    loop.before_wait = stop
    loop.spawn(whole())
    with suppress(Done):
        loop.run()
    assert results, "it did not end"
    return results[0]
