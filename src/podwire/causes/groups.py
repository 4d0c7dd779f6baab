"""Failing cases, partitioned by cause: the smallest description that holds for them and for none of the passes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass

from podwire.causes.ends import WRONG, End
from podwire.causes.traits import Trait

MOST_TRAITS = 3
COVERED = 0.75
"""A trait may be part of a description if so many of the cases that end alike have it."""
EXCEPTIONS = 0.125
"""So many passes to a failing case are exceptions from a description, and are stated."""


@dataclass(frozen=True)
class Clues:
    """What is known of one case: its traits, and where its packets end (None for a pass)."""

    case_id: str
    traits: frozenset[Trait]
    end: End | None = None


@dataclass(frozen=True, kw_only=True)
class Group:
    """Cases of one cause, two at least, in the order that they came in.

    `passes` is how many passing cases have all of `traits`, `controls` how many have all but one: by the words of the
    trait that they lack.
    """

    cases: tuple[str, ...]
    ends: tuple[End, ...]
    """Where the packets of each case end."""
    traits: tuple[Trait, ...]
    passes: int
    controls: tuple[tuple[Trait, int], ...]


def partition(failing: Sequence[Clues], passing: Sequence[Clues]) -> tuple[tuple[Group, ...], tuple[str, ...]]:
    """The groups, largest first, and the failing cases that share their cause with no other: each case once."""
    clusters: dict[Hashable, list[Clues]] = {}
    for clues in failing:
        assert clues.end is not None
        clusters.setdefault(signature(clues.end), []).append(clues)
    groups: list[Group] = []
    left = {clues.case_id: clues for clues in failing}
    waiting = sorted(clusters.values(), key=len, reverse=True)
    while waiting:
        cluster = [clues for clues in waiting.pop(0) if clues.case_id in left]
        if len(cluster) < 2:
            continue
        traits = description(cluster, left.values(), passing)
        passes = sum(1 for clues in passing if clues.traits.issuperset(traits))
        # What holds for no pass is a cause of its own: it takes in whatever else fails so, however that ends.
        described = [clues for clues in left.values() if clues.traits.issuperset(traits)]
        alone = bool(traits) and passes <= EXCEPTIONS * len(described)
        taken = described if alone else [clues for clues in cluster if clues.traits.issuperset(traits)]
        if len(taken) < 2:
            continue
        for member in taken:
            del left[member.case_id]
        # A description that fits more passes than failures explains nothing: what they share is where they end.
        groups.append(_group(taken, traits if passes <= len(taken) else (), passing))
        remaining = [clues for clues in cluster if clues.case_id in left]
        waiting = sorted([*waiting, remaining], key=len, reverse=True)
    order = {clues.case_id: at for at, clues in enumerate(failing)}
    groups.sort(key=lambda group: (-len(group.cases), order[group.cases[0]]))
    return tuple(groups), tuple(left)


def signature(end: End) -> Hashable:
    """What two ends have in common that may have one cause: the place between two spots, whichever way."""
    if end.note and end.kind == "lost":
        return ("odd", end.note, "" if end.note.startswith(WRONG) or end.last is None else end.last.node)
    nodes = tuple(sorted({spot.node for spot in (end.last, end.missing) if spot}))
    if end.kind == "lost":
        return ("large" if end.size else "lost", nodes)
    if end.kind in ("unsent", "unanswered", "told"):
        return (end.kind, nodes)
    return (end.kind, end.what, end.note)


def description(cluster: Sequence[Clues], failing: Collection[Clues], passing: Collection[Clues]) -> tuple[Trait, ...]:
    """The fewest traits that most of a cluster has, and that hold for many failing cases and few passes."""
    chosen: tuple[Trait, ...] = ()
    needed, best = COVERED * len(cluster), _score(chosen, failing, passing)
    while len(chosen) < MOST_TRAITS:
        counts = Counter(trait for clues in cluster if clues.traits.issuperset(chosen) for trait in clues.traits)
        scored = [
            (_score((*chosen, trait), failing, passing), trait)
            for trait in sorted(counts)
            if counts[trait] >= needed and trait not in chosen
        ]
        score, trait = max(scored, key=lambda pair: pair[0], default=(best, None))
        if trait is None or score <= best:
            break
        chosen, best = (*chosen, trait), score
    return tuple(sorted(_needed(chosen, passing)))


def _score(traits: Collection[Trait], failing: Collection[Clues], passing: Collection[Clues]) -> float:
    """How well traits tell failing cases from passes. A pass weighs as much as a failure, and more where there are
    few."""
    weight = len(failing) / min(len(failing), len(passing)) if passing else 0.0
    return _matching(traits, failing) - weight * _matching(traits, passing)


def _needed(chosen: Sequence[Trait], passing: Collection[Clues]) -> list[Trait]:
    """Without those that spare no pass which the others do not spare."""
    needed = list(chosen)
    for trait in chosen:
        without_trait = [candidate for candidate in needed if candidate != trait]
        if _matching(without_trait, passing) == _matching(needed, passing):
            needed = without_trait
    return needed


def _matching(traits: Collection[Trait], passing: Collection[Clues]) -> int:
    return sum(1 for clues in passing if clues.traits.issuperset(traits))


def _group(taken: Sequence[Clues], traits: tuple[Trait, ...], passing: Sequence[Clues]) -> Group:
    passes = _matching(traits, passing) if traits else 0
    controls = [
        (trait, _matching([other_trait for other_trait in traits if other_trait != trait], passing) - passes)
        for trait in traits
    ]
    return Group(
        cases=tuple(clues.case_id for clues in taken),
        ends=tuple(clues.end for clues in taken if clues.end is not None),
        traits=traits,
        passes=passes,
        controls=tuple((trait, number) for trait, number in controls if number),
    )
