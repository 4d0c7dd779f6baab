"""Budgets for the gaps of a watch: which paths are over, which are within, and which nothing is known of. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import NamedTuple

from podwire.model.gaps.durations import in_words, moment_words
from podwire.model.gaps.paths import Budget
from podwire.records.watch import GapOfPath, PathRecord, WatchHead, WatchRecord


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
    """A path over a budget. `gap` is the one that shows it, where it is listed."""

    path: PathRecord
    budget: Budget
    gap: GapOfPath | None

    def __str__(self) -> str:
        length = self.gap.length if self.gap else self.path.longest
        asked = f"{self.path.path}: {length} ms without an answer, over the budget of {_limit(self.budget)}"
        return asked + (
            f" ({self.gap.client} to {self.gap.server}, {moment_words(self.gap.at)} after the start)"
            if self.gap
            else ""
        )


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

    def is_over(self, path: PathRecord) -> bool:
        """Whether the path is over its budget."""
        return any(over.path.path == path.path for over in self.over)


def budget_of(path: str, budgets: Sequence[Budget]) -> Budget | None:
    """The budget of a path: the one with the most words, of several of them the smallest."""
    fitting = [budget for budget in budgets if budget.covers(path)]
    return min(fitting, key=lambda budget: (-_weight(budget), _milliseconds(budget)), default=None)


def judged(record: WatchRecord, budgets: Sequence[Budget]) -> Judged:
    """Hold the paths of a watch against budgets. Nothing passes by absence: what nobody has seen is unknown."""
    over: list[Over] = []
    unknown: list[str] = []
    for path in record.paths:
        budget = budget_of(path.path, budgets)
        if budget is None or budget.seconds is None:
            continue
        shown = _over(path, budget, record.head.threshold)
        if shown is not None:
            over.append(shown)
        else:
            unknown += [f"{path.path}: {why}" for why in _doubts(path, _milliseconds(budget), record.head)]
    unknown += _unwatched(record, budgets)
    return Judged(tuple(over), tuple(dict.fromkeys(unknown)))


def _over(path: PathRecord, budget: Budget, threshold: int) -> Over | None:
    """The path as one that is over its budget, if its longest gap is without what its client was late itself."""
    limit = max(_milliseconds(budget), threshold)
    gap = max(path.gaps, key=lambda gap: gap.certain, default=None)
    if gap is not None and gap.certain > limit:
        return Over(path, budget, gap)
    # A wait of which no gap is listed: its agent had no more room.
    unlisted = path.longest > limit and all(gap.length <= limit for gap in path.gaps)
    return Over(path, budget, None) if unlisted else None


def _doubts(path: PathRecord, limit: float, head: WatchHead) -> Iterator[str]:
    """Why nobody can say that the path is within this limit, in milliseconds."""
    if limit < head.threshold:
        yield f"waits below {head.threshold} ms were not measured one by one; watch with a smaller --every"
    if not path.counts.answered:
        yield "no answer at all in the watch"
    busy = max(path.gaps, key=lambda gap: gap.length, default=None)
    if busy is not None and busy.length > limit:
        yield (
            f"{busy.length} ms without an answer {moment_words(busy.at)} after the start, but the client {busy.client} "
            f"was {busy.own_delay} ms late itself: its machine was busy"
        )
    still = next((gap for gap in path.gaps if gap.open), None)
    if still is not None:
        yield f"still no answer when the watch ended, for {still.length} ms ({still.client} to {still.server})"
    blind = max(path.blind, key=lambda time: time.length, default=None)
    if blind is not None and blind.length > limit:
        yield (
            f"podwire had lost the agent of {blind.client} {moment_words(blind.at)} after the start: nobody knows of "
            f"{blind.length} ms"
        )
    if path.gone:
        yield "none of its streams ran when the watch ended: a client or a server had not come back"
    for client in path.silent:
        yield f"{client} had no answer before the watch began; podwire run says why"


def _unwatched(record: WatchRecord, budgets: Sequence[Budget]) -> Iterator[str]:
    """Why the watch has not seen all that the budgets are for."""
    limited = [budget for budget in budgets if budget.seconds is not None]
    for path in record.unanswered:
        budget = budget_of(path, budgets)
        if budget is not None and budget.seconds is not None:
            yield (
                f"{path}: no answer before the watch began; podwire run says why; if it never has one, give it "
                f"--gap '{path.rpartition(' ')[0]}: any'"
            )
    names = [*(path.path for path in record.paths), *record.unanswered]
    for budget in limited:
        if not any(map(budget.covers, names)):
            yield f"--gap '{budget}': no path of the watch has this name"
    if limited:
        yield from record.unwatched
    command = record.command
    if command is not None and command.exit_code != 0:
        how = f"ended with exit code {command.exit_code}" if command.exit_code is not None else "did not end"
        yield f"the command {command.words[0]} {how}: the watch has not seen all of it"
    if not record.paths:
        yield "no path was watched"
    if not record.finished:
        yield f"podwire was killed, and has stored nothing after {in_words(record.head.length / 1000)}"


def _milliseconds(budget: Budget) -> float:
    return float("inf") if budget.seconds is None else budget.seconds * 1000


def _limit(budget: Budget) -> str:
    return "any" if budget.seconds is None else in_words(budget.seconds)


def _weight(budget: Budget) -> int:
    """How narrow a budget is: `*` is the widest, and `linux-windows` names two ends."""
    return 0 if budget.words == ("*",) else sum(1 + word.count("-") for word in budget.words)
