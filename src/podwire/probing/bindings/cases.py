"""The values behind the symbols of a case's expectation, on this cluster."""

from __future__ import annotations

import functools
import ipaddress
import math
from collections.abc import Iterator, Mapping, Sequence

from podwire.cluster.deployment import manifests
from podwire.cluster.deployment.filled import Filled
from podwire.cluster.deployment.services import DeployedService
from podwire.cluster.deployment.workloads import ECHO_PORT, Deployment, Probe
from podwire.model.addressing.instance_types import ADDRESSES_OF_A_PREFIX, addresses_of
from podwire.model.addressing.translation import leaves_as
from podwire.model.cases import Case
from podwire.model.facts import FAMILIES, ClusterFacts, Encapsulation, Family, NodeFacts, family_of
from podwire.model.observations import Value
from podwire.model.sizes import IP_HEADER, TCP_HEADER
from podwire.model.symbols import ASSUMED_DOMAIN, UNKNOWN
from podwire.model.ways import BY_SERVICE
from podwire.planning.prerequisites import CHOSEN
from podwire.probing.bindings.dns_servers import of_dns
from podwire.probing.bindings.hns import of_hns
from podwire.probing.bindings.nodes import Hello, mac_of, mtu_of, of_the_nodes_themselves
from podwire.probing.bindings.path_mtu import of_the_path
from podwire.probing.node_states import NO_STATES, NodeState
from podwire.probing.targets import NoTarget, Target, dns_pods_of, probe_of, service_for, service_port

OUTSIDE_IDENTITY = "outside"
RESERVED = 3
VPC_CNI = "vpc-cni"


def bindings_of(
    case: Case,
    target: Target,
    deployment: Deployment,
    facts: ClusterFacts,
    hellos: Mapping[str, Hello],
    states: Mapping[str, NodeState] = NO_STATES,
) -> dict[str, Value]:
    """The values of the symbols of a case's flow. `hellos` are the `hello` results of the agents, by pod, and `states`
    what nodes reported, by node."""
    flow = case.flow
    values: dict[str, Value] = {"target.ip": target.ip, "target.port": target.port}
    if target.name:
        values |= {"target.name": target.name, "target.fqdn": target.fqdn}
        values |= _suffixes(case, target, deployment, facts)
        if not facts.dns.domain_told and target.fqdn.endswith(f".{facts.dns.domain}"):
            values[ASSUMED_DOMAIN] = facts.dns.domain
    values |= {f"question.{at}": question.name for at, question in enumerate(target.questions, 1)}
    if target.questions:
        values["dns.pods"] = dns_pods_of(facts, flow.family)
        values["run.namespace"] = f"{deployment.namespace}.svc.{facts.dns.domain}"
    proxy = (("dsr", facts.proxy.dsr), ("win_dsr", facts.proxy.win_dsr), ("kube_proxy", facts.proxy.on_windows))
    values |= {f"cluster.{name}": on for name, on in proxy if on is not None} | {"cluster.mode": facts.network.mode}
    values["cluster.tunnel_port"] = (facts.network.encapsulation or Encapsulation()).port
    if flow.via in BY_SERVICE:
        values |= _of_service(case, deployment)
    if deployment.services.resolver:
        values["dns.nobody"] = deployment.services.resolver
    values |= of_dns(case, deployment, facts, hellos)
    values |= of_hns(case, deployment, facts)
    if case.entry:
        values |= _of_node("entry", case.entry, flow.family, deployment, facts, hellos)
    if flow.client.kind == "outside":
        outside = facts.outside.address(flow.family)
        values |= {"client.ip": outside or "", "client.identity": OUTSIDE_IDENTITY}
    else:
        values |= _of_probe("client", probe_of(case.client, deployment), case, deployment, facts, hellos)
        values |= _leaving(values, case, facts)
    if flow.server.kind == "outside":
        address = facts.outside.address(flow.family)
        values |= {"server.ip": address or "", "server.port": target.port, "server.identity": OUTSIDE_IDENTITY}
        values["server.name"] = facts.outside.host.name if facts.outside.host else ""
    elif flow.server.kind == "dns":
        values["server.ip"] = values.get("dns.ip", ())
    elif flow.server.kind == "backends":
        backends = [
            backend for backend in backends_of(flow.service.kind, deployment) if flow.family in backend.addresses
        ]
        values["server.identities"] = tuple(backend.identity for backend in backends)
        values["server.near_identities"] = _near(case.client.node, backends, facts)
        values["server.port"] = ECHO_PORT
    else:
        values |= _of_probe("server", probe_of(case.server, deployment), case, deployment, facts, hellos)
    values |= of_the_path(case, deployment, facts, hellos, backends_of(flow.service.kind, deployment))
    nodes = {"client": case.client.node, "server": case.server.node, "entry": case.entry}
    known = {role: node for role, node in nodes.items() if f"{role}.node.ip" in values}
    return values | of_the_nodes_themselves(known, flow, deployment, facts, hellos, states)


