"""Faults of network modes and CNIs, seen on the wire and from pods."""

from ipaddress import ip_address, ip_network

import pytest
from faulty import VIP, Labs, breaks, params, seen_as, wire, works

from podwire.model.facts import DENIED_PORT
from podwire_lab.faults.policies.mistakes import BESIDE as ENGINE_BESIDE
from podwire_lab.faults.registry import FAULTS
from podwire_lab.model.addresses import VPC
from podwire_lab.model.cni_notes import VPC_ADDRESS

LIN, LIN_2, WIN, WIN_B = "linux-1/a", "linux-2/a", "windows-1/a", "windows-1/b"
GUARDED, BESIDE = "windows-2/a", "windows-2/b"
PORTS = (DENIED_PORT, DENIED_PORT + 1)
FABRIC = "12:34:56:78:9a:bc"


def of_geneve(packets):
    return {p.outer.kind for p in packets if p.outer} == {"geneve"}


def of_the_fabric(packets):
    return all(FABRIC in (p.frame.src, p.frame.dst) for p in packets)


def keeps_its_source(lab):
    lab.service(VIP, LIN)
    return lab.exchange(WIN, VIP, port=80).seen == lab.facts()["addresses"][WIN][0]


def with_its_own_mac(lab):
    result = lab.exchange(WIN, LIN, record=[WIN])
    return result.ok and result.packets[WIN][0].frame.src == lab.facts()["macs"][WIN]


def only_its_own_network(lab):
    """A tunnel packet to a pod has an answer with the VNI of its network, and none with another."""
    own, other = (lab.tunnelled("linux-1", WIN, vni) for vni in ("own", "other"))
    return own["received"] > 0 and other["error"]["kind"] == "timeout"


def apart_from_the_underlay(lab):
    """A packet to a pod has an answer in the tunnel of its network, and none without a tunnel."""
    own, bare = (lab.tunnelled("linux-1", WIN, vni) for vni in ("own", "no"))
    return own["received"] > 0 and bare["error"]["kind"] == "timeout"


def holds_to_a_policy(lab):
    """A pod that is guarded answers over TCP, and not over UDP, whichever node is asking."""
    lab.guard(GUARDED)
    answers = {proto: [lab.exchange(one, GUARDED, proto=proto) for one in (LIN, BESIDE)] for proto in ("tcp", "udp")}
    return all(one.ok for one in answers["tcp"]) and all(one.error == "TimeoutError" for one in answers["udp"])


def denies_a_port(lab):
    """To one port of a pod nothing comes, not even that nobody listens there; to the next port it does."""
    said = {port: lab.exchange(WIN, to, proto="tcp", port=port).error for to in (GUARDED, WIN_B) for port in PORTS}
    return said == {DENIED_PORT: "TimeoutError", DENIED_PORT + 1: "ConnectionRefusedError"}


def in_the_subnet_of_its_node(lab):
    """A pod that comes to a Windows node has an address of the node's subnet, and is reached there."""
    (address,) = lab.attach("windows-1", "new")
    try:
        return ip_address(address) in ip_network(VPC) and lab.exchange(LIN, "windows-1/new").ok
    finally:
        lab.detach("windows-1", "new")


def has_one_card(lab):
    """EC2 tells of one network card."""
    return len(lab.facts()["cards"]["windows-1"]["macs"]) == 1


def sixty_at_most(lab):
    """A node with two pods has addresses for fifty-eight more of Calico's block; all are given back."""
    return room_on(lab, "windows-2", 70) == 58


def says_that_no_address_is_left(lab):
    """A node that is full says of what there is none."""
    node, made = "windows-2", []
    try:
        for number in range(70):
            lab.attach(node, f"more-{number}")
            made.append(f"more-{number}")
    except RuntimeError as refusal:
        return "address" in str(refusal)
    finally:
        for name in made:
            lab.detach(node, name)
    return False


def room_on(lab, node, most):
    made = 0
    try:
        while made < most:
            lab.attach(node, f"more-{made}")
            made += 1
    except RuntimeError:
        return made
    finally:
        for number in range(made):
            lab.detach(node, f"more-{number}")
    return made


def keeps_addresses_ready(lab):
    """A node's card gets another address for the one that a pod takes."""
    node = "windows-2"
    before = lab.facts()["cards"][node]["local-ipv4s"]
    lab.attach(node, "more")
    try:
        return len(lab.facts()["cards"][node]["local-ipv4s"]) > len(before)
    finally:
        lab.detach(node, "more")


CHECKS = {
    "no-addresses-kept-ready": keeps_addresses_ready,
    "foreign-block-borrowed": sixty_at_most,
    "second-network-card": has_one_card,
    "refused-without-the-reason": says_that_no_address_is_left,
    "policies-not-held-to": holds_to_a_policy,
    "policies-allow-nothing": holds_to_a_policy,
    "security-rules-not-applied": denies_a_port,
    "any-vni-is-taken": only_its_own_network,
    "underlay-reaches-pods": apart_from_the_underlay,
    "geneve-header-of-vxlan": wire(LIN, LIN_2, of_geneve, "linux-1"),
    "balanced-source-hidden": keeps_its_source,
    "frames-past-the-fabric": wire(WIN, LIN, of_the_fabric, "windows-1"),
    "same-node-stays-inside": wire(WIN, WIN_B, bool, "windows-1"),
    "underlay-not-excepted": seen_as(WIN, "linux-1", "172.31.75.10", proto="tcp"),
    "answers-under-the-nodes-address": works("linux-1", WIN),
    "pods-send-with-the-nodes-mac": with_its_own_mac,
    "windows-pods-by-eniconfig": in_the_subnet_of_its_node,
    "winnat-missing": works(WIN, LIN),
    "winnat-on-the-node-too": seen_as(WIN_B, WIN, "172.20.11.11", proto="tcp"),
    "winnat-open": lambda lab: lab.exchange(LIN, WIN).error == "TimeoutError",
}


# Of these profiles an engine is a variation, which the labs of these tests do not have.
WHOLE = [
    each for each in params(CHECKS) if each.values[0] not in ENGINE_BESIDE or not FAULTS[each.values[1]].variations
]


@pytest.mark.parametrize(("profile", "fault", "check"), WHOLE)
def test_a_fault_shows_and_goes(running: Labs, profile, fault, check):
    breaks(running.of(profile), fault, check)


def node(**status):
    return {"metadata": {"name": "windows-1"}, "spec": {}, "status": status}


def test_faults_of_the_api_change_its_objects():
    few = node(allocatable={VPC_ADDRESS: "9"})
    FAULTS["too-few-vpc-addresses"].write("nodes", few)
    assert few["status"]["allocatable"][VPC_ADDRESS] == "8"
    none = node(allocatable={VPC_ADDRESS: "9", "pods": "110"}, capacity={VPC_ADDRESS: "9"})
    FAULTS["no-vpc-addresses-offered"].write("nodes", none)
    assert none["status"] == {"allocatable": {"pods": "110"}, "capacity": {}}
    linux = node(allocatable={"pods": "110"})
    FAULTS["too-few-vpc-addresses"].write("nodes", linux)
    assert linux["status"]["allocatable"] == {"pods": "110"}
    FAULTS["machines-of-another-cloud"].write("nodes", linux)
    assert linux["spec"]["providerID"].startswith("other://")
