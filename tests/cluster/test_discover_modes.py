"""Network mode, CNI and tunnel parameters from what each CNI leaves in the API."""

import pytest
from api_objects import both, config, daemonset, flannel, node

from podwire.cluster.discovery.discover import facts_from_objects
from podwire.model.facts import Encapsulation

WIN_OVERLAY = {"type": "win-overlay", "vxlan": {"vni": 4096, "port": 4789}}
FLANNEL_DELEGATES = {"name": "flannel.4096", "type": "flannel", "delegate": {"type": "win-overlay"}}
NET_CONF = {"Network": "10.244.0.0/16", "Backend": {"Type": "vxlan", "VNI": 4096, "Port": 4789}}
GENEVE = Encapsulation(kind="geneve", port=6081)
VXLAN = Encapsulation(port=4789, vni=4096)
ENI = {"vpc.amazonaws.com/PrivateIPv4Address": "9"}


def pool(**modes):
    return {"metadata": {"name": "default"}, "spec": {"cidr": "10.1.0.0/16", **modes}}


CLUSTERS = {
    "win-overlay": (
        {"nodes": both(), "configmaps": [config("cni-windows", cni_conf_json=WIN_OVERLAY)]},
        ("overlay", "win-overlay", VXLAN),
    ),
    "win-bridge": (
        {"nodes": both(), "configmaps": [config("cni-windows", cni_conf_json={"plugins": [{"type": "win-bridge"}]})]},
        ("l2bridge", "win-bridge", None),
    ),
    "sdnoverlay, no VNI told": (
        {"nodes": both(), "configmaps": [config("cni", cni_conf={"type": "sdnoverlay"})]},
        ("overlay", "sdnoverlay", Encapsulation()),
    ),
    "flannel vxlan by annotations": (
        {
            "nodes": [flannel("l", "linux", "vxlan", 4096), flannel("w", "windows", "vxlan", 4096)],
            "daemonsets": [daemonset("kube-flannel-ds-windows-amd64", "kube-flannel")],
        },
        ("overlay", "flannel", VXLAN),
    ),
    "flannel vxlan by its ConfigMap": (
        {
            "nodes": both(),
            "configmaps": [
                config(
                    "kube-flannel-windows-cfg",
                    "kube-flannel",
                    cni_conf_json=FLANNEL_DELEGATES,
                    net_conf_json=NET_CONF,
                )
            ],
        },
        ("overlay", "flannel", VXLAN),
    ),
    "flannel host-gw": (
        {"nodes": [flannel("l", "linux", "host-gw"), flannel("w", "windows", "host-gw")]},
        ("l2bridge", "flannel", None),
    ),
    "calico vxlan": (
        {
            "nodes": both(annotations={"projectcalico.org/IPv4VXLANTunnelAddr": "10.1.0.1"}),
            "ippools": [pool(vxlanMode="Always", ipipMode="Never")],
            "daemonsets": [daemonset("calico-node-windows", "calico-system")],
        },
        ("overlay", "calico", Encapsulation()),
    ),
    "calico bgp": (
        {"nodes": both(annotations={"projectcalico.org/IPv4Address": "192.0.2.7/24"}), "ippools": [pool()]},
        ("l2bridge", "calico", None),
    ),
    "calico ip-in-ip, which Windows nodes do not have": (
        {"nodes": both(), "ippools": [pool(ipipMode="Always")]},
        ("unknown", "calico", None),
    ),
    "azure cni": (
        {"nodes": both(labels={"kubernetes.azure.com/cluster": "c"}), "daemonsets": [daemonset("azure-cns-win")]},
        ("unknown", "azure-cni", None),
    ),
    "azure cni overlay": (
        {
            "nodes": both(
                labels={"kubernetes.azure.com/cluster": "c", "kubernetes.azure.com/podnetwork-type": "overlay"}
            )
        },
        ("l2bridge", "azure-cni", None),
    ),
    "aws vpc cni": (
        {
            "nodes": [node("l"), node("w", "windows", capacity=ENI)],
            "configmaps": [{**config("amazon-vpc-cni"), "data": {"enable-windows-ipam": "true"}}],
            "daemonsets": [daemonset("aws-node")],
        },
        ("l2bridge", "vpc-cni", None),
    ),
    "ovn hybrid overlay": (
        {
            "nodes": [
                node("l"),
                node("w", "windows", annotations={"k8s.ovn.org/hybrid-overlay-node-subnet": "10.132.0.0/24"}),
            ]
        },
        ("overlay", "ovn-kubernetes", Encapsulation(vni=4097)),
    ),
    "antrea": (
        {"nodes": both(), "daemonsets": [daemonset("antrea-agent"), daemonset("antrea-agent-windows")]},
        ("transparent", "antrea", None),
    ),
    "linux only, flannel": (
        {
            "nodes": [node("l")],
            "configmaps": [
                config("kube-flannel-cfg", "kube-flannel", net_conf_json={"Backend": {"Type": "vxlan", "VNI": 1}})
            ],
        },
        ("overlay", "flannel", Encapsulation(vni=1)),
    ),
    "nothing known": ({"nodes": both()}, ("unknown", "unknown", None)),
}


