"""First tries: what a second one repaired is a loss where captures show it, and only late where they do not."""

import pytest
from changed import replace
from observed import POINTS, a_case, a_flow, a_packet, an_attempt, an_observation

from podwire.packets.first_tries import by_path, path_of, symbols_of_paths, tries_of

TOKEN = b"pw0123456789abcdef"


def datagrams(requests, replies):
    """So many questions and answers of one exchange over UDP at one place."""
    ask = a_packet(protocol="udp", payload=TOKEN + b" 320\n")
    answer = a_packet("reply", protocol="udp", payload=b'{"token":"' + TOKEN + b'"}')
    return [ask] * requests + [answer] * replies


def seen(*counts, tries=2, **changes):
    """An exchange that took so many tries; `counts` are the questions and answers at each capture point."""
    packets = {point: datagrams(*both) for point, both in zip(POINTS, counts, strict=True)}
    return an_observation(attempt=replace(an_attempt(), tries=tries), packets=packets, **changes)


@pytest.mark.parametrize(
    ("counts", "place"),
    [
        (((2, 1), (1, 1), (1, 1), (1, 1)), "request between client-pod and client-node"),
        (((2, 1), (2, 1), (1, 1), (1, 1)), "request between client-node and server-node"),
        (((2, 1), (2, 1), (2, 1), (1, 1)), "request between server-node and server-pod"),
        (((2, 1), (2, 1), (2, 1), (2, 1)), "request at the server"),
        (((2, 1), (2, 1), (2, 1), (2, 2)), "reply between server-pod and server-node"),
        (((2, 1), (2, 2), (2, 2), (2, 2)), "reply between client-node and client-pod"),
    ],
)
def test_a_loss_is_told_with_the_capture_points_that_it_was_between(counts, place):
    tries = tries_of(seen(*counts))
    assert (tries.exchanges, tries.lost, tries.late, tries.unknown) == (1, 1, 0, 0)
    assert tries.places == (f"{place}: 1",)


def test_what_came_after_all_is_late_and_not_lost():
    tries = tries_of(seen((2, 2), (2, 2), (2, 2), (2, 2)))
    assert (tries.lost, tries.late) == (0, 1)


def test_points_that_are_not_on_the_way_say_nothing():
    tries = tries_of(seen((2, 1), (0, 0), (0, 0), (1, 1)))
    assert tries.places == ("request between client-pod and server-pod: 1",)


@pytest.mark.parametrize("counts", [((2, 1),) * 4, ((1, 1),) * 4])
def test_a_capture_that_cannot_be_relied_on_or_saw_too_little_proves_no_loss(counts):
    unusable = ("server-pod",) if counts[0][0] == 2 else ()
    tries = tries_of(seen(*counts, unusable=unusable))
    assert (tries.lost, tries.unknown) == (0, 1)


def test_a_syn_is_known_by_its_number():
    syn, answer = a_packet(flags="S", seq=7), a_packet("reply", flags="SA", ack=8)
    packets = {
        "client-pod": [syn, syn, answer, a_packet(flags="S", seq=9, sport=50001)],
        "server-pod": [syn, answer, a_packet("reply", flags="A", ack=8)],
    }
    tries = tries_of(an_observation(attempt=replace(an_attempt(), tries=2), packets=packets))
    assert tries.places == ("request between client-pod and server-pod: 1",)


def test_exchanges_without_an_answer_are_judged_elsewhere():
    lost = an_observation(attempt=replace(an_attempt(error="timeout"), tries=4))
    assert tries_of(lost).exchanges == 0


def test_a_path_is_pair_placement_protocol_family_and_entry():
    path = path_of(a_case(a_flow(protocol="udp", via="cluster-ip")))
    assert str(path) == "windows to windows, cross-node, udp over ipv4 by cluster-ip"


@pytest.mark.parametrize(
    "changes",
    [{"protocol": "icmp"}, {"after": "pods-leaving"}, {"via": "own-vni"}, {"payload": 4000}, {"answer": 20000}],
)
def test_flows_that_say_nothing_of_a_path_are_left_out(changes):
    assert path_of(a_case(a_flow(**changes))) is None


def test_a_case_of_a_whole_path_gets_the_tries_of_all_its_flows_and_of_all_families():
    whole = a_case(a_flow(protocol="udp", whole_path=True))
    other = replace(a_case(a_flow(protocol="udp")), id="other")
    sixth = replace(a_case(a_flow(protocol="udp", family="ipv6")), id="sixth")
    lost = seen((2, 1), (1, 1), (1, 1), (1, 1))
    symbols = symbols_of_paths([(whole, lost), (other, lost), (sixth, seen(*((2, 2),) * 4))], 0.01)
    told = symbols.pop(whole.id)
    assert not symbols
    assert (told["path.exchanges"], told["path.lost"], told["path.late"]) == (2, 2, 0)
    assert (told["families.exchanges"], told["families.lost"], told["families.late"]) == (3, 2, 1)
    assert (told["path.number"], told["path.limit"]) == (1, "0.01")
    assert told["path.vanished"] == ("request between client-pod and client-node: 2",)


def test_a_case_that_came_to_nothing_has_no_part_in_a_path():
    assert by_path([(a_case(a_flow(protocol="udp")), seen(*((2, 1),) * 4, problem="its pod is gone"))]) == {}
