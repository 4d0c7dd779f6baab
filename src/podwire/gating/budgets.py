"""Budgets for the gaps of a watch: which paths are over, which are within, and which nothing is known of. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from podwire.model.gaps.durations import in_words
from podwire.model.gaps.paths import Budget
from podwire.records.watch import GapOfPath, PathRecord, WatchRecord


class WatchDecision(StrEnum):
    """What a watch comes to under its budgets."""

    WITHIN = "within"
    OVER = "over"
    UNKNOWN = "cannot judge"

    @property
    def exit_code(self) -> int:
        """0 within budgets, 1 over one, 10 when nothing can be said of a path that has one."""
        return {WatchDecision.WITHIN: 0, WatchDecision.OVER: 1, WatchDecision.UNKNOWN: 10}[self]


class Over(NamedTuple):
    """A path over a budget. `gap` is its longest one, where it is listed."""

    path: PathRecord
    budget: Budget
    gap: GapOfPath | None

    def __str__(self) -> str:
        asked = f"{self.path.path}: {self.path.longest} ms without an answer, over the budget of "
        where = (
            f" ({self.gap.client} to {self.gap.server}, {self.gap.at / 1000:.1f} s after the start)" if self.gap else ""
        )
        return f"{asked}{in_words(self.budget.seconds)}{where}"


class Judged(NamedTuple):
    """A watch under budgets: what is over, and why nothing can be said, in sentences."""

    over: tuple[Over, ...]
    unknown: tuple[str, ...]

    @property
    def decision(self) -> WatchDecision:
        """Over counts more than unknown."""
        if self.over:
            return WatchDecision.OVER
        return WatchDecision.UNKNOWN if self.unknown else WatchDecision.WITHIN


def budget_of(path: str, budgets: Sequence[Budget]) -> Budget | None:
    """The budget of a path: the one with the most words, of several of them the smallest."""
    fitting = [budget for budget in budgets if budget.covers(path)]
    return min(fitting, key=lambda budget: (-_weight(budget), budget.seconds), default=None)


def _weight(budget: Budget) -> int:
    """How narrow a budget is: `*` is the widest, and `linux-windows` names two ends."""
    return 0 if budget.words == ("*",) else sum(1 + word.count("-") for word in budget.words)


def judged(record: WatchRecord, budgets: Sequence[Budget]) -> Judged:
    """Hold the paths of a watch against budgets. Nothing passes by absence: a budget without a path is unknown."""
    over, unknown = [], []
    for path in record.paths:
        budget = budget_of(path.path, budgets)
        if budget is not None and path.longest > budget.seconds * 1000:
            longest = max(path.gaps, key=lambda gap: gap.length, default=None)
            over.append(Over(path, budget, longest))
        elif budget is not None and not path.answered:
            unknown.append(f"{path.path}: no answer at all in the watch")
    for budget in budgets:
        silent = [path for path in record.unanswered if budget.covers(path) and budget.words != ("*",)]
        unknown += [f"{path}: no answer before the watch began; podwire run says why" for path in silent]
        if not silent and not any(budget.covers(path.path) for path in record.paths):
            unknown.append(f"--gap '{budget}': no path of the watch has this name")
    command = record.command
    if command is not None and command.exit_code != 0:
        how = f"ended with exit code {command.exit_code}" if command.exit_code is not None else "did not end"
        unknown.append(f"the command {command.words[0]} {how}: the watch has not seen all of it")
    if not record.paths:
        unknown.append("no path was watched")
    return Judged(tuple(over), tuple(dict.fromkeys(unknown)))
