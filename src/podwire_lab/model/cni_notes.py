"""What a CNI leaves in the API: annotations and labels of nodes, configurations, DaemonSets. Pure.

Each function names the code or the document that its form comes from.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from podwire.model.facts import OS
from podwire_lab.model.addresses import SERVICE_NETWORK, UNDERLAY, VPC, NodePlan
from podwire_lab.model.interfaces import Object
from podwire_lab.model.network_card import WARM, WARM_PREFIXES
from podwire_lab.model.profile import Profile

Seed = tuple[str, Object]
SYSTEM = "kube-system"
EMULATED = "podwire.dev/emulated"
"""A label of nodes, and an annotation of workloads that stand for what the lab itself does: they make no pods."""
INSTANCE_TYPE = "m5.large"
CALICO_VERSION = "3.30.0"
PROVIDERS = {"azure-cni": "azure", "vpc-cni": "aws"}  # clouds, by the CNI that belongs to them
VPC_ADDRESS = "vpc.amazonaws.com/PrivateIPv4Address"


def note(node: Object, plan: NodePlan, profile: Profile) -> None:
    """Write the annotations and labels of the profile's CNI on a node."""
    write = {
        "flannel": _note_flannel,
        "calico": _note_calico,
        "ovn-kubernetes": _note_ovn,
        "azure-cni": _note_azure,
        "vpc-cni": _note_vpc,
    }.get(profile.cni)
    if write:
        write(node, plan, profile)


def objects(profile: Profile) -> Iterator[Seed]:
    """All other objects of the profile's CNI in the API."""
    yield "configmaps", config("cni-windows", {"cni-conf.json": json.dumps(configuration(profile), indent=2)})
    if profile.cni == "flannel":
        yield "configmaps", config("kube-flannel-cfg", {"net-conf.json": json.dumps(_flannel_network(profile))})
        # flannel-io/flannel: Documentation/kube-flannel.yml.
        command = ["/opt/bin/flanneld", "--ip-masq", "--kube-subnet-mgr"]
        if not profile.set_up.linux_translates:
            command.remove("--ip-masq")
        yield "daemonsets", daemonset("kube-flannel-ds", "linux", "ghcr.io/flannel-io/flannel:v0.27.4", command)
    elif profile.cni == "calico":
        yield from _of_calico(profile)
    elif profile.cni == "ovn-kubernetes":
        yield "daemonsets", daemonset("ovnkube-node", "linux", "ghcr.io/ovn-kubernetes/ovn-kubernetes:master", [])
    elif profile.cni == "azure-cni":
        yield "daemonsets", daemonset("azure-cns", "linux", "mcr.microsoft.com/containernetworking/azure-cns", [])
        yield "daemonsets", daemonset("azure-cns-win", "windows", "mcr.microsoft.com/containernetworking/azure-cns", [])
    elif profile.cni == "vpc-cni":
        yield from _of_vpc(profile)
    if profile.cni != "calico" and profile.policy_engine("linux") == "calico":
        yield from _calico_nodes()


def pod_notes(os: OS, profile: Profile, addresses: Sequence[str]) -> dict[str, str]:
    """The annotations of a CNI or its controller on a pod: on EKS the address and prefix length of a Windows pod."""
    if profile.cni != "vpc-cni" or os != "windows":
        return {}
    return {VPC_ADDRESS: f"{addresses[0]}/{VPC.rpartition('/')[2]}"}


def config(name: str, data: dict[str, str]) -> Object:
    """A ConfigMap in kube-system."""
    return {"metadata": {"name": name, "namespace": SYSTEM}, "data": data}


def daemonset(name: str, system: str, image: str, command: list[str]) -> Object:
    """A DaemonSet in kube-system for the nodes of one operating system."""
    labels = {"k8s-app": name}
    container = {"name": name, "image": image, **({"command": command} if command else {})}
    return {
        "metadata": {"name": name, "namespace": SYSTEM, "labels": labels, "annotations": {EMULATED: "true"}},
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "hostNetwork": True,
                    "nodeSelector": {"kubernetes.io/os": system},
                    "containers": [container],
                },
            },
        },
        "status": {
            "currentNumberScheduled": 2,
            "desiredNumberScheduled": 2,
            "numberReady": 2,
            "numberAvailable": 2,
            "updatedNumberScheduled": 2,
            "numberMisscheduled": 0,
            "observedGeneration": 1,
        },
    }


