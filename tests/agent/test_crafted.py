"""Packets of the runner through a real agent on the loopback: sent as they are, answered by an echo server of podwire.

Loopback addresses of their own keep the exchanges apart from others. A process without CAP_NET_RAW skips them.
"""

import base64
import socket

import pytest
from agent_for_tests import TOKEN, agent, echo_server, free_port
from scapy.layers import inet

from podwire.agent.crafted.conversation import Step
from podwire.agent.crafted.held_port import Segment
from podwire.crafting import IP, TCP, UDP, answering, fragments, question
from podwire.crafting.build import Exchange, asked_in, packets_of
from podwire.model.recipes import initial_sequence, text_of

OWN, SERVER = "127.0.77.1", "127.0.0.1"


def _may_craft():
    try:
        socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW).close()
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not _may_craft(), reason="needs CAP_NET_RAW")


def sent(recipe, port, protocol="udp", timeout=4.0):
    """What an agent reports of these packets to a port of the loopback, and its own port."""
    own = free_port(socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM)
    times = [Exchange(bindings={}, token=TOKEN, source=OWN, port=own, time=time) for time in (1, 2)]
    packets = [
        [
            {"packet": base64.b64encode(part.packet).decode(), "when": part.when, "quote": part.quote}
            for part in packets_of(text_of(recipe), exchange)
        ]
        for exchange in times
    ]
    size, answer = asked_in(text_of(recipe), times[0])
    common = {"host": SERVER, "port": port, "family": 4, "proto": protocol, "token": TOKEN, "timeout": timeout}
    params = {**common, "bind_address": OWN, "source_port": own, "packets": packets, "size": size, "answer": answer}
    with agent() as client:
        return client.call("crafted", params, 20.0).result(25), own


@pytest.mark.parametrize("order", [(1, 2, 3), (1, 3, 2), (2, 3, 1)])
def test_fragments_are_sent_in_their_order_and_answered_as_one_datagram(order):
    with echo_server() as port:
        packet = IP(dst=SERVER) / UDP(dport=port) / question(3000)
        attempt, own = sent(fragments(packet, 1450, order=order), port)
    assert attempt["error"] is None
    assert attempt["reply"]["identity"] == "server"
    assert (attempt["local"], attempt["sent"]) == ([OWN, own], 1)


def test_packets_without_an_answer_are_sent_twice():
    with echo_server() as port:
        packet = IP(dst=SERVER) / UDP(dport=port) / question(3000)
        attempt, _ = sent(fragments(packet, 1450, order=(1,)), port, timeout=1.5)
    assert (attempt["error"]["kind"], attempt["sent"], attempt["reply"]) == ("timeout", 2, None)


def test_a_syn_is_answered_by_an_open_port_and_refused_by_a_closed_one():
    with echo_server() as port:
        answered, _ = sent(IP(dst=SERVER) / TCP(dport=port, flags="S"), port, "tcp")
    assert (answered["error"], answered["received"]) == (None, 1)
    closed = free_port()
    refused, _ = sent(IP(dst=SERVER) / TCP(dport=closed, flags="S"), closed, "tcp")
    assert refused["error"]["kind"] == "refused"


def test_the_agent_speaks_tcp_itself_and_its_kernel_says_nothing():
    with echo_server() as port:
        head = IP(dst=SERVER)
        talk = (
            head / TCP(dport=port, flags="S"),
            answering("SYN-ACK", head / TCP(dport=port, flags="PA", seq=1) / question(400)),
            answering("data", head / TCP(dport=port, flags="R", seq=401)),
        )
        attempt, _ = sent(talk, port, "tcp")
    assert attempt["error"] is None, "an RST of the kernel would have ended the connection before the data came"
    assert attempt["received"] >= 2


def test_a_conversation_that_stops_says_what_did_not_come():
    with echo_server() as port:
        syn = IP(dst=SERVER) / TCP(dport=port, flags="S")
        attempt, _ = sent((syn, answering("data", syn)), port, "tcp", timeout=1.0)
    assert attempt["error"]["kind"] == "timeout"
    assert attempt["error"]["text"].endswith("no data came")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"proto": "icmp"}, "'icmp' is not tcp or udp"),
        ({"packets": [[{"packet": "%%"}]]}, "no lists of packets in base64"),
        ({"packets": [[{"packet": "", "when": "later"}]]}, "when 'later' is not SYN-ACK, data, shorter data"),
    ],
)
def test_a_request_that_cannot_be_meant_is_refused(changes, said):
    params = {"host": SERVER, "port": 9, "family": 4, "proto": "udp", "token": TOKEN, "timeout": 1.0, "packets": [[]]}
    with agent() as client, pytest.raises(Exception, match=said):
        client.call("crafted", {**params, **changes}, 5.0).result(10)


def a_segment(flags="A", data=b"", seq=500):
    packet = bytes(inet.IP(src=SERVER, dst=OWN) / inet.TCP(sport=80, dport=4000, seq=seq, flags=flags) / data)
    return Segment(packet, 20), packet


@pytest.mark.parametrize(("flags", "data", "number"), [("SA", b"", 501), ("PA", b"abc", 503), ("FPA", b"abc", 504)])
def test_an_answer_acknowledges_what_its_segment_takes_of_the_sequence(flags, data, number):
    segment, _ = a_segment(flags, data)
    step = Step(bytes(inet.IP(src=OWN, dst=SERVER) / inet.TCP(flags="A") / b"x"), {"when": "data"})
    answer = inet.IP(step.packet_for(segment, SERVER))
    assert answer[inet.TCP].ack == number
    again = inet.IP(bytes(answer))
    del again[inet.TCP].chksum
    assert bytes(again) == bytes(answer), "its checksum is right"


def test_an_error_quotes_the_beginning_of_the_segment():
    segment, packet = a_segment("PA", b"y" * 100)
    empty = bytes(inet.IP(src=OWN, dst=SERVER) / inet.ICMP(type=3, code=4, nexthopmtu=1280) / bytes(48))
    error = inet.IP(Step(empty, {"when": "data", "quote": 48}).packet_for(segment, SERVER))
    assert bytes(error[inet.ICMP].payload) == packet[:48]
    again = inet.IP(bytes(error))
    del again[inet.ICMP].chksum
    assert bytes(again) == bytes(error), "its checksum is right"


def test_the_number_of_a_syn_is_that_of_its_token():
    exchange = Exchange(bindings={}, token=TOKEN, source=OWN, port=40000)
    (syn,) = packets_of(text_of(IP(dst=SERVER) / TCP(flags="S")), exchange)
    assert inet.IP(syn.packet).seq == initial_sequence(TOKEN)
    assert inet.UDP not in inet.IP(syn.packet)
