"""The target of a case: the address or name, the port, and the address that the name must resolve to."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from podwire.cluster.deployment import manifests
from podwire.cluster.deployment.services import DeployedService, ServicePort
from podwire.cluster.deployment.workloads import (
    ECHO_PORT,
    HEADLESS_SERVICE,
    HOST_ECHO_PORT,
    HOST_NETWORK_PORT,
    SECOND_PORT,
    SERVICE_PORT,
    Deployment,
    Probe,
)
from podwire.model.addressing.inherited import HEIR
from podwire.model.asking import OF_PODS, Asked, Names, questions
from podwire.model.cases import Case, Slot
from podwire.model.facts import DENIED_PORT, ClusterFacts, Family, family_of
from podwire.model.ways import BY_NAME, BY_SERVICE, BY_TUNNEL
from podwire.planning.prerequisites import BESIDE, MANY_PORTS, service_of
from podwire.policies.cast import NODES, PORTS

HTTP_PORT, SECOND_SERVICE_PORT = 80, 81
HOST_PORT = 18081
CLOSED_PORT = 18999
LOOPBACK: Mapping[Family, str] = {"ipv4": "127.0.0.1", "ipv6": "::1"}
BESIDE_PORT = 8090
"""The port of a pod's second container (manifests/variants/two-containers.yaml)."""
SERVER_PORTS = frozenset(
    {
        ECHO_PORT,
        SECOND_PORT,
        HOST_ECHO_PORT,
        HOST_NETWORK_PORT,
        SERVICE_PORT,
        SECOND_SERVICE_PORT,
        HTTP_PORT,
        HOST_PORT,
        CLOSED_PORT,
        DENIED_PORT,
        BESIDE_PORT,
        *PORTS.values(),
    }
)


class NoTarget(Exception):
    """This run has no target for a case. The text says what is missing."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a client sends.

    `host` is an address, or a name to be resolved; `ip` is the address it must lead to ('' where a name may lead to
    several, or to none). `name` is the name as the client spells it, `fqdn` the full one behind it. `questions` are
    those of the agent's own DNS client, and `asked_of` the addresses of the servers that it asks.
    """

    host: str
    port: int
    ip: str
    name: str = ""
    fqdn: str = ""
    questions: tuple[Asked, ...] = ()
    asked_of: tuple[str, ...] = ()

    @property
    def resolve(self) -> bool:
        return bool(self.name)


def server_ports(deployment: Deployment) -> frozenset[int]:
    """All ports that flows of this run may use as a destination."""
    services = (*deployment.services.found.values(), *deployment.former.values())
    ports = {port.port for service in services for port in _looked_for(service)}
    return SERVER_PORTS | node_ports(deployment) | ports


def _looked_for(service: DeployedService) -> Iterable[ServicePort]:
    ports = () if service.kind == "dns" else tuple(service.ports.values())
    return ports[:1] if service.kind in MANY_PORTS else ports


def node_ports(deployment: Deployment) -> frozenset[int]:
    """The node ports and health check ports of this run's Services."""
    services = (*deployment.services.found.values(), *deployment.former.values())
    ports = {port.node_port for service in services for port in service.ports.values()}
    return frozenset(port for port in ports | {service.health_port for service in services} if port)


def probe_of(slot: Slot, deployment: Deployment) -> Probe:
    """The probe in a slot. Raises `NoTarget`."""
    probe = deployment.on(slot.node, slot.probe)
    if probe is None:
        raise NoTarget(f"node {slot.node} has no probe {slot.probe!r}")
    return probe


