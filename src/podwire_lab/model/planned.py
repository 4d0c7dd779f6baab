"""The facts of a lab, known before it starts: collection and planning start nothing."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec.structs import replace

from podwire.model.addressing.translation import NONE, all_but
from podwire.model.facts import (
    FAMILIES,
    NO_ENGINE,
    OS,
    CloudMachine,
    ClusterDns,
    ClusterFacts,
    Encapsulation,
    ExternalHost,
    KubeProxy,
    NetworkPolicies,
    NetworkSecurity,
    NodeFacts,
    NodeSoftware,
    Origin,
    Outside,
    PodNetwork,
    PolicyEngine,
)
from podwire.platforms.policy_engines import engine
from podwire.platforms.stated import StatedFacts
from podwire_lab.model.addresses import OUTSIDE_HOST, NodePlan
from podwire_lab.model.cni_notes import CALICO_VERSION, INSTANCE_TYPE, PROVIDERS
from podwire_lab.model.profile import Profile
from podwire_lab.model.seed import CLUSTER_DNS, KUBELET_VERSION, seeds

SECURITY_GROUP = "sg-0123456789abcdef0"
OUTSIDE_NAME = "echo.outside.example"


def _pod_cidrs(node: NodePlan, profile: Profile) -> tuple[str, ...]:
    """The pod CIDRs that the API shows for a node: none where pods have addresses of the nodes' network, Calico's
    blocks for Calico, else the CIDRs of the cluster's allocator.
    """
    if profile.shares_the_underlay or (not profile.set_up.tells_pod_cidrs and profile.ipam != "calico-ipam"):
        return ()
    if profile.ipam == "calico-ipam":
        return tuple(node.pod_cidr(family) for family in profile.pod_families(node.os))
    return node.pod_cidrs


def _own_networks(profile: Profile) -> tuple[str, ...]:
    """The pod network, where kube-proxy's configuration or Calico's pool shows it."""
    shown = profile.windows.kube_proxy or profile.cni == "calico"
    return (profile.pod_network("ipv4"),) if shown else ()


def _told(profile: Profile) -> Encapsulation | None:
    """The tunnel as far as objects of the API show it: neither Calico's VNI nor OVN's Geneve VNI is in any object."""
    if profile.tunnel and (profile.cni == "calico" or profile.mode == "transparent"):
        return replace(profile.tunnel, vni=None)
    return profile.tunnel


def stated_facts(profile: Profile) -> StatedFacts:
    """The facts that the user of such a cluster would state, because its API does not show them."""
    group = SECURITY_GROUP if profile.cni == "vpc-cni" else None
    return StatedFacts(source="the lab", denied_port=profile.security_rules or None, pod_security_group=group)


def planned_labels(profile: Profile) -> Mapping[str, Mapping[str, str]]:
    """The labels of the nodes of a lab of this profile, by name."""
    nodes = (obj["metadata"] for resource, obj in seeds(profile) if resource == "nodes")
    return {node["name"]: node["labels"] for node in nodes}


def _dns_pods(profile: Profile) -> tuple[str, ...]:
    """The addresses of the DNS pods, which are the first pods of their nodes."""
    hosts = [node for node in profile.nodes if node.name in profile.set_up.dns.nodes]
    return tuple(host.pod_address(family, host.pods.first) for family in profile.families for host in hosts)


def planned_facts(profile: Profile) -> ClusterFacts:
    """The facts of a lab of this profile, as far as a plan depends on them; a test compares them with a running lab."""
    stated = stated_facts(profile)
    return ClusterFacts(
        name=f"lab {profile.name}",
        version=KUBELET_VERSION.removeprefix("v"),
        nodes=tuple(
            NodeFacts(
                name=node.name,
                os=node.os,
                addresses=node.addresses,
                pod_cidrs=_pod_cidrs(node, profile),
                software=NodeSoftware(kernel=profile.windows.build.kernel_version if node.os == "windows" else ""),
                machine=_machine(node, profile),
            )
            for node in profile.nodes
        ),
        network=PodNetwork(
            families=profile.families,
            windows_families=profile.windows.families,
            mode=profile.mode,
            cni=profile.cni,
            ipam=profile.ipam,
            encapsulation=_told(profile),
            custom_networking=profile.custom_networking,
            own=_own_networks(profile),
            linux_translation=_linux_translation(profile),
        ),
        proxy=KubeProxy(
            dsr=profile.windows.dsr if profile.windows.kube_proxy else None,
            win_dsr=True,
            on_windows=profile.windows.kube_proxy,
        ),
        dns=ClusterDns(
            addresses=CLUSTER_DNS,
            nodes=profile.set_up.dns.nodes,
            caches=(profile.set_up.dns.cache,) if profile.set_up.dns.cache else (),
            pods=_dns_pods(profile),
            pod_port=53,
        ),
        policies=NetworkPolicies(linux=_engine(profile, "linux"), windows=_engine(profile, "windows")),
        security=NetworkSecurity(denied_port=stated.denied_port, pod_security_group=stated.pod_security_group),
        outside=Outside(
            load_balancer=True,
            host=ExternalHost(name=OUTSIDE_NAME, addresses=tuple(OUTSIDE_HOST.values()), agent=True),
        ),
        origin=Origin(emulated=True),
    )


def _engine(profile: Profile, os: OS) -> PolicyEngine:
    """What enforces network policies, with the version in the image of its DaemonSet, if it has one there."""
    name = profile.policy_engine(os)
    return engine(name or NO_ENGINE, os, CALICO_VERSION if name == "calico" else "")


def _linux_translation(profile: Profile) -> tuple[str, ...]:
    """What the API tells of the translation by Linux nodes (`cni_notes`)."""
    translates = profile.set_up.linux_translates
    if profile.cni == "flannel" and translates:
        return tuple(f"{family} {all_but([profile.pod_network(family)])}" for family in FAMILIES)
    if profile.cni == "calico":
        return (f"ipv4 {all_but([profile.pod_network('ipv4')]) if translates else NONE}",)
    return (f"ipv4 {NONE}",) if profile.cni == "vpc-cni" and not translates else ()


def _machine(node: NodePlan, profile: Profile) -> CloudMachine:
    of_the_vpc = profile.cni == "vpc-cni"
    return CloudMachine(
        provider=PROVIDERS.get(profile.cni, ""),
        instance_type=INSTANCE_TYPE if of_the_vpc else "",
        vpc_addresses=node.pods.size if of_the_vpc and node.os == "windows" else None,
    )
