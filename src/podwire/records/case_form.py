"""The stored form of a case and its flow (one flat row of fields), and the conversion both ways. Pure."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import UNSET, Struct, UnsetType, structs

from podwire.files.rows import Column, row_type
from podwire.model.cases import Case, Slot
from podwire.model.flows import FLOW_ROW, Flow, Peer, PeerKind
from podwire.model.observations import Point
from podwire.model.symbols import ServiceSymbols


class PeerForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One end of a flow."""

    role: Literal["client", "server"]
    kind: PeerKind
    os: str
    pod: str = ""


class ServiceForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The Service of a flow."""

    kind: str


_COLUMNS = {
    **FLOW_ROW.columns,
    "client": FLOW_ROW.columns["client"]._replace(type=PeerForm),
    "server": FLOW_ROW.columns["server"]._replace(type=PeerForm),
    "service": Column(ServiceForm | UnsetType, UNSET),
}
# The order that files have always had; what is new comes after it.
_ORDER = (
    *("client", "server", "via", "protocol", "family", "placement", "closed_port", "denied_port", "payload"),
    *("connections", "service", "port", "enters", "entry_os", "each_port", "after", "settles", "repeated", "tool"),
    *("unaddressed", "turn", "server_turn", "client_pool", "server_pool", "entry_pool"),
    *("answer", "half_close", "whole_path", "same_ports", "asks", "size", "each_act"),
)
FlowForm: Any = row_type("FlowForm", _COLUMNS, order=_ORDER, doc="What one case sent.", omit_defaults=True)
"""What one case sent, all in one row, as files have held it since before flows had groups.

A field that has its usual value is left out.
"""


class SlotForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which probe played a role."""

    os: str
    node: str
    probe: str


class StoredCaseForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """The case that was observed. A field with its default value is left out."""

    id: str
    area: str
    requirement: str
    test: str
    flow: FlowForm
    client: SlotForm
    server: SlotForm
    points: tuple[Point, ...]
    entry: str = ""
    controls: tuple[str, ...] = ()
    limitation: str | None = None


def case_of(form: StoredCaseForm) -> Case:
    """The case of a stored form."""
    return Case(
        id=form.id,
        area=form.area,
        requirement=form.requirement,
        test=form.test,
        flow=flow_of(form.flow),
        client=Slot(os=form.client.os, node=form.client.node, probe=form.client.probe),
        server=Slot(os=form.server.os, node=form.server.node, probe=form.server.probe),
        points=form.points,
        entry=form.entry,
        controls=form.controls,
        limitation=form.limitation,
    )


def form_of_case(case: Case) -> StoredCaseForm:
    """The stored form of a case; `case_of` is its inverse."""
    client, server = case.client, case.server
    return StoredCaseForm(
        id=case.id,
        area=case.area,
        requirement=case.requirement,
        test=case.test,
        flow=form_of_flow(case.flow),
        client=SlotForm(os=client.os, node=client.node, probe=client.probe),
        server=SlotForm(os=server.os, node=server.node, probe=server.probe),
        points=case.points,
        entry=case.entry,
        controls=case.controls,
        limitation=case.limitation,
    )


def flow_of(form: FlowForm) -> Flow:
    """The flow of a stored form, with its groups."""
    row = structs.asdict(form)
    service = ServiceSymbols(form.service.kind) if form.service else ServiceSymbols()
    return FLOW_ROW.value({**row, "client": _peer(form.client), "server": _peer(form.server), "service": service})


def form_of_flow(flow: Flow) -> FlowForm:
    """The stored form of a flow, without groups; `flow_of` is its inverse."""
    client, server = _peer_form(flow.client), _peer_form(flow.server)
    service = UNSET if flow.service == ServiceSymbols() else ServiceForm(kind=flow.service.kind)
    return FlowForm(**{**flow.row(), "client": client, "server": server, "service": service})


def _peer(form: PeerForm) -> Peer:
    return Peer(role=form.role, kind=form.kind, os=form.os, pod=form.pod)


def _peer_form(peer: Peer) -> PeerForm:
    return PeerForm(role=peer.role, kind=peer.kind, os=peer.os, pod=peer.pod)
