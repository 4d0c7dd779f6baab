"""The forms of the suites' files: requirements.yaml, limitations.yaml and rows.yaml. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, structs

from podwire.catalogue.rows import RowKind, Severity
from podwire.files.kinds import Text, one_line
from podwire.files.rows import columns, row_type
from podwire.judging.symptoms.table import SYMPTOMS
from podwire.model.conditions import Condition
from podwire.model.requirements import Citation, Level
from podwire.platforms.policy_engines import Lack

Os = Literal["linux", "windows"]
Modes = Literal["overlay", "l2bridge", "l2tunnel", "transparent", "nat"]
Servers = Literal["linux", "windows", "outside", "backends"]
Protocols = Literal["tcp", "udp", "icmp", "http", "sctp", "dns", "tool"]
Families = Literal["ipv4", "ipv6"]
Placements = Literal["same-node", "cross-node", "itself"]
Decisions = Literal["allowed", "denied"]
Build = Annotated[str, Meta(pattern=r"^\d+(\.\d+)*$", extra={"needed": "a build ('17763.1')"})]
Version = Annotated[str, Meta(pattern=r"^\d+\.\d+$", extra={"needed": "a version of Kubernetes ('1.36')"})]
SymptomName = Annotated[Text, Meta(extra_json_schema={"enum": sorted(SYMPTOMS)})]


class CitationForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where a rule is written."""

    document: Text
    part: str = ""
    url: str = ""

    def citation(self) -> Citation:
        return Citation(document=one_line(self.document), part=one_line(self.part), url=one_line(self.url))


Sources = Annotated[tuple[CitationForm, ...], Meta(min_length=1, extra={"needed": "at least one source"})]


class ClusterWhen(Struct, frozen=True, kw_only=True):
    """On which clusters an entry applies."""

    mode: Modes | tuple[Modes, ...] = ()
    """The network mode."""
    cni: tuple[Text, ...] = ()
    unless_cni: tuple[Text, ...] = ()
    """CNIs that it does not apply to."""
    ipam: tuple[Text, ...] = ()
    dsr: bool | tuple[bool, ...] = ()
    """The DSR setting of kube-proxy on Windows nodes."""
    known_instances: Literal[True] | None = None
    """podwire knows the instance types of all Windows nodes."""
    denied_port: Literal[True] | None = None
    """The network denies pods a port."""
    pod_security_group: Literal[True] | None = None
    """A stated security group admits nobody."""
    custom_networking: Literal[True] | None = None
    """Pods of Linux nodes have a VPC subnet of their own."""
    dual_stack: Literal[True] | None = None
    """Pods of Linux nodes have addresses of both families."""
    dns_cache: bool | None = None
    """Linux nodes have a DNS cache that their pods ask."""
    windows_skips: Lack | tuple[Lack, ...] = ()
    """What the policy engine of Windows nodes skips."""
    kubernetes: Version | None = None
    """The first version of Kubernetes that it applies to."""

    all_builds: tuple[Build, Build] | None = None
    """The first and the last Windows build: every Windows node of the cluster must be in this range."""


class FlowWhen(Struct, frozen=True, kw_only=True):
    """For which flows an entry applies."""

    client: Os | tuple[Os, ...] = ()
    """The operating system of the client."""
    server: Servers | tuple[Servers, ...] = ()
    protocol: Protocols | tuple[Protocols, ...] = ()
    family: Families | tuple[Families, ...] = ()
    service: Text | tuple[Text, ...] = ()
    entry: Os | tuple[Os, ...] = ()
    """The operating system of the node where a flow enters the cluster."""
    server_pod: Text | tuple[Text, ...] = ()
    """The special kind of pod that is the server."""
    decision: Decisions | tuple[Decisions, ...] = ()
    """What the network policies in force say of the flow."""
    placement: Placements | tuple[Placements, ...] = ()
    builds: tuple[Build, Build] | None = None
    """The same for a flow: the node of the client, of the server or of the entry must be in this range."""


WhenForm: Any = row_type(
    "WhenForm",
    columns(ClusterWhen, FlowWhen),
    doc="On which cluster and for which flows something applies: each field has one value or several, and all are met.",
)


def condition_of(form: WhenForm) -> Condition:
    """The condition of a stored one."""
    fields = structs.asdict(form)
    builds: dict[str, Any] = {name: fields.pop(name) for name in ("builds", "all_builds")}
    return Condition.of(**{name: _several(value) for name, value in fields.items()}, **builds)


def _several(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


class RequirementForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One rule that must hold."""

    id: Text
    level: Level
    statement: Text
    sources: Sources
    rows: tuple[Text, ...] = ()
    """The rows of rows.yaml that it covers."""
    when: WhenForm = WhenForm()


class StatedFactForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sentence of the documentation that no packet can decide."""

    id: Text
    statement: Text
    reason: Text
    """Why it is stated and not tested."""
    sources: Sources
    rows: tuple[Text, ...] = ()
    """The rows of rows.yaml that it covers."""


class RequirementsFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """requirements.yaml of an area: what must hold, and the sources."""

    area: Text
    """Its title."""
    requirements: tuple[RequirementForm, ...]
    facts: tuple[StatedFactForm, ...] = ()


class LimitationForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where requirements are known not to hold."""

    id: Text
    requirement: Text | Annotated[tuple[Text, ...], Meta(min_length=1, extra={"needed": "at least one requirement"})]
    """The ids of one or more requirements; `any` for a bug that can affect every flow of some kind."""
    kind: Literal["documented", "bug"]
    """Documented not to work, or a known issue of some builds."""
    statement: Text
    symptom: SymptomName
    """The symptom: a failure with another symptom is not excused."""
    sources: Sources
    rows: tuple[Text, ...] = ()
    """The rows of rows.yaml that it covers."""
    when: WhenForm = WhenForm()

    def __post_init__(self) -> None:
        if self.symptom not in SYMPTOMS:
            raise ValueError(f"symptom: {self.symptom[:60]!r} is unknown; there are: {', '.join(SYMPTOMS)}")


class LimitationsFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """limitations.yaml of an area: where requirements are documented, or known, not to hold."""

    limitations: tuple[LimitationForm, ...]


class RowForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sentence of a document, in podwire's words."""

    id: Text
    kind: RowKind
    severity: Severity
    statement: Text


class RowAreaForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The rows of one subject."""

    number: int
    title: Text
    rows: tuple[RowForm, ...]


class RowsFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """rows.yaml: the sentences of the documentation that the catalogue covers."""

    areas: tuple[RowAreaForm, ...]
