"""What the agent's own DNS client was answered."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from podwire.judging.names import shortened
from podwire.judging.parts import End, Observed, Wanted
from podwire.judging.questions import Question, name_of
from podwire.judging.resolvers import NEGATIVE
from podwire.model.flows import Flow
from podwire.model.observations import Attempt, Lookup
from podwire.model.patterns import texts
from podwire.model.verdicts import Finding


@dataclass(frozen=True)
class Replied(End):
    """The DNS server answers every question, whatever it says."""

    word = "replied"

    def sentences(self) -> Iterator[str]:
        yield "the DNS server answers every question"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        if observed.attempt is None:
            return
        error = observed.attempt.error
        actual = f"{error.kind} at {error.stage} ({error.text})" if error else "it does"
        yield Finding(expected="an answer to every question", actual=actual, where="client", met=error is None)

    def ended(self, bound: Self, attempt: Attempt) -> bool:
        return attempt.error is None

    def together(self, bound: Self, wrong: Sequence[Attempt], observed: Observed) -> Finding:
        total = len(observed.attempts)
        expected, actual = f"the questions of {total} sockets answered", f"those of {total - len(wrong)} were"
        return Finding(expected=expected, actual=actual, where="client", met=not wrong)

    def unfit(self, flow: Flow) -> str | None:
        return None if flow.load.asks else "replied needs the agent's own DNS client; this flow asks the resolver"


@dataclass(frozen=True)
class HasSrv(Question):
    """The name has one SRV record: this port of this target. Priority and weight may be any."""

    word = "has_srv"
    name: Wanted
    port: Wanted
    target: Wanted

    def __str__(self) -> str:
        return f"one SRV record of {self.name}: port {self.port} of {self.target}"

    def expected(self, bound: Self) -> str:
        return f"{self} ({name_of(bound.name)} → {bound.port} {name_of(bound.target)})"

    def met(self, bound: Self, lookups: tuple[Lookup, ...]) -> bool:
        return [record[2:] for record in _srv(bound.name, lookups)] == [(str(bound.port), name_of(bound.target))]


@dataclass(frozen=True)
class HasTargets(Question):
    """The SRV records of the name have this port, and different targets below a name that lead to these addresses."""

    word = "has_targets"
    name: Wanted
    port: Wanted
    below: Wanted
    addresses: Wanted

    def __str__(self) -> str:
        return f"SRV records of {self.name}: port {self.port} of targets below {self.below} that are {self.addresses}"

    def expected(self, bound: Self) -> str:
        return f"{self} ({name_of(bound.name)} → {bound.port}, {shortened(texts(bound.addresses))})"

    def met(self, bound: Self, lookups: tuple[Lookup, ...]) -> bool:
        records = _srv(bound.name, lookups)
        targets, below = [target for *_, target in records], f".{name_of(bound.below)}"
        led_to = [lookup for lookup in lookups if lookup.name in targets and lookup.type != "SRV"]
        return (
            len(set(targets)) == len(targets)
            and all(target.endswith(below) for target in targets)
            and {port for _, _, port, _ in records} == {str(bound.port)}
            and {lookup.name for lookup in led_to} == set(targets)
            and all(lookup.rcode == "NOERROR" for lookup in led_to)
            and {address for lookup in led_to for address in lookup.answers} == set(texts(bound.addresses))
        )


@dataclass(frozen=True)
class HasPtr(Question):
    """The PTR record of the address leads to this name; with `below` there may be others below that one."""

    word = "has_ptr"
    name: Wanted
    target: Wanted
    below: Wanted = None

    def __str__(self) -> str:
        return f"{'a' if self.below else 'one'} PTR record of {self.name}: {self.target}"

    def expected(self, bound: Self) -> str:
        below = f", others below {name_of(bound.below)}" if self.below else ""
        return f"{self} ({name_of(bound.name)} → {name_of(bound.target)}{below})"

    def met(self, bound: Self, lookups: tuple[Lookup, ...]) -> bool:
        targets, target = _records(bound.name, "PTR", lookups), name_of(bound.target)
        if self.below is None:
            return targets == [target]
        return target in targets and all(name.endswith(f".{name_of(bound.below)}") for name in targets)


@dataclass(frozen=True)
class _OfName(Question):
    """A question that is met by all answers for a name, of which there must be one."""

    name: Wanted

    def expected(self, bound: Self) -> str:
        return f"{self} ({name_of(bound.name)})"

    def met(self, bound: Self, lookups: tuple[Lookup, ...]) -> bool:
        hits = self._concerned([lookup for lookup in lookups if lookup.name == name_of(bound.name)])
        return bool(hits) and all(self._is_right(lookup) for lookup in hits)

    def _concerned(self, hits: list[Lookup]) -> list[Lookup]:
        """Those of the look-ups of the name that it is about."""
        return hits

    @abstractmethod
    def _is_right(self, lookup: Lookup) -> bool:
        """Whether an answer is as it should be."""


@dataclass(frozen=True)
class NoData(_OfName):
    """The name exists and has no record of this type: the answer is NOERROR, and empty."""

    word = "no_data"
    type: str

    def __str__(self) -> str:
        return f"{self.name} exists and has no {self.type} record (NOERROR)"

    def _concerned(self, hits: list[Lookup]) -> list[Lookup]:
        return [lookup for lookup in hits if lookup.type == self.type]

    def _is_right(self, lookup: Lookup) -> bool:
        return lookup.rcode == "NOERROR" and not lookup.answers


@dataclass(frozen=True)
class NoSuchName(_OfName):
    """The name does not exist: the answer is NXDOMAIN, for every type."""

    word = "no_such_name"

    def __str__(self) -> str:
        return f"{self.name} does not exist (NXDOMAIN)"

    def _is_right(self, lookup: Lookup) -> bool:
        return lookup.rcode == "NXDOMAIN"


@dataclass(frozen=True)
class WithEdns(_OfName):
    """The answer to the name has an OPT record, as the question had one."""

    word = "with_edns"

    def __str__(self) -> str:
        return f"{self.name} answered with an OPT record (EDNS)"

    def _is_right(self, lookup: Lookup) -> bool:
        return lookup.edns


@dataclass(frozen=True)
class BothAnswered(_OfName):
    """As many questions of the name for A as for AAAA, and an answer without error to each."""

    word = "both_answered"

    def __str__(self) -> str:
        return f"every question for A and for AAAA of {self.name} answered"

    def _concerned(self, hits: list[Lookup]) -> list[Lookup]:
        types = Counter(lookup.type for lookup in hits)
        return hits if types["A"] == types["AAAA"] else []

    def _is_right(self, lookup: Lookup) -> bool:
        return lookup.rcode == "NOERROR"


@dataclass(frozen=True)
class AsSpelled(Question):
    """The answer repeats the name with the capitals that it was asked with."""

    word = "as_spelled"
    name: Wanted

    def __str__(self) -> str:
        return f"the answer repeats {self.name} as it was spelled"

    def expected(self, bound: Self) -> str:
        return f"{self} ({bound.name})"

    def met(self, bound: Self, lookups: tuple[Lookup, ...]) -> bool:
        return any(lookup.spelled == (str(bound.name), str(bound.name)) for lookup in lookups)


RECORDS: tuple[type[Question], ...] = (
    HasSrv,
    HasTargets,
    HasPtr,
    NoData,
    NoSuchName,
    AsSpelled,
    WithEdns,
    BothAnswered,
)


def _srv(name: object, lookups: tuple[Lookup, ...]) -> list[tuple[str, ...]]:
    """Priority, weight, port and target of each SRV record of the name."""
    return [tuple(record.split(" ", 3)) for record in _records(name, "SRV", lookups)]


def _records(name: object, kind: str, lookups: tuple[Lookup, ...]) -> list[str]:
    """The records in the last whole answer for the name; over UDP it may have been cut off. None of an error."""
    whole = [
        lookup for lookup in lookups if (lookup.name, lookup.type) == (name_of(name), kind) and lookup.rcode in NEGATIVE
    ]
    return list(whole[-1].records) if whole and whole[-1].rcode == "NOERROR" else []