def network_name(profile: Profile) -> str:
    """The name of the HNS network that kube-proxy and the plugin share."""
    names = {"calico": "Calico", "azure-cni": "azure", "vpc-cni": "vpcbr", "nat": "nat"}
    if profile.cni in names:
        return names[profile.cni]
    if profile.cni == "ovn-kubernetes":
        return "OVNKubernetesHybridOverlayNetwork" if profile.mode == "overlay" else "external"
    return "OverlayNetwork" if profile.encapsulated else "L2BridgeNetwork"


def configuration(profile: Profile) -> Object:
    """The CNI configuration of the Windows nodes."""
    if profile.cni == "flannel":
        # flannel delegates its pods to the plugin of its backend (flannel-io/cni-plugin, flannel_windows.go).
        return {
            "cniVersion": "1.0.0",
            "name": network_name(profile),
            "type": "flannel",
            "delegate": _reference_plugin(profile),
        }
    configuration = {
        "calico": _calico_plugin,
        "azure-cni": _azure_plugin,
        "vpc-cni": _vpc_plugin,
        "nat": _nat_plugin,
    }.get(profile.cni)
    if configuration:
        return configuration(profile)
    if profile.mode == "transparent":
        # ovn-kubernetes: its CNI shim is the plugin on every node.
        return {"cniVersion": "0.4.0", "name": "ovn-kubernetes", "type": "ovn-k8s-cni-overlay", "ipam": {}}
    plugin = _reference_plugin(profile)
    if profile.tunnel:
        plugin["vxlan"] = {"vni": profile.tunnel.vni, "port": profile.tunnel.port}
    return plugin


def _nat_plugin(profile: Profile) -> Object:
    """Microsoft/windows-container-networking, plugins/nat."""
    return {"cniVersion": "0.2.0", "name": network_name(profile), "type": "nat", "master": "Ethernet"}


def _reference_plugin(profile: Profile) -> Object:
    """containernetworking/plugins: win-overlay, win-bridge."""
    exceptions = [profile.pod_network("ipv4"), SERVICE_NETWORK["ipv4"]]
    nat = {"Type": "OutBoundNAT", "Settings": {"Exceptions": exceptions}}
    route = {"Type": "SDNRoute", "Settings": {"DestinationPrefix": SERVICE_NETWORK["ipv4"], "NeedEncap": True}}
    return {
        "cniVersion": "1.0.0",
        "name": network_name(profile),
        "type": "win-overlay" if profile.encapsulated else "win-bridge",
        "apiVersion": 2,
        "ipMasq": True,
        "capabilities": {"portMappings": True, "dns": True},
        "ipam": {"type": profile.ipam},
        "policies": [
            {"name": "EndpointPolicy", "value": nat},
            *([{"name": "EndpointPolicy", "value": route}] if profile.encapsulated else []),
        ],
    }


# flannel


def _flannel_backend(profile: Profile) -> str:
    return "vxlan" if profile.encapsulated else "host-gw"


def _flannel_network(profile: Profile) -> Object:
    """flannel's network configuration (flannel-io/flannel: configuration; backends, VXLAN on Windows)."""
    backend: Object = {"Type": _flannel_backend(profile)}
    if profile.tunnel:
        backend |= {"VNI": profile.tunnel.vni, "Port": profile.tunnel.port}
    return {
        "Network": profile.pod_network("ipv4"),
        "IPv6Network": profile.pod_network("ipv6"),
        "EnableIPv6": True,
        "Backend": backend,
    }


