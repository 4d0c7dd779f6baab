"""What a packet can be asked for by name, and what is no question to a packet."""

import pytest
from changed import replace
from flat_packets import a_packet_with
from observed import a_tunnel

from podwire.model.packet_fields import FIELDS
from podwire.model.packets import Fragment, Ip, Packet, TcpOptions
from podwire.model.patterns import icmp_error, mismatch, nothing, reply, request, rst

TCP = {"protocol": "tcp", "src": "10.0.0.1", "dst": "10.0.0.2", "sport": 50000, "dport": 80, "ttl": 63}
ALL = a_packet_with(
    **TCP, flags="S", seq=1, ack=2, icmp_type=3, icmp_code=4, icmp_id=5, icmp_seq=6, mtu=1400, ident=7,
    eth_src="02:00:00:00:00:01", eth_dst="02:00:00:00:00:02", outer=a_tunnel(), payload=b"x", interface="eth0",
    tos=0x2E << 2 | 1, df=True, window=502, options=TcpOptions(1460, True, ((1, 2),)),
)  # fmt: skip
QUOTED = a_packet_with(protocol="udp", src="10.0.0.2", sport=80, dst="10.0.0.1", dport=50000)
ALL = replace(ALL, icmp=replace(ALL.icmp, quoted=QUOTED))
ALL = replace(ALL, ip=replace(ALL.ip, fragment=Fragment(7, 1480, True)))
NODES = Ip("172.31.0.11", "172.31.0.12", "udp", 64, None, 3, False)
VXLAN = a_tunnel(ip=NODES, header=bytes.fromhex("0800000100100002"), checksum="none")
GENEVE = a_tunnel(kind="geneve", ip=NODES, header=bytes.fromhex("01c1655800000703") + b"opts")
OF_OTHERS = {"at", "length", "interface", "payload", "src", "dst", "protocol", "flags", "fragment", "encapsulated"}
ADDRESSES = {"eth_src", "eth_dst", "frame_src", "frame_dst"}


@pytest.mark.parametrize("field", FIELDS.values(), ids=FIELDS)
def test_a_field_has_a_value_of_its_kind(field):
    around = GENEVE if field.name.startswith("geneve") else VXLAN
    assert type(field.read(replace(ALL, outer=around))) is field.kind


def test_the_fields_of_a_packet_are_those_of_its_layers():
    read = {name: field.read(replace(ALL, outer=VXLAN)) for name, field in FIELDS.items()}
    assert (read["dscp"], read["ecn"], read["df"], read["offset"], read["more"]) == (0x2E, 1, True, 1480, True)
    assert (read["window"], read["mss"], read["sack_permitted"], read["sack_blocks"]) == (502, 1460, True, 1)
    assert (read["outer_ttl"], read["outer_df"], read["outer_dscp"], read["outer_ecn"]) == (64, False, 0, 3)
    assert (read["vxlan_reserved"], read["outer_checksum"], read["geneve_version"]) == (0x102, "none", None)


def test_the_fields_of_geneve_are_the_bits_of_its_header():
    read = {name: field.read(replace(ALL, outer=GENEVE)) for name, field in FIELDS.items()}
    assert (read["geneve_version"], read["geneve_control"], read["geneve_critical"]) == (0, True, True)
    assert (read["geneve_protocol"], read["geneve_reserved"], read["geneve_options"]) == (0x6558, 0x103, b"opts")


def test_an_older_record_does_not_know_the_header_of_a_tunnel():
    assert {FIELDS[name].read(ALL) for name in ("vxlan_reserved", "geneve_reserved", "outer_ttl")} == {None}


def test_what_a_packet_does_not_have_is_none():
    empty = Packet(at=0.0)
    assert {name for name, field in FIELDS.items() if field.read(empty) is not None} == OF_OTHERS | ADDRESSES


@pytest.mark.parametrize(
    ("protocol", "kind", "code", "name"),
    [
        ("icmp", 3, 4, "packet-too-big"),
        ("icmpv6", 2, 0, "packet-too-big"),
        ("icmp", 3, 3, "port-unreachable"),
        ("icmpv6", 1, 4, "port-unreachable"),
        ("icmp", 11, 0, "time-exceeded"),
        ("icmp", 12, 1, "icmp type 12 code 1"),
    ],
)
def test_an_error_has_one_name_for_both_families(protocol, kind, code, name):
    error = a_packet_with(protocol=protocol, icmp_type=kind, icmp_code=code, quoted=QUOTED)
    assert FIELDS["icmp_error"].read(error) == name
    assert FIELDS["icmp_error"].read(a_packet_with(protocol=protocol, icmp_type=kind, icmp_code=code)) is None


def test_an_error_is_asked_for_by_its_name_and_by_the_packet_that_it_quotes():
    error = a_packet_with(protocol="icmp", icmp_type=3, icmp_code=3, quoted=QUOTED)
    assert (
        mismatch(error, icmp_error("port-unreachable", quoting=reply(src="10.0.0.2", dport=50000)).conditions) is None
    )
    other = icmp_error("port-unreachable", quoting=reply(src="10.0.0.3"))
    assert mismatch(error, other.conditions) == "quoted_src = 10.0.0.2"
    with pytest.raises(TypeError, match="no ICMP error has the name 'closed'; use one of no-route, "):
        icmp_error("closed")
    with pytest.raises(TypeError, match="a packet has no field 'quoted_window'"):
        icmp_error("port-unreachable", quoting=reply(window=1))


def test_flags_are_written_as_captures_show_them():
    with pytest.raises(TypeError, match=r"the flags 'RA' of TCP are never seen so; write them as captures do: 'AR'"):
        nothing(flags="RA")
    assert rst(ack=1).conditions == (("flags", "AR"), ("ack", 1))


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
