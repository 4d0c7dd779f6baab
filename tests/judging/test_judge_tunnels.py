"""The outer headers of tunnel packets, at the nodes that send them."""

import pytest
from changed import replace
from observed import a_case, a_flow, a_packet, a_tunnel, an_observation

from podwire import answered_by, tunnel
from podwire.judging.expectation import Expectation
from podwire.judging.judge import judge
from podwire.model.packets import Ip
from podwire.model.verdicts import Outcome

NOT_CAPABLE, CAPABLE, CONGESTED = 0, 2, 3


def around(sport=50001, ecn=NOT_CAPABLE):
    return a_tunnel(sport=sport, ip=Ip("172.31.0.11", "172.31.0.12", "udp", 64, None, ecn, False))


def sent(direction="request", sport=50001, ecn=NOT_CAPABLE, inside=NOT_CAPABLE, **changes):
    return a_packet(direction, around(sport, ecn), tos=inside, **changes)


def judged(part, packets):
    expectation = Expectation((answered_by(a_flow().server), part))
    return judge(a_case(a_flow()), expectation, an_observation(packets=packets))


def connection(direction="request", ports=(50001, 50001, 50001)):
    flags = ("S", "A", "AP") if direction == "request" else ("SA", "A", "AP")
    return [
        sent(direction, port, flags=letters, seq=seq, payload=b"x" if letters == "AP" else b"")
        for port, letters, seq in zip(ports, flags, (1, 2, 2), strict=True)
    ]


REPLIES = connection("reply", (50009, 50009, 50009))


@pytest.mark.parametrize(
    ("packets", "outcome"),
    [
        ([*connection(), *REPLIES], Outcome.PASS),
        ([*connection(ports=(50001, 50001, 50002)), *REPLIES], Outcome.FAIL),
        ([*connection(), *connection("reply", (50009, 50008, 50009))], Outcome.FAIL),
        (REPLIES, Outcome.FAIL),
    ],
    ids=["kept", "requests", "replies", "no-tunnel"],
)
def test_a_connection_has_one_outer_source_port_each_way(packets, outcome):
    assert judged(tunnel.keeps_source_port(), packets).outcome is outcome


def test_two_connections_may_have_two_outer_source_ports():
    other = [replace(seen, packet=with_port(seen.packet, 50123)) for seen in connection(ports=(50005,) * 3)]
    assert judged(tunnel.keeps_source_port(), [*connection(), *other, *REPLIES]).outcome is Outcome.PASS


def with_port(packet, sport):
    return replace(packet, ports=replace(packet.ports, sport=sport))


def test_linux_sends_a_segment_again_from_another_port_to_try_another_path():
    first, *_ = connection()
    again = sent(sport=50002, flags="S", seq=1)
    finding = judged(tunnel.keeps_source_port(), [first, again, *REPLIES]).findings[-2]
    assert (finding.met, finding.actual) == (
        True,
        "each connection had segments that were sent again, so none is judged",
    )


def test_the_finding_names_the_ports_and_the_place():
    finding = judged(tunnel.keeps_source_port(), [*connection(ports=(1, 2, 3)), *REPLIES]).findings[-2]
    assert finding.expected == "request: all packets of a connection have one outer source port"
    assert finding.actual == "3 packets from port 50000 have the outer source ports 1, 2, 3"
    assert finding.where == "client-node (the client-node)"


@pytest.mark.parametrize(
    ("inside", "outside", "outcome"),
    [
        (NOT_CAPABLE, NOT_CAPABLE, Outcome.PASS),
        (CAPABLE, CAPABLE, Outcome.PASS),
        (CONGESTED, CAPABLE, Outcome.PASS),
        (CONGESTED, CONGESTED, Outcome.PASS),
        (NOT_CAPABLE, CAPABLE, Outcome.FAIL),
        (CAPABLE, NOT_CAPABLE, Outcome.FAIL),
        (NOT_CAPABLE, CONGESTED, Outcome.FAIL),
    ],
)
def test_the_outer_header_has_the_ecn_of_the_packet_inside(inside, outside, outcome):
    packets = [sent(ecn=outside, inside=inside), sent("reply")]
    assert judged(tunnel.copies_ecn(), packets).outcome is outcome


def test_a_place_that_lost_frames_is_no_reason_to_fail():
    observation = an_observation(packets={"client-node": [], "server-node": [sent("reply")]})
    capture = replace(observation.captures["client-node"], reason="7 frames were lost")
    observation = replace(observation, captures={**observation.captures, "client-node": capture})
    expectation = Expectation((answered_by(a_flow().server), tunnel.copies_ecn()))
    assert judge(a_case(a_flow()), expectation, observation).outcome is Outcome.INCONCLUSIVE


def test_it_is_asked_of_flows_between_two_nodes_only():
    assert tunnel.copies_ecn().unfit(a_flow()) is None
    assert "between two nodes" in tunnel.copies_ecn().unfit(a_flow(placement="same-node"))