def _note_flannel(node: Object, plan: NodePlan, profile: Profile) -> None:
    """flanneld's annotations on its node (flannel-io/flannel, pkg/subnet/kube/annotations.go)."""
    prefix = "flannel.alpha.coreos.com"
    data = {"VNI": profile.tunnel.vni, "VtepMAC": plan.vtep_mac} if profile.tunnel else None
    node["metadata"]["annotations"] |= {
        f"{prefix}/backend-type": _flannel_backend(profile),
        f"{prefix}/backend-data": json.dumps(data),
        f"{prefix}/kube-subnet-manager": "true",
        f"{prefix}/public-ip": plan.address("ipv4"),
    }


# Calico


def _note_calico(node: Object, plan: NodePlan, profile: Profile) -> None:
    """Calico's annotations on a node with the Kubernetes datastore (projectcalico/calico, libcalico-go)."""
    length = UNDERLAY["ipv4"].rpartition("/")[2]
    notes = {"projectcalico.org/IPv4Address": f"{plan.address('ipv4')}/{length}"}
    if profile.encapsulated:
        notes["projectcalico.org/IPv4VXLANTunnelAddr"] = plan.pod_address("ipv4", 0)
    node["metadata"]["annotations"] |= notes


def _calico_plugin(profile: Profile) -> Object:
    """projectcalico/calico, CNI plugin on Windows: `mode` is the kind of network."""
    return {
        "cniVersion": "1.0.0",
        "name": network_name(profile),
        "type": "calico",
        "mode": "vxlan" if profile.encapsulated else "windows-bgp",
        "capabilities": {"dns": True},
        "ipam": {"type": profile.ipam, "subnet": "usePodCidr" if profile.ipam == "host-local" else ""},
    }


def _of_calico(profile: Profile) -> Iterator[Seed]:
    """Calico's pools and blocks (Tigera: IPPool and BlockAffinity resources), and its DaemonSets."""
    spec = {
        "cidr": profile.pod_network("ipv4"),
        "blockSize": profile.nodes[0].pods.length,
        "vxlanMode": "Always" if profile.encapsulated else "Never",
        "ipipMode": "Never",
        "natOutgoing": profile.set_up.linux_translates,
        "nodeSelector": "all()",
    }
    yield "ippools", {"metadata": {"name": "default-ipv4-ippool"}, "spec": spec}
    for plan in profile.nodes:
        for family in profile.pod_families(plan.os):
            block = plan.pod_cidr(family)
            name = f"{plan.name}-{block.translate(str.maketrans('.:/', '---'))}"
            affinity = {"cidr": block, "node": plan.name, "state": "confirmed", "deleted": "false"}
            yield "blockaffinities", {"metadata": {"name": name}, "spec": affinity}
    yield from _calico_nodes()


def _calico_nodes() -> Iterator[Seed]:
    """The DaemonSets of Calico, which are all that shows it where it enforces policies and nothing else."""
    image = f"docker.io/calico/node{{}}:v{CALICO_VERSION}"
    yield "daemonsets", daemonset("calico-node", "linux", image.format(""), [])
    yield "daemonsets", daemonset("calico-node-windows", "windows", image.format("-windows"), [])


# OVN


def _note_ovn(node: Object, plan: NodePlan, profile: Profile) -> None:
    """ovn-org/ovn-kubernetes, go-controller/hybrid-overlay/pkg/types: on Windows nodes of a hybrid overlay."""
    if profile.mode == "overlay" and plan.os == "windows":
        node["metadata"]["annotations"] |= {
            "k8s.ovn.org/hybrid-overlay-node-subnet": plan.pod_cidr("ipv4"),
            "k8s.ovn.org/hybrid-overlay-distributed-router-gateway-mac": plan.vtep_mac,
        }


# Azure


def _note_azure(node: Object, plan: NodePlan, profile: Profile) -> None:
    """The labels of AKS on its nodes, and the provider id of the machine."""
    node["metadata"]["labels"] |= {"kubernetes.azure.com/cluster": "lab", "kubernetes.azure.com/agentpool": plan.os}
    group = "subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/lab"
    node["spec"]["providerID"] = f"azure:///{group}/providers/Microsoft.Compute/virtualMachines/{plan.name}"
    _without_pod_cidr(node)


