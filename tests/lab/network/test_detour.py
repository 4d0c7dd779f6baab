"""A detour gives packets back to the path that they left, a moment later."""

import socket

from podwire_lab.kernel import nft
from podwire_lab.kernel.detour import Detour
from podwire_lab.kernel.netns import NetworkNamespace
from podwire_lab.kernel.rtnetlink import Rtnetlink

SETTINGS = {"net/ipv4/conf/all/rp_filter": "0", "net/ipv4/conf/all/accept_local": "1"}
RULES = """
  chain c {
    type filter hook prerouting priority 0;
    iifname "lo" udp dport 9 numgen inc mod 2 == 1 dup to 198.51.100.1 device "detour0" drop
  }
"""


def test_every_second_datagram_comes_after_the_next_one():
    namespace = NetworkNamespace(
        "detoured", {"net/ipv4/conf/all/rp_filter": "0", "net/ipv4/conf/all/accept_local": "1"}
    )
    try:
        links = Rtnetlink(namespace)
        links.up("lo")
        links.address("lo", "198.18.0.1/32")
        links.commit()
        detour = Detour(namespace, "detour0", 0.05)
        try:
            nft.apply(namespace, nft.table("ip", "detoured", RULES))
            with namespace.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
                receiver.bind(("198.18.0.1", 9))
                receiver.settimeout(10)
                with namespace.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                    for number in b"abc":
                        sender.sendto(bytes([number]), ("198.18.0.1", 9))
                    came = [receiver.recv(1) for _ in "abc"]
            assert came == [b"a", b"c", b"b"]
        finally:
            detour.close()
    finally:
        namespace.close()