def backends_of(kind: str, deployment: Deployment) -> Iterator[Probe]:
    """The probes behind a Service with several backends. `planning.prerequisites` has the kinds that select special
    pods."""
    if kind in deployment.members:
        yield from (probe for probe in deployment.probes if probe.identity in deployment.members[kind])
        return
    chosen = tuple(slot for _, slot in CHOSEN[kind]) if kind in CHOSEN else ("a",)
    by_hand = manifests.crowd_size(kind) > 0
    for probe in deployment.probes:
        if not probe.addresses:
            continue  # It never became ready. A pod whose agent does not answer is still an endpoint.
        if by_hand:
            if probe.os == "linux" and probe.slot in ("a", "b"):
                yield probe
        elif probe.slot in chosen:
            yield probe


def _leaving(values: Mapping[str, Value], case: Case, facts: ClusterFacts) -> dict[str, Value]:
    """What packets of a client in the cluster leave its node with, to the host outside."""
    node = next((node for node in facts.nodes if node.name == case.client.node), None)
    pod, own = values.get("client.ip"), values.get("client.node.ip")
    outside = facts.outside.address(case.flow.family)
    if case.flow.server.kind != "outside" or node is None or not outside or pod is None or own is None:
        return {}
    told = facts.network.linux_translation
    addresses = leaves_as(node.os, told, outside, pod=str(pod), node=str(own))
    return {"client.outside_ip": addresses[0] if len(addresses) == 1 else addresses}


def _near(client: str, backends: Sequence[Probe], facts: ClusterFacts) -> tuple[str, ...]:
    """The backends in the zone of the client's node: those that hints of EndpointSlices name for it. None where a
    backend's node has no zone, for then no endpoint has a hint."""
    zones = {node.name: node.machine.zone for node in facts.nodes}
    if not all(zones.get(backend.node) for backend in backends):
        return ()
    return tuple(backend.identity for backend in backends if zones[backend.node] == zones.get(client))


def _suffixes(case: Case, target: Target, deployment: Deployment, facts: ClusterFacts) -> dict[str, Value]:
    """The target's name with each suffix of the client's search list (kubernetes.io: DNS for Services and Pods)."""
    domain = facts.dns.domain
    usual = (f"{deployment.namespace}.svc.{domain}", f"svc.{domain}", domain)
    suffixes = manifests.searches(case.client.probe) or usual
    return {f"target.suffix.{at}": f"{target.name}.{suffix}" for at, suffix in enumerate(suffixes, 1)}


def _of_service(case: Case, deployment: Deployment) -> dict[str, Value]:
    service: DeployedService = service_for(case, deployment)
    values: dict[str, Value] = {}
    address = service.cluster_ips.get(case.flow.family)
    if address:
        values["service.cluster_ip"] = address
    values["service.families"] = tuple(family for family in FAMILIES if family in service.cluster_ips)
    try:
        port = service_port(case, service)
    except NoTarget:
        pass
    else:
        values["service.port"] = port.port
        if port.node_port:
            values["service.node_port"] = port.node_port
        if isinstance(port.target, int):
            values["service.target_port"] = port.target
    values |= {f"service.port.{name}": port.port for name, port in service.ports.items() if name}
    values["service.backends"] = backend_addresses(case, service, deployment)
    return values


def backend_addresses(case: Case, service: DeployedService, deployment: Deployment) -> tuple[str, ...]:
    """The addresses of a Service's endpoints in the case's family."""
    probes = [deployment.probe(service.pod)] if service.pod else list(backends_of(service.kind, deployment))
    own = [probe.addresses[case.flow.family] for probe in probes if case.flow.family in probe.addresses]
    if manifests.crowd_size(service.kind):
        nobody = deployment.services.nobody
        slices = manifests.endpoint_slices("", service.kind, [(ip, "") for ip in own], nobody)
        return tuple(endpoint["addresses"][0] for endpoint_slice in slices for endpoint in endpoint_slice["endpoints"])
    return tuple(own)