def _azure_plugin(profile: Profile) -> Object:
    """Azure/azure-container-networking, cni/azure-windows.conflist; `mode` is that of the HNS network."""
    exceptions = list(profile.exceptions("ipv4"))
    plugin = {
        "type": "azure-vnet",
        "mode": "tunnel" if profile.mode == "l2tunnel" else "bridge",
        "bridge": "azure0",
        "capabilities": {"portMappings": True, "dns": True},
        "ipam": {"type": profile.ipam},
        "AdditionalArgs": [
            {"Name": "EndpointPolicy", "Value": {"Type": "OutBoundNAT", "ExceptionList": exceptions}},
        ],
    }
    return {"cniVersion": "0.3.0", "name": network_name(profile), "plugins": [plugin]}


# AWS


def _note_vpc(node: Object, plan: NodePlan, profile: Profile) -> None:
    """aws/amazon-vpc-resource-controller-k8s: the resources that Windows nodes offer; cloud-provider-aws: the machine's
    name."""
    node["metadata"]["labels"] |= {"node.kubernetes.io/instance-type": INSTANCE_TYPE}
    node["spec"]["providerID"] = f"aws:///eu-west-1a/i-{plan.number:017x}"
    if plan.os == "windows":
        addresses = str(plan.pods.size)
        for amounts in ("capacity", "allocatable"):
            node["status"][amounts][VPC_ADDRESS] = addresses
    _without_pod_cidr(node)


def _without_pod_cidr(node: Object) -> None:
    """The node has no pod CIDR: pods get single addresses from the network of the nodes."""
    del node["spec"]["podCIDR"], node["spec"]["podCIDRs"]


def _vpc_plugin(profile: Profile) -> Object:
    """aws/amazon-vpc-cni-plugins, plugins/vpc-bridge; the addresses come with the pod, so there is no IPAM."""
    return {
        "cniVersion": "0.3.1",
        "name": network_name(profile),
        "type": "vpc-bridge",
        "capabilities": {"portMappings": True},
        "eniName": "Ethernet",
        "vpcCIDRs": list(profile.kept("ipv4")),
        "serviceCIDR": SERVICE_NETWORK["ipv4"],
    }


def _of_vpc(profile: Profile) -> Iterator[Seed]:
    """AWS: EKS, Windows support: the ConfigMap that enables address management for Windows."""
    prefixes = "true" if profile.ipam == "vpc-prefix" else "false"
    settings = {"enable-windows-ipam": "true", "enable-windows-prefix-delegation": prefixes}
    # amazon-vpc-resource-controller-k8s, docs/windows: the default number of addresses that it keeps ready.
    ready = ("warm-prefix-target", WARM_PREFIXES) if prefixes == "true" else ("windows-warm-ip-target", WARM)
    settings[ready[0]] = str(ready[1])
    yield "configmaps", config("amazon-vpc-cni", settings)
    node = daemonset("aws-node", "linux", "amazon/amazon-k8s-cni:v1.19.0", [])
    container = node["spec"]["template"]["spec"]["containers"][0]
    external = "false" if profile.set_up.linux_translates else "true"
    container["env"] = [{"name": "AWS_VPC_K8S_CNI_EXTERNALSNAT", "value": external}]
    if profile.custom_networking:
        # amazon-vpc-cni-k8s, README: AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG; an ENIConfig usually has its zone's name.
        container["env"].append({"name": "AWS_VPC_K8S_CNI_CUSTOM_NETWORK_CFG", "value": "true"})
        yield "eniconfigs", {"metadata": {"name": "eu-west-1a"}, "spec": {"subnet": "subnet-0123456789abcdef0"}}
    yield "daemonsets", node


CALICO_WISH = "cni.projectcalico.org/ipAddrs"


def wished_address(profile: Profile, notes: Mapping[str, str]) -> str:
    """The IPv4 address that a pod asks for in its annotations, '' for none (Tigera: Use a specific IP address with a
    pod). The lab hears the IPv4 address alone, from which those of other families follow."""
    wish = notes.get(CALICO_WISH) if profile.ipam == "calico-ipam" else None
    addresses: list[str] = json.loads(wish) if wish else []
    return next((address for address in addresses if ":" not in address), "")
