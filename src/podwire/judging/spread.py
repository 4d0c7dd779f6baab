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
from podwire.model.spread import at_least_of, interval, is_odd, is_odd_half
from podwire.model.symbols import PROXY_MODE
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
        backends = _backends(observed)
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


@dataclass(frozen=True)
class ChosenAnew(_Spread):
    """Each port of the Service is asked twice, more than `after` seconds apart, and its backend is chosen anew.

    A backend that is chosen anew may be the same one; that all ports keep theirs by chance is rarer than `risk`.
    """

    after: float = 0.0
    risk: float = 1e-6
    word = "spread.chosen_anew"
    sentence = "after the silence the backend of each port is chosen anew"

    def _met(self, answers: Mapping[str, int], backends: Sequence[str], total: int) -> bool:
        return bool(answers) and set(answers) <= set(backends)

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        yield from super().findings(bound, observed)
        yield self._kept(observed)

    def _kept(self, observed: Observed) -> Finding:
        same = [_identity(first) == _identity(second) for first, second in _by_port(observed.attempts)]
        backends, kept, total = len(_backends(observed)), sum(same), len(same)
        chance = at_least_of(kept, total, 1 / backends) if backends and total else 0.0
        return Finding(
            expected=f"of {total} ports with {backends} backends no more keep theirs than chance explains",
            actual=f"{kept} kept it, chance of that {chance:.0e}",
            where="client",
            met=chance >= self.risk,
        )

    def doubtful(self, bound: Self, observed: Observed) -> Iterator[tuple[Finding, str]]:
        if observed.observation.bindings.get(f"client.node.{PROXY_MODE}") == "ipvs":
            why = (
                "kube-proxy on the client's node uses IPVS, which keeps a client for as long as its closed connections"
            )
            yield self._kept(observed), f"{why} are remembered (two minutes), whatever timeoutSeconds says"

    def tells_nothing(self, bound: Self, observed: Observed) -> str | None:
        backends, pairs = len(_backends(observed)), list(_by_port(observed.attempts))
        silent = min((second.started - first.started - first.elapsed for first, second in pairs), default=0.0)
        if pairs and silent <= self.after:
            return f"a port was silent for {silent:.1f} s only, and affinity may last for {self.after:g} s"
        if backends and backends ** -len(pairs) >= self.risk:
            asked = f"{len(pairs)} ports answered both times"
            return f"{asked}, and the Service has {backends} backends: chance alone may keep them all"
        return None


def _backends(observed: Observed) -> tuple[str, ...]:
    return tuple(texts(bind(observed.case.flow.server.identities, observed.observation.bindings)))


def _identity(attempt: Attempt) -> str:
    return attempt.reply.identity if attempt.reply else ""


def _by_port(attempts: Sequence[Attempt]) -> Iterator[tuple[Attempt, Attempt]]:
    """The first and the last exchange with each port that answered twice or more."""
    by_port: dict[int, list[Attempt]] = {}
    for attempt in attempts:
        if attempt.reply and attempt.peer:
            by_port.setdefault(attempt.peer[1], []).append(attempt)
    yield from ((answered[0], answered[-1]) for answered in by_port.values() if len(answered) > 1)


@dataclass(frozen=True)
class ToOneBackendAtATime(ToOneBackend):
    """One backend answers all connections; after `silence` seconds without any it may be another one."""

    silence: float = 0.0
    word = "spread.to_one_backend_at_a_time"
    sentence = "one backend answers until the client is silent for the timeout, and one after it"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        backends = texts(bind(observed.case.flow.server.identities, observed.observation.bindings))
        for span in self._spans(observed.attempts):
            answers = Counter(attempt.reply.identity for attempt in span if attempt.reply)
            yield self.finding(answers, backends, len(span))

    def _spans(self, attempts: Sequence[Attempt]) -> Iterator[list[Attempt]]:
        span: list[Attempt] = []
        for attempt in sorted(attempts, key=lambda attempt: attempt.started):
            if span and attempt.started - span[-1].started >= self.silence:
                yield span
                span = []
            span.append(attempt)
        yield span


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


class ToEveryNearBackend(ToEveryBackend):
    """As `to_every_backend`, or every backend in the zone of the client's node answers, and no other."""

    word = "spread.to_every_near_backend"
    sentence = "every backend answers at least one connection, or every backend of the client's zone and no other"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        answers = Counter(attempt.reply.identity for attempt in observed.attempts if attempt.reply)
        near = observed.observation.bindings.get("server.near_identities")
        if isinstance(near, tuple) and near and set(answers) == set(near):
            yield self.finding(answers, tuple(map(str, near)), len(observed.attempts))
        else:
            yield from super().findings(bound, observed)


@dataclass(frozen=True)
class Evenly(ToEveryBackend):
    """As `to_every_backend`, and no share is one that a fair balancer gives with a chance below `risk` only.

    With `halves` that holds for the share of each half of the backends together too, and `risk` is that of both.
    """

    word = "spread.evenly"
    sentence = "the connections are shared out evenly among the backends"
    risk: float = 1e-6
    halves: bool = False

    def _met(self, answers: Mapping[str, int], backends: Sequence[str], total: int) -> bool:
        if not super()._met(answers, backends, total):
            return False
        if len(backends) < 2:
            return True
        risk = self.risk / 2 if self.halves else self.risk
        largest = sum(sorted(answers.values(), reverse=True)[: len(backends) // 2])
        if self.halves and is_odd_half(largest, total, len(backends), risk):
            return False
        return not any(is_odd(answers[name], total, len(backends), risk) for name in backends)


class ToSomeBackend(_Spread):
    """A backend answers at least one connection; the others may lead to endpoints that no probe stands behind."""

    word = "spread.to_some_backend"
    met_in_part = True
    sentence = "at least one connection is answered"

    def _met(self, answers: Mapping[str, int], backends: Sequence[str], total: int) -> bool:
        return bool(set(answers) & set(backends))
