"""What the client's resolver said of a name."""

from __future__ import annotations

import ipaddress
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from podwire.judging.parts import End, Observed, Wanted
from podwire.model.observations import Attempt
from podwire.model.patterns import texts
from podwire.model.verdicts import Finding


class _Resolution(End):
    """How a look-up ends."""

    @abstractmethod
    def _resolved(self, bound: Self, attempt: Attempt) -> Finding:
        """What the resolver said in one attempt."""

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        if observed.attempt is not None:
            yield self._resolved(bound, observed.attempt)

    def ended(self, bound: Self, attempt: Attempt) -> bool:
        return self._resolved(bound, attempt).met

    def together(self, wrong: Sequence[Attempt], observed: Observed) -> Finding:
        """Whether all of many look-ups ended so, with how sure that makes and how long they took."""
        total = len(observed.attempts)
        slow = sorted(attempt.elapsed for attempt in observed.attempts)[total * 99 // 100]
        ends = Counter(_end(attempt) for attempt in wrong)
        others = "".join(f", {count} end as {end}" for end, count in sorted(ends.items()))
        chance = f"one lost in 100 would go unseen with a chance of {0.99**total:.0e}"
        return Finding(
            expected=f"all of {total} look-ups end so ({chance})",
            actual=f"{total - len(wrong)} do{others}; 99 of 100 within {slow * 1000:.0f} ms",
            where="client",
            met=not wrong,
        )


@dataclass(frozen=True)
class ResolvesTo(_Resolution):
    """The name leads to these addresses, all of them and no others."""

    word = "resolves_to"
    addresses: Wanted

    def sentences(self) -> Iterator[str]:
        yield f"the name leads to {self.addresses}"

    def _resolved(self, bound: Self, attempt: Attempt) -> Finding:
        wanted = texts(bound.addresses)
        met = {_address(text) for text in attempt.resolved} == {_address(text) for text in wanted}
        expected = f"the name leads to {self.addresses} ({shortened(wanted)})"
        actual = shortened(attempt.resolved) or _said(attempt)
        return Finding(expected=expected, actual=actual, where="client", met=met)


@dataclass(frozen=True)
class NotFound(_Resolution):
    """There is no such name."""

    word = "not_found"
    met_by_absence = True

    def sentences(self) -> Iterator[str]:
        yield "the name is not found"

    def _resolved(self, bound: Self, attempt: Attempt) -> Finding:
        error = attempt.error
        met = error is not None and (error.stage, error.kind) == ("resolve", "not-found")
        return Finding(expected="the name is not found", actual=_said(attempt), where="client", met=met)


def _said(attempt: Attempt) -> str:
    error = attempt.error
    return ", ".join(attempt.resolved) or (f"{error.kind} at {error.stage}" if error else "nothing")


def _end(attempt: Attempt) -> str:
    return f"{attempt.error.kind} at {attempt.error.stage}" if attempt.error else "an answer"


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return text


def shortened(values: Sequence[str]) -> str:
    """Some of the values, and how many there are."""
    shown = ", ".join(sorted(values)[:4])
    return f"{shown}, ... ({len(values)})" if len(values) > 4 else shown
