"""The order in which red requirements are shown: the most basic one first, whose failure explains others. Pure.

It follows from what the record says of the cases: which way their flows take (`model.ways.NEEDS`), and what is asked of
their packets.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import get_args

from podwire.model.requirements import LEVELS
from podwire.model.ways import Via, steps
from podwire.records.run import CaseRecord

_REACH = frozenset({"src", "dst", "sport", "dport", "protocol", "encapsulated", "flags"})
"""Fields that a packet must have right to get where it is sent to. Others are details of how it gets there."""
_FIELD = re.compile(r"\b([a-z][a-z_]*) = ")
_VIAS: frozenset[str] = frozenset(get_args(Via))
_ANSWER = "answered by "


def basic_first(shown: Iterable[CaseRecord], all_cases: Sequence[CaseRecord]) -> list[CaseRecord]:
    """These cases by requirement, the most basic first; those of one requirement in their own order.

    `all_cases` are those of the run: the place of a requirement does not depend on which of its cases are shown.
    """
    ranks = requirement_ranks(all_cases)
    return sorted(shown, key=lambda case: ranks.get(case.requirement, len(ranks)))


def requirement_ranks(cases: Sequence[CaseRecord]) -> Mapping[str, int]:
    """The place of each requirement, from 0.

    First come those that ask whether packets arrive, by the number of ways that must work before; of these the ones
    that ask for an answer, then the ones with most cases. Requirements about details of packets come after them.
    """
    of_requirement: dict[str, list[CaseRecord]] = {}
    for case in cases:
        of_requirement.setdefault(case.requirement, []).append(case)
    order = sorted(of_requirement, key=lambda name: _rank(of_requirement[name]))
    return {name: place for place, name in enumerate(order)}


def _rank(cases: Sequence[CaseRecord]) -> tuple[bool, int, bool, int, int, int]:
    sentences = {sentence for case in cases for sentence in case.expected}
    fields = {field for sentence in sentences if sentence.startswith("at the ") for field in _FIELD.findall(sentence)}
    ways = {case.parameters.get("via", "") for case in cases}
    details = fields - _REACH
    needed = max((steps(via) for via in ways & _VIAS), default=0)  # type: ignore[arg-type]
    silent = not any(sentence.startswith(_ANSWER) for sentence in sentences)
    return bool(details), needed, silent, LEVELS.index(cases[0].rule.level), -len(cases), len(details)
