"""DNS questions on the wire."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from podwire.judging.names import shortened
from podwire.judging.parts import Observed, Part, Wanted
from podwire.judging.resolvers import heard, is_no
from podwire.model.cases import Case, pod_point
from podwire.model.flows import Flow
from podwire.model.observations import Lookup, Observation, Point
from podwire.model.patterns import texts
from podwire.model.symbols import DNS_CACHE, Symbol
from podwire.model.verdicts import Finding
from podwire.model.ways import BY_NAME
from podwire.packets.dns import dns_questions


class Question(ABC):
    """What must be seen, or not, of the questions that a client asks for one target."""

    word: ClassVar[str]

    @abstractmethod
    def met(self, bound: Self, lookups: tuple[Lookup, ...]) -> bool:
        """Whether the questions are as expected."""

    def expected(self, bound: Self) -> str:
        """The sentence, with the values where that helps."""
        return str(self)

    def actual(self, bound: Self, lookups: tuple[Lookup, ...]) -> str:
        """What was seen, in words."""
        return "; ".join(dict.fromkeys(_told(lookup) for lookup in lookups)) or "no question was seen"


@dataclass(frozen=True)
class Asked(Question):
    """The name was asked and answered: with these addresses, of that server, over `udp` or `tcp`, as an alias."""

    word = "asked"
    name: Wanted
    answer: Wanted = None
    of: Wanted = None
    over: Literal["udp", "tcp"] | None = None
    alias: Wanted = None
    lead: ClassVar[str] = ""

    def __str__(self) -> str:
        over = f" over {self.over.upper()}" if self.over else ""
        alias = f", an alias of {self.alias}" if self.alias else ""
        answer = f" and answered with {self.answer}" if self.answer else ""
        return f"{self.lead}{self.name} asked of {self.of or 'the cluster DNS'}{over}{alias}{answer}"

    def expected(self, bound: Self) -> str:
        answers = f" → {shortened(texts(bound.answer))}" if self.answer is not None else ""
        return f"{self} ({name_of(bound.name)}{answers})"

    def met(self, bound: Self, lookups: tuple[Lookup, ...]) -> bool:
        name = name_of(bound.name)
        hits = [lookup for lookup in lookups if lookup.name == name]
        if not hits or not self._beside_others(name, lookups):
            return False
        if self.of is not None and any(lookup.server not in texts(bound.of) for lookup in hits):
            return False
        if self.over is not None:
            hits = [lookup for lookup in hits if lookup.protocol == self.over]
        if self.alias is not None:
            hits = [lookup for lookup in hits if name_of(lookup.alias) == name_of(bound.alias)]
        if self.answer is not None:
            hits = [lookup for lookup in hits if set(texts(bound.answer)) == set(lookup.answers)]
        return bool(hits)

    def _beside_others(self, name: str, lookups: tuple[Lookup, ...]) -> bool:
        """Whether the name stands among the others as it should."""
        return True


@dataclass(frozen=True)
class EachAsked(Question):
    """Each of these servers was asked for the name over `udp` or `tcp`, and answered with these addresses alone."""

    word = "each_asked"
    name: Wanted
    of: Wanted
    answer: Wanted
    over: Literal["udp", "tcp"]

    def __str__(self) -> str:
        return f"{self.name} asked of each of {self.of} over {self.over.upper()} and answered with {self.answer}"

    def expected(self, bound: Self) -> str:
        return f"{self} ({', '.join(texts(bound.of))}: {name_of(bound.name)} → {shortened(texts(bound.answer))})"

    def met(self, bound: Self, lookups: tuple[Lookup, ...]) -> bool:
        servers = [(bound._of_server(server, lookups), set(texts(bound.answer))) for server in texts(bound.of)]
        right = (asked and all(set(one.answers) == wanted for one in asked) for asked, wanted in servers)
        return bool(servers) and all(right)

    def actual(self, bound: Self, lookups: tuple[Lookup, ...]) -> str:
        asked = {server: bound._of_server(server, lookups) for server in texts(bound.of)}
        told = {server: "; ".join(dict.fromkeys(map(_told, of_one))) for server, of_one in asked.items()}
        return ", ".join(f"{server}: {said or 'no question was seen'}" for server, said in told.items())

    def _of_server(self, server: str, lookups: tuple[Lookup, ...]) -> list[Lookup]:
        asked = [one for one in lookups if one.server == server and one.protocol == self.over]
        return [one for one in asked if one.name == name_of(self.name)]


@dataclass(frozen=True)
class OnlyAsked(Asked):
    """As `asked`, and no other spelling of the name was tried."""

    word = "only_asked"
    lead = "only "

    def _beside_others(self, name: str, lookups: tuple[Lookup, ...]) -> bool:
        return all(lookup.name == name for lookup in lookups)


@dataclass(frozen=True)
class FirstAsked(Asked):
    """As `asked`, and no other spelling of the name was tried before."""

    word = "first_asked"
    lead = "first "

    def _beside_others(self, name: str, lookups: tuple[Lookup, ...]) -> bool:
        return min(lookups, key=lambda lookup: lookup.at).name == name


@dataclass(frozen=True, init=False)
class AskedInOrder(Question):
    """These names were tried in this order, each because there was no such name as the one before."""

    word = "asked_in_order"
    names: tuple[Any, ...]

    def __init__(self, *names: Symbol) -> None:
        object.__setattr__(self, "names", names)

    def __str__(self) -> str:
        return "asked one after the other: " + ", ".join(str(name) for name in self.names)

    def met(self, bound: Self, lookups: tuple[Lookup, ...]) -> bool:
        names = [name_of(name) for name in bound.names]
        in_time = sorted(lookups, key=lambda lookup: lookup.at)
        places = [next((at for at, lookup in enumerate(in_time) if lookup.name == name), None) for name in names]
        if None in places or places != sorted(places, key=lambda at: at or 0):
            return False
        # The next name is tried only because there is no such name as the one before it.
        return all(is_no(lookup) for lookup in heard(lookups) if lookup.name in names[:-1])


@dataclass(frozen=True)
class NotAsked(Question):
    """No question for the name, in whatever spelling, was on the wire."""

    word = "not_asked"
    name: Wanted

    def __str__(self) -> str:
        return f"no question for {self.name}"

    def met(self, bound: Self, lookups: tuple[Lookup, ...]) -> bool:
        return not lookups


QUESTIONS: tuple[type[Question], ...] = (Asked, EachAsked, OnlyAsked, FirstAsked, AskedInOrder, NotAsked)


@dataclass(frozen=True, init=False)
class AtDns(Part):
    """The client's DNS questions, and what the server says; see the DNS questions below."""

    word = "at_dns"
    questions: tuple[Any, ...]

    def __init__(self, *questions: Question) -> None:
        if not questions:
            raise ValueError("at_dns() asks for nothing")
        object.__setattr__(self, "questions", questions)

    def sentences(self) -> Iterator[str]:
        yield from (f"DNS: {question}" for question in self.questions)

    def points(self, case: Case) -> Iterator[Point]:
        yield pod_point(case.flow.client)

    def unfit(self, flow: Flow) -> str | None:
        return None if flow.via in BY_NAME else f"at_dns asks for questions; a flow by {flow.via} looks up no name"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        for question, values in zip(self.questions, bound.questions, strict=True):
            yield _held(question, values, observed.observation.lookups)
        yield from _at_the_server(observed.case, observed.observation)

    def doubtful(self, bound: Self, observed: Observed) -> Iterator[tuple[Finding, str]]:
        lookups, captures = observed.observation.lookups, observed.observation.captures
        client, server = captures.get(pod_point(observed.case.flow.client)), captures.get("server-node")
        for question, values in zip(self.questions, bound.questions, strict=True):
            if question.met(values, lookups):
                continue
            why = client.holey if client else ""
            if not why and question.met(values, tuple(_completed(lookups, observed))):
                why = "no answer from a DNS server was captured, but the resolver got the addresses"
            if not why and _answered_unseen(observed):
                why = "an answer of the DNS server was not captured, but the agent got it"
            if why:
                yield _held(question, values, lookups), why
        if server is not None and server.holey:
            for finding in _at_the_server(observed.case, observed.observation):
                yield finding, server.holey

    def tells_nothing(self, bound: Self, observed: Observed) -> str | None:
        client = observed.observation.captures.get(pod_point(observed.case.flow.client))
        absence = any(isinstance(question, NotAsked) for question in self.questions)
        return (client.holey or None) if client and absence else None


