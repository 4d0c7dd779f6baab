"""Discovers the facts of a cluster from its API. An object that cannot be read, or a missing setting, is a signal."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from podwire.cluster.connect import Connection
from podwire.cluster.discovery.components import components
from podwire.cluster.discovery.dns import dns_addresses, dns_caches, dns_nodes, dns_pods
from podwire.cluster.discovery.dns_domain import cluster_domain
from podwire.cluster.discovery.kube_proxy import external_ips, kube_proxy
from podwire.cluster.discovery.node_votes import os_of
from podwire.cluster.discovery.pod_networks import own_networks, with_pod_networks
from podwire.cluster.discovery.policy_engines import network_policies
from podwire.cluster.discovery.signals import NetworkSignals, network_signals
from podwire.cluster.discovery.translation import linux_translation
from podwire.cluster.discovery.vpc import custom_networking, offered_addresses
from podwire.cluster.malformed import understood
from podwire.cluster.node_conditions import why_not_ready
from podwire.cluster.node_pages import NodePage
from podwire.cluster.threads import workers
from podwire.errors import ClusterError, MalformedAnswer, NotFound, Unauthorized
from podwire.model.facts import (
    FAMILIES,
    OS,
    CloudMachine,
    ClusterDns,
    ClusterFacts,
    ExternalHost,
    Family,
    KubeProxy,
    NodeFacts,
    NodeSoftware,
    Origin,
    Outside,
    PodNetwork,
    family_of,
)
from podwire.model.node_notes import CORDONED, NOT_READY, VIRTUAL, signal
from podwire.platforms.windows_builds import judged_as, named

Object = dict[str, Any]
Objects = Mapping[str, list[Object]]

EMULATED_LABEL = "podwire.dev/emulated"
DNS_SELECTOR = "k8s-app=kube-dns"
# openshift/cluster-dns-operator: assets/dns, pkg/manifests.
_OPENSHIFT_DNS, _OPENSHIFT_SERVICE, _OPENSHIFT_PODS = (
    "openshift-dns",
    "dns.operator.openshift.io/owning-dns=default",
    "dns.operator.openshift.io/daemonset-dns=default",
)
ASSUMED_DOMAIN = "cluster.local"

# The objects read besides the nodes, all optional: (key, resource, namespace, labels).
_SOURCES: tuple[tuple[str, str, str | None, str], ...] = (
    ("services", "services", "kube-system", DNS_SELECTOR),
    ("pods", "pods", "kube-system", DNS_SELECTOR),
    ("configmaps", "configmaps", "kube-system", ""),
    ("configmaps", "configmaps", "kube-flannel", ""),
    ("services", "services", _OPENSHIFT_DNS, _OPENSHIFT_SERVICE),
    ("pods", "pods", _OPENSHIFT_DNS, _OPENSHIFT_PODS),
    ("configmaps", "configmaps", _OPENSHIFT_DNS, ""),
    ("daemonsets", "daemonsets", None, ""),
    ("ippools", "ippools", None, ""),
    ("blockaffinities", "blockaffinities", None, ""),
    ("eniconfigs", "eniconfigs", None, ""),
)
_SERVERLESS = (("type", "virtual-kubelet"), ("eks.amazonaws.com/compute-type", "fargate"))


def discover(
    connection: Connection, external: ExternalHost | None = None, *, load_balancer: bool = False
) -> ClusterFacts:
    """The facts that the API shows. Raises `ClusterError` if the nodes cannot be listed, or there are none.

    The caller gives the facts that no API has: the host outside, and whether Services of type LoadBalancer get
    addresses.
    """
    with understood(f"context {connection.name}"):
        return _discovered(connection, external, load_balancer)


def node_labels(connection: Connection) -> dict[str, dict[str, str]]:
    """The labels of all nodes, by name. Raises `ClusterError`."""
    with understood(f"context {connection.name}"):
        return {node["metadata"]["name"]: dict(_labels(node)) for node in connection.rest.list("nodes", shape=NodePage)}


def _discovered(connection: Connection, external: ExternalHost | None, load_balancer: bool) -> ClusterFacts:
    rest = connection.rest
    with workers(len(_SOURCES) + 1, "discover") as threads:
        nodes = threads.submit(rest.list, "nodes", shape=NodePage)
        listings = [(source, threads.submit(rest.list, source[1], source[2], labels=source[3])) for source in _SOURCES]
        objects: dict[str, list[Object]] = {"nodes": []}
        unread: list[str] = []
        try:
            objects["nodes"] = nodes.result()
        except Unauthorized as error:
            raise ClusterError(f"{error} (context {connection.name})") from error
        for (key, resource, namespace, _), future in listings:
            try:
                objects.setdefault(key, []).extend(future.result())
            except NotFound:
                continue  # The cluster does not have this kind (Calico's pools on another CNI).
            except ClusterError as error:
                where = f" in {namespace}" if namespace else ""
                unread.append(f"{resource}{where}: could not be read: {getattr(error, 'message', '') or error}")
    if not objects["nodes"]:
        raise ClusterError(f"context {connection.name}: the cluster has no nodes")
    return facts_from_objects(
        objects,
        name=connection.name,
        version=connection.version,
        external=external,
        load_balancer=load_balancer,
        unread=tuple(unread),
    )


def facts_from_objects(
    objects: Objects,
    *,
    name: str = "",
    version: str = "",
    external: ExternalHost | None = None,
    load_balancer: bool = False,
    unread: tuple[str, ...] = (),
) -> ClusterFacts:
    """The facts in these API objects. Pure. Raises `MalformedAnswer` for an invalid address or network of a node.

    `objects` has lists of API objects as dicts by `nodes`, `services`, `pods` (the cluster DNS), `configmaps`,
    `daemonsets`, `ippools`, `blockaffinities`, `eniconfigs`; a missing key is an empty list. `unread` are signals
    about objects that podwire could not read.
    """
    signals: list[str] = list(unread)
    nodes = tuple(sorted((_node(o, signals) for o in objects.get("nodes", [])), key=lambda n: n.name))
    nodes = tuple(_with_build(node, signals) for node in nodes)
    nodes = tuple(with_pod_networks(nodes, objects, signals))
    network = network_signals(objects)
    signals += network.signals
    has_windows = any(node.os == "windows" for node in nodes)
    domain = cluster_domain(objects, signals)
    families = _families(nodes, objects, signals)
    windows_families = _windows_families(nodes, network, signals) if has_windows else ("ipv4",)
    windows_proxy = kube_proxy(objects, nodes, network, signals) if has_windows else KubeProxy()
    proxy = replace(windows_proxy, external_ips=external_ips(objects, signals))
    policies = network_policies(objects, network, nodes, signals)
    custom, settings = custom_networking(objects, signals), components(objects)
    pods, pod_port = dns_pods(objects)
    return ClusterFacts(
        name=name,
        version=version,
        nodes=nodes,
        network=PodNetwork(
            families=families,
            windows_families=windows_families,
            mode=network.mode,
            cni=network.cni,
            ipam=network.ipam,
            encapsulation=network.encapsulation,
            custom_networking=custom,
            own=own_networks(objects, settings, nodes),
            linux_translation=linux_translation(objects, network.cni, signals),
        ),
        proxy=proxy,
        dns=ClusterDns(
            domain=domain or ASSUMED_DOMAIN,
            domain_told=domain is not None,
            addresses=tuple(dns_addresses(objects)),
            nodes=dns_nodes(objects),
            caches=dns_caches(objects, signals),
            pods=pods,
            pod_port=pod_port,
        ),
        policies=policies,
        outside=Outside(load_balancer=load_balancer, host=external),
        origin=Origin(
            emulated=any(_labels(o).get(EMULATED_LABEL) == "true" for o in objects.get("nodes", [])),
            signals=tuple(signals),
        ),
        components=settings,
    )


def _labels(obj: Object) -> Mapping[str, str]:
    return obj["metadata"].get("labels") or {}


def _checked(reading: Callable[[str], object], text: object, node: str) -> str:
    """The text, if `reading` accepts it as an address or a network."""
    try:
        if isinstance(text, str):
            reading(text)
            return text
    except ValueError:
        pass
    raise MalformedAnswer(
        f"node {node}: the API has an invalid address or pod network: {str(text)[:80]!r}; "
        "check its status.addresses and spec.podCIDRs"
    )


def _node(obj: Object, signals: list[str]) -> NodeFacts:
    name = obj["metadata"]["name"]
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    info = status.get("nodeInfo") or {}
    system: OS = "windows" if os_of(obj) == "windows" else "linux"
    trouble = why_not_ready(obj)
    if trouble:
        signals.append(signal(name, NOT_READY + trouble))
    schedulable = not spec.get("unschedulable", False)
    if not schedulable:
        signals.append(signal(name, CORDONED))
    if any(_labels(obj).get(key) == value for key, value in _SERVERLESS):
        schedulable = False
        signals.append(signal(name, VIRTUAL))
    cidrs = spec.get("podCIDRs") or ([spec["podCIDR"]] if spec.get("podCIDR") else [])
    return NodeFacts(
        name=name,
        os=system,
        addresses=tuple(
            _checked(ipaddress.ip_address, a["address"], name)
            for a in status.get("addresses") or []
            if a.get("type") == "InternalIP"
        ),
        pod_cidrs=tuple(_checked(ipaddress.ip_network, cidr, name) for cidr in cidrs),
        ready=not trouble,
        schedulable=schedulable,
        software=NodeSoftware(
            kernel=str(info.get("kernelVersion", "")),
            os_image=str(info.get("osImage", "")),
            kubelet=str(info.get("kubeletVersion", "")),
            runtime=str(info.get("containerRuntimeVersion", "")),
            features=tuple(sorted(str(feature) for feature in status.get("declaredFeatures") or ())),
        ),
        machine=CloudMachine(
            provider=str(spec.get("providerID") or "").partition("://")[0],
            instance_type=str(_labels(obj).get("node.kubernetes.io/instance-type", "")),
            zone=str(_labels(obj).get("topology.kubernetes.io/zone", "")),
            vpc_addresses=offered_addresses(status.get("allocatable") or {}),
        ),
    )


def _with_build(node: NodeFacts, signals: list[str]) -> NodeFacts:
    """A Windows node with the build that it is judged as."""
    if node.build is None:
        return node
    taken = judged_as(node.build)
    newer = f", newer than the table of builds: judged as {named(taken)}" if taken else ""
    signals.append(f"node {node.name}: Windows build {named(node.build)}{newer}")
    return replace(node, software=replace(node.software, judged_as=taken))


def _ordered(addresses: Iterator[str]) -> tuple[Family, ...]:
    families = {family_of(address) for address in addresses if address}
    return tuple(family for family in FAMILIES if family in families)


def _families(nodes: tuple[NodeFacts, ...], objects: Objects, signals: list[str]) -> tuple[Family, ...]:
    """The families of the pod network: of the DNS pods, else of the nodes' pod CIDRs, else of the DNS Service."""
    dns_pods = [pod for pod in objects.get("pods", []) if not (pod.get("spec") or {}).get("hostNetwork")]
    candidates = {
        "addresses of the DNS pods": _ordered(
            entry.get("ip", "") for pod in dns_pods for entry in (pod.get("status") or {}).get("podIPs") or []
        ),
        "pod CIDRs of the Linux nodes": _ordered(c for n in nodes if n.os == "linux" for c in n.pod_cidrs),
        "addresses of the DNS Service": _ordered(dns_addresses(objects)),
    }
    for source, families in candidates.items():
        if families:
            signals.append(f"families of the pod network: {', '.join(families)} ({source})")
            return families
    signals.append("families of the pod network: no signal tells them; ipv4 is assumed")
    return ("ipv4",)


