"""What is known of the cluster under test: nodes, families, network mode, proxy settings.

Facts are values: `podwire.cluster.discovery` makes them, the plan reads them, the record keeps them. What belongs
together is a group; in files all facts of a cluster, and all of a node, stand side by side (`records/facts_form.py`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Literal

from msgspec import Struct, field, structs

from podwire.files.rows import Grouped
from podwire.model.derived import derived

OS = Literal["linux", "windows"]
Family = Literal["ipv4", "ipv6"]
Mode = Literal["overlay", "l2bridge", "l2tunnel", "transparent", "nat", "unknown"]

FAMILIES: tuple[Family, ...] = ("ipv4", "ipv6")
UNKNOWN, NO_ENGINE = "unknown", "none"
DENIED_PORT = 18998
"""The TCP port of pods that rules of the network are to deny, so that they can be judged; nobody listens there."""


def family_of(address: str) -> Family:
    """The IP family of a textual address."""
    return "ipv6" if ":" in address else "ipv4"


class NodeSoftware(Struct, frozen=True, kw_only=True):
    """What runs on a node."""

    kernel: str = field(name="kernel_version", default="")
    """`10.0.<build>.<revision>` on Windows (kubelet's winstats), the kernel release on Linux."""
    os_image: str = ""
    kubelet: str = field(name="kubelet_version", default="")
    runtime: str = ""
    judged_as: tuple[int, int] | None = None
    """The build that a newer one than podwire knows of is taken as, None for all others."""
    features: tuple[str, ...] = field(name="declared_features", default=())
    """What its kubelet declares that it can do (kubernetes.io: Node Declared Features)."""


class CloudMachine(Struct, frozen=True, kw_only=True):
    """The machine of a cloud that a node is."""

    provider: str = ""
    """The cloud that the machine is of (`azure`, `aws`), empty for none that is told."""
    instance_type: str = ""
    """Its size there."""
    vpc_addresses: int | None = None
    """How many addresses of the VPC it offers to pods, None where it offers none."""
    zone: str = ""
    """Its zone, by the label `topology.kubernetes.io/zone`; empty for none that is told."""


class NodePart(Struct, frozen=True, kw_only=True):
    """The part of a node in a run, as the user chose it."""

    pool: str = ""
    """The name of its pool, empty where there are no pools of its OS."""
    chosen: bool = True
    """Whether it may take part: False where the user chose others."""


class NodeNetwork(Struct, frozen=True, kw_only=True):
    """What a node itself told of its network, by its host probe; no plan depends on it. Empty where it did not."""

    ports: tuple[str, ...] = field(name="dynamic_ports", default=())
    """The ranges of its dynamic ports, by protocol and IP family: `tcp ipv4 49152-65535`."""
    mtu: int | None = None
    """Of the interface with its address, in bytes."""
    pod_mtu: int | None = None
    """Of a pod on it, in bytes."""
    proxy_mode: str = ""
    """`iptables`, `nftables`, `ipvs` or `kernelspace`."""
    hns: str = field(name="hns_version", default="")
    """The version of HNS' service on Windows."""
    overrides: tuple[str, ...] = field(name="feature_overrides", default=())
    """Settings of Windows that turn fixes on: of FeatureManagement by their numbers, of HNS by their names."""
    translation: tuple[str, ...] = field(name="outbound_translation", default=())
    """For which destinations packets of its pods leave with its own address, by HNS' OutBoundNAT policies: `all`, `all
    but 10.244.0.0/16, 10.96.0.0/12`, or `none`. Several where its pods differ; empty on Linux nodes, which tell it
    nowhere that podwire reads."""


class NodeFacts(Struct, frozen=True, kw_only=True):
    """One node, as the API describes it."""

    name: str
    os: OS
    addresses: tuple[str, ...] = ()
    pod_cidrs: tuple[str, ...] = ()
    ready: bool = True
    schedulable: bool = True

    software: NodeSoftware = NodeSoftware()
    machine: CloudMachine = CloudMachine()
    part: NodePart = NodePart()
    told: NodeNetwork = NodeNetwork()

    @property
    def known_build(self) -> tuple[int, int] | None:
        """The build that windows of known issues are held against."""
        return self.software.judged_as or self.build

    @property
    def build(self) -> tuple[int, int] | None:
        """Windows build and update revision, e.g. `(20348, 2762)`; None on Linux or when unreadable."""
        parts = self.software.kernel.split(".")
        if self.os != "windows" or len(parts) != 4 or not all(p.isdigit() for p in parts):
            return None
        return int(parts[2]), int(parts[3])

    def address(self, family: Family) -> str | None:
        """The node's internal address of that family."""
        return next((a for a in self.addresses if family_of(a) == family), None)


class Encapsulation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Tunnel parameters between nodes."""

    kind: Literal["vxlan", "geneve"] = "vxlan"
    port: int = 4789
    vni: int | None = None
    """None when the signals do not tell it."""


class ExternalHost(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A host outside the cluster that runs the agent's echo: a name and its addresses (either may be missing)."""

    name: str
    addresses: tuple[str, ...] = ()
    agent: bool = False
    """Whether an agent can be started there too, so that flows can begin outside."""

    def address(self, family: Family) -> str | None:
        return next((a for a in self.addresses if family_of(a) == family), None)

    def with_agent(self, agent: bool) -> ExternalHost:
        """The same host, with an agent or without one."""
        return ExternalHost(name=self.name, addresses=self.addresses, agent=agent)


class PodNetwork(Struct, frozen=True, kw_only=True):
    """The network of the pods: who makes it, and how."""

    families: tuple[Family, ...] = ("ipv4",)
    """Of the pod network on Linux nodes."""
    windows_families: tuple[Family, ...] = ("ipv4",)
    """Of pods on Windows nodes: one on a Windows overlay network has IPv4 only."""
    mode: Mode = "unknown"
    cni: str = UNKNOWN
    ipam: str = UNKNOWN
    """What gives pods on Windows nodes their addresses: host-local, calico-ipam, azure-vnet-ipam, azure-cns, ovn,
    vpc-secondary (addresses of the node's network card), vpc-prefix (/28 prefixes of it), hns (Windows itself, where a
    CNI configuration names none), or unknown."""
    encapsulation: Encapsulation | None = None
    custom_networking: bool = False
    """Whether pods of Linux nodes have addresses of another subnet of the VPC than their node's."""
    own: tuple[str, ...] = field(name="own_networks", default=())
    """What the API tells of the networks of pods beside the parts of nodes: of the whole pod network, of pools."""
    windows_ports: tuple[str, ...] = ()
    """The ranges of ports (`49152-65535`) that Windows nodes translate to, empty where nobody states them: then they
    are what each node tells of itself."""
    linux_translation: tuple[str, ...] = ()
    """For which destinations outside packets of pods leave with the address of their Linux node, by family: `ipv4 all
    but 10.244.0.0/16`, `ipv6 none`; no text for a family that nobody tells of (`addressing.translation`)."""
    path_mtu: int | None = None
    """The largest packet of pods, in bytes, that the network between nodes carries; None where nobody states it: then
    it is to carry what the pods' own MTU lets through."""

    @property
    def is_split_by_node(self) -> bool:
        """Whether every node has a part of the pod network: not where pods have addresses of the nodes' own network."""
        return self.ipam not in ("azure-vnet-ipam", "vpc-secondary", "vpc-prefix")

    def pod_families(self, os: OS) -> tuple[Family, ...]:
        """The IP families of pods on nodes of one OS."""
        return self.windows_families if os == "windows" else self.families


class KubeProxy(Struct, frozen=True, kw_only=True):
    """The kube-proxy of Windows nodes."""

    dsr: bool | None = None
    """Direct Server Return in the kube-proxy of Windows nodes, None when the API does not tell it."""
    win_dsr: bool | None = None
    """The feature gate behind it, None likewise."""
    on_windows: bool | None = field(name="kube_proxy", default=None)
    """Whether Windows nodes have one, None likewise."""
    external_ips: bool | None = None
    """The feature gate AllowServiceExternalIPs of any kube-proxy, as its settings have it; None where none sets it:
    then a kube-proxy serves `externalIPs`, up to Kubernetes 1.36 at least (KEP-5707)."""


class ClusterDns(Struct, frozen=True, kw_only=True):
    """The DNS that pods ask."""

    domain: str = field(name="cluster_domain", default="cluster.local")
    domain_told: bool = True
    """False where `cluster_domain` is assumed: nothing in the cluster tells it."""
    addresses: tuple[str, ...] = field(name="cluster_dns", default=())
    """The addresses of the DNS Service."""
    nodes: tuple[str, ...] = field(name="dns_nodes", default=())
    """Where its pods run."""
    caches: tuple[str, ...] = field(name="dns_caches", default=())
    """Where pods of Linux nodes ask a DNS cache on their node: the addresses of these caches. Windows nodes have none
    (NodeLocal DNSCache and AKS LocalDNS run on Linux nodes)."""
    pods: tuple[str, ...] = field(name="dns_pods", default=())
    """The addresses of its ready pods, which are the endpoints of the DNS Service."""
    pod_port: int | None = field(name="dns_pod_port", default=None)
    """The port that the Service leads to there; None where that is not one port."""


class NetworkSecurity(Struct, frozen=True, kw_only=True):
    """What the network around the nodes denies to pods."""

    denied_port: bool | None = None
    """Whether rules of the network between the nodes (a cloud's security rules) deny pods TCP port 18998 of each other;
    None where nobody states it, for no API of the cluster does."""
    pod_security_group: str | None = None
    """The id of a security group of the VPC that lets nobody in, None where nobody states one."""


class PolicyEngine(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What enforces network policies on the nodes of one OS."""

    name: str = UNKNOWN
    """`calico`, `ovn-kubernetes`, ...; `none` where nothing enforces them, `unknown` where nothing tells."""
    version: str = ""
    """Its version (`3.32.2`), empty where nothing tells it."""
    lacks: tuple[str, ...] = ()
    """What it is documented not to support, in the words of `platforms/policy_engines.yaml`."""
    skips: tuple[str, ...] = ()
    """Those of which it is documented that it skips a rule with them, so that the rule allows nothing."""

    @property
    def enforces(self) -> bool:
        """Whether it is known that there is one."""
        return self.name not in (NO_ENGINE, UNKNOWN)


class NetworkPolicies(Struct, frozen=True, kw_only=True):
    """Who enforces network policies."""

    linux: PolicyEngine = field(name="linux_policies", default=PolicyEngine())
    windows: PolicyEngine = field(name="windows_policies", default=PolicyEngine())

    def engine(self, os: OS) -> PolicyEngine:
        """That of the nodes of one OS."""
        return self.windows if os == "windows" else self.linux


class Outside(Struct, frozen=True, kw_only=True):
    """What is beside the cluster."""

    load_balancer: bool = False
    """Whether something gives Services of that type their addresses."""
    unused: tuple[str, ...] = field(name="unused_networks", default=())
    """Networks that the user states, in which no host has an address."""
    host: ExternalHost | None = field(name="external", default=None)

    def address(self, family: Family) -> str | None:
        """The address of the host, of that family, if there is one."""
        return self.host.address(family) if self.host else None


class Origin(Struct, frozen=True, kw_only=True):
    """Where the facts come from."""

    emulated: bool = False
    """Whether the lab is the cluster: then nothing is evidence about Windows."""
    signals: tuple[str, ...] = ()
    """Which facts came from where, in words, in the order they were seen."""


class ClusterFacts(Struct, frozen=True, kw_only=True, dict=True):
    """Everything the plan may depend on. Same facts, same case ids."""

    name: str = ""
    version: str = ""
    nodes: tuple[NodeFacts, ...] = ()

    network: PodNetwork = PodNetwork()
    proxy: KubeProxy = KubeProxy()
    dns: ClusterDns = ClusterDns()
    security: NetworkSecurity = NetworkSecurity()
    policies: NetworkPolicies = NetworkPolicies()
    outside: Outside = Outside()

    origin: Origin = Origin()
    components: Mapping[str, str] = field(default_factory=dict)
    """What the API tells of kube-proxy and the CNI themselves, images and settings, by where it is told; no plan
    depends on it."""

    @derived
    def usable(self, os: OS) -> tuple[NodeFacts, ...]:
        """Nodes of one OS that are schedulable and chosen: ready ones first, each part in the order of the names."""
        able = (node for node in self.nodes if node.os == os and node.schedulable and node.part.chosen)
        return tuple(sorted(able, key=lambda node: (not node.ready, node.name)))

    @derived
    def taking_part(self, os: OS, most: int, pool: str = "") -> tuple[NodeFacts, ...]:
        """The first usable nodes of one OS: so many, or so many of each pool; with `pool` only those of that pool."""
        if pool:
            return tuple(node for node in self.taking_part(os, most) if node.part.pool == pool)
        number: Counter[str] = Counter()
        nodes: list[NodeFacts] = []
        for node in self.usable(os):
            number[node.part.pool] += 1
            if number[node.part.pool] <= most:
                nodes.append(node)
        return tuple(nodes)

    @derived
    def pools_of(self, os: OS) -> tuple[str, ...]:
        """The names of the pools that usable nodes of one OS are in, sorted; one empty name where there are none."""
        return tuple(sorted({node.part.pool for node in self.usable(os)})) or ("",)

    def named(self, names: Iterable[str]) -> list[NodeFacts]:
        """The nodes of these names, in the order of the facts; a name of no node counts for nothing."""
        places = self._places()
        return [self.nodes[at] for at in sorted({places[name] for name in names if name in places})]

    @derived
    def _places(self) -> Mapping[str, int]:
        return {node.name: at for at, node in enumerate(self.nodes)}

    def with_signals(self, *signals: str) -> ClusterFacts:
        """The same facts with these signals after the others."""
        return structs.replace(self, origin=structs.replace(self.origin, signals=(*self.origin.signals, *signals)))


NODE_ROW = Grouped(NodeFacts, software=NodeSoftware, machine=CloudMachine, part=NodePart, told=NodeNetwork)
"""A node by the names that files have for its facts, all in one row."""
CLUSTER_ROW = Grouped(
    ClusterFacts,
    network=PodNetwork,
    proxy=KubeProxy,
    dns=ClusterDns,
    security=NetworkSecurity,
    policies=NetworkPolicies,
    outside=Outside,
    origin=Origin,
)
"""A cluster likewise: `mode`, `cluster_domain`, `kube_proxy`, ..."""
