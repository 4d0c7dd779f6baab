"""Messages of a stream in captures: their passages, and where one was lost, doubled or overtaken."""

import pytest
from observed import POINTS, a_case, a_flow, an_observation
from streams_seen import TOKEN, answer, ask, at_points, numbers

from podwire.model.observations import Capture
from podwire.model.streams.numbers import Interval
from podwire.model.streams.seen import Copies
from podwire.packets.first_tries import by_path, symbols_of_paths
from podwire.packets.stream_losses import losses_of
from podwire.packets.stream_passages import intervals, messages_in, passages, slowest_answer

CAPTURES = {point: Capture(point=point, where="x") for point in POINTS}


def packets(*listed):
    return dict(enumerate(listed))


def test_a_message_is_known_by_its_beginning_and_not_by_its_padding():
    assert messages_in(packets(ask(7), answer(7), ask(123)), TOKEN) == [(0, 7), (1, 7), (2, 123)]
    assert messages_in(packets(ask(7)), "pwffffffffffffffff") == []


def test_a_segment_may_carry_several_messages():
    both = ask(1, protocol="tcp")
    two = ask(2, protocol="tcp").packet.payload
    joined = type(both)(
        direction="request", packet=type(both.packet)(at=1.0, payload=both.packet.payload + two, ip=both.packet.ip)
    )
    assert messages_in(packets(joined), TOKEN) == [(0, 1), (0, 2)]


def test_a_passage_has_numbers_copies_and_order():
    seen = packets(ask(1), ask(3), ask(2), ask(3), ask(5))
    requests, replies = passages("client-pod", seen, messages_in(seen, TOKEN))
    assert requests.seen == (Interval(1, 3), Interval(5, 5))
    assert requests.again == (Copies(3, 2),)
    assert requests.reordered == 1
    assert replies.seen == ()


def test_numbers_become_intervals():
    assert intervals([3, 1, 2, 9]) == (Interval(1, 3), Interval(9, 9))


def test_the_slowest_answer_is_that_of_the_first_copies():
    seen = packets(ask(1, 1.0), answer(1, 1.25), ask(2, 2.0), ask(2, 3.0), answer(2, 3.5))
    assert slowest_answer(seen, messages_in(seen, TOKEN)) == 1500


def without(kind, number, count=5):
    """All messages and answers, but that one."""
    both = [packet for n in range(1, count + 1) for packet in (ask(n), answer(n))]
    return [packet for packet in both if packet != kind(number)]


@pytest.mark.parametrize(
    ("gone", "place"),
    [
        (dict.fromkeys(POINTS[1:], (ask, 3)), "request between client-pod and client-node"),
        (dict.fromkeys(POINTS[2:], (ask, 3)), "request between client-node and server-node"),
        (dict.fromkeys(POINTS[3:], (ask, 3)), "request between server-node and server-pod"),
        (dict.fromkeys(POINTS, (answer, 3)), "request at the server"),
        (dict.fromkeys(POINTS[:3], (answer, 3)), "reply between server-pod and server-node"),
        (dict.fromkeys(POINTS[:1], (answer, 3)), "reply between client-node and client-pod"),
    ],
)
def test_a_message_is_lost_between_the_point_that_saw_it_and_the_next(gone, place):
    seen = at_points({point: without(*what) for point, what in gone.items()})
    losses = losses_of(seen, CAPTURES, "udp")
    assert losses.lost == {3: place}
    assert losses.messages == 5


def test_what_tcp_sent_again_was_lost_all_the_same():
    usual = [packet for n in range(1, 6) for packet in (ask(n), answer(n))]
    before = at_points({POINTS[0]: [*usual, ask(4)], POINTS[1]: [*usual, ask(4)]})
    assert losses_of(before, CAPTURES, "tcp").lost == {4: "request between client-node and server-node"}


def test_what_was_sent_again_and_arrived_twice_was_late_and_not_lost():
    usual = [packet for n in range(1, 6) for packet in (ask(n), answer(n))]
    seen = at_points({point: [*usual, ask(4)] for point in POINTS})
    losses = losses_of(seen, CAPTURES, "tcp")
    assert (losses.lost, losses.doubled, losses.reordered) == ({}, 0, 0)


def test_a_nic_that_sees_a_packet_twice_doubles_nothing():
    usual = [packet for n in range(1, 6) for packet in (ask(n), answer(n))]
    losses = losses_of(at_points({POINTS[1]: [*usual, *usual]}), CAPTURES, "udp")
    assert (losses.lost, losses.doubled) == ({}, 0)


def test_a_copy_that_nobody_sent_is_counted():
    usual = [packet for n in range(1, 6) for packet in (ask(n), answer(n))]
    assert losses_of(at_points({POINTS[3]: [*usual, ask(2)]}), CAPTURES, "udp").doubled == 1


def test_a_message_that_is_overtaken_on_the_way_is_counted():
    usual = [packet for n in range(1, 6) for packet in (ask(n), answer(n))]
    late = [*usual[:2], *usual[4:6], *usual[2:4], *usual[6:]]
    assert losses_of(at_points({POINTS[3]: late, POINTS[0]: usual}), CAPTURES, "udp").reordered == 1
    both = dict.fromkeys(POINTS, late)
    assert losses_of(at_points(both), CAPTURES, "udp").reordered == 0


@pytest.mark.parametrize("point", [POINTS[0], POINTS[-1]])
def test_the_outermost_captures_must_be_reliable(point):
    holey = {**CAPTURES, point: Capture(point=point, where="x", reason="the ring was full")}
    losses = losses_of(at_points({}), holey, "udp")
    assert (losses.messages, losses.unknown) == (0, f"the capture at the {point} (x): the ring was full")


def test_a_capture_between_that_is_not_reliable_names_no_place():
    holey = {**CAPTURES, POINTS[1]: Capture(point=POINTS[1], where="x", usable=False, reason="no beacon")}
    seen = at_points({point: without(ask, 3) for point in POINTS[1:]})
    assert losses_of(seen, holey, "udp").lost == {3: "request between client-pod and server-node"}


def test_messages_of_a_stream_count_for_their_path_and_for_all_flows_between_such_ends():
    flow = a_flow(protocol="udp", stream="dense", whole_path=True)
    seen = at_points({point: without(ask, 3) for point in POINTS[2:]}, numbers(5))
    observation = an_observation(packets=dict.fromkeys(POINTS, ()), streams=(seen,))
    (tries,) = by_path([(a_case(flow), observation)]).values()
    assert (tries.exchanges, tries.lost) == (5, 1)
    (symbols,) = symbols_of_paths([(a_case(flow), observation)], 0.002).values()
    for group in ("path", "families", "ends"):
        assert (symbols[f"{group}.exchanges"], symbols[f"{group}.lost"]) == (5, 1)
        assert symbols[f"{group}.vanished"] == ("request between client-node and server-node: 1",)
