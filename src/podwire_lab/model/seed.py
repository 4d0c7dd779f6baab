"""The objects of a new cluster: nodes, namespaces, accounts, and those that show its network mode.

Forms as recorded from a real API server; ConfigMaps and DaemonSets as kubeadm and the Windows guides of
kubernetes-sigs/sig-windows-tools have them. Pure.
"""

from __future__ import annotations

import platform
from collections.abc import Iterator, Sequence

import yaml

from podwire_lab.model import cni_notes, other_services
from podwire_lab.model.addresses import NodePlan
from podwire_lab.model.cni_notes import EMULATED, Seed, config, daemonset, network_name
from podwire_lab.model.interfaces import Object
from podwire_lab.model.pod_status import now
from podwire_lab.model.profile import Profile
from podwire_lab.model.windows_builds import WindowsBuild

CLUSTER_DNS = ("10.96.0.10", "fd10:96::a")
KUBERNETES_SERVICE = ("10.96.0.1", "fd10:96::1")
NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
KUBELET_VERSION = "v1.36.2"
DNS_UPSTREAM = ("10.96.7.7", "fd10:96::707")
"""The addresses of the Service by which DNS caches on nodes reach the cluster's DNS."""
DNS_POD = "coredns-lab"
PROXY_ON_WINDOWS = "kube-proxy-windows"
_CACHE_IMAGE = "registry.k8s.io/dns/k8s-dns-node-cache:1.23.1"
_PROXY_IMAGE = f"registry.k8s.io/kube-proxy:{KUBELET_VERSION}"

_CONDITIONS = (
    ("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
    ("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
    ("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
    ("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
)
_NO_CERTIFICATE = "# The lab's API is served on loopback without TLS: there is no certificate authority.\n"


def seeds(profile: Profile) -> Iterator[Seed]:
    """All objects to create, as (resource, object), in an order that a store accepts."""
    for name in NAMESPACES:
        yield from _namespace(name)
    for plan in profile.nodes:
        node_object = node(plan, profile.windows.build)
        if not profile.set_up.tells_pod_cidrs:
            node_object["spec"] = {}
        cni_notes.note(node_object, plan, profile)
        yield "nodes", node_object
    yield "services", _service("default", "kubernetes", KUBERNETES_SERVICE, [("https", "TCP", 443, 6443)], None)
    dns_ports = [("dns", "UDP", 53, 53), ("dns-tcp", "TCP", 53, 53)]
    yield "services", _service("kube-system", "kube-dns", CLUSTER_DNS, dns_ports, {"k8s-app": "kube-dns"})
    yield "configmaps", config("coredns", {"Corefile": _COREFILE})
    if profile.set_up.dns.cache:
        yield "services", _service("kube-system", "kube-dns-upstream", DNS_UPSTREAM, dns_ports, {"k8s-app": "kube-dns"})
        command = ["/node-cache", "-localip", profile.set_up.dns.cache, "-conf", "/etc/Corefile"]
        yield "daemonsets", daemonset("node-local-dns", "linux", _CACHE_IMAGE, command)
    if profile.windows.kube_proxy:
        yield from _kube_proxy(profile)
    yield from cni_notes.objects(profile)
    if profile.set_up.other_services:
        yield from _namespace(other_services.NAMESPACE)
        yield from other_services.services()


def _namespace(name: str) -> Iterator[Seed]:
    spec: Object = {"finalizers": ["kubernetes"]}
    yield "namespaces", {"metadata": {"name": name}, "spec": spec, "status": {"phase": "Active"}}
    yield from account(name)


def _kube_proxy(profile: Profile) -> Iterator[Seed]:
    """The DaemonSet of kube-proxy for one operating system, as kubeadm and sig-windows-tools deploy it."""
    yield "configmaps", config("kube-proxy-windows", {"config.conf": _proxy_configuration(profile)})
    yield "daemonsets", daemonset("kube-proxy", "linux", _PROXY_IMAGE, ["/usr/local/bin/kube-proxy"])
    command = ["kube-proxy.exe", "--config=/var/lib/kube-proxy-windows/config.conf"]
    yield "daemonsets", daemonset(PROXY_ON_WINDOWS, "windows", _PROXY_IMAGE, command)


def account(namespace: str) -> Iterator[Seed]:
    """The objects that controllers put into every new namespace."""
    yield "serviceaccounts", {"metadata": {"name": "default", "namespace": namespace}}
    yield (
        "configmaps",
        {
            "metadata": {"name": "kube-root-ca.crt", "namespace": namespace},
            "data": {"ca.crt": _NO_CERTIFICATE},
        },
    )


def node(plan: NodePlan, build: WindowsBuild) -> Object:
    """A Node that is ready; `build` applies to Windows."""
    windows = plan.os == "windows"
    labels = {
        "beta.kubernetes.io/arch": "amd64",
        "beta.kubernetes.io/os": plan.os,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/hostname": plan.name,
        "kubernetes.io/os": plan.os,
        EMULATED: "true",
        "podwire.dev/lab-pool": plan.pool,
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
    """The pod that stands for the cluster's DNS server; it is running and ready."""
    ports = [
        {"name": "dns", "containerPort": 53, "protocol": "UDP"},
        {"name": "dns-tcp", "containerPort": 53, "protocol": "TCP"},
    ]
    container = {"name": "coredns", "image": "podwire.dev/lab-dns:1", "ports": ports}
    return _running(f"{DNS_POD}-{host.name}", "kube-dns", container, host, addresses)


def proxy_pod(host: NodePlan) -> Object:
    """The pod that stands for kube-proxy on a Windows node, whose work the lab does itself; it has a log."""
    container = {"name": PROXY_ON_WINDOWS, "image": _PROXY_IMAGE}
    pod = _running(f"{PROXY_ON_WINDOWS}-{host.name}", PROXY_ON_WINDOWS, container, host, host.addresses)
    pod["spec"] |= {"hostNetwork": True, "securityContext": {"windowsOptions": {"hostProcess": True}}}
    return pod


def _running(name: str, app: str, container: Object, host: NodePlan, addresses: Sequence[str]) -> Object:
    """A system pod, running and ready, that no node agent started."""
    moment = now()
    kinds = ("PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled")
    return {
        "metadata": {"name": name, "namespace": "kube-system", "labels": {"k8s-app": app}},
        "spec": {
            "nodeName": host.name,
            "containers": [container],
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
                    "name": container["name"],
                    "state": {"running": {"startedAt": moment}},
                    "lastState": {},
                    "ready": True,
                    "restartCount": 0,
                    "image": container["image"],
                    "imageID": "",
                    "started": True,
                }
            ],
        },
    }


def _proxy_configuration(profile: Profile) -> str:
    """kube-proxy's configuration on Windows (kubernetes.io: kube-proxy Configuration v1alpha1, winkernel)."""
    windows = next(plan for plan in profile.nodes if plan.os == "windows")
    source = windows.pod_address("ipv4", profile.windows.source_vip) if profile.windows.source_vip is not None else ""
    return str(
        yaml.safe_dump(
            {
                "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
                "kind": "KubeProxyConfiguration",
                "mode": "kernelspace",
                "clusterCIDR": profile.pod_network("ipv4"),
                "featureGates": {"WinDSR": True, "WinOverlay": True},
                "winkernel": {
                    "enableDSR": profile.windows.dsr,
                    "networkName": network_name(profile),
                    "sourceVip": source,
                },
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
