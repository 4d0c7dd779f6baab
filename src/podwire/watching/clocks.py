"""The clocks of the machine that a watch runs on: steps, sleep, and a machine too busy to wake up in time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

STEP = 1.0
"""Seconds by which the clock must differ from the timer for a step."""
LATE = 2.0
"""Seconds that a wait may take longer than it should."""


class Clocks:
    """Compares the clock (`time.time`) with the timer (`time.monotonic`), which alone gives a watch its moments."""

    def __init__(self) -> None:
        self._ahead = time.time() - time.monotonic()
        self._texts: list[str] = []

    @contextmanager
    def waiting(self, seconds: float) -> Iterator[None]:
        """A block that waits for so long at most."""
        began = time.monotonic()
        yield
        late = time.monotonic() - began - seconds
        if late > LATE:
            self._texts.append(f"was {late:.1f} s late: its machine is busy, so events of this time have later moments")

    def steps(self) -> list[str]:
        """What has happened since the last call, in words."""
        ahead = time.time() - time.monotonic()
        step, found = ahead - self._ahead, self._texts
        self._texts = []
        if abs(step) > STEP:
            self._ahead = ahead
            found.append(
                f"its machine's clock went {abs(step):.1f} s {'forward' if step > 0 else 'back'}: somebody set it, or "
                "the machine slept"
            )
        return found