@pytest.mark.parametrize("cluster", CLUSTERS)
def test_mode_cni_and_tunnel_are_read_from_what_the_api_has(cluster):
    objects, expected = CLUSTERS[cluster]
    facts = facts_from_objects(objects)
    assert (facts.network.mode, facts.network.cni, facts.network.encapsulation) == expected


@pytest.mark.parametrize(
    ("written", "ipam"),
    [
        ({"type": "nat"}, "hns"),
        ({"type": "nat", "ipam": {"subnet": "172.20.16.0/20"}}, "hns"),
        ({"plugins": [{"type": "win-bridge.exe", "ipam": {}}]}, "hns"),
        ({"type": "win-bridge", "ipam": {"type": "host-local"}}, "host-local"),
        ({"type": "win-bridge", "ipam": {"type": "dhcp"}}, "unknown"),
        ({"type": "vpc-bridge"}, "unknown"),
        (FLANNEL_DELEGATES, "host-local"),
    ],
    ids=str,
)
def test_windows_gives_addresses_where_a_plugin_is_left_without_ipam(written, ipam):
    assert (
        facts_from_objects({"nodes": both(), "configmaps": [config("cni", cni_conf_json=written)]}).network.ipam == ipam
    )


def test_signals_that_disagree_give_an_unknown_mode_and_name_the_conflict():
    facts = facts_from_objects(
        {
            "nodes": [flannel("w", "windows", "vxlan", 4096)],
            "configmaps": [config("cni-windows", cni_conf={"type": "win-bridge"})],
        }
    )
    assert facts.network.mode == "unknown"
    sources = "overlay (node w) and l2bridge (ConfigMap kube-system/cni-windows cni.conf)"
    assert f"conflict: network mode {sources}; taken as unknown" in facts.origin.signals


def test_nodes_that_disagree_on_the_vni_leave_it_unknown():
    facts = facts_from_objects({"nodes": [flannel("l", "linux", "vxlan", 1), flannel("w", "windows", "vxlan", 4096)]})
    assert facts.network.encapsulation == Encapsulation(vni=None)
    assert any("VXLAN VNI 1 (node l) and 4096 (node w)" in signal for signal in facts.origin.signals)


def test_garbage_in_configmaps_is_passed_over():
    broken = [config("a", cni_conf="{"), config("b", x_json="[1, 2]"), {"metadata": {"name": "c"}, "data": None}]
    assert facts_from_objects({"nodes": both(), "configmaps": broken}).network.mode == "unknown"


IN_THE_VPC = node("w", "windows", capacity={"vpc.amazonaws.com/PrivateIPv4Address": "14"})
GKE = node("w", "windows", labels={"cloud.google.com/gke-nodepool": "windows"})


@pytest.mark.parametrize(
    ("nodes", "cni", "mode"),
    [
        ([node("l"), IN_THE_VPC], "vpc-cni", "l2bridge"),
        (both(labels={"kubernetes.azure.com/cluster": "c"}), "azure-cni", "unknown"),
        ([node("l"), GKE], "sdnbridge", "l2bridge"),
    ],
    ids=["EKS", "AKS", "GKE"],
)
@pytest.mark.parametrize("engine", ["calico-node", "calico-node-windows", "cilium"])
def test_an_engine_for_policies_is_no_cni(nodes, cni, mode, engine):
    facts = facts_from_objects({"nodes": nodes, "daemonsets": [daemonset(engine, "calico-system")]})
    assert (facts.network.cni, facts.network.mode) == (cni, mode)
    assert f"DaemonSet calico-system/{engine}: is a policy engine beside {cni}" in facts.origin.signals


def test_eks_with_calico_for_policies_keeps_what_the_vpc_tells():
    config_map = {**config("amazon-vpc-cni"), "data": {"enable-windows-ipam": "true"}}
    daemonsets = [daemonset("aws-node"), daemonset("calico-node", "calico-system")]
    facts = facts_from_objects({"nodes": [node("l"), IN_THE_VPC], "configmaps": [config_map], "daemonsets": daemonsets})
    assert (facts.network.cni, facts.network.mode, facts.network.ipam) == ("vpc-cni", "l2bridge", "vpc-secondary")


def test_calico_that_has_a_pool_too_is_a_conflict_still():
    objects = {"nodes": [IN_THE_VPC], "daemonsets": [daemonset("calico-node")], "ippools": [pool()]}
    assert facts_from_objects(objects).network.cni == "unknown"
