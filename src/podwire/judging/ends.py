"""What becomes of an exchange, and what the server saw of the client."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from podwire.judging.parts import End, Exchanges, Observed, Part, Wanted, came
from podwire.model.binding import bind
from podwire.model.cases import pod_point
from podwire.model.flows import Flow, Peer
from podwire.model.observations import Attempt
from podwire.model.patterns import meets, texts
from podwire.model.verdicts import Finding


@dataclass(frozen=True)
class AnsweredBy(End):
    """The answer carries the identity of this peer; of a server of kind `backends`, that of any backend."""

    word = "answered_by"
    peer: Peer

    def sentences(self) -> Iterator[str]:
        yield f"answered by the {self.peer.role}, {self.peer}"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        attempt = observed.attempt
        if attempt is None:
            return
        if attempt.reply is None:
            error = attempt.error
            text = f" ({error.text})" if error and error.text else ""
            why = f"{error.kind} at {error.stage}{text}" if error else "no answer"
            actual = f"{why} after {attempt.elapsed:.2f} s"
            yield Finding(expected=f"an answer from {self.peer}", actual=actual, where="client", met=False)
        elif observed.case.flow.protocol == "icmp":
            yield _echo(attempt, str(bind(observed.case.flow.target_ip, observed.observation.bindings)))
        else:
            datagrams = observed.case.flow.protocol == "udp" and not observed.case.flow.load.stream
            identities, again = self._identities(bound), datagrams and attempt.sent > 1
            yield Finding(
                expected=f"an answer from {self.peer}: {' or '.join(identities)}",
                actual=f"{attempt.reply.identity} answered{f' to datagram {attempt.sent}' if again else ''}",
                where="client",
                met=attempt.reply.identity in identities,
            )

    def ended(self, bound: Self, attempt: Attempt) -> bool:
        return attempt.reply is not None and attempt.reply.identity in self._identities(bound)

    def _identities(self, bound: Self) -> tuple[str, ...]:
        """Whose answer is a right one."""
        return texts(bound.peer.identities if self.peer.kind == "backends" else bound.peer.identity)


def _echo(attempt: Attempt, target: str) -> Finding:
    """An echo reply names nobody: its source address is all the identity there is."""
    source = attempt.peer[0] if attempt.peer else None
    return Finding(
        expected=f"an echo reply from {target}", actual=f"it came from {source}", where="client", met=source == target
    )


def _told_by(observed: Observed) -> str:
    """Who sent the ICMP errors that the client's own capture shows."""
    capture = observed.observation.captures.get(pod_point(observed.case.flow.client))
    tellers = {seen.packet.ip.src for seen in capture.packets if seen.direction == "error"} if capture else set()
    return f", told by {', '.join(sorted(tellers))}" if tellers else ""


@dataclass(frozen=True)
class _NoAnswer(End):
    """Nobody answers."""

    met_by_absence = True
    sentence: ClassVar[str]
    admitted: ClassVar[tuple[str, ...]]
    """The kinds of error that the client may be told."""

    def sentences(self) -> Iterator[str]:
        yield self.sentence

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        if observed.attempt is None:
            return
        ends = {
            "refused": "the client is refused",
            "timeout": "nobody answers (timeout)",
            "unreachable": "a router calls it unreachable",
        }
        came_of_it = observed.attempt.error.kind if observed.attempt.error else "an answer"
        expected = " or ".join(ends[kind] for kind in self.admitted)
        actual = came_of_it + _told_by(observed)
        yield Finding(expected=expected, actual=actual, where="client", met=came_of_it in self.admitted)

    def ended(self, bound: Self, attempt: Attempt) -> bool:
        return not came(attempt)

    def together(self, bound: Self, wrong: Sequence[Attempt], observed: Observed) -> Finding:
        expected, actual = f"none of {len(observed.attempts)} answered", f"{len(wrong)} were"
        return Finding(expected=expected, actual=actual, where="client", met=not wrong)


class Refused(_NoAnswer):
    """The client is told that nobody listens."""

    word = "refused"
    sentence = "the client is told that nobody listens"
    admitted = ("refused",)


