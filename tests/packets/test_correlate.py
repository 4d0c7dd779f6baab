"""Packets of one exchange are found by token, by SYN and by their ends, through NAT and tunnels, and no others."""

from flat_packets import a_packet_with, with_fields
from observed import a_tunnel

from podwire.agent import messages
from podwire.model.observations import Attempt, Lookup
from podwire.packets.correlate import CaptureIndex, Clue, clues
from podwire.packets.lookups import lookups_for

TOKEN, OTHER = "pw00000000000000aa", "pw00000000000000bb"
PORTS = {8080, 80}


def packet(src, dst, flags="", payload=b"", protocol="tcp", **more):
    (source, sport), (target, dport) = src, dst
    fields = {"at": 1.0, "eth_src": "a", "eth_dst": "b", "protocol": protocol, "flags": flags, "payload": payload}
    return a_packet_with(**fields, src=source, sport=sport, dst=target, dport=dport, **more)


CLIENT, NATTED, SERVER = ("10.0.0.1", 40000), ("172.31.0.11", 50000), ("203.0.113.10", 8080)


def directions(index, clue):
    return [one.direction for _, one in index.find(clue, PORTS)]


def test_a_token_leads_to_the_whole_connection():
    index = CaptureIndex(
        [
            packet(CLIENT, SERVER, "S", seq=7),
            packet(SERVER, CLIENT, "SA"),
            packet(CLIENT, SERVER, "PA", TOKEN.encode()),
            packet(("10.0.0.1", 40001), SERVER, "PA", OTHER.encode()),
        ]
    )
    assert directions(index, Clue(token=TOKEN)) == ["request", "reply", "request"]


def test_a_client_that_was_given_a_servers_number_as_its_port_is_still_the_client():
    client = ("172.31.0.1", 80)
    index = CaptureIndex(
        [
            packet(client, SERVER, protocol="udp", payload=TOKEN.encode()),
            packet(SERVER, client, protocol="udp", payload=TOKEN.encode()),
        ]
    )
    assert directions(index, Clue(token=TOKEN)) == ["request", "reply"]


def test_such_a_client_is_known_by_the_answer_to_a_syn_that_was_not_captured():
    client = ("172.31.0.1", 80)
    index = CaptureIndex(
        [
            packet(SERVER, client, "SA"),
            packet(client, SERVER, "A"),
            packet(client, SERVER, "PA", TOKEN.encode()),
            packet(SERVER, client, "PA", TOKEN.encode()),
        ]
    )
    assert directions(index, Clue(token=TOKEN)) == ["reply", "request", "request", "reply"]


def test_such_a_client_is_known_by_what_the_ends_say_where_its_question_was_not_captured():
    client = ("172.31.0.1", 80)
    question = messages.question(TOKEN, 256)
    answer = messages.datagram_answer(question, "a", client, SERVER)
    replies_first = [
        packet(SERVER, client, protocol="udp", payload=answer),
        packet(client, SERVER, protocol="udp", payload=question),
    ]
    assert directions(CaptureIndex(replies_first), Clue(token=TOKEN)) == ["reply", "request"]
    assert directions(CaptureIndex(replies_first[:1]), Clue(token=TOKEN)) == ["reply"]
    assert directions(CaptureIndex(replies_first[1:]), Clue(token=TOKEN)) == ["request"]


def test_a_capture_that_grows_is_one_capture():
    index = CaptureIndex([packet(CLIENT, SERVER, "S", seq=7)])
    index.extend([packet(SERVER, CLIENT, "SA"), packet(CLIENT, SERVER, "PA", TOKEN.encode())])
    assert [at for at, _ in index.find(Clue(token=TOKEN), PORTS)] == [0, 1, 2]
    assert index.sequence_of(CLIENT, SERVER) == 7


def test_a_syn_without_answer_is_found_behind_nat_by_its_sequence_number():
    at_client = CaptureIndex([packet(CLIENT, SERVER, "S", seq=4242)])
    behind_nat = CaptureIndex([packet(NATTED, SERVER, "S", seq=4242), packet(NATTED, SERVER, "S", seq=1)])
    attempt = Attempt(token=TOKEN, started=0, elapsed=4, local=CLIENT)
    (clue,) = clues([attempt], SERVER, at_client)
    assert len(behind_nat.find(clue, PORTS)) == 2  # both SYNs share the tuple: one connection, sent again
    assert CaptureIndex([packet(NATTED, SERVER, "S", seq=1)]).find(clue, PORTS) == []


