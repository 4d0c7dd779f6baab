"""The ladder of a case: packets joined between capture points."""

from observed import a_packet, a_tunnel

from podwire.model.observations import Capture, Observation
from podwire.reporting.ladder import ladder


def seen(**points):
    captures = {
        name.replace("_", "-"): Capture(point=name.replace("_", "-"), where=f"at {name}", packets=tuple(packets))
        for name, packets in points.items()
    }
    return Observation(case_id="a/B[c]", captures=captures)


def test_a_packet_is_one_rung_at_every_point_whatever_nat_makes_of_its_addresses():
    found = ladder(
        seen(
            client_pod=[a_packet(at=1.0, flags="S", seq=7, dst="10.96.0.9", dport=80)],
            server_pod=[a_packet(at=1.2, flags="S", seq=7)],
        )
    )
    (rung,) = found.rungs
    assert rung.label == "SYN"
    assert [one.ends for one in rung.sights] == [
        "10.244.11.2:50000 → 10.96.0.9:80",
        "10.244.11.2:50000 → 10.244.12.2:8080",
    ]


def test_retransmissions_are_rungs_of_their_own():
    again = [a_packet(at=at, flags="S", seq=7) for at in (1.0, 2.0)]
    found = ladder(seen(client_pod=again, client_node=[a_packet(at=1.1, flags="S", seq=7)]))
    assert [[one.column for one in rung.sights] for rung in found.rungs] == [[0, 1], [0]]


def test_points_stand_in_the_order_of_the_way_and_rungs_in_that_of_time():
    found = ladder(
        seen(
            server_pod=[a_packet("reply", at=3.0, flags="SA", seq=9), a_packet("reply", at=2.0, flags="R", seq=1)],
            client_pod=[a_packet("reply", at=3.1, flags="SA", seq=9)],
        )
    )
    assert [name for name, _, _ in found.points] == ["client-pod", "server-pod"]
    assert [rung.label for rung in found.rungs] == ["RST", "SYN ACK"]
    assert found.rungs[0].direction == "reply"


def test_datagrams_are_told_apart_by_their_payload():
    several = [a_packet(protocol="udp", payload=payload) for payload in (b"one", b"two")]
    assert [rung.label for rung in ladder(seen(client_pod=several)).rungs] == ["UDP, 3 B", "UDP, 3 B"]


def test_a_tunnel_is_told_where_it_was_seen():
    found = ladder(seen(client_pod=[a_packet(seq=1)], client_node=[a_packet(seq=1, outer=a_tunnel())]))
    assert [one.tunnel for one in found.rungs[0].sights] == ["", "vxlan vni 4096: 172.31.0.11 → 172.31.0.12"]


def test_what_is_left_out_is_counted():
    found = ladder(seen(client_pod=[a_packet(seq=number) for number in range(50)]), most=2)
    assert (len(found.rungs), found.more) == (2, 48)


def test_times_of_the_tree_are_microseconds_after_the_first_packet():
    tree = ladder(seen(client_pod=[a_packet(at=1.0, seq=1), a_packet(at=1.25, seq=2)])).to_tree()
    assert [rung[2][0][1] for rung in tree["rungs"]] == [0, 250000]


def test_without_a_packet_there_is_no_ladder():
    assert ladder(seen(client_pod=[])) is None


def test_an_icmp_error_is_no_answer_and_tells_the_path_mtu():
    quoted = a_packet(protocol="udp").packet
    told = a_packet("error", protocol="icmp", icmp_type=3, icmp_code=4, mtu=1400, quoted=quoted, src="10.244.11.1")
    found = ladder(seen(client_pod=[told]))
    assert found.to_tree()["rungs"][0][:2] == ["error", "path MTU 1400, told by 10.244.11.1"]
