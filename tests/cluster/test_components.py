"""What the API tells of kube-proxy and the CNI, so that two runs can be told apart by it."""

from api_objects import config

from podwire.cluster.discovery.components import components

PROXY = """
kind: KubeProxyConfiguration
mode: kernelspace
clientConnection: {kubeconfig: /x}
featureGates: {WinDSR: true}
winkernel: {enableDSR: false, networkName: "", sourceVip: 10.244.1.3}
"""


def daemonset(name, **container):
    spec = {"template": {"spec": {"containers": [{"name": "main", **container}]}}}
    return {"metadata": {"name": name, "namespace": "kube-system"}, "spec": spec}


def test_images_and_settings_are_named_by_where_they_are_told():
    sets = [
        daemonset("kube-proxy-windows", image="proxy:1.33", args=["--enable-dsr=true", "--v=2"]),
        daemonset("kube-flannel-ds", image="flannel:0.26", args=["--kube-subnet-mgr"]),
        daemonset("fluentd", image="fluentd:1"),
    ]
    maps = [config("kube-proxy", config_conf=PROXY), config("kube-proxy-broken", config_conf="a: ["), config("other")]
    place = "DaemonSet kube-system/kube-proxy-windows main"
    found = components({"daemonsets": sets, "configmaps": maps})
    settings = {name.split(" ", 2)[2]: value for name, value in found.items() if name.startswith("ConfigMap")}
    assert {name: value for name, value in found.items() if name.startswith("DaemonSet")} == {
        "DaemonSet kube-system/kube-flannel-ds main image": "flannel:0.26",
        f"{place} command": "--enable-dsr=true --v=2",
        f"{place} image": "proxy:1.33",
    }
    assert settings == {
        "config.conf featureGates.WinDSR": "true",
        "config.conf mode": "kernelspace",
        "config.conf winkernel.enableDSR": "false",
        "config.conf winkernel.sourceVip": "10.244.1.3",
    }


def test_settings_of_the_vpcs_addresses_are_told():
    given = {"enable-windows-ipam": "true", "windows-warm-ip-target": "3", "warm-prefix-target": ""}
    settings = {**config("amazon-vpc-cni"), "data": given}
    assert components({"configmaps": [settings]}) == {
        "ConfigMap kube-system/amazon-vpc-cni enable-windows-ipam": "true",
        "ConfigMap kube-system/amazon-vpc-cni windows-warm-ip-target": "3",
    }


def test_a_cluster_that_tells_nothing_has_none():
    assert components({}) == {}
