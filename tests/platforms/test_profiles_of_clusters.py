"""What the objects of each CNI tell: its profile, its addresses, its tunnel. The lab's own objects tell the same."""

from pathlib import Path

import pytest
import yaml
from api_objects import daemonset, kube_proxy

from podwire.cluster.discovery.discover import facts_from_objects
from podwire.model.facts import Encapsulation
from podwire.platforms.profiles import KNOWN, profile_of
from podwire_lab.model.planned import planned_facts
from podwire_lab.model.profiles import PROFILES

RECORDINGS = Path(__file__).parents[1] / "recordings" / "cnis"
VXLAN = Encapsulation(kind="vxlan", port=4789, vni=4096)
GENEVE = Encapsulation(kind="geneve", port=6081)

TOLD = {
    "l2bridge-win-bridge": ("host-local", None),
    "l2bridge-azure-cni": ("azure-vnet-ipam", None),
    "l2bridge-flannel-host-gw": ("host-local", None),
    "l2tunnel-azure-cni": ("azure-vnet-ipam", None),
    "overlay-win-overlay": ("host-local", VXLAN),
    "overlay-flannel-vxlan": ("host-local", VXLAN),
    "overlay-calico-vxlan": ("calico-ipam", Encapsulation(kind="vxlan", port=4789)),
    "l2bridge-calico-bgp": ("calico-ipam", None),
    "overlay-ovn-hybrid": ("host-local", Encapsulation(kind="vxlan", port=4789, vni=4097)),
    "transparent-ovn": ("ovn", GENEVE),
    "awsvpc": ("vpc-secondary", None),
    "awsvpc-prefix": ("vpc-prefix", None),
    "nat": ("hns", None),
}


def recorded(name):
    return facts_from_objects(yaml.safe_load((RECORDINGS / f"{name}.yaml").read_text()))


@pytest.mark.parametrize("name", TOLD)
def test_the_objects_of_a_cni_tell_its_profile(name):
    facts = recorded(name)
    assert (profile_of(facts), facts.network.ipam, facts.network.encapsulation) == (name, *TOLD[name])
    assert not [signal for signal in facts.origin.signals if signal.startswith("conflict")]


def test_only_a_cluster_that_has_an_eniconfig_and_uses_it_has_custom_networking():
    assert [name for name in TOLD if recorded(name).network.custom_networking] == ["awsvpc-prefix"]
    told = yaml.safe_load((RECORDINGS / "awsvpc-prefix.yaml").read_text())
    without = facts_from_objects({**told, "eniconfigs": []})
    assert not without.network.custom_networking
    assert "DaemonSet kube-system/aws-node: custom networking, but no ENIConfig" in without.origin.signals
    assert not facts_from_objects({**told, "daemonsets": []}).network.custom_networking


def test_every_recording_is_looked_at_and_every_profile_has_one():
    known = {path.stem for path in RECORDINGS.glob("*.yaml")}
    assert known == {*TOLD, "transparent-antrea", "conflict"}
    assert {profile.name for profile in KNOWN} == set(TOLD)


@pytest.mark.parametrize("name", PROFILES)
def test_the_lab_has_every_profile_under_its_name(name):
    assert profile_of(planned_facts(PROFILES[name])) == name
    assert set(PROFILES) == set(TOLD)


def test_a_transparent_network_of_another_cni_is_no_profile():
    facts = recorded("transparent-antrea")
    assert (facts.network.mode, facts.network.cni, facts.proxy.on_windows, profile_of(facts)) == (
        "transparent",
        "antrea",
        False,
        "unknown",
    )
    assert facts.network.encapsulation == GENEVE


def test_kube_proxy_of_linux_nodes_is_none_of_windows_nodes():
    """kubeadm's, with its empty section for Windows."""
    objects = yaml.safe_load((RECORDINGS / "transparent-antrea.yaml").read_text())
    objects["configmaps"] += [kube_proxy(enableDSR=False, networkName="", sourceVip="")]
    objects["daemonsets"] = [
        *objects.get("daemonsets", []),
        daemonset("kube-proxy", command=["/usr/local/bin/kube-proxy"]),
    ]
    objects["daemonsets"][-1]["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/os": "linux"}
    facts = facts_from_objects(objects)
    assert (facts.network.mode, facts.proxy.on_windows, facts.proxy.dsr) == ("transparent", False, None)


def antrea(**settings):
    objects = yaml.safe_load((RECORDINGS / "transparent-antrea.yaml").read_text())
    objects["configmaps"][0]["data"]["antrea-agent.conf"] = yaml.safe_dump(settings)
    return facts_from_objects(objects)


def test_antreas_settings_tell_its_tunnel():
    assert antrea().network.encapsulation == GENEVE
    assert antrea(tunnelType="vxlan", tunnelPort=8472).network.encapsulation == Encapsulation(kind="vxlan", port=8472)
    assert antrea(trafficEncapMode="noEncap").network.encapsulation is None
    stt = antrea(tunnelType="stt")
    assert stt.network.encapsulation is None
    assert any("encapsulation stt" in signal and "podwire does not read it" in signal for signal in stt.origin.signals)


def test_signals_that_disagree_are_no_profile_and_both_are_named():
    facts = recorded("conflict")
    assert (facts.network.mode, facts.network.cni, profile_of(facts)) == ("unknown", "flannel", "unknown")
    conflicts = [signal for signal in facts.origin.signals if signal.startswith("conflict: network mode")]
    assert len(conflicts) == 1
    assert "l2bridge (node linux-a)" in conflicts[0]
    assert "overlay (ConfigMap kube-flannel/kube-flannel-cfg net-conf.json)" in conflicts[0]


def test_calicos_blocks_are_the_subnets_of_nodes_however_many():
    nodes = {node.name: node.pod_cidrs for node in recorded("overlay-calico-vxlan").nodes}
    assert nodes == {"linux-a": ("10.244.7.0/26", "10.244.9.64/26"), "win-a": ("10.244.8.0/26",)}


@pytest.mark.parametrize(("name", "addresses"), [("awsvpc", 9), ("awsvpc-prefix", 144)])
def test_nodes_of_eks_tell_their_type_and_their_addresses(name, addresses):
    windows = next(node for node in recorded(name).nodes if node.os == "windows")
    assert (windows.machine.provider, windows.machine.instance_type, windows.machine.vpc_addresses) == (
        "aws",
        "m5.large",
        addresses,
    )
