"""Requirements, limitations and where they are written. Pure values: `podwire.catalogue` reads them from the suites."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from podwire.model.conditions import Condition
from podwire.model.facts import ClusterFacts, NodeFacts
from podwire.model.flows import Flow

Level = Literal["MUST", "SHOULD", "MAY"]
ANY = "any"
LEVELS: tuple[Level, ...] = ("MUST", "SHOULD", "MAY")


@dataclass(frozen=True, kw_only=True)
class Citation:
    """Where a rule is written: the document, the part of it, and its address if it has one."""

    document: str
    part: str = ""
    url: str = ""

    def __str__(self) -> str:
        return f"{self.document}, {self.part}" if self.part else self.document


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One rule that must hold. `rows` are the rows of the domain catalogue that it stands for."""

    id: str
    area: str
    level: Level
    statement: str
    sources: tuple[Citation, ...]
    rows: tuple[str, ...] = ()
    when: Condition = field(default_factory=Condition)


@dataclass(frozen=True, kw_only=True)
class Limitation:
    """Where requirements are known not to hold. It excuses a failure only if the failure shows its `symptom`.

    `requirements` are their ids, or `ANY` for a bug that no flow of some kind is safe from.

    `kind` is `documented` (promised not to work) or `bug` (a known issue of some builds). `symptom` names a predicate
    in `podwire.judging.symptoms.table`.
    """

    id: str
    requirements: tuple[str, ...]
    kind: Literal["documented", "bug"]
    statement: str
    symptom: str
    sources: tuple[Citation, ...]
    rows: tuple[str, ...] = ()
    when: Condition = field(default_factory=Condition)


@dataclass(frozen=True, kw_only=True)
class StatedFact:
    """A sentence of the documents that no packet can decide, and the reason why it is stated and not tested."""

    id: str
    area: str
    statement: str
    reason: str
    sources: tuple[Citation, ...]
    rows: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    """All that the suites require, by id."""

    areas: Mapping[str, str] = field(default_factory=dict)
    requirements: Mapping[str, Requirement] = field(default_factory=dict)
    limitations: tuple[Limitation, ...] = ()
    facts: tuple[StatedFact, ...] = ()
    policies: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """The network policies that a run makes (`manifests/policies/`), by the names of their files."""

    def limitation_of(
        self, requirement: str, flow: Flow, facts: ClusterFacts, nodes: Sequence[NodeFacts], entry: str = ""
    ) -> Limitation | None:
        """The first limitation of that requirement which applies to this flow, else the first of any requirement."""
        applying = [
            limitation
            for limitation in self.limitations
            if {requirement, ANY} & set(limitation.requirements) and limitation.when.admits(flow, facts, nodes, entry)
        ]
        return min(applying, key=lambda limitation: ANY in limitation.requirements, default=None)