def service_for(case: Case, deployment: Deployment) -> DeployedService:
    """The Service of a case as it is now; for `former-cluster-ip` as it was before the change. Raises `NoTarget`."""
    need = service_of(case)
    if need is None:
        raise NoTarget(f"{case.id} uses no Service")
    pod = probe_of(case.server, deployment).pod if need.node else ""
    key = (need.kind, pod)
    service = deployment.former.get(key) if case.flow.via == "former-cluster-ip" else None
    service = service or deployment.services.found.get(key)
    beside = (BESIDE.get(need.kind, need.kind), pod)  # Without the other one the case would say nothing.
    problem = deployment.services.problems.get(key) or deployment.services.problems.get(beside)
    if problem or service is None:
        raise NoTarget(problem or f"the run has no Service {manifests.service_name(*key)}")
    return service


def service_port(case: Case, service: DeployedService) -> ServicePort:
    """The Service port that a case uses. Raises `NoTarget`."""
    protocol = "udp" if case.flow.protocol in ("dns", "icmp") else case.flow.protocol
    port = service.port_for(protocol, case.flow.way.port) or next(iter(service.ports.values()), None)
    if port is None:
        raise NoTarget(f"Service {service.name} has no port for {case.flow.protocol}")
    return port


def target_of(case: Case, deployment: Deployment, facts: ClusterFacts) -> Target:
    """The target of a case on this cluster. Raises `NoTarget`."""
    flow = case.flow
    if flow.load.asks:
        return _asking(_named(case, deployment, facts), case, deployment, facts)
    if flow.via in BY_NAME:
        return _named(case, deployment, facts)
    if flow.server.kind == "outside":
        ip = _outside_address(facts, flow.family)
        number = CLOSED_PORT if flow.way.closed_port else HTTP_PORT if flow.protocol == "http" else ECHO_PORT
        return Target(host=ip, port=number, ip=ip)
    if flow.via == "loopback":
        return Target(host=LOOPBACK[flow.family], port=BESIDE_PORT, ip=LOOPBACK[flow.family])
    if flow.via in ("pod-ip", "node-ip", *BY_TUNNEL):
        server = probe_of(case.server, deployment)
        if case.server.probe == HEIR and server.pod in deployment.problems:
            raise NoTarget(f"{server.pod}: {deployment.problems[server.pod]}")
        ip = _address(server, flow.family)
        number = CLOSED_PORT if flow.way.closed_port else DENIED_PORT if flow.way.denied_port else server.port
        number = PORTS.get(flow.way.port, number) if case.server.probe in NODES else number
        return Target(host=ip, port=number, ip=ip)
    if flow.via == "host-port":
        ip = _node_address(facts, case.server.node, flow.family)
        return Target(host=ip, port=manifests.host_port(case.server.probe), ip=ip)
    service = service_for(case, deployment)
    port = service_port(case, service)
    if flow.via in ("node-port", "health-port"):
        node_port = port.node_port if flow.via == "node-port" else service.health_port
        if node_port is None:
            raise NoTarget(f"the API server gave Service {service.name} no {flow.via.replace('-', ' ')}")
        ip = _node_address(facts, case.entry, flow.family)
        return Target(host=ip, port=node_port, ip=ip)
    addresses = {"load-balancer": service.ingress, "service-external-ip": service.external_ips}
    address = addresses.get(flow.via, service.cluster_ips).get(flow.family)
    if address is None:
        raise NoTarget(f"Service {service.name} has no {_version(flow.family)} address for {flow.via}")
    return Target(host=address, port=port.port, ip=address)


