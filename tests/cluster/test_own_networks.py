"""The networks of pods that the API tells beside the parts of nodes: none of them is a network of nobody."""

import pytest
from facts_by_row import node_with

from podwire.cluster.discovery.pod_networks import own_networks

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