def test_a_reused_port_towards_another_server_is_not_of_the_flow():
    index = CaptureIndex([packet(CLIENT, ("10.9.9.9", 8080), "S", seq=5)])
    assert index.find(Clue(token=TOKEN, local=CLIENT, target=SERVER), PORTS) == []


def test_an_icmp_error_is_of_the_flow_that_it_quotes_and_neither_request_nor_reply():
    asked = packet(CLIENT, SERVER, payload=TOKEN.encode(), protocol="udp")
    error = a_packet_with(
        at=1, eth_src="a", eth_dst="b", src="203.0.113.10", dst="10.0.0.1", protocol="icmp", icmp_type=3, quoted=asked
    )
    assert directions(CaptureIndex([asked, error]), Clue(token=TOKEN)) == ["request", "error"]


def test_echo_request_and_reply_are_told_apart():
    there = a_packet_with(
        at=1,
        eth_src="a",
        eth_dst="b",
        src="10.0.0.1",
        dst="10.0.0.2",
        protocol="icmp",
        icmp_type=8,
        payload=TOKEN.encode(),
    )
    back = a_packet_with(
        at=1,
        eth_src="a",
        eth_dst="b",
        src="10.0.0.2",
        dst="10.0.0.1",
        protocol="icmp",
        icmp_type=0,
        payload=TOKEN.encode(),
    )
    assert directions(CaptureIndex([there, back]), Clue(token=TOKEN)) == ["request", "reply"]


def test_lookups_of_a_name_are_the_name_itself_and_the_name_with_a_suffix():
    names = ["web", "web.ns.svc.cluster.local", "webby.ns.svc.cluster.local", "other"]
    seen = [Lookup(name=name, type="A", server="10.96.0.10", protocol="udp", at=0) for name in names]
    assert [one.name for one in lookups_for("Web", seen)] == names[:2]


def cut(src, dst, ident):
    """A datagram in two fragments, the first with the ports."""
    first = packet(src, dst, protocol="udp", payload=TOKEN.encode(), fragment=True, ident=ident)
    return first, with_fields(first, sport=None, dport=None)


def test_every_fragment_goes_the_way_of_its_packet_and_has_its_ports():
    there, back = cut(CLIENT, SERVER, 7), cut(SERVER, CLIENT, 7)
    index = CaptureIndex([there[1], there[0], *back])
    found = [one for _, one in index.find(Clue(token=TOKEN), PORTS)]
    assert [one.direction for one in found] == ["request", "request", "reply", "reply"]
    assert [one.packet.ports.dport for one in found] == [8080, 8080, 40000, 40000]


def test_a_fragment_without_a_token_is_found_by_its_identification():
    first, later = cut(CLIENT, SERVER, 7)
    other = with_fields(later, ident=8)
    index = CaptureIndex([first, with_fields(later, payload=b"rest"), with_fields(other, payload=b"rest")])
    assert [at for at, _ in index.find(Clue(token=TOKEN), PORTS)] == [0, 1]


def test_a_fragment_of_a_tunnels_packet_is_seen_as_the_packet_inside():
    first = with_fields(packet(CLIENT, SERVER, "PA", TOKEN.encode()), fragment=True, ident=7, outer=a_tunnel())
    node, other = first.outer.ip.src, first.outer.ip.dst
    later = a_packet_with(
        at=2, eth_src="a", eth_dst="b", src=node, dst=other, protocol="udp", fragment=True, ident=7, payload=b"rest"
    )
    found = [one for _, one in CaptureIndex([first, later]).find(Clue(token=TOKEN), PORTS)]
    assert [(one.direction, one.packet.tuple, one.packet.outer.kind) for one in found] == [
        ("request", first.tuple, "vxlan")
    ] * 2
    assert (found[1].packet.at, found[1].packet.payload) == (2, b"rest")


def test_a_fragment_whose_first_one_was_not_captured_goes_the_way_of_its_addresses():
    there, back = cut(CLIENT, SERVER, 7), cut(SERVER, CLIENT, 9)
    index = CaptureIndex([*there, back[0], with_fields(there[1], ident=8), with_fields(back[1], ident=10)])
    assert directions(index, Clue(token=TOKEN)) == ["request", "request", "reply", "request", "reply"]
