"""Tunnel packets that the agent makes of one that a node's tunnel sent; scapy is the second opinion."""

import os

import pytest
from agent_for_tests import TOKEN, agent, echo_server
from scapy.contrib.geneve import GENEVE
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

from podwire.agent.messages import question
from podwire.agent.tunnel import repacked, tunnelled, untunnelled

FIRST, QUESTION = question("pwfirst", 320), question(TOKEN, 320)
INNER = {
    "ipv4": IP(src="10.244.1.0", dst="10.244.11.12", id=7),
    "ipv6": IPv6(src="fd44:1::", dst="fd44:11::12"),
}
OUTER = {"ipv4": IP(src="172.31.0.1", dst="172.31.0.11"), "ipv6": IPv6(src="fd31::1", dst="fd31::b")}
HEADERS = {
    "vxlan": UDP(sport=50000, dport=4789) / VXLAN(vni=4096, flags=8),
    "geneve": UDP(sport=50000, dport=6081) / GENEVE(vni=5, options=b"\x01\x02\x80\x01\0\1\0\2"),
}


def frame(kind="vxlan", inner="ipv4", outer="ipv4", data=FIRST):
    inside = Ether(src="02:50:00:00:00:01", dst="02:50:00:00:00:0b") / INNER[inner] / UDP(sport=40000, dport=8080)
    return bytes(Ether(src="02:10:00:00:00:01") / OUTER[outer] / HEADERS[kind] / inside / Raw(data))


@pytest.mark.parametrize("outer", ["ipv4", "ipv6"])
@pytest.mark.parametrize("inner", ["ipv4", "ipv6"])
@pytest.mark.parametrize(("kind", "layer", "port", "vni"), [("vxlan", VXLAN, 4789, 4096), ("geneve", GENEVE, 6081, 5)])
def test_a_packet_is_the_first_one_but_for_question_port_and_network(kind, layer, port, vni, inner, outer):
    to, packet = tunnelled(frame(kind, inner, outer), FIRST, INNER[inner].dst)
    assert to == (OUTER[outer].dst, port)
    made = layer(repacked(packet, FIRST, QUESTION, 41000, True, inner == "ipv6"))
    assert made.vni == vni + 0x800000
    assert bytes(made[Raw]) == QUESTION
    wanted = layer(packet)
    wanted.vni, wanted[UDP].sport, wanted[Raw].load = made.vni, 41000, QUESTION
    del wanted[UDP].chksum
    assert bytes(made) == bytes(wanted)


def test_its_own_network_stays_as_it_is():
    _, packet = tunnelled(frame(), FIRST, "10.244.11.12")
    assert VXLAN(repacked(packet, FIRST, QUESTION, 41000, False, False)).vni == 4096


@pytest.mark.parametrize("inner", ["ipv4", "ipv6"])
def test_without_its_tunnel_it_is_a_frame_between_the_nodes(inner):
    outer = frame(inner=inner)
    _, packet = tunnelled(outer, FIRST, INNER[inner].dst)
    bare = Ether(untunnelled(packet, outer[:12]))
    assert (bare.src, bare.dst) == (Ether(outer).src, Ether(outer).dst)
    assert bytes(bare[UDP][Raw]) == FIRST
    assert bare.payload.dst == INNER[inner].dst


@pytest.mark.parametrize(
    "other",
    [
        frame(data=QUESTION),
        bytes(Ether() / INNER["ipv4"] / UDP(dport=8080) / Raw(FIRST)),
        bytes(Ether() / INNER["ipv6"] / UDP(dport=8080) / Raw(FIRST)),
        bytes(Ether() / IP(dst="172.31.0.11", proto=1) / Raw(FIRST)),
        bytes(Ether(type=0x88B5) / Raw(FIRST)),
        FIRST,
        b"",
    ],
)
def test_other_frames_are_none_of_it(other):
    target = INNER["ipv6" if other[12:14] == b"\x86\xdd" else "ipv4"].dst
    assert tunnelled(other, FIRST, target) is None


def tell(client, port, **more):
    params = {"proto": "tunnel", "host": "127.0.0.1", "port": port, "token": TOKEN, "timeout": 0.3, "vni": "own"}
    return client.call("exchange", {**params, **more}).result(10)


def test_without_a_tunnel_it_says_so():
    with echo_server() as port, agent() as client:
        error = tell(client, port)["error"]
    if os.geteuid():
        assert error["stage"] == "bind"
    else:
        assert (error["kind"], error["text"]) == ("other", "the node sent no tunnel packet for the target")


def test_another_word_for_the_network_is_refused():
    with agent() as client, pytest.raises(Exception, match="parameter 'vni': 'any' is not own, other or no"):
        tell(client, 1, vni="any")
