"""An observation as it is kept beside the record: with its case, and without what no verdict needs. Pure.

Packets keep the beginning of their payload, where the token is, and those of DNS all of it: verdicts read the questions
in them. A passing case of many exchanges keeps, at each capture point, the first packets each way: all of them met the
same patterns.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from podwire.model.cases import Case
from podwire.model.observations import Attempt, Capture, Observation, SeenPacket
from podwire.model.packets import Packet
from podwire.model.patterns import Direction
from podwire.model.verdicts import Outcome
from podwire.packets.dns import DNS_PORT
from podwire.records.stored_flows import in_a_row, in_groups, place_in_row
from podwire.records.trees import Malformed, plain, value_of

PAYLOAD = 64
PACKETS_EACH_WAY = 50


@dataclass(frozen=True, kw_only=True)
class Stored:
    """What was seen of a case in one round of its run. `cut` counts the packets that are not kept, by capture point."""

    case: Case
    observation: Observation
    outcome: Outcome
    round: int = 0
    cut: Mapping[str, int] = field(default_factory=dict)

    def to_tree(self) -> dict[str, Any]:
        """A tree that JSON can hold; `from_tree` is its inverse. A packet is a row, whose columns the tree names."""
        captures = self.observation.captures
        tree: dict[str, Any] = plain(replace(self, observation=replace(self.observation, captures={})), sparse=True)
        tree["case"]["flow"] = in_a_row(tree["case"]["flow"])
        tree["columns"] = COLUMNS
        tree["captures"] = {
            point: {**plain(replace(one, packets=()), sparse=True), "packets": [_row(seen) for seen in one.packets]}
            for point, one in captures.items()
        }
        return tree

    @classmethod
    def from_tree(cls, tree: Any) -> Stored:
        """Raises `podwire.records.trees.Malformed`."""
        if not isinstance(tree, dict):
            raise Malformed("is no observation")
        rest = {name: part for name, part in tree.items() if name not in ("columns", "captures")}
        found = _with_flow(cls, rest)
        rows = value_of(_Rows, {name: tree.get(name) for name in ("columns", "captures")})
        captures = {point: _capture(one, rows.columns, f"captures.{point}") for point, one in rows.captures.items()}
        return replace(found, observation=replace(found.observation, captures=captures))


def _with_flow(kind: type[Stored], tree: dict[str, Any]) -> Stored:
    case = tree.get("case")
    try:
        if isinstance(case, dict) and "flow" in case:
            try:
                tree = {**tree, "case": {**case, "flow": in_groups(case["flow"])}}
            except Malformed as problem:
                raise problem.below("case.flow") from None
        return value_of(kind, tree)
    except Malformed as problem:
        raise Malformed(problem.text, place_in_row(problem.place)) from None


@dataclass(frozen=True, kw_only=True)
class Exchanges:
    """The attempts of a case in one round, without its packets: all that a comparison of runs asks for."""

    case_id: str
    round: int
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, kw_only=True)
class _Rows:
    columns: tuple[str, ...]
    captures: Mapping[str, Mapping[str, Any]]


COLUMNS = ("direction", *Packet.__dataclass_fields__)
_values = operator.attrgetter(*COLUMNS[1:])
_PAYLOAD, _OUTER, _QUOTED = (COLUMNS.index(name) for name in ("payload", "outer", "quoted"))


def _row(one: SeenPacket) -> list[Any]:
    """A packet as the values of `COLUMNS`: most of what a run writes is packets, and this is the quickest way."""
    row = [one.direction, *_values(one.packet)]
    row[_PAYLOAD] = plain(row[_PAYLOAD])
    for at in (_OUTER, _QUOTED):
        if row[at] is not None:
            row[at] = plain(row[at], sparse=True)
    return row


def _capture(tree: Mapping[str, Any], columns: Sequence[str], place: str) -> Capture:
    rows = tree.get("packets")
    try:
        if not isinstance(rows, list):
            raise Malformed("a list is needed", "packets")
        packets = tuple(_seen(row, columns, f"packets[{at}]") for at, row in enumerate(rows))
        return replace(value_of(Capture, {**tree, "packets": []}), packets=packets)
    except Malformed as problem:
        raise problem.below(place) from None


def _seen(row: Any, columns: Sequence[str], place: str) -> SeenPacket:
    if not isinstance(row, list) or len(row) != len(columns):
        raise Malformed(f"a list of {len(columns)} values is needed", place)
    packet = {name: value for name, value in zip(columns, row, strict=True) if value is not None}
    try:
        direction = packet.pop("direction", None)
        # In older records an ICMP error is a reply.
        return value_of(SeenPacket, {"direction": "error" if "quoted" in packet else direction, "packet": packet})
    except Malformed as problem:
        raise problem.below(place) from None


def stored(case: Case, observation: Observation, outcome: Outcome, number: int = 0) -> Stored:
    """What is kept of an observation."""
    cut: dict[str, int] = {}
    captures: dict[str, Capture] = {}
    spare = outcome is Outcome.PASS and len(observation.attempts) > 1
    for point, capture in observation.captures.items():
        kept = _first(capture.packets) if spare else capture.packets
        if len(kept) < len(capture.packets):
            cut[point] = len(capture.packets) - len(kept)
        captures[point] = replace(capture, packets=tuple(_trimmed(one) for one in kept))
    return Stored(
        case=case, observation=replace(observation, captures=captures), outcome=outcome, round=number, cut=cut
    )


def _first(packets: tuple[SeenPacket, ...]) -> tuple[SeenPacket, ...]:
    left = dict.fromkeys(get_args(Direction), PACKETS_EACH_WAY)
    kept: list[SeenPacket] = []
    for one in packets:
        if left[one.direction]:
            left[one.direction] -= 1
            kept.append(one)
    return tuple(kept)


def _trimmed(one: SeenPacket) -> SeenPacket:
    if len(one.packet.payload) <= PAYLOAD or DNS_PORT in (one.packet.sport, one.packet.dport):
        return one
    return replace(one, packet=replace(one.packet, payload=one.packet.payload[:PAYLOAD]))


def exchanges(tree: Any) -> Exchanges:
    """The attempts in the tree of an observation, without reading the rest of it. Raises `Malformed`."""
    try:
        found = {
            "case_id": tree["case"]["id"],
            "round": tree.get("round", 0),
            "attempts": tree["observation"].get("attempts", []),
        }
    except (AttributeError, LookupError, TypeError):
        raise Malformed("is no observation") from None
    return value_of(Exchanges, found)
