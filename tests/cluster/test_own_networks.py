"""The networks of pods that the API tells beside the parts of nodes: none of them is a network of nobody."""

import pytest
from facts_by_row import node_with
from recorded_clusters import discovered

from podwire.catalogue.load import load
from podwire.cluster.discovery.pod_networks import own_networks
from podwire.content import suites_folder
from podwire.model.addressing.nobody import nobody_of
from podwire.planning.plan import Selection, make_plan

CIDR = "ConfigMap kube-system/kube-proxy config.conf clusterCIDR"


def a_dns_pod(*addresses):
    return {"status": {"podIPs": [{"ip": one} for one in addresses]}}


@pytest.mark.parametrize(
    ("objects", "settings", "networks"),
    [
        ({}, {}, ()),
        ({}, {CIDR: "198.18.0.0/15,fd10::/48"}, ("198.18.0.0/15", "fd10::/48")),
        ({}, {CIDR: "none"}, ()),
        ({}, {"ConfigMap kube-system/kube-proxy config.conf mode": "198.18.0.0/15"}, ()),
        ({"ippools": [{"spec": {"cidr": "198.19.0.0/16"}}, {"spec": None}]}, {}, ("198.19.0.0/16",)),
        ({"pods": [a_dns_pod("198.19.4.7", "fd00::7")]}, {}, ("198.18.0.0/15",)),
        ({"pods": [a_dns_pod("10.0.4.7"), {"status": None}, a_dns_pod("none")]}, {}, ()),
        ({"pods": [a_dns_pod("198.19.4.7")]}, {CIDR: "198.19.0.0/16"}, ("198.19.0.0/16",)),
        ({"pods": [a_dns_pod("198.18.1.7")]}, {}, ()),
    ],
    ids=[
        "nothing",
        "kube-proxy",
        "no network",
        "another setting",
        "pools",
        "a DNS pod",
        "other DNS pods",
        "a pod in a network that is told",
        "a pod in the part of a node",
    ],
)
def test_networks_come_from_kube_proxy_pools_and_the_pods_of_dns(objects, settings, networks):
    nodes = [node_with(name="l", os="linux", pod_cidrs=("198.18.1.0/24",))]
    assert own_networks(objects, settings, nodes) == networks


# A VPC-native GKE cluster whose pods are in the range for benchmarks, and EKS with the range that AWS recommends.
@pytest.mark.parametrize(
    ("cluster", "moved"),
    [("gke-windows", ("10.8.", "198.18.")), ("eks-prefix-calico-policy", ("192.168.", "198.19."))],
)
def test_a_recorded_cluster_with_pods_in_the_range_for_benchmarks_loses_the_two_largest_crowds_only(
    cluster, moved, tmp_path
):
    catalogue, tests = load(suites_folder())
    usual, facts = discovered(cluster, tmp_path), discovered(cluster, tmp_path, moved)
    assert nobody_of(usual).addresses(1)[0].startswith("198.18.")
    assert not nobody_of(facts).addresses(1)[0].startswith("198.1")
    plans = [make_plan(catalogue, tests, one, Selection()) for one in (usual, facts)]
    lost = plans[0].cases.keys() - plans[1].cases.keys()
    assert lost == {name for name in plans[0].cases if "BACKENDS-1024[1000" in name or "BACKENDS-MORE[" in name}
    reasons = [one.reason for one in plans[1].exclusions if "unused_networks" in one.reason]
    assert len(reasons) == len(lost) > 0
