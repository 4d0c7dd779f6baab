"""What a cluster has before anybody uses it: nodes, namespaces, accounts, and the objects that tell its network mode.

Shapes as recorded from a real API server; ConfigMaps and DaemonSets as kubeadm and the Windows guides of
kubernetes-sigs/sig-windows-tools lay them out. Pure.
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterator, Sequence

import yaml

from podwire.lab.interfaces import Object
from podwire.lab.pod_status import now
from podwire.lab.profiles import POD_NETWORK, SERVICE_NETWORK, NodePlan, Profile
from podwire.lab.windows_builds import WindowsBuild

CLUSTER_DNS = ("10.96.0.10", "fd10:96::a")
KUBERNETES_SERVICE = ("10.96.0.1", "fd10:96::1")
NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
KUBELET_VERSION = "v1.34.0"
FLANNEL = "flannel"
DNS_POD = "coredns-lab"
DNS_NODE = "linux-1"

_CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)
_NO_CERTIFICATE = "# The lab's API is served on loopback without TLS: there is no certificate authority.\n"

Seed = tuple[str, Object]


def seeds(profile: Profile) -> Iterator[Seed]:
    """Everything to create, as (resource, object), in an order that a store can take."""
    for name in NAMESPACES:
        yield (
            "namespaces",
            {"metadata": {"name": name}, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}},
        )
        yield from account(name)
    for plan in profile.nodes:
        made = node(plan, profile.build)
        if profile.cni == FLANNEL:
            made["metadata"]["annotations"] |= flannel_notes(plan, profile)
        yield "nodes", made
    yield "services", _service("default", "kubernetes", KUBERNETES_SERVICE, [("https", "TCP", 443, 6443)], None)
    dns_ports = [("dns", "UDP", 53, 53), ("dns-tcp", "TCP", 53, 53)]
    yield "services", _service("kube-system", "kube-dns", CLUSTER_DNS, dns_ports, {"k8s-app": "kube-dns"})
    yield "configmaps", _config("coredns", {"Corefile": _COREFILE})
    yield "configmaps", _config("cni-windows", {"cni-conf.json": json.dumps(cni_configuration(profile), indent=2)})
    yield "configmaps", _config("kube-proxy-windows", {"config.conf": _proxy_configuration(profile)})
    if profile.cni == FLANNEL:
        yield "configmaps", _config("kube-flannel-cfg", {"net-conf.json": json.dumps(flannel_network(profile))})
    yield "daemonsets", _daemonset("kube-proxy", "linux", ["/usr/local/bin/kube-proxy"])
    yield (
        "daemonsets",
        _daemonset(
            "kube-proxy-windows", "windows", ["kube-proxy.exe", "--config=/var/lib/kube-proxy-windows/config.conf"]
        ),
    )


def account(namespace: str) -> Iterator[Seed]:
    """What controllers put into every new namespace."""
    yield "serviceaccounts", {"metadata": {"name": "default", "namespace": namespace}}
    yield (
        "configmaps",
        {
            "metadata": {"name": "kube-root-ca.crt", "namespace": namespace},
            "data": {"ca.crt": _NO_CERTIFICATE},
        },
    )


def node(plan: NodePlan, build: WindowsBuild) -> Object:
    """A Node that is ready; `build` counts on Windows."""
    windows = plan.os == "windows"
    labels = {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": plan.os,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": plan.name,
        "kubernetes.io/os": plan.os,
        "podwire.dev/emulated": "true",
    }
    if windows:
        labels["node.kubernetes.io/windows-build"] = build.version
    amounts = {"cpu": "2", "ephemeral-storage": "264212084Ki", "memory": "8388608Ki", "pods": "110"}
    moment = now()
    conditions = [
        {
            "type": kind,
            "status": value,
            "lastHeartbeatTime": moment,
            "lastTransitionTime": moment,
            "reason": why,
            "message": words,
        }
        for kind, value, why, words in _CONDITIONS
    ]
    addresses = [{"type": "InternalIP", "address": address} for address in plan.addresses]
    zero = "00000000-0000-0000-0000-000000000000"
    return {
        "metadata": {"name": plan.name, "labels": labels, "annotations": {"node.alpha.kubernetes.io/ttl": "0"}},
        "spec": {"podCIDR": plan.pod_cidrs[0], "podCIDRs": list(plan.pod_cidrs)},
        "status": {
            "capacity": amounts,
            "allocatable": dict(amounts),
            "conditions": conditions,
            "addresses": [*addresses, {"type": "Hostname", "address": plan.name}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
            "nodeInfo": {
                "machineID": zero,
                "systemUUID": zero,
                "bootID": zero,
                "kernelVersion": build.kernel_version if windows else platform.release(),
                "osImage": build.product if windows else "Debian GNU/Linux 12 (bookworm)",
                "containerRuntimeVersion": "containerd://1.7.22",
                "kubeletVersion": KUBELET_VERSION,
                "kubeProxyVersion": "",
                "operatingSystem": plan.os,
                "architecture": "amd64",
            },
            "images": [],
        },
    }


def dns_pod(addresses: Sequence[str], host: NodePlan) -> Object:
    """The pod that stands for the cluster's DNS server, running and ready."""
    moment = now()
    kinds = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    return {
        "metadata": {"name": DNS_POD, "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}},
        "spec": {
            "nodeName": host.name,
            "containers": [
                {
                    "name": "coredns",
                    "image": "podwire.dev/lab-dns:1",
                    "ports": [
                        {"name": "dns", "containerPort": 53, "protocol": "UDP"},
                        {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
                    ],
                }
            ],
            "dnsPolicy": "Default",
            "automountServiceAccountToken": False,
        },
        "status": {
            "phase": "Running",
            "conditions": [
                {"type": kind, "status": "True", "lastProbeTime": None, "lastTransitionTime": moment} for kind in kinds
            ],
            "hostIP": host.addresses[0],
            "hostIPs": [{"ip": ip} for ip in host.addresses],
            "podIP": addresses[0],
            "podIPs": [{"ip": ip} for ip in addresses],
            "startTime": moment,
            "containerStatuses": [
                {
                    "name": "coredns",
                    "state": {"running": {"startedAt": moment}},
                    "lastState": {},
                    "ready": True,
                    "restartCount": 0,
                    "image": "podwire.dev/lab-dns:1",
                    "imageID": "",
                    "started": True,
                }
            ],
        },
    }


def cni_configuration(profile: Profile) -> Object:
    """The CNI configuration of the Windows nodes (containernetworking/plugins: win-overlay, win-bridge)."""
    exceptions = [POD_NETWORK["ipv4"], SERVICE_NETWORK["ipv4"]]
    nat = {"Type": "OutBoundNAT", "Settings": {"Exceptions": exceptions}}
    route = {"Type": "SDNRoute", "Settings": {"DestinationPrefix": SERVICE_NETWORK["ipv4"], "NeedEncap": True}}
    found: Object = {
        "cniVersion": "1.0.0",
        "name": network_name(profile),
        "type": "win-overlay" if profile.encapsulated else "win-bridge",
        "apiVersion": 2,
        "ipMasq": True,
        "capabilities": {"portMappings": True, "dns": True},
        "policies": [
            {"name": "EndpointPolicy", "value": nat},
            *([{"name": "EndpointPolicy", "value": route}] if profile.encapsulated else []),
        ],
    }
    if profile.cni == FLANNEL:
        # flannel hands its pods over to the plugin of its backend (flannel-io/cni-plugin, flannel_windows.go).
        return {"cniVersion": "1.0.0", "name": network_name(profile), "type": FLANNEL, "delegate": found}
    if profile.encapsulated:
        found["vxlan"] = {"vni": profile.vni, "port": profile.port}
    return found


def flannel_network(profile: Profile) -> Object:
    """flannel's network configuration (flannel-io/flannel: configuration; backends, VXLAN on Windows)."""
    return {
        "Network": POD_NETWORK["ipv4"],
        "IPv6Network": POD_NETWORK["ipv6"],
        "EnableIPv6": True,
        "Backend": {"Type": "vxlan", "VNI": profile.vni, "Port": profile.port},
    }


def flannel_notes(plan: NodePlan, profile: Profile) -> dict[str, str]:
    """What flanneld notes on its node (flannel-io/flannel, pkg/subnet/kube/annotations.go)."""
    prefix = "flannel.alpha.coreos.com"
    return {
        f"{prefix}/backend-type": "vxlan",
        f"{prefix}/backend-data": json.dumps({"VNI": profile.vni, "VtepMAC": plan.vtep_mac}),
        f"{prefix}/kube-subnet-manager": "true",
        f"{prefix}/public-ip": plan.address("ipv4"),
    }


def network_name(profile: Profile) -> str:
    """The HNS network that kube-proxy and the plugin share."""
    return "OverlayNetwork" if profile.encapsulated else "L2BridgeNetwork"


def _proxy_configuration(profile: Profile) -> str:
    """kube-proxy's configuration on Windows (kubernetes.io: kube-proxy Configuration v1alpha1, winkernel)."""
    windows = next(plan for plan in profile.nodes if plan.os == "windows")
    source = windows.pod_address("ipv4", profile.source_vip) if profile.source_vip is not None else ""
    return str(
        yaml.safe_dump(
            {
                "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
                "kind": "KubeProxyConfiguration",
                "mode": "kernelspace",
                "clusterCIDR": POD_NETWORK["ipv4"],
                "featureGates": {"WinDSR": True, "WinOverlay": True},
                "winkernel": {"enableDSR": profile.dsr, "networkName": network_name(profile), "sourceVip": source},
            },
            sort_keys=False,
        )
    )


_COREFILE = """.:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
    }
    forward . /etc/resolv.conf
    cache 30
}
"""


def _config(name: str, data: dict[str, str]) -> Object:
    return {"metadata": {"name": name, "namespace": "kube-system"}, "data": data}


def _service(
    namespace: str,
    name: str,
    addresses: Sequence[str],
    ports: Sequence[tuple[str, str, int, int]],
    selector: dict[str, str] | None,
) -> Object:
    spec: Object = {
        "type": "ClusterIP",
        "clusterIP": addresses[0],
        "clusterIPs": list(addresses),
        "ipFamilies": ["IPv4", "IPv6"],
        "ipFamilyPolicy": "PreferDualStack",
        "ports": [{"name": n, "protocol": p, "port": number, "targetPort": t} for n, p, number, t in ports],
    }
    return {
        "metadata": {"name": name, "namespace": namespace, "labels": selector or {}},
        "spec": spec | ({"selector": selector} if selector else {}),
    }


def _daemonset(name: str, system: str, command: list[str]) -> Object:
    labels = {"k8s-app": name}
    container = {"name": "kube-proxy", "image": f"registry.k8s.io/kube-proxy:{KUBELET_VERSION}", "command": command}
    return {
        "metadata": {"name": name, "namespace": "kube-system", "labels": labels},
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
        },
    }
