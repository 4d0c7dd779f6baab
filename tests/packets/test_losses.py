"""What a capture shows of its own losses, and what it must not take for one."""

import random

import pytest
from flat_packets import a_packet_with

from podwire.packets.losses import uncaptured, words_of_cut, words_of_lost, words_of_uncounted
from podwire.packets.pcap import Frame

CLIENT, SERVER = ("10.1.1.1", 50000), ("10.1.1.2", 80)
LAST = 1 << 32


def packet(flags, seq, ack=0, payload=b"", *, back=False):
    (src, sport), (dst, dport) = (SERVER, CLIENT) if back else (CLIENT, SERVER)
    return a_packet_with(
        at=1.0, eth_src="", eth_dst="", protocol="tcp", src=src, sport=sport, dst=dst, dport=dport,
        flags=flags, seq=seq % LAST, ack=ack % LAST, payload=payload,
    )  # fmt: skip


def connection(ours=1000, theirs=9000):
    """A whole one: handshake, a question of two segments, an answer, and both ends closed."""
    return [
        packet("S", ours),
        packet("SA", theirs, ours + 1, back=True),
        packet("A", ours + 1, theirs + 1),
        packet("AP", ours + 1, theirs + 1, b"x" * 100),
        packet("AP", ours + 101, theirs + 1, b"x" * 50),
        packet("A", theirs + 1, ours + 151, back=True),
        packet("AP", theirs + 1, ours + 151, b"y" * 30, back=True),
        packet("AF", theirs + 31, ours + 151, back=True),
        packet("AF", ours + 151, theirs + 32),
        packet("A", theirs + 32, ours + 152, back=True),
    ]


@pytest.mark.parametrize("ours", [0, 1000, LAST - 1, LAST - 120])
def test_a_whole_connection_has_no_hole(ours):
    assert uncaptured(connection(ours, LAST - 10)) == []


# An acknowledgement alone carries nothing that anybody acknowledges.
@pytest.mark.parametrize("missing", [0, 1, 3, 4, 6, 7, 8])
def test_what_was_acknowledged_and_is_not_there_was_not_captured(missing):
    seen = connection(LAST - 60)
    lost = seen.pop(missing)
    assert uncaptured(seen) == [f"{lost.ip.src} port {lost.ports.sport} to {lost.ip.dst} port {lost.ports.dport}"]


def test_segments_out_of_order_and_sent_again_are_no_hole():
    seen = [*connection(), *connection()[3:5]]
    random.Random(7).shuffle(seen[3:5])
    assert uncaptured(seen) == []


def test_what_nobody_acknowledges_the_network_lost():
    """The second segment gets no further than to its sender's port: it is there, or nobody has seen it."""
    ours = connection()
    assert uncaptured(ours[:5]) == []
    assert uncaptured([*ours[:3], packet("AP", 1101, 9001, b"x" * 50)]) == []


def test_a_direction_that_takes_another_way_is_no_loss():
    """Direct server return: only what the client sends passes the node that it enters by."""
    assert uncaptured([one for one in connection() if one.ip.src == CLIENT[0]]) == []
    assert uncaptured([one for one in connection() if one.ip.src == SERVER[0]]) == []


def test_a_reset_acknowledges_nothing():
    assert uncaptured([packet("S", 1), packet("RA", 0, 500, back=True)]) == []


def test_a_port_that_is_used_again_is_another_connection():
    assert uncaptured([*connection(1000), *connection(700_000, 5)]) == []


def frames(*lengths):
    return [Frame(1, "eth0", bytes(captured), wire) for captured, wire in lengths]


def test_frames_that_were_cut_are_counted():
    assert (
        words_of_cut(frames((60, 60), (60, 90), (42, 1514)))
        == "the capture cut 2 of 3 frames, the shortest to 42 bytes"
    )


def test_a_segment_that_the_card_has_still_to_divide_may_be_longer_than_what_an_agent_keeps():
    assert words_of_cut(frames((65_400, 65_600), (1514, 1514))) == ""


def test_the_words_name_one_connection():
    broken = [one for at, one in enumerate(connection()) if at != 3]
    which = "10.1.1.1 port 50000 to 10.1.1.2 port 80"
    assert (
        words_of_lost(broken)
        == f"the capture lacks acknowledged bytes of the connection {which}, so it lost frames uncounted"
    )
    assert words_of_lost(connection()) == ""


def test_frames_that_the_system_counted_and_nobody_got_are_lost():
    assert words_of_uncounted(100, 80) == "the system counted 100 frames and 80 arrived, so the capture lost 20"
    assert words_of_uncounted(80, 80) == words_of_uncounted(79, 80) == words_of_uncounted(None, 80) == ""
