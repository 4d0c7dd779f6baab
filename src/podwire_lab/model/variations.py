"""Harmless variations of a lab: a cluster that is set up in another way, and just as right. Pure.

A healthy lab is green under each of them; a test of podwire that assumes what is only usual is not. A variation is a
function from set-up to set-up: what it changes is a field of `profile.SetUp`, which the parts of the lab look at.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from podwire_lab.model.profile import Profile, SetUp

NODE_LOCAL_DNS = "169.254.20.10"
"""The usual address of NodeLocal DNSCache (kubernetes.io: Using NodeLocal DNSCache in Kubernetes Clusters)."""

BENCHMARK_RANGE = "198.19.0.0/16"
"""What AWS recommends for pods (EKS best practices, custom networking); for benchmarks by RFC 2544."""

NODE_DOMAIN = "example.internal"


@dataclass(frozen=True, kw_only=True)
class Variation:
    """One variation. `source` names the document or the clusters that it was read from."""

    name: str
    summary: str
    source: str
    change: Callable[[SetUp], SetUp]


def _dns_elsewhere(set_up: SetUp) -> SetUp:
    return replace(set_up, dns=replace(set_up.dns, nodes=("linux-2",)))


def _two_dns_pods(set_up: SetUp) -> SetUp:
    return replace(set_up, dns=replace(set_up.dns, nodes=("linux-1", "linux-2")))


def _no_upstream(set_up: SetUp) -> SetUp:
    return replace(set_up, dns=replace(set_up.dns, upstream=False))


def _node_local_dns(set_up: SetUp) -> SetUp:
    return replace(set_up, dns=replace(set_up.dns, cache=NODE_LOCAL_DNS))


def _no_pod_cidrs(set_up: SetUp) -> SetUp:
    return replace(set_up, tells_pod_cidrs=False)


def _dotted_names(set_up: SetUp) -> SetUp:
    return replace(set_up, node_domain=NODE_DOMAIN)


def _other_services(set_up: SetUp) -> SetUp:
    return replace(set_up, other_services=True)


def _pods_in_benchmark_range(set_up: SetUp) -> SetUp:
    return replace(set_up, pods=BENCHMARK_RANGE)


def _linux_pods_untranslated(set_up: SetUp) -> SetUp:
    return replace(set_up, linux_translates=False)


def _delay_5ms(set_up: SetUp) -> SetUp:
    return replace(set_up, delay=0.005)


def _nat_gateway(set_up: SetUp) -> SetUp:
    return replace(set_up, nat_gateway=True)


def _calico_for_policies(set_up: SetUp) -> SetUp:
    return replace(set_up, policies="calico")


_ALL = (
    Variation(
        name="dns-pod-moved",
        summary="the cluster's DNS runs on the second Linux node",
        source="any cluster whose scheduler put it there",
        change=_dns_elsewhere,
    ),
    Variation(
        name="two-dns-pods",
        summary="the cluster's DNS has a pod on each Linux node",
        source="kubeadm: CoreDNS with two replicas",
        change=_two_dns_pods,
    ),
    Variation(
        name="dns-without-upstream",
        summary="the cluster's DNS can ask nobody: outside names end in SERVFAIL, but for that of the host outside",
        source="clusters without a way to the internet; CoreDNS: plugins forward and hosts",
        change=_no_upstream,
    ),
    Variation(
        name="node-local-dns",
        summary=f"Linux pods ask a cache on their node, {NODE_LOCAL_DNS}, which asks the cluster's DNS by TCP",
        source="kubernetes.io: Using NodeLocal DNSCache in Kubernetes Clusters; Linux nodes only",
        change=_node_local_dns,
    ),
    Variation(
        name="nodes-without-pod-cidr",
        summary="no node says which part of the pod network is its own",
        source="cluster-pool IPAMs, which give nodes their parts without kube-controller-manager",
        change=_no_pod_cidrs,
    ),
    Variation(
        name="node-names-with-dots",
        summary=f"the names of nodes have several labels: windows-1.{NODE_DOMAIN}",
        source="Amazon EKS: nodes have the private DNS name of their instance",
        change=_dotted_names,
    ),
    Variation(
        name="other-services",
        summary="the cluster has 40 Services more, of eight kinds, most of them with EndpointSlices",
        source="any cluster that people use; kubernetes.io: Service, EndpointSlices",
        change=_other_services,
    ),
    Variation(
        name="pods-in-benchmark-range",
        summary=f"pods have addresses of {BENCHMARK_RANGE}, but for profiles whose pods share the nodes' network",
        source="AWS: EKS best practices, custom networking; any cluster that ran out of private addresses",
        change=_pods_in_benchmark_range,
    ),
    Variation(
        name="linux-pods-untranslated",
        summary="packets of pods on Linux nodes leave the cluster with the pods' addresses, which the router knows",
        source="Tigera: IPPool, natOutgoing; flannel: configuration, --ip-masq; AWS: AWS_VPC_K8S_CNI_EXTERNALSNAT",
        change=_linux_pods_untranslated,
    ),
    Variation(
        name="delay-5ms",
        summary="each frame of a node takes 5 ms to the others and to the router: 10 ms there and back between nodes",
        source="clusters over several sites or zones",
        change=_delay_5ms,
    ),
    Variation(
        name="nat-gateway",
        summary="IPv4 packets from nodes and pods to the outside leave with the address of a gateway",
        source="Amazon VPC: NAT gateways; Azure: NAT Gateway; both translate IPv4 beside the nodes",
        change=_nat_gateway,
    ),
    Variation(
        name="calico-for-policies",
        summary="Calico enforces network policies on all nodes, beside the network plugin of Azure or of AWS",
        source="AWS: EKS, install Calico for policy only, on Windows nodes too; AKS: network policies, Calico",
        change=_calico_for_policies,
    ),
)
VARIATIONS: Mapping[str, Variation] = MappingProxyType({variation.name: variation for variation in _ALL})


def varied(profile: Profile, names: tuple[str, ...]) -> Profile:
    """The profile with these variations, in the order given. KeyError for a name that is none."""
    set_up = profile.set_up
    for name in names:
        set_up = VARIATIONS[name].change(set_up)
    return profile.with_set_up(replace(set_up, variations=(*set_up.variations, *names)))
