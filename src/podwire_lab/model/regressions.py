"""Dated regressions of networking on Windows nodes, and how the lab shows each: the builds, the settings, the fault.

Dates and builds are those of the reports and updates that `source` names. A regression that the lab cannot show says
why in `unshown`; it is listed, and counts for nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

OVERLAY, L2BRIDGE, FLANNEL = "overlay-win-overlay", "l2bridge-win-bridge", "overlay-flannel-vxlan"
CURRENT = "20348.2762"


@dataclass(frozen=True, kw_only=True)
class Regression:
    """One regression. `when` is the time or release in the words of its source, `symptom` what shows on the network.

    `before` and `after` are builds of Windows Server in the lab, the same twice where Windows is not what changed.
    `faults` make it, beside what the build of `after` does by itself. `notices` are requirements to run beside those
    that the faults name. `windows_image` is for the probes of a release that has no official image any more; the lab
    runs its own Python in its place.
    """

    id: str
    title: str
    when: str
    symptom: str
    source: str
    profile: str = OVERLAY
    dsr: bool | None = None
    before: str = CURRENT
    after: str = CURRENT
    faults: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    windows_image: str = ""
    unshown: str = ""

    @property
    def shown(self) -> bool:
        return not self.unshown


REGRESSIONS = (
    Regression(
        id="nodeport-overlay",
        title="node ports on overlay are not answered",
        when="Windows Server 2022 before KB5012637 (20348.681)",
        symptom="the SYN reaches the node, nothing comes back",
        source="https://github.com/microsoft/Windows-Containers/issues/204",
        before="20348.681",
        after="20348.600",
        notices=("SVC-NODEPORT-REMOTE",),
    ),
    Regression(
        id="l2bridge-dsr",
        title="pods lose connections on l2bridge with DSR",
        when="KB5005619 (20348.261), September 2021",
        symptom="time-outs between pods and to Services",
        source="https://github.com/microsoft/Windows-Containers/issues/204",
        profile=L2BRIDGE,
        dsr=True,
        before="20348.230",
        after="20348.261",
        notices=("FLOW-POD-POD-IP",),
    ),
    Regression(
        id="sockets-forbidden",
        title="pods may not open a connection",
        when="KB5040437 (20348.2582), July 2024",
        symptom="connect fails with 10013, ping with a general failure",
        source="https://github.com/microsoft/Windows-Containers/issues/516",
        before="20348.2529",
        after="20348.2582",
        faults=("windows-sockets-forbidden",),
    ),
    Regression(
        id="nat-upstream",
        title="TCP to the outside times out behind a second NAT",
        when="2026, Windows Server 2025",
        symptom="answers of TCP are lost, ping works",
        source="https://github.com/microsoft/Windows-Containers/issues/625",
        before="26100.1742",
        after="26100.1742",
        faults=("outside-tcp-answers-lost",),
    ),
    Regression(
        id="duplicate-endpoints",
        title="HNS has two endpoints for one address",
        when="2026, AKS",
        symptom="in the state of HNS; on the network it depends on which one is hit",
        source="https://github.com/Azure/AKS/issues/5653",
        faults=("hns-endpoints-twice",),
    ),
    Regression(
        id="stale-load-balancers",
        title="deleted Services still answer",
        when="Kubernetes 1.24.0 to 1.24.6",
        symptom="a deleted cluster IP leads to its old backend, also when a new Service has it",
        source="https://github.com/kubernetes/kubernetes/issues/112836",
        faults=("windows-keeps-deleted-services",),
    ),
    Regression(
        id="shared-ipv6-load-balancer",
        title="dual-stack Services have no load balancer for IPv6",
        when="Kubernetes before 1.36.0",
        symptom="IPv6 cluster IPs are dead on Windows nodes",
        source="https://github.com/kubernetes/kubernetes/issues/136241",
        profile=L2BRIDGE,
        faults=("ipv6-services-lost-on-windows",),
    ),
    Regression(
        id="cluster-ip-external-local",
        title="no cluster IP with a local external policy and remote backends",
        when="Kubernetes 1.26",
        symptom="the cluster IP is dead on nodes without a backend",
        source="https://github.com/kubernetes/kubernetes/issues/115783",
        faults=("cluster-ip-missing-with-external-policy",),
    ),
    Regression(
        id="affinity-spreads",
        title="session affinity does not hold",
        when="Windows Server 2022, AKS, open",
        symptom="connections of one client reach several backends",
        source="https://github.com/Azure/AKS/issues/3856",
        faults=("windows-affinity-not-kept",),
    ),
    Regression(
        id="ports-exhausted",
        title="load balancers past the hundredth are not made",
        when="without DSR; Amazon EKS: Windows best practices",
        symptom="later cluster IPs are dead; HNS says that the specified port already exists",
        source="https://docs.aws.amazon.com/eks/latest/best-practices/windows-networking.html",
        dsr=False,
        faults=("service-not-programmed",),
    ),
    Regression(
        id="64-backends",
        title="a Service is lost with its 65th backend",
        when="Windows Server 2019 before KB5011551 (17763.2746)",
        symptom="the cluster IP is dead as a whole",
        source="https://github.com/kubernetes/kubernetes/issues/98680",
        before="17763.2746",
        after="17763.2745",
        notices=("BACKENDS-1024",),
        windows_image="python:3.12-windowsservercore-1809",
    ),
    Regression(
        id="node-port-of-the-node",
        title="a Windows node does not reach its own node ports",
        when="before KB4571748 (17763.1432)",
        symptom="time-out from the node to a node port of its own",
        source="https://github.com/rancher/rancher/issues/29411",
        unshown="the lab's Windows nodes keep this documented limit in every build",
    ),
    Regression(
        id="hairpin",
        title="a pod does not reach itself by its Service",
        when="DSR without loopbackDSR",
        symptom="time-out when the backend is the client",
        source="https://github.com/Azure/AKS/issues/2608",
        dsr=True,
        faults=("windows-hairpin-lost",),
    ),
    Regression(
        id="own-host-port",
        title="a node does not reach host ports of its own pods",
        when="Windows Server 2019 and 2022 with Calico",
        symptom="dropped on the node",
        source="https://github.com/Azure/AKS/issues/3620",
        unshown="no document promises this flow, so no requirement asks for it",
    ),
    Regression(
        id="nat-missing",
        title="pods leave with their own address",
        when="ExceptionList too wide, flannel",
        symptom="time-outs to the outside, which has no way back to a pod",
        source="https://github.com/flannel-io/flannel/issues/1405",
        profile=FLANNEL,
        faults=("outbound-nat-lost",),
    ),
    Regression(
        id="source-vip",
        title="no load balancers at all on overlay",
        when="Windows Server, version 2004",
        symptom="every cluster IP is dead on Windows nodes, pod addresses work",
        source="https://github.com/kubernetes/kubernetes/issues/100962",
        faults=("windows-load-balancers-missing",),
    ),
    Regression(
        id="tunnels-lost",
        title="the virtual network drops VXLAN on its own port",
        when="vSphere with NSX",
        symptom="UDP 4789 is lost: no pod on another node, nodes reach each other",
        source="https://learn.microsoft.com/virtualization/windowscontainers/kubernetes/common-problems",
        faults=("tunnels-lost-in-the-underlay",),
    ),
    Regression(
        id="vni-1",
        title="Linux nodes keep flannel's VNI 1",
        when="configuration of flannel",
        symptom="VNI 1 on Linux, 4096 on Windows",
        source="https://github.com/flannel-io/flannel/blob/master/Documentation/backends.md",
        profile=FLANNEL,
        faults=("vni-below-4096",),
    ),
    Regression(
        id="port-8472",
        title="Linux nodes keep the kernel's VXLAN port",
        when="configuration of flannel",
        symptom="UDP 8472 on one side, 4789 on the other",
        source="https://github.com/flannel-io/flannel/blob/master/Documentation/backends.md",
        profile=FLANNEL,
        faults=("vxlan-port-8472",),
    ),
    Regression(
        id="dns-suffix",
        title="partly qualified names do not resolve",
        when="by design",
        symptom="web.other does not resolve on Windows",
        source="https://github.com/kubernetes/kubernetes/issues/65016",
        unshown="a documented limit, which every run judges as one (DNS-PQDN-DOT); nothing regressed",
    ),
    Regression(
        id="dns-flaky",
        title="some look-ups are never answered",
        when="2022, tests of OpenShift's Windows machine config operator",
        symptom="a part of the look-ups of a pod fails",
        source="https://issues.redhat.com/browse/WINC-743",
        faults=("dns-some-lost",),
    ),
    Regression(
        id="metadata-route",
        title="a node loses its way to the cloud's metadata",
        when="AWS, when HNS networks are deleted",
        symptom="169.254.169.254 is not reached",
        source="https://github.com/openshift/windows-machine-config-operator",
        unshown="no document of Kubernetes' networking promises that way; on EKS cases of EKS-WARM and of "
        "EKS-ONE-CARD would be inconclusive, and say why",
    ),
    Regression(
        id="hns-crash",
        title="HNS restarts and all load balancers are gone",
        when="until kube-proxy's next full sync",
        symptom="every cluster IP is dead on the node",
        source="https://github.com/microsoft/Windows-Containers/issues/278",
        profile=L2BRIDGE,
        faults=("windows-load-balancers-missing",),
    ),
    Regression(
        id="equal-ports",
        title="a node port equal to the Service's port leads nowhere",
        when="old releases of kube-proxy",
        symptom="the node port is dead",
        source="https://github.com/kubernetes/kubernetes/issues/78574",
        faults=("windows-equal-ports-confused",),
    ),
    Regression(
        id="policy-by-pod-address",
        title="network policies by pod address fail by way of a cluster IP",
        when="Windows Server 2019 before KB4571748 (17763.1432)",
        symptom="the policy sees the node's address",
        source="https://docs.tigera.io/calico/latest/getting-started/kubernetes/windows-calico/limitations",
        unshown="podwire judges policies of OVN only, and none by way of a cluster IP",
    ),
    Regression(
        id="ping-outside",
        title="ping to the outside is not answered",
        when="by design",
        symptom="ICMP is not translated",
        source="https://kubernetes.io/docs/concepts/services-networking/windows-networking/",
        unshown="a documented limit, which every run judges as one (ICMP-EXTERNAL); nothing regressed",
    ),
    Regression(
        id="not-ready-served",
        title="load balancers serve pods that are not ready",
        when="kube-proxy 1.36",
        symptom="a LoadBalancer Service without ready pods is answered on its cluster IP",
        source="https://github.com/kubernetes/kubernetes/blob/master/pkg/proxy/winkernel/proxier.go",
        faults=("windows-serves-pods-not-ready",),
    ),
    Regression(
        id="ipv6-host-ports",
        title="host ports over IPv6 lead nowhere",
        when="Azure, dual stack",
        symptom="the host port is dead over IPv6",
        source="https://github.com/Azure/azure-container-networking/issues/2879",
        profile=L2BRIDGE,
        faults=("ipv6-host-ports-closed-on-windows",),
    ),
)
