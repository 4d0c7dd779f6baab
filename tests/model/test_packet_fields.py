"""What a packet can be asked for by name, and what is no question to a packet."""

import pytest
from flat_packets import a_packet_with
from observed import a_tunnel

from podwire.model.packet_fields import FIELDS
from podwire.model.packets import Packet
from podwire.model.patterns import mismatch, nothing, request

TCP = {"protocol": "tcp", "src": "10.0.0.1", "dst": "10.0.0.2", "sport": 50000, "dport": 80, "ttl": 63}
ALL = a_packet_with(
    **TCP, flags="S", seq=1, ack=2, icmp_type=3, icmp_code=4, icmp_id=5, icmp_seq=6, mtu=1400, ident=7,
    eth_src="02:00:00:00:00:01", eth_dst="02:00:00:00:00:02", outer=a_tunnel(), payload=b"x", interface="eth0",
)  # fmt: skip
OF_OTHERS = {"at", "length", "interface", "payload", "src", "dst", "protocol", "flags", "fragment", "encapsulated"}
ADDRESSES = {"eth_src", "eth_dst", "frame_src", "frame_dst"}


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_a_field_has_a_value_of_its_kind(field):
    assert type(field.read(ALL)) is field.kind


def test_what_a_packet_does_not_have_is_none():
    empty = Packet(at=0.0)
    assert {name for name, field in FIELDS.items() if field.read(empty) is not None} == OF_OTHERS | ADDRESSES


def test_the_frame_on_the_cable_is_that_of_the_tunnel():
    read = {name: field.read(ALL) for name, field in FIELDS.items()}
    assert (read["eth_src"], read["frame_src"]) == ("02:00:00:00:00:01", "02:10:00:00:00:0b")
    assert (read["src"], read["outer_src"], read["outer_dport"], read["vni"]) == ("10.0.0.1", "172.31.0.11", 4789, 4096)


def test_a_mismatch_is_told_by_the_name_that_was_asked():
    assert mismatch(ALL, request(sport=50000, icmp_seq=6).conditions) is None
    assert mismatch(ALL, request(sport=50000, icmp_seq=1).conditions) == "icmp_seq = 6"


@pytest.mark.parametrize(
    ("fields", "complaint"),
    [
        ({"colour": 1}, "a packet has no field 'colour'"),
        ({"ip": "10.0.0.1"}, "a packet has no field 'ip'"),
        ({"dport": "80"}, "the field 'dport' of a packet is a number, never '80'"),
        ({"encapsulated": 1}, "the field 'encapsulated' of a packet is yes or no, never 1"),
        ({"src": 10}, "the field 'src' of a packet is text, never 10"),
    ],
)
def test_a_question_that_no_packet_answers_is_refused(fields, complaint):
    with pytest.raises(TypeError, match=complaint):
        nothing(**fields)
