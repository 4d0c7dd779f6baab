"""Attempts: their result fields, and many of them at once."""

from __future__ import annotations

import collections
import time

from podwire.agent.loop import Promise

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Any, Coroutine

    from podwire.agent.loop import Loop, Wait
    from podwire.agent.parameters import Parameters


def begun(token: str) -> Parameters:
    """The fields of an attempt at its start."""
    return {
        "token": token, "started": time.time(), "elapsed": 0.0, "local": None, "peer": None,
        "resolved": [], "reply": None, "error": None, "sent": 0, "received": 0,
    }  # fmt: skip


async def together(loop: Loop, coroutines: list[Coroutine[Wait, Any, Any]], most: int = 0) -> list[Any]:
    """Run all coroutines, at most `most` at once (0: all). Then return their results, or raise the first problem."""
    results: list[Any] = [None] * len(coroutines)
    problems: list[Exception] = []
    to_do = collections.deque(enumerate(coroutines))
    left, done = min(most or len(to_do), len(to_do)), Promise(loop)

    async def work() -> None:
        nonlocal left
        while to_do:
            at, coroutine = to_do.popleft()
            try:
                results[at] = await coroutine
            except Exception as error:
                problems.append(error)
        left -= 1
        if not left:
            done.keep()

    for _ in range(left):
        loop.spawn(work())
    if coroutines:
        await done.wait()
    if problems:
        raise problems[0]
    return results
