"""Nodes, families, cluster domain and Direct Server Return from API objects."""

import json

import pytest
from api_objects import both, config, daemonset, kube_proxy, node, pod

from podwire.cluster.discovery.discover import facts_from_objects
from podwire.model.node_notes import remarks
from podwire.records.facts_form import facts_in, tree_of_facts

DUAL = ("10.244.1.0/24", "fd10::/64")
BRIDGE = config("cni-windows", cni_conf={"type": "win-bridge"})
OVERLAY = config("cni-windows", cni_conf={"type": "win-overlay"})


def test_a_windows_node_is_described_as_its_kubelet_does():
    (windows,) = facts_from_objects({"nodes": [node("w", "windows", cidrs=DUAL)]}).nodes
    assert (windows.os, windows.build, windows.pod_cidrs) == ("windows", (20348, 2762), DUAL)
    assert (windows.addresses, windows.software.runtime) == (("192.0.2.7",), "containerd://1.7.22")


def test_a_node_that_is_not_ready_is_kept_and_said():
    facts = facts_from_objects({"nodes": [node("l"), node("w", "windows", ready=False)]})
    assert [one.ready for one in facts.usable("windows")] == [False]
    assert "node w: not ready: container runtime network not ready: cni plugin not initialized" in facts.origin.signals
    assert list(remarks(facts)) == [
        "node w is not ready: container runtime network not ready: cni plugin not initialized"
    ]


@pytest.mark.parametrize(
    ("conditions", "why"),
    [
        (
            [{"type": "Ready", "status": "Unknown", "message": "Kubelet stopped\x1b posting\n node status."}],
            "Kubelet stopped posting node status.",
        ),
        ([{"type": "Ready", "status": "False", "reason": "KubeletNotReady"}], "KubeletNotReady"),
        ([{"type": "Ready", "status": "False"}], "the API does not tell why"),
        ([{"type": "DiskPressure", "status": "False"}], "its kubelet has not reported yet"),
        (None, "its kubelet has not reported yet"),
        ([{"type": "Ready", "status": "True", "message": "kubelet is posting ready status"}], ""),
    ],
)
def test_why_a_node_is_not_ready_in_the_words_of_the_api(conditions, why):
    made = node("w", "windows")
    made["status"]["conditions"] = conditions
    facts = facts_from_objects({"nodes": [made]})
    assert facts.nodes[0].ready == (why == "")
    assert (f"node w: not ready: {why}" in facts.origin.signals) == (why != "")


def test_the_remarks_about_nodes_have_a_line_for_each_reason():
    nodes = [node(f"l{number}", unschedulable=True) for number in range(7)]
    nodes += [node("v", "windows", labels={"type": "virtual-kubelet"}, ready=False), node("w", "windows")]
    assert list(remarks(facts_from_objects({"nodes": nodes}))) == [
        "nodes l0, l1, l2, l3, l4 and 2 more are cordoned: left out",
        "node v is virtual: left out",
    ]


@pytest.mark.parametrize(
    "kind",
    [
        {"unschedulable": True},
        {"labels": {"type": "virtual-kubelet"}},
        {"labels": {"eks.amazonaws.com/compute-type": "fargate"}},
    ],
)
def test_nodes_that_take_no_probes_are_left_out(kind):
    assert facts_from_objects({"nodes": [node("l", **kind)]}).usable("linux") == ()


@pytest.mark.parametrize(
    ("objects", "families"),
    [
        ({"pods": [pod(ips=("10.0.0.1", "fd10::1"))], "nodes": [node("l", cidrs=("10.0.0.0/24",))]}, ("ipv4", "ipv6")),
        ({"nodes": [node("l", cidrs=DUAL)]}, ("ipv4", "ipv6")),
        ({"nodes": [node("l")], "services": [{"spec": {"clusterIPs": ["fd10::a"]}}]}, ("ipv6",)),
        ({"nodes": [node("l")]}, ("ipv4",)),
    ],
    ids=["dns pods before pod CIDRs", "pod CIDRs", "dns service", "assumed"],
)
def test_families_of_the_pod_network(objects, families):
    assert facts_from_objects(objects).network.families == families


