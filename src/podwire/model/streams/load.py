"""What streams send: their kinds, and how much."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Literal

from msgspec import Struct

StreamKind = Literal["", "steady", "dense", "silent", "transfer", "one-way"]


class StreamLoad(Struct, frozen=True, kw_only=True):
    """What the streams of a run send: `rate` messages a second each, for `least` seconds also where the flows of the
    run take less; `idle` seconds at least for which silent streams are silent, who speak again after all flows in any
    case; `transfer` bytes each way. A dense stream sends `dense` datagrams, or TCP messages, within `least` seconds."""

    rate: float = 1.0
    dense: tuple[int, int] = (400, 100)
    least: float = 8.0
    idle: float = 0.0
    transfer: int = 10_000_000


def contradictions(kind: str, protocols: Collection[str], repeated: bool) -> Iterator[str]:
    """Why there can be no stream of this kind over these protocols, or none that is sent again after a change."""
    admitted = {"transfer": {"tcp"}, "one-way": {"udp"}}.get(kind, {"tcp", "udp"})
    if not set(protocols) <= admitted:
        yield f"stream='{kind}': goes with protocol {' or '.join(sorted(admitted))}"
    if repeated:
        yield "repeated, same_ports: a stream is sent once, and lives through the change"
