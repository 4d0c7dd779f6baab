"""What the files of the suites may hold: requirements.yaml, limitations.yaml and rows.yaml. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, structs

from podwire.catalogue.rows import RowKind, Severity
from podwire.files.kinds import Text, one_line
from podwire.files.rows import columns, row_type
from podwire.judging.symptoms import SYMPTOMS
from podwire.model.conditions import Condition
from podwire.model.requirements import Citation, Level

Os = Literal["linux", "windows"]
Modes = Literal["overlay", "l2bridge", "l2tunnel", "transparent", "nat"]
Servers = Literal["linux", "windows", "outside", "backends"]
Protocols = Literal["tcp", "udp", "icmp", "http", "sctp", "dns", "tool"]
Families = Literal["ipv4", "ipv6"]
Placements = Literal["same-node", "cross-node", "itself"]
Build = Annotated[str, Meta(pattern=r"^\d+(\.\d+)*$", extra={"needed": "a build ('17763.1')"})]
SymptomName = Annotated[Text, Meta(extra_json_schema={"enum": sorted(SYMPTOMS)})]


class CitationForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where something is written."""

    document: Text
    part: str = ""
    url: str = ""

    def citation(self) -> Citation:
        return Citation(document=one_line(self.document), part=one_line(self.part), url=one_line(self.url))


Sources = Annotated[tuple[CitationForm, ...], Meta(min_length=1, extra={"needed": "at least one source"})]


class ClusterWhen(Struct, frozen=True, kw_only=True):
    """On which cluster something applies."""

    mode: Modes | tuple[Modes, ...] = ()
    """The network mode."""
    cni: tuple[Text, ...] = ()
    unless_cni: tuple[Text, ...] = ()
    """CNIs that it does not apply to."""
    ipam: tuple[Text, ...] = ()
    dsr: bool | tuple[bool, ...] = ()
    """Direct Server Return in the kube-proxy of Windows nodes."""
    known_instances: Literal[True] | None = None
    """The instance types of all Windows nodes are known to podwire."""
    denied_port: Literal[True] | None = None
    """The network is known to deny pods a port."""
    pod_security_group: Literal[True] | None = None
    """A security group that lets nobody in is stated."""
    custom_networking: Literal[True] | None = None
    """Pods of Linux nodes have a subnet of the VPC for themselves."""
    dual_stack: Literal[True] | None = None
    """Pods of Linux nodes have addresses of both families."""
    dns_cache: bool | None = None
    """Linux nodes have a DNS cache that their pods ask."""

    all_builds: tuple[Build, Build] | None = None
    """The first and the last Windows build: every Windows node of the cluster must lie between."""


class FlowWhen(Struct, frozen=True, kw_only=True):
    """For which flows something applies."""

    client: Os | tuple[Os, ...] = ()
    """The operating system of the client."""
    server: Servers | tuple[Servers, ...] = ()
    protocol: Protocols | tuple[Protocols, ...] = ()
    family: Families | tuple[Families, ...] = ()
    entry: Os | tuple[Os, ...] = ()
    """The operating system of the node that a flow enters by."""
    placement: Placements | tuple[Placements, ...] = ()
    builds: tuple[Build, Build] | None = None
    """The same of a flow: the node of the client, of the server or of the entry must lie between."""


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
    """The rows of rows.yaml that it stands for."""
    when: WhenForm = WhenForm()


class StatedFactForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sentence of the documents that no packet can decide."""

    id: Text
    statement: Text
    reason: Text
    """Why it is stated and not tested."""
    sources: Sources
    rows: tuple[Text, ...] = ()
    """The rows of rows.yaml that it stands for."""


class RequirementsFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """requirements.yaml of an area: what must hold there, and who says so."""

    area: Text
    """Its title."""
    requirements: tuple[RequirementForm, ...]
    facts: tuple[StatedFactForm, ...] = ()


class LimitationForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where requirements are known not to hold."""

    id: Text
    requirement: Text | Annotated[tuple[Text, ...], Meta(min_length=1, extra={"needed": "at least one requirement"})]
    """The id of one or of several; `any` for a bug that no flow of some kind is safe from."""
    kind: Literal["documented", "bug"]
    """Promised not to work, or a known issue of some builds."""
    statement: Text
    symptom: SymptomName
    """How it shows: a failure that looks otherwise is not excused."""
    sources: Sources
    rows: tuple[Text, ...] = ()
    """The rows of rows.yaml that it stands for."""
    when: WhenForm = WhenForm()

    def __post_init__(self) -> None:
        if self.symptom not in SYMPTOMS:
            raise ValueError(f"symptom: {self.symptom[:60]!r} is none of {', '.join(SYMPTOMS)}")


class LimitationsFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """limitations.yaml of an area: where it is documented, or known, not to hold."""

    limitations: tuple[LimitationForm, ...]


class RowForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A sentence of a document, in podwire's words."""

    id: Text
    kind: RowKind
    severity: Severity
    statement: Text


class RowAreaForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rows of one subject."""

    number: int
    title: Text
    rows: tuple[RowForm, ...]


class RowsFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """rows.yaml: the sentences of the documents that the catalogue takes up."""

    areas: tuple[RowAreaForm, ...]
