"""The bytes of packets: what a suite wrote, what podwire fills in, and fragments that scapy puts together again."""

import pytest
from scapy.layers import inet, inet6

from podwire.agent.messages import question as question_of
from podwire.crafting import ICMP, IP, TCP, UDP, IPv6, Raw, answering, fragments, question, quoted
from podwire.crafting.build import Exchange, asked_in, packets_of
from podwire.model.flows import Peer
from podwire.model.recipes import RecipeError, initial_sequence, text_of

SERVER, TOKEN = Peer(role="server", kind="pod", os="linux"), "pw0123456789abcdef"
BINDINGS = {"server.ip": "10.244.12.2", "server.port": 8080, "flow.size": 3000, "path.mtu": 1450}
V6 = {**BINDINGS, "server.ip": "fd44:12::2"}


def an_exchange(bindings=BINDINGS, source="10.244.11.2", **changes):
    return Exchange(**{"bindings": bindings, "token": TOKEN, "source": source, "port": 40000, **changes})


def built(recipe, exchange=None):
    return packets_of(text_of(recipe), exchange or an_exchange())


def test_a_packet_has_what_the_suite_wrote_and_what_nobody_else_may_choose():
    (sent,) = built(IP(dst=SERVER.ip, ttl=1, flags="DF") / UDP(dport=SERVER.port) / question(320))
    packet = inet.IP(sent.packet)
    assert (packet.src, packet.dst, packet.ttl, packet.id, packet.flags) == (
        "10.244.11.2",
        "10.244.12.2",
        1,
        40000,
        "DF",
    )
    assert (packet[inet.UDP].sport, packet[inet.UDP].dport) == (40000, 8080)
    assert bytes(packet[inet.UDP].payload) == question_of(TOKEN, 320)
    again = inet.IP(bytes(packet))
    del again.chksum, again[inet.UDP].chksum
    assert bytes(again) == sent.packet, "the checksums are right"


def test_what_a_suite_does_write_stays():
    (sent,) = built(IP(src="10.9.9.9", dst=SERVER.ip, id=7) / UDP(sport=53, dport=SERVER.port))
    packet = inet.IP(sent.packet)
    assert (packet.src, packet.id, packet[inet.UDP].sport) == ("10.9.9.9", 7, 53)


def test_a_second_time_has_another_identification_and_the_same_port():
    first, second = (built(IP(dst=SERVER.ip) / UDP(), an_exchange(time=time))[0].packet for time in (1, 2))
    assert inet.IP(first).id != inet.IP(second).id
    assert inet.IP(first).sport == inet.IP(second).sport


def test_sequence_numbers_count_from_that_of_the_exchange():
    syn, data = built((IP(dst=SERVER.ip) / TCP(flags="S"), IP(dst=SERVER.ip) / TCP(flags="PA", seq=1)))
    assert inet.IP(syn.packet)[inet.TCP].seq == initial_sequence(TOKEN)
    assert inet.IP(data.packet)[inet.TCP].seq == initial_sequence(TOKEN) + 1


@pytest.mark.parametrize("order", [(1, 2, 3), (1, 3, 2), (2, 3, 1), ()])
def test_fragments_leave_in_the_order_of_the_suite_and_are_one_packet_again(order):
    recipe = fragments(IP(dst=SERVER.ip) / UDP(dport=SERVER.port) / question(3000), 1450, order=order)
    pieces = [inet.IP(sent.packet) for sent in built(recipe)]
    wanted = order or (1, 2, 3)
    assert sorted(range(3), key=lambda at: pieces[at].frag) == sorted(range(3), key=lambda at: wanted[at])
    assert all(len(piece) <= 1450 for piece in pieces)
    (whole,) = inet.defragment(sorted(pieces, key=lambda piece: piece.frag))
    assert bytes(inet.IP(bytes(whole))[inet.UDP].payload) == question_of(TOKEN, 3000)


@pytest.mark.parametrize("order", [(1, 2, 3), (3, 1, 2)])
def test_fragments_of_ipv6_are_one_packet_again(order):
    recipe = fragments(IPv6(dst=SERVER.ip) / UDP(dport=SERVER.port) / question(3000), 1450, order=order)
    pieces = [inet6.IPv6(sent.packet) for sent in built(recipe, an_exchange(V6, "fd44:11::2"))]
    assert all(len(piece) <= 1450 for piece in pieces)
    whole = inet6.defragment6(pieces)
    assert bytes(inet6.IPv6(bytes(whole))[inet.UDP].payload) == question_of(TOKEN, 3000)


def test_a_packet_that_answers_says_when_and_where_the_quotation_stands():
    error = IP(dst=SERVER.ip) / ICMP(type=3, code=4, nexthopmtu=1280) / quoted(48)
    (sent,) = built(answering("data", error))
    assert (sent.when, sent.quote) == ("data", 48)
    assert bytes(inet.IP(sent.packet)[inet.ICMP].payload) == bytes(48)


@pytest.mark.parametrize(
    ("recipe", "asked"),
    [
        (IP(dst="10.0.0.1") / UDP() / question(400, answer=500), (400, 500)),
        (fragments(IP(dst="10.0.0.1") / UDP() / question(3000), 1450), (3000, 0)),
        ((IP(dst="10.0.0.1") / TCP(), answering("SYN-ACK", IP(dst="10.0.0.1") / TCP() / question(400))), (400, 0)),
        (IP(dst="10.0.0.1") / UDP() / Raw(load=b"x"), (0, 0)),
    ],
)
def test_the_agent_is_told_of_the_question_wherever_it_stands(recipe, asked):
    assert asked_in(text_of(recipe), an_exchange()) == asked


@pytest.mark.parametrize(
    ("recipe", "said"),
    [
        (UDP(dport=1), r"a packet begins with IP or IPv6$"),
        (IP() / UDP(), r"it has no dst, so nobody says where it is sent$"),
        (IP(dst=SERVER.name) / UDP(), r"^this run has no value for server\.name$"),
        (IP(dst="10.0.0.1", nonsense=1), r"scapy makes no such layer: "),
        (fragments(IP(dst="10.0.0.1") / UDP() / question(3000), 1450, order=(4,)), r"the packet has 3 fragments"),
    ],
)
def test_what_cannot_be_made_is_one_line(recipe, said):
    with pytest.raises(RecipeError, match=said):
        built(recipe)
