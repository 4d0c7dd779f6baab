"""Facts stand in groups in memory; in files they stand side by side, as they did before there were groups."""

import json
import re

import pytest
from facts_by_row import cluster_with, node_with
from records_for_tests import case, facts, record

from podwire.model.facts import Encapsulation, ExternalHost, PolicyEngine
from podwire.records.facts_form import FactsForm, NodeForm, facts_in, tree_of_facts
from podwire.records.run_form import parse_record, record_text

NODE = {
    "name": "w",
    "os": "windows",
    "addresses": ("192.0.2.1",),
    "pod_cidrs": ("10.244.1.0/24",),
    "ready": False,
    "schedulable": False,
    "kernel_version": "10.0.30000.1",
    "os_image": "Windows Server",
    "kubelet_version": "v1.33.1",
    "runtime": "containerd://1.7.22",
    "judged_as": (26100, 1),
    "provider": "aws",
    "instance_type": "m5.large",
    "vpc_addresses": 9,
    "declared_features": ("GuaranteedQoSPodCPUResize",),
    "pool": "new",
    "chosen": False,
    "dynamic_ports": ("tcp ipv4 49152-65535",),
    "mtu": 1500,
    "pod_mtu": 1450,
    "proxy_mode": "kernelspace",
    "hns_version": "10.0.20348.2762",
    "feature_overrides": ("3105872524=1",),
    "zone": "eu-west-1a",
    "outbound_translation": ("all but 10.96.0.0/12",),
}
CLUSTER = {
    "name": "c",
    "version": "v1.33.1",
    "nodes": (node_with(**NODE),),
    "families": ("ipv4", "ipv6"),
    "windows_families": ("ipv6",),
    "mode": "overlay",
    "cni": "flannel",
    "ipam": "host-local",
    "encapsulation": Encapsulation(vni=4096),
    "dsr": True,
    "win_dsr": False,
    "kube_proxy": True,
    "cluster_domain": "corp.example",
    "domain_told": False,
    "cluster_dns": ("10.96.0.10",),
    "dns_nodes": ("l",),
    "load_balancer": True,
    "denied_port": True,
    "pod_security_group": "sg-0a",
    "custom_networking": True,
    "external": ExternalHost(name="o", addresses=("203.0.113.10",), agent=True),
    "emulated": True,
    "signals": ("one", "two"),
    "components": {"kube-proxy image": "proxy:1"},
    "windows_ports": ("49152-65535",),
    "dns_caches": ("169.254.20.10",),
    "path_mtu": 1400,
    "dns_pods": ("10.244.1.10",),
    "dns_pod_port": 53,
    "own_networks": ("10.244.0.0/16",),
    "unused_networks": ("10.99.0.0/16",),
    "external_ips": False,
    "linux_policies": PolicyEngine(name="calico", version="3.32.2"),
    "windows_policies": PolicyEngine(name="calico", version="3.32.2", lacks=("except",)),
    "linux_translation": ("ipv4 none",),
}
EVERYTHING = cluster_with(**CLUSTER)


def test_files_have_all_facts_side_by_side_in_their_old_order():
    tree = tree_of_facts(EVERYTHING)
    assert list(tree) == list(CLUSTER) == list(FactsForm.__struct_fields__)
    assert list(tree["nodes"][0]) == list(NODE) == list(NodeForm.__struct_fields__)
    assert (tree["kube_proxy"], tree["cluster_dns"], tree["external"]["name"]) == (True, ("10.96.0.10",), "o")


@pytest.mark.parametrize("known", [EVERYTHING, facts(), cluster_with()])
def test_facts_are_read_as_they_were_written(known):
    assert facts_in(json.loads(json.dumps(tree_of_facts(known)))) == known
    assert parse_record(record_text(record(case(), facts=known)).encode()).facts == known


def test_what_belongs_together_is_a_group_in_memory():
    node = EVERYTHING.nodes[0]
    assert (EVERYTHING.proxy.on_windows, EVERYTHING.proxy.dsr, EVERYTHING.dns.domain) == (True, True, "corp.example")
    assert (EVERYTHING.outside.host.name, EVERYTHING.security.pod_security_group) == ("o", "sg-0a")
    assert (node.software.kernel, node.machine.provider, node.known_build) == ("10.0.30000.1", "aws", (26100, 1))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda tree: tree.update(mode="tunnel"), "facts.mode: needs one of overlay, "),
        (lambda tree: tree.update(network={"mode": "overlay"}), "facts.network: unknown field"),
        (lambda tree: tree.update(domain="x"), "facts.domain: unknown field"),
        (lambda tree: tree.update(cluster_domain=1), "facts.cluster_domain: needs text, found 1"),
        (lambda tree: tree["nodes"][0].update(vpc_addresses="9"), "facts.nodes[0].vpc_addresses: needs a whole number"),
        (lambda tree: tree["nodes"][0].update(software={}), "facts.nodes[0].software: unknown field"),
        (lambda tree: tree["nodes"][0].pop("os"), "facts.nodes[0].os: missing"),
    ],
)
def test_what_is_wrong_in_facts_is_told_by_its_place_in_the_file(change, said):
    tree = json.loads(record_text(record(case(), facts=EVERYTHING)))
    change(tree["facts"])
    with pytest.raises(ValueError, match=f"^{re.escape(said)}"):
        parse_record(json.dumps(tree).encode())
