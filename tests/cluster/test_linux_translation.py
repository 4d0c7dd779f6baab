"""What Linux nodes translate of what pods send outside, as objects of the API tell it."""

import pytest

from podwire.cluster.discovery.translation import linux_translation
from podwire_lab.model.cni_notes import config, daemonset

FLANNEL = daemonset("kube-flannel-ds", "linux", "flannel", ["flanneld", "--ip-masq", "--kube-subnet-mgr"])
NET_CONF = config("kube-flannel-cfg", {"net-conf.json": '{"Network": "10.244.0.0/16", "IPv6Network": "fd10::/56"}'})
AGENT = daemonset("azure-ip-masq-agent", "linux", "agent", [])


def pool(name, cidr, **spec):
    return {"metadata": {"name": name}, "spec": {"cidr": cidr, **spec}}


def vpc(value):
    node = daemonset("aws-node", "linux", "cni", [])
    node["spec"]["template"]["spec"]["containers"][0]["env"] = [
        {"name": "AWS_VPC_K8S_CNI_EXTERNALSNAT", "value": value}
    ]
    return node


def agent_config(name, *networks, key="config"):
    return config(name, {key: f"nonMasqueradeCIDRs: [{', '.join(networks)}]\nmasqLinkLocal: true\n"})


@pytest.mark.parametrize(
    ("objects", "cni", "told"),
    [
        (
            {"daemonsets": [FLANNEL], "configmaps": [NET_CONF]},
            "flannel",
            ("ipv4 all but 10.244.0.0/16", "ipv6 all but fd10::/56"),
        ),
        ({"daemonsets": [daemonset("kube-flannel-ds", "linux", "", ["--ip-masq=false"])]}, "flannel", ()),
        ({"daemonsets": [daemonset("kube-flannel-ds", "linux", "", ["--kube-subnet-mgr"])]}, "flannel", ()),
        ({"daemonsets": [daemonset("kube-flannel-ds-windows", "windows", "", ["--ip-masq"])]}, "flannel", ()),
        ({"ippools": [pool("a", "10.1.0.0/16", natOutgoing=True)]}, "calico", ("ipv4 all but 10.1.0.0/16",)),
        (
            {"ippools": [pool("a", "10.1.0.0/16", natOutgoing=True), pool("b", "10.2.0.0/16", disabled=True)]},
            "calico",
            ("ipv4 all but 10.1.0.0/16, 10.2.0.0/16",),  # A pool that gives no addresses is still a pool.
        ),
        (
            {"ippools": [pool("a", "10.1.0.0/16", natOutgoing=True), pool("six", "fd01::/64")]},
            "calico",
            ("ipv4 all but 10.1.0.0/16", "ipv6 none"),
        ),
        ({"ippools": [pool("a", "10.1.0.0/16", natOutgoing=True), pool("b", "10.2.0.0/16")]}, "calico", ()),
        ({"ippools": [pool("a", "10.1.0.0/16", natOutgoing=True)]}, "azure-cni", ()),  # Calico for policies only
        ({"daemonsets": [vpc("true")]}, "vpc-cni", ("ipv4 none",)),
        ({"daemonsets": [vpc("false")]}, "vpc-cni", ()),  # to all but the VPC's networks, which no object names
        (
            {
                "daemonsets": [AGENT],
                "configmaps": [
                    agent_config("azure-ip-masq-agent-config", "10.8.0.0/16", key="ip-masq-agent"),
                    agent_config("azure-ip-masq-agent-config-reconciled", "10.0.0.0/8", key="ip-masq-agent-reconciled"),
                ],
            },
            "azure-cni",
            ("ipv4 all but 10.0.0.0/8, 10.8.0.0/16",),
        ),
        ({"daemonsets": [AGENT], "configmaps": [agent_config("ip-masq-agent")]}, "azure-cni", ("ipv4 all",)),
        ({"daemonsets": [AGENT], "configmaps": [config("ip-masq-agent", {"config": "{"})]}, "azure-cni", ()),
        ({"daemonsets": [AGENT]}, "azure-cni", ()),  # Its defaults depend on its release.
        ({"configmaps": [agent_config("ip-masq-agent", "10.0.0.0/8")]}, "azure-cni", ()),  # No agent reads it.
        ({}, "unknown", ()),
    ],
)
def test_the_api_tells_what_linux_nodes_translate(objects, cni, told):
    signals = []
    assert linux_translation(objects, cni, signals) == told
    assert len(signals) == len(told)


def test_a_network_that_is_none_tells_nothing():
    signals = []
    objects = {"ippools": [pool("a", "10.1.0.1/16", natOutgoing=True)]}
    assert linux_translation(objects, "calico", signals) == ()
    assert "is unknown: '10.1.0.1/16' is not an IP network" in signals[0]


def test_sources_that_disagree_tell_nothing():
    objects = {
        "daemonsets": [FLANNEL, AGENT],
        "configmaps": [NET_CONF, agent_config("ip-masq-agent", "10.0.0.0/8")],
    }
    signals = []
    assert linux_translation(objects, "flannel", signals) == ("ipv6 all but fd10::/56",)
    assert signals[-1] == (
        "conflict: what Linux nodes translate over ipv4 differs between DaemonSet kube-system/kube-flannel-ds and "
        "ConfigMap kube-system/ip-masq-agent; unknown"
    )
