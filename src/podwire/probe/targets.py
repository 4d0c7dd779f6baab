"""What a case sends where: the probe's parameters, and the values behind the symbols of its expectation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from podwire.cases import Case, Slot
from podwire.cluster.workloads import ECHO_PORT, HEADLESS_SERVICE, HOST_ECHO_PORT, SERVICE_PORT, Deployment, Probe
from podwire.facts import ClusterFacts, Family
from podwire.flows import BY_NAME, BY_SERVICE

HTTP_PORT = 80
CLOSED_PORT = 18999
SERVER_PORTS = frozenset({ECHO_PORT, HOST_ECHO_PORT, SERVICE_PORT, HTTP_PORT, CLOSED_PORT})
Hello = Mapping[str, Any]


class NoTarget(Exception):
    """This run has nothing to send to for a case; the text says what is missing."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a client sends: `host` is an address, or a name to be resolved; `ip` is the address it must lead to."""

    host: str
    port: int
    ip: str
    name: str = ""
    fqdn: str = ""

    @property
    def resolve(self) -> bool:
        return bool(self.name)


def probe_of(slot: Slot, deployment: Deployment) -> Probe:
    """The probe that plays a role."""
    for probe in deployment.probes:
        if probe.node == slot.node and probe.slot == slot.probe:
            return probe
    raise NoTarget(f"no probe {slot.probe!r} on node {slot.node}")


def target_of(case: Case, deployment: Deployment, facts: ClusterFacts) -> Target:
    """The target of a case on this cluster."""
    flow = case.flow
    if flow.server.kind == "outside":
        return _outside(case, facts)
    server = probe_of(case.server, deployment)
    ip = _address(server, flow.family)
    if flow.via in ("pod-ip", "node-ip"):
        return Target(host=ip, port=server.port, ip=ip)
    zone = f"{deployment.namespace}.svc.{facts.cluster_domain}"
    if flow.via == "pod-name":
        name = f"{server.pod}.{HEADLESS_SERVICE}.{zone}"
        return Target(host=name, port=server.port, ip=ip, name=name, fqdn=name)
    if flow.via not in BY_SERVICE or server.service is None:
        raise NoTarget(f"no Service leads to {server.pod}")
    vip = server.cluster_ips.get(flow.family)
    if vip is None:
        raise NoTarget(f"Service {server.service} has no address of family {flow.family}")
    fqdn = f"{server.service}.{zone}"
    spelled = {"short-name": server.service, "dotted-name": f"{server.service}.{deployment.namespace}", "fqdn": fqdn}
    name = spelled.get(flow.via, "")
    return Target(host=name or vip, port=SERVICE_PORT, ip=vip, name=name, fqdn=fqdn if name else "")


def _outside(case: Case, facts: ClusterFacts) -> Target:
    host, flow = facts.external, case.flow
    ip = host.address(flow.family) if host else None
    if host is None or ip is None:
        raise NoTarget(f"no host outside with an address of family {flow.family}")
    port = CLOSED_PORT if flow.closed_port else HTTP_PORT if flow.protocol == "http" else ECHO_PORT
    named = flow.via in BY_NAME
    return Target(
        host=host.name if named else ip,
        port=port,
        ip=ip,
        name=host.name if named else "",
        fqdn=host.name if named else "",
    )


def _address(probe: Probe, family: Family) -> str:
    address = probe.addresses.get(family)
    if address is None:
        raise NoTarget(f"{probe.pod} has no address of family {family}")
    return address


def bindings_of(
    case: Case, deployment: Deployment, facts: ClusterFacts, hellos: Mapping[str, Hello]
) -> dict[str, str | int]:
    """The symbols of the case's flow with their values. `hellos` are what the agents said of themselves, by pod."""
    target = target_of(case, deployment, facts)
    values: dict[str, str | int] = {"target.ip": target.ip, "target.port": target.port}
    if target.name:
        values |= {"target.name": target.name, "target.fqdn": target.fqdn}
    if case.flow.via in BY_SERVICE:
        values |= {"service.cluster_ip": target.ip, "service.port": target.port}
    values |= _of_probe("client", probe_of(case.client, deployment), case, deployment, facts, hellos)
    if case.flow.server.kind == "outside":
        values |= {"server.ip": target.ip, "server.port": target.port, "server.identity": OUTSIDE_IDENTITY}
    else:
        values |= _of_probe("server", probe_of(case.server, deployment), case, deployment, facts, hellos)
    return values


OUTSIDE_IDENTITY = "outside"


def _of_probe(
    role: str, probe: Probe, case: Case, deployment: Deployment, facts: ClusterFacts, hellos: Mapping[str, Hello]
) -> dict[str, str | int]:
    family = case.flow.family
    values: dict[str, str | int] = {f"{role}.identity": probe.identity}
    if role == "server":
        values["server.port"] = probe.port
    if family in probe.addresses:
        values[f"{role}.ip"] = probe.addresses[family]
        mac = mac_of(probe.addresses[family], hellos.get(probe.pod))
        if mac:
            values[f"{role}.mac"] = mac
    node = next((node for node in facts.nodes if node.name == probe.node), None)
    if node is None:
        return values
    address = node.address(family)
    if address:
        values[f"{role}.node.ip"] = address
        host = next((one for one in deployment.probes if one.node == probe.node and one.slot == "host"), None)
        mac = mac_of(address, hellos.get(host.pod)) if host else None
        if mac:
            values[f"{role}.node.mac"] = mac
    for cidr in node.pod_cidrs:
        if (":" in cidr) == (family == "ipv6"):
            values[f"{role}.node.pod_network"] = cidr
    return values


def mac_of(address: str, hello: Hello | None) -> str | None:
    """The MAC of the interface that carries an address, as the agent there says."""
    for interface in (hello or {}).get("interfaces", ()):
        if address in interface.get("addresses", ()):
            mac = interface.get("mac")
            return str(mac).lower() if mac else None
    return None


def interface_of(address: str, hello: Hello | None) -> str | None:
    """The name of the interface that carries an address."""
    for interface in (hello or {}).get("interfaces", ()):
        if address in interface.get("addresses", ()):
            return str(interface["name"])
    return None