class Silent(_NoAnswer):
    """Nobody answers at all."""

    word = "silent"
    sentence = "nobody answers"
    admitted = ("timeout",)


class Unserved(_NoAnswer):
    """Nobody answers, or a router knows no way: no node has a rule for the address, and its packets leave unchanged."""

    word = "unserved"
    sentence = "no node serves it: nobody answers, or a router knows no way"
    admitted = ("timeout", "unreachable")


class Unanswered(_NoAnswer):
    """Nobody of the cluster answers: silence, a refusal, or a router that knows no way, as no document tells which."""

    word = "unanswered"
    sentence = "nobody of the cluster answers"
    admitted = ("refused", "timeout", "unreachable")


@dataclass(frozen=True)
class Status(Exchanges):
    """The code of an HTTP answer."""

    word = "status"
    code: int

    def sentences(self) -> Iterator[str]:
        yield f"the HTTP status is {self.code}"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        attempt = observed.attempt
        if attempt is None:
            return
        actual = f"status {attempt.status}" if attempt.status else attempt.error.kind if attempt.error else "no status"
        expected = f"an answer with HTTP status {self.code}"
        yield Finding(expected=expected, actual=actual, where="client", met=attempt.status == self.code)

    def ended(self, bound: Self, attempt: Attempt) -> bool:
        return attempt.status == self.code


class _OfAnAnswer(Part):
    """A part that is asked of an answer only."""

    def applies(self, observed: Observed) -> bool:
        return observed.attempt is not None and observed.attempt.reply is not None

    def contradiction(self, parts: Sequence[Part]) -> str | None:
        if any(isinstance(part, AnsweredBy) for part in parts):
            return None
        return f"{self.word} is asked of an answer: answered_by is missing"

    def unfit(self, flow: Flow) -> str | None:
        # The peer of an echo is its target, and nobody tells how the server saw the client.
        return f"{self.word} says nothing of an echo; ask the packets" if flow.protocol == "icmp" else None


@dataclass(frozen=True)
class AnswersFrom(_OfAnAnswer):
    """The answer comes from this address."""

    word = "answers_from"
    address: Wanted

    def sentences(self) -> Iterator[str]:
        yield f"the answer comes from {self.address}"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        assert observed.attempt is not None
        source = observed.attempt.peer[0] if observed.attempt.peer else None
        met = source is not None and ipaddress.ip_address(source) == ipaddress.ip_address(str(bound.address))
        expected = f"the answer from {self.address} ({bound.address})"
        yield Finding(expected=expected, actual=f"it came from {source}", where="client", met=met)


@dataclass(frozen=True)
class SeenAs(_OfAnAnswer):
    """The server sees the client come from this address."""

    word = "seen_as"
    address: Wanted

    def sentences(self) -> Iterator[str]:
        yield f"the server sees the client as {self.address}"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        assert observed.attempt is not None
        assert observed.attempt.reply is not None
        source = observed.attempt.reply.source
        expected = f"the client seen as {self.address} ({bound.address})"
        met = meets(source, bound.address)
        yield Finding(expected=expected, actual=f"the server saw {source}", where="server", met=met)


@dataclass(frozen=True)
class Allowed(AnsweredBy):
    """The network policies in force allow the flow: the server answers. Suites write `as_ruled`."""

    word = ""
    because: str = ""

    def sentences(self) -> Iterator[str]:
        yield f"network policies allow it: {self.because}"
        yield from super().sentences()

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        for finding in super().findings(bound, observed):
            yield _because(finding, f"allowed: {self.because}")


@dataclass(frozen=True)
class Denied(Silent):
    """The network policies in force deny the flow: nobody answers. Suites write `as_ruled`."""

    word = ""
    because: str = ""

    def sentences(self) -> Iterator[str]:
        yield f"network policies deny it: {self.because}"
        yield from super().sentences()

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        for finding in super().findings(bound, observed):
            yield _because(finding, f"denied: {self.because}")


def _because(finding: Finding, why: str) -> Finding:
    return Finding(expected=f"{finding.expected} ({why})", actual=finding.actual, where=finding.where, met=finding.met)