@pytest.mark.parametrize(("cni", "families"), [(OVERLAY, ("ipv4",)), (BRIDGE, ("ipv4", "ipv6"))])
def test_a_windows_overlay_has_ipv4_only(cni, families):
    facts = facts_from_objects({"nodes": both(cidrs=DUAL), "configmaps": [cni]})
    assert facts.network.windows_families == families
    assert facts.network.families == ("ipv4", "ipv6")


KERNELSPACE = config(
    "kube-proxy",
    config_conf={"kind": "KubeProxyConfiguration", "mode": "kernelspace", "winkernel": {"enableDSR": False}},
)
OF_LINUX = daemonset("kube-proxy", command=["kube-proxy", "--enable-dsr=true"])
OF_LINUX["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/os": "linux"}


@pytest.mark.parametrize(
    ("objects", "dsr"),
    [
        ({"configmaps": [kube_proxy(enableDSR=True)]}, True),
        ({"configmaps": [kube_proxy("kube-proxy-windows", enableDSR=False)]}, False),
        ({"configmaps": [kube_proxy(sourceVip="")]}, None),
        ({"configmaps": [kube_proxy(enableDSR=False, networkName="", sourceVip="")]}, None),
        ({"configmaps": [kube_proxy(enableDSR=False, sourceVip="10.244.1.2")]}, False),
        ({"configmaps": [KERNELSPACE]}, False),
        ({"daemonsets": [OF_LINUX]}, None),
        ({"daemonsets": [daemonset("kube-proxy-windows", command=["kube-proxy.exe --enable-dsr=true --v=4"])]}, True),
        ({"daemonsets": [daemonset("kube-proxy-windows", command=["kube-proxy.exe", "--enable-dsr"])]}, True),
        ({"configmaps": [kube_proxy(enableDSR=True), kube_proxy("kube-proxy-windows", enableDSR=False)]}, None),
        ({}, None),
    ],
    ids=[
        "shared ConfigMap",
        "own ConfigMap",
        "not set",
        "kubeadm's for Linux",
        "a setting of Windows",
        "mode of Windows",
        "flag of Linux nodes",
        "flag with value",
        "bare flag",
        "conflict",
        "nothing",
    ],
)
def test_direct_server_return_is_taken_from_kube_proxy(objects, dsr):
    assert facts_from_objects({"nodes": both(), **objects}).proxy.dsr is dsr


def by_affinity(*terms, name="kube-proxy"):
    """kube-proxy's DaemonSet as EKS and AKS write it: its nodes are chosen by affinity."""
    made = daemonset(name, command=["kube-proxy", "--enable-dsr=true"])
    found = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}
    made["spec"]["template"]["spec"]["affinity"] = {"nodeAffinity": found}
    return made


def expressions(*several):
    return {"matchExpressions": [{"key": key, "operator": how, "values": values} for key, how, values in several]}


@pytest.mark.parametrize(
    ("terms", "dsr"),
    [
        ([expressions(("kubernetes.io/os", "In", ["linux"]), ("kubernetes.io/arch", "In", ["amd64"]))], None),
        ([expressions(("kubernetes.io/os", "NotIn", ["windows"]))], None),
        ([expressions(("beta.kubernetes.io/os", "In", ["windows"]))], True),
        ([expressions(("kubernetes.io/os", "In", ["linux"])), expressions(("type", "Exists", []))], True),
        ([expressions(("kubernetes.io/os", "DoesNotExist", []))], None),
    ],
)
def test_the_nodes_of_kube_proxy_may_be_chosen_by_affinity(terms, dsr):
    assert facts_from_objects({"nodes": both(), "daemonsets": [by_affinity(*terms)]}).proxy.dsr is dsr


GATES = {"kind": "KubeProxyConfiguration", "winkernel": {}, "featureGates": {"WinDSR": False}}


@pytest.mark.parametrize(
    ("objects", "version", "on"),
    [
        ({"configmaps": [config("kube-proxy-windows", config_conf=GATES)]}, "v1.34.0", False),
        ({"daemonsets": [daemonset("kube-proxy", command=["--feature-gates=A=true,WinDSR=true"])]}, "v1.30.1", True),
        ({}, "v1.32.9", False),
        ({}, "v1.33.0", True),
        ({}, "", None),
    ],
    ids=["ConfigMap", "flag", "alpha until 1.32", "on since 1.33", "unknown version"],
)
def test_the_gate_of_direct_server_return_is_as_given_or_as_the_version_has_it(objects, version, on):
    windows = node("w", "windows")
    windows["status"]["nodeInfo"]["kubeletVersion"] = version
    assert facts_from_objects({"nodes": [windows], **objects}).proxy.win_dsr is on