# Tigera: Calico for Windows, limitations; AWS: EKS best practices, Windows networking; flannel: configuration, dual
# stack (of host-gw on Linux only).
_WITHOUT_IPV6_ON_WINDOWS = ("calico", "flannel", "vpc-cni")


def _windows_families(nodes: tuple[NodeFacts, ...], network: NetworkSignals, signals: list[str]) -> tuple[Family, ...]:
    """The families of pods on Windows nodes. IPv4 only: overlay networks (kubernetes.io: Networking on Windows,
    IPv4/IPv6 dual-stack), all networks before Windows Server 2022 (hcsshim, hcnglobals.go: dual stack needs HNS
    11.10), and some CNIs."""
    if network.mode == "overlay":
        signals.append("families of pods on Windows nodes: ipv4 (overlay networks have no IPv6)")
        return ("ipv4",)
    if network.mode == "nat":
        signals.append("families of pods on Windows nodes: ipv4 (NAT networks have no IPv6)")
        return ("ipv4",)
    if any(node.build is not None and node.build[0] < 20348 for node in nodes):
        signals.append("families of pods on Windows nodes: ipv4 (dual stack needs Windows Server 2022)")
        return ("ipv4",)
    if network.cni in _WITHOUT_IPV6_ON_WINDOWS:
        signals.append(f"families of pods on Windows nodes: ipv4 ({network.cni} has no IPv6 there)")
        return ("ipv4",)
    families = _ordered(cidr for node in nodes if node.os == "windows" for cidr in node.pod_cidrs)
    if families:
        signals.append(f"families of pods on Windows nodes: {', '.join(families)} (their pod CIDRs)")
        return families
    signals.append("families of pods on Windows nodes: no signal tells them; ipv4 is assumed")
    return ("ipv4",)
