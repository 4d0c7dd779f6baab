"""The network mode by what one flow between nodes, and one on a node, leave on the wire."""

import pytest
from facts_by_row import cluster_with
from observed import BINDINGS, a_packet, a_tunnel, an_observation

from podwire.model.facts import Encapsulation
from podwire.platforms.hns import HnsDsr, HnsMode
from podwire.platforms.mode_on_the_wire import WireMode, told_by_wire, with_dsr, with_hns, with_wire

NODE_MAC, POD_MAC, OTHER_MAC = "02:10:00:00:00:0b", "02:30:00:00:0b:02", "02:10:00:00:00:0c"
KNOWN = {**BINDINGS, "client.mac": POD_MAC, "client.node.mac": NODE_MAC}
INSIDE = an_observation(packets=[])


def across(**packet):
    return an_observation(packets=[a_packet(**{"eth_src": NODE_MAC, "eth_dst": OTHER_MAC, **packet})], bindings=KNOWN)


SEEN = {
    "vxlan": (across(outer=a_tunnel(vni=4097)), INSIDE, "overlay", "VXLAN to port 4789, VNI 4097"),
    "geneve": (across(outer=a_tunnel(kind="geneve", dport=6081, vni=7)), INSIDE, "transparent", "Geneve to port 6081"),
    "bare": (across(), INSIDE, "l2bridge", "pod addresses in frames with the node's MAC"),
    "bare, and on the node too": (across(), across(), "l2tunnel", "even between pods of one node"),
    "one node only has pods": (across(), None, "l2bridge", "pod addresses in frames with the node's MAC"),
    "hidden": (across(src="172.31.0.11"), INSIDE, "nat", "with the address of its node"),
    "the pod's MAC": (across(eth_src=POD_MAC), INSIDE, "transparent", "frames carry the MAC of the pod"),
    "another source": (across(src="10.9.9.9"), INSIDE, "unknown", "from 10.9.9.9"),
    "another MAC": (across(eth_src=OTHER_MAC), INSIDE, "unknown", f"in a frame of {OTHER_MAC}"),
    "nothing": (an_observation(packets=[]), INSIDE, "unknown", "none of its packets passes the network card"),
}


@pytest.mark.parametrize("name", SEEN)
def test_each_mode_leaves_its_own_marks(name):
    flow, same_node, mode, words = SEEN[name]
    told = told_by_wire(flow, same_node)
    assert told.mode == mode
    assert words in told.words


def test_a_flow_that_came_to_nothing_says_why():
    told = told_by_wire(an_observation(packets=[], problem="pod windows-1-a: evicted"), None)
    assert (told.mode, told.words) == ("unknown", "a flow between nodes shows no mode: pod windows-1-a: evicted")


def test_what_the_api_does_not_tell_the_wire_does():
    wire = told_by_wire(across(outer=a_tunnel()), INSIDE)
    facts = with_wire(cluster_with(mode="unknown", windows_families=("ipv4", "ipv6")), wire, "w-1 to w-2")
    assert (facts.network.mode, facts.network.windows_families) == ("overlay", ("ipv4",))
    assert facts.network.encapsulation == Encapsulation(kind="vxlan", port=4789, vni=4096)
    assert facts.origin.signals == ("wire, w-1 to w-2: VXLAN to port 4789, VNI 4096: overlay",)


def test_api_and_wire_that_disagree_are_a_conflict():
    facts = with_wire(cluster_with(mode="l2bridge"), told_by_wire(across(), across()), "w-1 to w-2")
    assert (facts.network.mode, facts.network.encapsulation) == ("unknown", None)
    assert facts.origin.signals[-1] == "conflict: network mode l2bridge (API) and l2tunnel (wire); taken as unknown"


def test_a_wire_that_tells_nothing_changes_nothing_but_says_so():
    facts = with_wire(cluster_with(mode="overlay"), WireMode(mode="unknown", words="no flow is possible"), "no node")
    assert (facts.network.mode, facts.origin.signals) == ("overlay", ("wire, no node: no flow is possible",))


OVERLAY = HnsMode(mode="overlay", words="HNS has vxlan0 (Overlay, VNI 4096)")


def test_what_the_api_does_not_tell_nodes_do():
    facts = with_hns(cluster_with(mode="unknown", windows_families=("ipv4", "ipv6")), OVERLAY, "w-1")
    assert (facts.network.mode, facts.network.windows_families) == ("overlay", ("ipv4",))
    assert facts.origin.signals == ("HNS of w-1: HNS has vxlan0 (Overlay, VNI 4096): overlay",)


def test_nodes_that_tell_another_mode_are_a_conflict_that_no_wire_settles():
    facts = with_hns(with_hns(cluster_with(mode="l2bridge"), OVERLAY, "w-1"), OVERLAY, "w-2")
    facts = with_wire(facts, told_by_wire(across(outer=a_tunnel()), INSIDE), "w-1 to w-2")
    assert (facts.network.mode, facts.network.encapsulation) == ("unknown", None)
    conflicts = [signal for signal in facts.origin.signals if signal.startswith("conflict")]
    assert conflicts == ["conflict: network mode l2bridge (API) and overlay (HNS of w-1); taken as unknown"]


def test_nodes_and_wire_that_disagree_are_a_conflict():
    facts = with_hns(cluster_with(mode="unknown"), OVERLAY, "w-1")
    facts = with_wire(facts, told_by_wire(across(), INSIDE), "w-1 to w-2")
    assert facts.origin.signals[-1] == "conflict: network mode overlay (HNS) and l2bridge (wire); taken as unknown"


ON, OFF, NONE = (HnsDsr(dsr=dsr, words="of 10.96.0.10") for dsr in (True, False, None))


@pytest.mark.parametrize(
    ("before", "nodes", "dsr", "conflicts"),
    [
        (None, [ON, ON], True, 0),
        (None, [OFF], False, 0),
        (True, [ON, NONE], True, 0),
        (None, [NONE], None, 0),
        (False, [ON, OFF], None, 1),
        (None, [ON, OFF, ON], None, 1),
    ],
)
def test_load_balancers_of_nodes_tell_of_dsr_or_are_in_conflict(before, nodes, dsr, conflicts):
    facts = cluster_with(dsr=before)
    for told in nodes:
        facts = with_dsr(facts, told, "w-1")
    assert facts.proxy.dsr is dsr
    assert sum(signal.startswith("conflict: Direct Server Return") for signal in facts.origin.signals) == conflicts
    assert facts.origin.signals.count("HNS of w-1: of 10.96.0.10") == len(nodes)


def test_a_node_that_cannot_be_asked_changes_nothing_but_is_said():
    facts = with_hns(cluster_with(mode="overlay"), HnsMode(mode="unknown", words="cannot be asked: no agent"), "w-1")
    assert (facts.network.mode, facts.origin.signals) == ("overlay", ("HNS of w-1: cannot be asked: no agent",))