def _completed(lookups: tuple[Lookup, ...], observed: Observed) -> Iterator[Lookup]:
    """The questions with the answer that the resolver must have got to them, if that is not one that was captured."""
    addresses = observed.attempt.resolved if observed.attempt else ()
    known = not addresses or any(set(lookup.answers) & set(addresses) for lookup in lookups)
    yield from (lookup if known or lookup.rcode is not None else _answered(lookup, addresses) for lookup in lookups)


def _answered_unseen(observed: Observed) -> bool:
    """Whether the agent's own DNS client got all its answers, and the capture does not have them all."""
    got_all = bool(observed.case.flow.load.asks) and all(attempt.answered for attempt in observed.attempts)
    lookups = observed.observation.lookups
    return got_all and (not lookups or any(lookup.rcode is None for lookup in lookups))


def _held(question: Question, values: Question, lookups: tuple[Lookup, ...]) -> Finding:
    return Finding(
        expected=question.expected(values),
        actual=question.actual(values, lookups),
        where="DNS",
        met=question.met(values, lookups),
    )


def _answered(question: Lookup, addresses: tuple[str, ...]) -> Lookup:
    return Lookup(
        name=question.name,
        type=question.type,
        server=question.server,
        protocol=question.protocol,
        at=question.at,
        rcode="NOERROR",
        answers=addresses,
        id=question.id,
    )


def _at_the_server(case: Case, observation: Observation) -> Iterator[Finding]:
    """The same questions at the node of the DNS server, over the same protocol, where its packets are seen."""
    capture = observation.captures.get("server-node")
    if case.flow.server.kind != "dns" or capture is None or not capture.usable or DNS_CACHE in observation.bindings:
        return  # What a cache on the client's node asks on is another question, if it has to ask at all.
    arrived = {
        (name, "tcp" if seen.packet.ip.protocol == "tcp" else "udp")
        for seen in capture.packets
        if seen.direction == "request"
        for name, _ in dns_questions(seen.packet)
    }
    sent = dict.fromkeys((lookup.name, lookup.protocol) for lookup in observation.lookups)
    missing = [f"{name} over {protocol.upper()}" for name, protocol in sent if (name, protocol) not in arrived]
    yield Finding(
        expected=f"each of {len(sent)} questions at the node of the DNS server",
        actual=f"not {shortened(missing)}" if missing else "all were seen",
        where=f"server-node ({capture.where})",
        met=not missing,
    )


def name_of(value: object) -> str:
    """A name as questions have it: in lower case, without its final dot."""
    return str(value).lower().rstrip(".")


def _told(lookup: Lookup) -> str:
    answer = shortened(lookup.answers) or shortened(lookup.records) or lookup.rcode or "no answer"
    alias = f" alias {lookup.alias}" if lookup.alias else ""
    name = lookup.spelled[-1] if lookup.spelled else lookup.name
    return f"{name} {lookup.type}{' over TCP' if lookup.protocol == 'tcp' else ''} →{alias} {answer}"
