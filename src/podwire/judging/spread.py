"""How several connections are shared out among the backends of a Service."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from podwire.judging.parts import Exchanges, Observed, came
from podwire.model.binding import bind
from podwire.model.observations import Attempt
from podwire.model.patterns import texts
from podwire.model.spread import interval, is_odd
from podwire.model.verdicts import Finding


@dataclass(frozen=True)
class _Spread(Exchanges):
    """How the answers of several connections must be shared out."""

    sentence: ClassVar[str]

    @abstractmethod
    def _met(self, answers: Mapping[str, int], backends: Sequence[str], total: int) -> bool:
        """Whether so many answers of each backend, out of so many connections, are as expected."""

    def _odds(self, backends: int, total: int) -> str:
        """The chance that the finding is wrong, in words."""
        return ""

    def sentences(self) -> Iterator[str]:
        yield self.sentence

    def ended(self, bound: Self, attempt: Attempt) -> bool:
        return came(attempt)

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        backends = texts(bind(observed.case.flow.server.identities, observed.observation.bindings))
        answers = Counter(attempt.reply.identity for attempt in observed.attempts if attempt.reply)
        yield self.finding(answers, backends, len(observed.attempts))

    def finding(self, answers: Mapping[str, int], backends: Sequence[str], total: int) -> Finding:
        """What came of it. `answers` counts the answers by identity, `backends` are the identities that there are."""
        shares = ", ".join(
            f"{name} {count} ({low:.0%}..{high:.0%})"
            for name, count in sorted(answers.items())
            for low, high in [interval(count, total)]
        )
        expected = f"{self.sentence}: {total} connections{self._odds(len(backends), total)}"
        met = self._met(answers, backends, total)
        return Finding(expected=expected, actual=shares or "no answer", where="client", met=met)


@dataclass(frozen=True)
class ToOneBackend(_Spread):
    """One and the same backend answers all connections; they are `within` seconds, if it says so."""

    within: float = 0.0
    word = "spread.to_one_backend"
    sentence = "all connections are answered by one backend"

    def _met(self, answers: Mapping[str, int], backends: Sequence[str], total: int) -> bool:
        return len(answers) == 1 and set(answers) <= set(backends)

    def _odds(self, backends: int, total: int) -> str:
        if backends < 2 or not total:
            return ""
        return f" to {backends} backends, chance of that without affinity {backends ** (1 - total):.0e}"

    def tells_nothing(self, bound: Self, observed: Observed) -> str | None:
        begun = [attempt.started for attempt in observed.attempts]
        took = max(begun) - min(begun) if begun and self.within else 0.0
        if took <= self.within:
            return None
        return f"the connections began within {took:.0f} s, and affinity is promised for {self.within:g} s"


class ToEveryBackend(_Spread):
    """Every backend answers at least one connection."""

    word = "spread.to_every_backend"
    sentence = "every backend answers at least one connection"

    def _met(self, answers: Mapping[str, int], backends: Sequence[str], total: int) -> bool:
        return bool(answers) and set(answers) == set(backends)

    def _odds(self, backends: int, total: int) -> str:
        if not backends:
            return ""
        missed = backends * (1 - 1 / backends) ** total
        return f" to {backends} backends, chance to miss one {missed:.0e}"


@dataclass(frozen=True)
class Evenly(ToEveryBackend):
    """As `to_every_backend`, and no share is one that a fair balancer gives with a chance below `risk` only."""

    word = "spread.evenly"
    sentence = "the connections are shared out evenly among the backends"
    risk: float = 1e-6

    def _met(self, answers: Mapping[str, int], backends: Sequence[str], total: int) -> bool:
        if not super()._met(answers, backends, total):
            return False
        if len(backends) < 2:
            return True
        return not any(is_odd(answers[name], total, len(backends), self.risk) for name in backends)


class ToSomeBackend(_Spread):
    """A backend answers at least one connection; the others may lead to endpoints that no probe stands behind."""

    word = "spread.to_some_backend"
    met_in_part = True
    sentence = "at least one connection is answered"

    def _met(self, answers: Mapping[str, int], backends: Sequence[str], total: int) -> bool:
        return bool(set(answers) & set(backends))
