"""Sizes by their relation to an MTU: the bytes are those that IP's headers leave."""

import pytest

from podwire.model.sizes import SIZES, TooLong, bytes_of


def packets(data, mtu, family):
    """The packets that this many bytes of UDP data make: one, or fragments whose data is a multiple of 8 bytes."""
    header, more = (20, 0) if family == "ipv4" else (40, 8)
    if header + 8 + data <= mtu:
        return 1
    return -(-(data + 8) // ((mtu - header - more) // 8 * 8))


@pytest.mark.parametrize("mtu", [1280, 1399, 1400, 1450, 1500, 8951, 9001])
@pytest.mark.parametrize("family", ["ipv4", "ipv6"])
def test_each_size_has_the_packets_of_its_name_and_one_byte_more_has_others(mtu, family):
    one, more, three = (bytes_of(name, mtu, family) for name in ("one-packet", "one-byte-more", "three-fragments"))
    assert [packets(size, mtu, family) for size in (one, more, three)] == [1, 2, 3]
    assert more == one + 1
    assert packets(three + 1, mtu, family) == 4


@pytest.mark.parametrize(
    ("size", "family", "data"),
    [
        ("one-packet", "ipv4", 1472),
        ("one-packet", "ipv6", 1452),
        ("three-fragments", "ipv4", 4432),
        ("three-fragments", "ipv6", 4336),
    ],
)
def test_the_bytes_for_ethernet(size, family, data):
    assert bytes_of(size, 1500, family) == data


def test_no_datagram_has_three_fragments_of_the_largest_mtu():
    with pytest.raises(
        TooLong, match=r"^no UDP datagram is the longest that three fragments .* the longest one has 65507"
    ):
        bytes_of("three-fragments", 65535, "ipv4")
    assert all(relation.words for relation in SIZES.values())