@functools.cache
def _reserved(cidr: str) -> tuple[str, ...]:
    """The addresses of a node's part of the pod network that the node keeps for itself."""
    network = ipaddress.ip_network(cidr)
    return tuple(str(network[at]) for at in range(RESERVED))


def _of_node(
    role: str,
    name: str,
    family: Family,
    deployment: Deployment,
    facts: ClusterFacts,
    hellos: Mapping[str, Hello],
) -> dict[str, Value]:
    node: NodeFacts | None = next((facts_of_node for facts_of_node in facts.nodes if facts_of_node.name == name), None)
    if node is None:
        return {}
    values: dict[str, Value] = {}
    if node.build is not None:
        values[f"{role}.node.build"] = node.build
    values |= {f"{role}.node.{name}": value for name, value in _of_machine(node, facts)}
    if name in deployment.wanted_addresses:
        values[f"{role}.node.wanted_addresses"] = deployment.wanted_addresses[name]
    if name in deployment.filled:
        values |= {f"{role}.node.{name}": value for name, value in _of_filling(deployment.filled[name])}
    address = node.address(family)
    if address:
        values[f"{role}.node.ip"] = address
        host = deployment.on(name, "host")
        mac = mac_of(address, hellos.get(host.pod)) if host else None
        if mac:
            values[f"{role}.node.mac"] = mac
    values[f"{role}.node.reserved"] = tuple(address for cidr in node.pod_cidrs for address in _reserved(cidr))
    networks = tuple(cidr for cidr in node.pod_cidrs if family_of(cidr) == family)
    if networks or not facts.network.is_split_by_node:
        values[f"{role}.node.pod_network"] = networks[0] if len(networks) == 1 else networks
    return values


def _of_machine(node: NodeFacts, facts: ClusterFacts) -> Iterator[tuple[str, Value]]:
    yield "provider", node.machine.provider
    if node.machine.vpc_addresses is not None:
        yield "vpc_addresses", node.machine.vpc_addresses
    elif facts.network.cni == VPC_CNI and node.os == "windows":
        yield "vpc_addresses", 0  # On EKS, a node that offers no addresses is judged as such.
    addresses = addresses_of(node.machine.instance_type)
    if addresses is not None:
        yield "card_addresses", addresses
        yield "card_prefix_addresses", addresses * ADDRESSES_OF_A_PREFIX


def _of_filling(filled: Filled) -> Iterator[tuple[str, Value]]:
    yield "addresses_in_use", filled.addresses
    yield "pods_without_address", filled.waiting
    if filled.rest is None:
        return
    if filled.rest.usual is not None:
        yield "returned_address", filled.rest.returned
        yield "wait_for_a_free_address", math.ceil(filled.rest.usual)
    if filled.rest.seconds is not None:
        yield "rest_of_an_address", int(filled.rest.seconds)
    else:
        yield f"rest_of_an_address{UNKNOWN}", filled.rest.problem


def _of_probe(
    role: str, probe: Probe, case: Case, deployment: Deployment, facts: ClusterFacts, hellos: Mapping[str, Hello]
) -> dict[str, Value]:
    family = case.flow.family
    values: dict[str, Value] = {f"{role}.identity": probe.identity}
    values[f"{role}.families"] = tuple(known_family for known_family in FAMILIES if known_family in probe.addresses)
    own = set(probe.addresses.values())
    other_pods = (pod for pod in deployment.available() if pod.kind == "pod" and pod.identity != probe.identity)
    taken = {address for pod in other_pods for address in pod.addresses.values()} | deployment.addresses_of_others
    values[f"{role}.has_own_address"] = not own & taken
    values[f"{role}.has_branch"] = probe.has_branch
    if probe.vpc_address or (facts.network.cni == VPC_CNI and probe.os == "windows" and probe.kind == "pod"):
        values[f"{role}.vpc_address"] = probe.vpc_address  # On EKS, a pod without it is judged too.
    if probe.vpc_subnet:
        values[f"{role}.vpc_subnet"] = probe.vpc_subnet
    if role == "server":
        values |= {"server.port": probe.port, "server.identities": (probe.identity,)}
    if family in probe.addresses:
        values[f"{role}.ip"] = probe.addresses[family]
        mac = mac_of(probe.addresses[family], hellos.get(probe.pod))
        if mac:
            values[f"{role}.mac"] = mac
        mtu = mtu_of(own, hellos.get(probe.pod))
        if mtu:
            values[f"{role}.mss"] = mtu - IP_HEADER[family] - TCP_HEADER
    return values | _of_node(role, probe.node, family, deployment, facts, hellos)
