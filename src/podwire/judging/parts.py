"""What a part of an expectation is: the sentence that it says, what it needs, and how it is judged.

Each word of `case.expect` is one class in this room. A new word is a new class: its `word` is the name that suites
write, and the first line of its docstring is its line in the docs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from podwire.model.binding import Bindings, bind
from podwire.model.cases import Case
from podwire.model.flows import Flow
from podwire.model.observations import Attempt, Observation, Point
from podwire.model.packets import Packet
from podwire.model.verdicts import Finding

Wanted = Any
"""What a field of a part holds: a literal, a symbol or a predicate; in the bound part the value of it."""


@dataclass(frozen=True)
class Observed:
    """What parts are judged by.

    `attempt` is the one that is looked at most closely: the first that did not end as all should, if there is any.
    None when no attempt was made.
    """

    case: Case
    observation: Observation
    attempt: Attempt | None

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        return self.observation.attempts


class Part(ABC):
    """One part of an expectation. Parts are frozen dataclasses; their fields may hold symbols."""

    word: ClassVar[str] = ""
    """What a suite writes, `name` or `namespace.name`; empty for a base of others."""
    tool: ClassVar[str] = ""
    """The tool whose output it reads; empty when it reads none."""
    met_by_absence: ClassVar[bool] = False
    """Whether something that does not come meets it: that counts only between controls that worked."""
    met_in_part: ClassVar[bool] = False
    """Whether it admits that some of several exchanges are not answered."""
    judges: ClassVar[bool] = True
    """Whether it can fail; a condition of the others cannot."""

    @abstractmethod
    def sentences(self) -> Iterator[str]:
        """What it expects, for a person; usually one sentence."""

    def points(self, case: Case) -> Iterator[Point]:
        """The capture points whose packets it needs."""
        return iter(())

    def applies(self, observed: Observed) -> bool:
        """Whether it says anything of what was observed; if not, it needs no values either."""
        return True

    def bound(self, bindings: Bindings) -> Self:
        """The same part with the values of its symbols. Raises `podwire.model.binding.Unbound`."""
        twin: Self = bind(self, bindings)
        return twin

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        """What came of it. `self` has the words, `bound` the values. Raises `Unbound` when nothing can be said."""
        return iter(())

    def doubtful(self, bound: Self, observed: Observed) -> Iterator[tuple[Finding, str]]:
        """Those of its findings that other evidence contradicts, each with why; they are no reason to fail a case."""
        return iter(())

    def decides(self, bound: Self, observed: Observed) -> Iterator[tuple[Point, Packet, Finding]]:
        """The captured packets that its findings are about, each with its capture point."""
        return iter(())

    def tells_nothing(self, bound: Self, observed: Observed) -> str | None:
        """Why the whole case tells nothing, or None."""
        return None

    def contradiction(self, parts: Sequence[Part]) -> str | None:
        """Why it cannot be one of these parts of an expectation, or None."""
        return None

    def unfit(self, flow: Flow) -> str | None:
        """Why it would never be judged of this flow, or None."""
        if self.tool and flow.load.tool != self.tool:
            return f"{self.word} reads what the tool {self.tool} prints; the flow runs {flow.load.tool or 'none'}"
        return None


class Exchanges(Part):
    """A part that says how each exchange ends."""

    @abstractmethod
    def ended(self, bound: Self, attempt: Attempt) -> bool:
        """Whether an exchange ended so."""

    def together(self, bound: Self, wrong: Sequence[Attempt], observed: Observed) -> Finding:
        """What came of several exchanges. `wrong` are those that did not end so."""
        total = len(observed.attempts)
        return Finding(
            expected=f"all {total} exchanges answered",
            actual=f"{total - len(wrong)} were",
            where="client",
            met=not wrong,
        )


class End(Exchanges):
    """What becomes of the exchange: of these an expectation has one at most."""

    def contradiction(self, parts: Sequence[Part]) -> str | None:
        words = [part.word for part in parts if isinstance(part, End)]
        return f"an exchange cannot end in two ways: {' and '.join(words)}" if len(words) > 1 else None


def came(attempt: Attempt) -> bool:
    """Whether something came back: an answer, or an address."""
    return attempt.answered or (attempt.error is None and bool(attempt.resolved))
