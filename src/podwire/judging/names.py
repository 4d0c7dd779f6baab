"""What the client's resolver said of a name."""

from __future__ import annotations

import ipaddress
from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from msgspec.structs import replace

from podwire.judging.parts import End, Observed, Wanted
from podwire.judging.resolvers import failed_upstream, gave_up, in_words, is_no
from podwire.model.observations import Attempt, Lookup
from podwire.model.patterns import texts
from podwire.model.verdicts import Finding

NOT_ASKED = "not asked"
"""How an agent begins to tell of a look-up that it did not begin."""


class _Resolution(End):
    """How a look-up ends."""

    @abstractmethod
    def _resolved(self, bound: Self, attempt: Attempt) -> Finding:
        """What the resolver said in one attempt."""

    @abstractmethod
    def _is_answer(self, bound: Self, lookup: Lookup) -> bool:
        """Whether a question was answered on the wire as it should be."""

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        shown = observed.attempt
        if len(observed.attempts) > 1:
            no_loss = {*self._never_asked(observed), *self._given_up(bound, observed)}
            counted = [attempt for attempt in observed.attempts if attempt not in no_loss]
            shown = (
                shown
                if shown in counted
                else next((attempt for attempt in counted if not self.ended(bound, attempt)), None)
            )
        if shown is not None:
            yield self._seen(bound, shown, observed)

    def _seen(self, bound: Self, attempt: Attempt, observed: Observed) -> Finding:
        """What came of one attempt, with what was on the wire."""
        finding = self._resolved(bound, attempt)
        if finding.met or attempt.resolved:
            return finding
        return replace(finding, actual=in_words(attempt, observed.observation.lookups))

    def ended(self, bound: Self, attempt: Attempt) -> bool:
        return self._resolved(bound, attempt).met

    def tells_nothing(self, bound: Self, observed: Observed) -> str | None:
        never = len(self._never_asked(observed))
        total = len(observed.attempts)
        return f"{never} of {total} look-ups were not asked: too many before them had no answer" if never else None

    def together(self, bound: Self, wrong: Sequence[Attempt], observed: Observed) -> Finding:
        """Whether all of many look-ups ended so, with how sure that makes and how long they took.

        A look-up that was not asked is none, and a question that was answered on the wire was not lost.
        """
        total = len(observed.attempts)
        never, given_up = self._never_asked(observed), self._given_up(bound, observed)
        lost = [attempt for attempt in wrong if attempt not in never and attempt not in given_up]
        slow = sorted(attempt.elapsed for attempt in observed.attempts)[total * 99 // 100]
        ends = Counter(_end(attempt) for attempt in lost)
        details = "".join(f", {count} end as {end}" for end, count in sorted(ends.items()))
        if given_up:
            details += f", {len(given_up)} were answered on the wire although the resolver gave up"
        if never:
            details += f", {len(never)} were not asked"
        chance = f"one lost in 100 would go unseen with a chance of {0.99 ** (total - len(never)):.0e}"
        return Finding(
            expected=f"all of {total} look-ups end so ({chance})",
            actual=f"{total - len(wrong)} do{details}; 99 of 100 within {slow * 1000:.0f} ms",
            where="client",
            met=not lost,
        )

    def _never_asked(self, observed: Observed) -> set[Attempt]:
        """The look-ups that the agent did not begin."""
        return {
            attempt
            for attempt in observed.attempts
            if attempt.error is not None and attempt.error.text.startswith(NOT_ASKED)
        }

    def _given_up(self, bound: Self, observed: Observed) -> set[Attempt]:
        """The look-ups that the resolver gave up although each of their questions was answered on the wire.

        Others of the case must have ended as they should: a resolver that takes no answer at all has a reason.
        """
        if not any(self.ended(bound, attempt) for attempt in observed.attempts):
            return set()
        questions: dict[str, list[Lookup]] = {}
        for lookup in observed.observation.lookups:
            questions.setdefault(lookup.name.partition(".")[0], []).append(lookup)
        return {
            attempt
            for attempt in observed.attempts
            if gave_up(attempt)
            and attempt.token in questions
            and all(lookup.lost == 0 and self._is_answer(bound, lookup) for lookup in questions[attempt.token])
        }


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

    def _is_answer(self, bound: Self, lookup: Lookup) -> bool:
        return {_address(text) for text in lookup.answers} == {_address(text) for text in texts(bound.addresses)}


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

    def _seen(self, bound: Self, attempt: Attempt, observed: Observed) -> Finding:
        finding = super()._seen(bound, attempt, observed)
        failed = failed_upstream(observed.observation)
        if finding.met or attempt.error is None or attempt.error.kind != "other" or failed is None:
            return finding
        if all(lookup.name == failed.name for lookup in observed.observation.lookups):
            return finding  # No name of the cluster was asked, so nothing says that there is none.
        actual = f"no name of the cluster is found; {failed.name}, which is none, ends in {finding.actual}"
        return replace(finding, actual=actual, met=True)

    def _is_answer(self, bound: Self, lookup: Lookup) -> bool:
        return is_no(lookup)


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
