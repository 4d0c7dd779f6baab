"""What came of filling a node with pods. Values only; `podwire.cluster.deployment.filling` makes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Rest:
    """An address that a pod gave back: `returned`, and for how many `seconds` it was nobody's, None where `problem`
    says why that is not known. `usual` is what pods took at most to get an address that was free."""

    returned: str = ""
    usual: float | None = None
    seconds: float | None = None
    problem: str = ""


@dataclass(frozen=True, kw_only=True)
class Filled:
    """A node that the run has filled: how many of its addresses pods have, how many pods got none and were told why,
    and what came of giving one back, None when that was not tried."""

    addresses: int
    waiting: int
    rest: Rest | None = None
