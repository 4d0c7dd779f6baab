"""The acts of a run: spans in which the cluster is left alone, each begun by changes that do not disturb each other.

Act 0 is the cluster as it was found. A case belongs to the act that begins with the change it follows; a repeated case
is sent in the act before that, too. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from podwire.model.cases import Case
from podwire.model.changes.table import CHANGES, ChangeRow
from podwire.planning.prerequisites import service_of


@dataclass(frozen=True, kw_only=True)
class Act:
    """One act: its number, the changes that begin it, and its cases."""

    number: int
    changes: tuple[str, ...] = ()
    cases: tuple[Case, ...] = ()
    before: tuple[Case, ...] = ()
    """The repeated cases of the next act, which are sent in this one first."""
    readings: tuple[Case, ...] = ()
    """The cases that read a node at the start and at the end of each act; each belongs to one act."""

    @property
    def alone(self) -> bool:
        """Whether its change takes what any other case may need, so that no other act may share its span."""
        return any(CHANGES[name].whole_node for name in self.changes)

    @property
    def touches(self) -> frozenset[str]:
        """The kinds of Services and pods that its changes touch."""
        return frozenset().union(*(CHANGES[name].touches for name in self.changes))


def acts_of(cases: Iterable[Case], changes: Mapping[str, ChangeRow] = CHANGES) -> tuple[Act, ...]:
    """The acts of these cases, act 0 first, even if it has no case.

    Changes share an act unless one touches what the other or its cases use. A change that follows another one comes in
    a later act; one that needs a whole node comes last, alone.
    """
    by_change: dict[str, list[Case]] = {}
    for case in cases:
        by_change.setdefault(case.flow.change.after, []).append(case)
    places = _places(by_change, changes)
    last = max(places.values(), default=0)
    grouped = [[name for name, at in places.items() if at == number] for number in range(last + 1)]
    owned = [
        by_change.get("", []),
        *([case for name in names for case in by_change.get(name, ())] for names in grouped[1:]),
    ]
    readings = tuple(case for of_act in owned for case in of_act if case.flow.change.each_act)
    return tuple(
        Act(
            number=number,
            changes=tuple(grouped[number]),
            cases=tuple(owned[number]),
            before=tuple(case for case in following if case.flow.change.repeated),
            readings=readings,
        )
        for number, following in enumerate([*owned[1:], []])
    )


def _places(by_change: Mapping[str, Sequence[Case]], changes: Mapping[str, ChangeRow]) -> dict[str, int]:
    """The number of the act that each change begins, of these changes and of those that must come before them."""
    needed = {name for name in by_change if name}
    while earlier := {changes[name].follows for name in needed} - needed - {""}:
        needed |= earlier
    used = {name: changes[name].touches.union(*map(uses, by_change.get(name, ()))) for name in needed}
    places: dict[str, int] = {}
    for name in sorted(needed, key=lambda name: (changes[name].whole_node, list(changes).index(name))):
        row = changes[name]
        at = places[row.follows] + 1 if row.follows else 1
        if row.whole_node:
            at = max(places.values(), default=0) + 1
        while any(
            row.touches & used[other] or changes[other].touches & used[name]
            for other, place in places.items()
            if place == at
        ):
            at += 1
        places[name] = at
    return places


def uses(case: Case) -> frozenset[str]:
    """The kinds of Services and pods that a case uses."""
    service = service_of(case)
    kinds = {slot.probe for slot in (case.client, case.server) if slot.is_probe}
    return frozenset(kinds | ({service.kind} if service else set()))


def sittings(acts: Sequence[Act]) -> list[list[Act]]:
    """Acts that are played in one go, with the same captures: an act that needs a whole node is one of its own."""
    together = [act for act in acts if not act.alone]
    return [together, *([act] for act in acts if act.alone)]