def serving(on):
    return {"kind": "KubeProxyConfiguration", "featureGates": {"AllowServiceExternalIPs": on}}


@pytest.mark.parametrize(
    ("objects", "on"),
    [
        ({}, None),
        ({"configmaps": [config("kube-proxy", config_conf=serving(False))]}, False),
        ({"configmaps": [config("kube-proxy", config_conf=serving(True))]}, True),
        ({"configmaps": [config("kube-proxy", config_conf=GATES)]}, None),
        ({"configmaps": [config("of-another", config_conf=serving(False))]}, None),
        ({"daemonsets": [daemonset("kube-proxy", command=["--feature-gates=AllowServiceExternalIPs=false"])]}, False),
        (
            {"configmaps": [config("kube-proxy", a=serving(True)), config("kube-proxy-windows", a=serving(False))]},
            False,
        ),
    ],
)
@pytest.mark.parametrize("os", ["linux", "windows"])
def test_the_gate_of_external_ips_is_what_a_kube_proxy_of_either_os_has(objects, on, os):
    facts = facts_from_objects({"nodes": [node("n", os)], **objects})
    assert facts.proxy.external_ips is on
    assert any("AllowServiceExternalIPs" in signal for signal in facts.origin.signals) is (on is not None)


def test_a_cluster_without_windows_nodes_has_no_dsr_setting():
    assert facts_from_objects({"nodes": [node("l")], "configmaps": [kube_proxy(enableDSR=True)]}).proxy.dsr is None


@pytest.mark.parametrize(
    ("corefile", "domain"),
    [
        (".:53 {\n    errors\n    kubernetes corp.example in-addr.arpa ip6.arpa {\n    }\n}", "corp.example"),
        (".:53 {\n    forward . 192.0.2.1\n}", "cluster.local"),
    ],
)
def test_the_cluster_domain_is_that_of_the_corefile(corefile, domain):
    facts = facts_from_objects({"nodes": [node("l")], "configmaps": [config("coredns", Corefile=corefile)]})
    assert (facts.dns.domain, facts.dns.domain_told) == (domain, domain != "cluster.local")
    assert any("cluster domain" in signal for signal in facts.origin.signals)


def test_the_corefile_may_be_in_any_config_map_that_the_dns_pods_mount():
    line = ".:53 { # kubernetes old.example\n kubernetes   prod.example.internal  in-addr.arpa ip6.arpa { } }"
    name = "rke2-coredns-rke2-coredns"
    server = {"metadata": {"name": name}, "spec": {"volumes": [{"emptyDir": {}}, {"configMap": {"name": name}}]}}
    objects = {"nodes": [node("l")], "configmaps": [config("other", Corefile=line), config(name, Corefile=line)]}
    assert not facts_from_objects(objects).dns.domain_told
    facts = facts_from_objects({**objects, "pods": [server]})
    assert (facts.dns.domain, facts.dns.domain_told) == ("prod.example.internal", True)
    assert f"cluster domain: prod.example.internal (ConfigMap kube-system/{name})" in facts.origin.signals


def test_facts_are_json_and_come_back():
    facts = facts_from_objects({"nodes": both(cidrs=DUAL), "configmaps": [OVERLAY]}, name="c", unread=("x: forbidden",))
    assert facts.origin.signals[0] == "x: forbidden"
    assert facts_in(json.loads(json.dumps(tree_of_facts(facts)))) == facts


def test_the_service_that_caches_on_nodes_ask_is_not_the_clusters_dns():
    services = [
        {"metadata": {"name": name}, "spec": {"clusterIPs": [ip]}}
        for name, ip in (("kube-dns", "10.96.0.10"), ("kube-dns-upstream", "10.105.7.7"))
    ]
    assert facts_from_objects({"nodes": [node("l")], "services": services}).dns.addresses == ("10.96.0.10",)