def _named(case: Case, deployment: Deployment, facts: ClusterFacts) -> Target:
    """The target of a flow that uses a name. `fqdn` has no final dot."""
    flow = case.flow
    zone = f"{deployment.namespace}.svc.{facts.dns.domain}"
    if flow.via == "external-name":
        ip, host = _outside_address(facts, flow.family), facts.outside.host
        assert host is not None
        port = HTTP_PORT if flow.protocol == "http" else ECHO_PORT
        return Target(host=host.name, port=port, ip=ip, name=host.name, fqdn=host.name)
    if flow.via == "unknown-name":
        name = f"nobody-{secrets.token_hex(6)}"  # A new name, which no cache has.
        return Target(host=name, port=ECHO_PORT, ip="", name=name, fqdn=f"{name}.{zone}")
    if flow.via == "hosts-name":
        name, ip = manifests.hosts_alias(case.client.probe)
        return Target(host=name, port=ECHO_PORT, ip=ip, name=name, fqdn=name)
    if flow.via in ("pod-name", "short-pod-name"):
        refused = deployment.services.problems.get((HEADLESS_SERVICE, ""))
        if refused:
            raise NoTarget(refused)
        server = probe_of(case.server, deployment)
        fqdn = f"{server.pod}.{HEADLESS_SERVICE}.{zone}"
        name = f"{server.pod}.{HEADLESS_SERVICE}" if flow.via == "short-pod-name" else fqdn
        return Target(host=name, port=server.port, ip=_address(server, flow.family), name=name, fqdn=fqdn)
    service = service_for(case, deployment)
    fqdn = f"{service.name}.{zone}"
    spelled = {
        "short-name": service.name,
        "dotted-name": f"{service.name}.{deployment.namespace}",
        "fqdn": fqdn,
        "absolute-name": f"{fqdn}.",
    }
    name = spelled[flow.via]
    number = next(iter(service.ports.values())).port if service.ports else ECHO_PORT
    port_found = service.port_for(flow.protocol, flow.way.port)
    port = port_found.port if port_found else number
    ip = service.cluster_ips.get(flow.family, "")
    if flow.server.kind == "outside":
        ip = _outside_address(facts, flow.family)
    elif not ip and service.cluster_ips:
        raise NoTarget(f"Service {service.name} has no {_version(flow.family)} address")
    return Target(host=name, port=port, ip=ip, name=name, fqdn=fqdn)


def _asking(target: Target, case: Case, deployment: Deployment, facts: ClusterFacts) -> Target:
    """The same target with the questions that the agent's own DNS client asks, and whom it asks: the cluster's DNS, at
    the address of the flow's family if it has one."""
    flow = case.flow
    servers = sorted(facts.dns.addresses, key=lambda ip: family_of(ip) != flow.family)
    if not servers:
        raise NoTarget("nothing tells the address of the cluster's DNS")
    asked_of = dns_pods_of(facts, flow.family) if flow.load.asks in OF_PODS else tuple(servers[:1])
    if flow.load.asks == "ptr" and not target.ip:
        raise NoTarget(f"{target.name} stands for no single address")
    ports = service_for(case, deployment).ports.items() if flow.via in BY_SERVICE else ()
    names = Names(
        fqdn=target.fqdn,
        nobody=f"nobody-{secrets.token_hex(6)}.{target.fqdn.partition('.')[2]}",
        ip=target.ip,
        ports=tuple((name, port.protocol) for name, port in ports if name),
    )
    return replace(target, questions=tuple(questions(flow.load.asks, names, flow.family)), asked_of=asked_of)


def dns_pods_of(facts: ClusterFacts, family: Family) -> tuple[str, ...]:
    """The addresses of the ready pods of the cluster's DNS that are of a family."""
    return tuple(address for address in facts.dns.pods if family_of(address) == family)


def _outside_address(facts: ClusterFacts, family: Family) -> str:
    ip = facts.outside.address(family)
    if ip is None:
        raise NoTarget(f"--external-host names no {_version(family)} address")
    return ip


def _version(family: Family) -> str:
    return "IPv6" if family == "ipv6" else "IPv4"


def _node_address(facts: ClusterFacts, name: str, family: Family) -> str:
    node = next((node for node in facts.nodes if node.name == name), None)
    address = node.address(family) if node else None
    if address is None:
        raise NoTarget(f"node {name or '?'} has no {_version(family)} address")
    return address


def _address(probe: Probe, family: Family) -> str:
    address = probe.addresses.get(family)
    if address is None:
        raise NoTarget(f"{probe.pod} has no {_version(family)} address")
    return address
