"""Which tracked connections the lab forgets."""

import sys

from podwire_lab.kernel.conntrack import marked


def test_the_kernel_gets_lengths_in_its_own_order_and_a_mark_in_that_of_the_network():
    header = (8).to_bytes(2, sys.byteorder)
    mark, mask = header + (8).to_bytes(2, sys.byteorder), header + (21).to_bytes(2, sys.byteorder)
    assert marked(0x40000000) == mark + b"\x40\0\0\0" + mask + b"\x40\0\0\0"
