"""What nodes translate on the way out of the cluster, in words, and for one destination."""

import pytest

from podwire.model.addressing.translation import leaves_as, translates

OUTSIDE = "203.0.113.10"


@pytest.mark.parametrize(
    ("words", "destination", "translated"),
    [
        ("", OUTSIDE, None),
        ("all", OUTSIDE, True),
        ("none", OUTSIDE, False),
        ("all but 10.0.0.0/8, 172.16.0.0/12", OUTSIDE, True),
        ("all but 10.0.0.0/8, 172.16.0.0/12", "172.20.0.5", False),
        ("all but fd00::/8", "2001:db8::1", True),
    ],
)
def test_words_say_whether_a_destination_is_translated(words, destination, translated):
    assert translates(words, destination) is translated


@pytest.mark.parametrize(
    ("os", "told", "addresses"),
    [
        ("windows", (), ("node",)),
        ("windows", ("ipv4 none",), ("node",)),
        ("linux", ("ipv4 all",), ("node",)),
        ("linux", ("ipv4 none",), ("pod",)),
        ("linux", ("ipv4 all but 203.0.113.0/24",), ("pod",)),
        ("linux", ("ipv6 none",), ("node", "pod")),  # Nobody tells it of IPv4.
    ],
)
def test_a_packet_leaves_with_either_address_where_nobody_tells_which(os, told, addresses):
    assert leaves_as(os, told, OUTSIDE, pod="pod", node="node") == addresses
