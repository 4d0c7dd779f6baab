"""The duration of each part of a run."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator


class Timings(dict[str, float]):
    """Seconds by the name of a part."""

    @contextlib.contextmanager
    def measured(self, name: str) -> Iterator[None]:
        """Add the duration of the block, even if it raises."""
        start = time.monotonic()
        try:
            yield
        finally:
            self[name] = self.get(name, 0.0) + time.monotonic() - start
