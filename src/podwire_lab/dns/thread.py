"""The loop on which the lab's DNS runs: its own thread's, so that no work of the API or a node agent keeps it waiting.

A C library waits five seconds before it asks again: a server that is late by a fraction of a second, with a few hundred
questions in flight, would show as a failed look-up that no network has caused.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

SWITCH = 0.0005
"""Seconds after which another thread gives the interpreter up to this one, ten times sooner than usual."""


class DnsThread:
    """A daemon thread with an event loop, from `start` to the end of the process."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="dns", daemon=True)

    def start(self) -> None:
        sys.setswitchinterval(SWITCH)
        self._thread.start()

    async def run(self, work: Coroutine[Any, Any, None]) -> None:
        """Run on the thread's loop; what it raises is raised here."""
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def soon(self, call: Callable[[], None]) -> None:
        """Have the thread's loop call this, without waiting for it."""
        self._loop.call_soon_threadsafe(call)
