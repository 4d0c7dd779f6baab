"""The agent's loop, in this process and for a bounded time."""

import time
from contextlib import suppress


class Done(Exception):
    """Ends a loop."""


def run_coroutine(loop, main, limit=5.0):
    """Run an agent's loop until `main` has ended, within a time limit. Returns its result."""
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
