"""The facts of a cluster with many nodes, as a reader sees them."""

from wide_cluster import wide_facts

from podwire.model.facts import CloudMachine, ClusterFacts, NodeFacts, NodeSoftware, Origin
from podwire.records.facts_groups import MOST_GROUPS, tree_of_groups


def node(number, **fields):
    """A Linux node of many."""
    return NodeFacts(
        name=f"n{number:03}",
        os="linux",
        addresses=(f"10.0.0.{number}",),
        pod_cidrs=(f"10.{number}.0.0/24",),
        **fields,
    )


def test_nodes_that_run_the_same_are_one_group_with_their_zones():
    nodes = [node(at, machine=CloudMachine(zone=f"zone-{at % 2}")) for at in range(5)]
    nodes.append(node(5, ready=False, software=NodeSoftware(kernel="6.1")))
    large, small = tree_of_groups(ClusterFacts(nodes=tuple(nodes)))["node_groups"]
    assert large == {
        "nodes": 5,
        "names": "n000, n001, n002 and 2 more",
        "os": "linux",
        "addresses": "ipv4",
        "pod_cidrs": "1 of each node",
        "zones": "zone-0 3, zone-1 2",
    }
    assert (small["nodes"], small["names"], small["ready"], small["kernel_version"]) == (1, "n005", False, "6.1")


def test_every_node_is_in_one_group():
    kernels = [f"6.{at}" for at in range(MOST_GROUPS + 3)]
    nodes = tuple(node(at, software=NodeSoftware(kernel=kernels[at % len(kernels)])) for at in range(200))
    *groups, rest = tree_of_groups(ClusterFacts(nodes=nodes))["node_groups"]
    assert len(groups) == MOST_GROUPS
    assert rest["in_groups"] == 3
    assert sum(group["nodes"] for group in (*groups, rest)) == 200


def test_a_signal_stands_for_those_that_say_the_same_of_other_nodes():
    signals = (
        "node a: not ready: no answer",
        "node b: pods have addresses of 10.0.0.0/26 (Calico's block affinities)",
        "node c: not ready: no answer",
        "node d: pods have addresses of 10.9.0.0/26 (Calico's block affinities)",
        "node e: pods have addresses of 10.8.0.0/26 (Calico's block affinities)",
        "node f: not ready: disk full",
        "DNS cache: 10.0.0.1",
        "DNS cache: 10.0.0.2",
    )
    assert tree_of_groups(ClusterFacts(origin=Origin(signals=signals)))["signals"] == [
        "node a: not ready: no answer (and likewise of 1 more node)",
        "node b: pods have addresses of 10.0.0.0/26 (Calico's block affinities) (and likewise of 2 more nodes)",
        "node f: not ready: disk full",
        "DNS cache: 10.0.0.1",
        "DNS cache: 10.0.0.2",
    ]


def test_a_thousand_nodes_need_no_more_lines_than_ten():
    ten, thousand = (tree_of_groups(wide_facts("kubeadm-nodelocal-dns", count)) for count in (10, 1000))
    assert list(thousand) == list(ten)
    assert len(thousand["node_groups"]) == len(ten["node_groups"])
    assert len(thousand["signals"]) == len(ten["signals"])
