"""What a suite makes packets of: scapy's layers by their own names, and a few words of podwire's.

    @flows(..., sends=lambda flow: IP(dst=flow.server.ip, ttl=1) / UDP(dport=flow.server.port))

A layer here only notes its fields (`podwire.model.recipes`). scapy makes it when a run sends it, and is imported then
(`podwire.crafting.build`), so a plan without such flows does not pay for it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from podwire.model.recipes import Made, Recipe

LAYERS = ("IP", "IPv6", "TCP", "UDP", "ICMP", "ICMPv6EchoRequest", "ICMPv6PacketTooBig", "Raw", "VXLAN", "GENEVE")
"""The layers of scapy that a suite may use. A field that is left out has scapy's value, except those that podwire fills
in: `build` lists them."""

WORDS = ("question", "fragments", "answering", "quoted")


def question(size: Any, answer: Any = 0) -> Made:
    """The data that podwire's echo server answers, `size` bytes of UDP or TCP data, with the token of the exchange in
    them; `answer` bytes are wished for, 0 for a short answer."""
    return Made("question", (size, answer) if answer else (size,))


def fragments(packet: Recipe, mtu: Any, order: tuple[int, ...] = ()) -> Made:
    """The fragments of a packet for a path with this MTU, in this order of their numbers (1 is the first); all of them
    in their own order where none is given. A number that is left out is never sent."""
    return Made("fragments", (packet, mtu), (("order", order),) if order else ())


def answering(when: str, packet: Recipe) -> Made:
    """A packet that is sent when a segment comes: the first `SYN-ACK`, the first `data`, or `shorter data` than those
    that the packet before it answered. Over TCP it acknowledges the segment, where its flags say that it does."""
    return Made("answering", (when, packet))


def quoted(size: Any) -> Made:
    """The first `size` bytes of the packet that is answered, as an ICMP error quotes it: the end of such a packet."""
    return Made("quoted", (size,))


def __getattr__(name: str) -> Callable[..., Made]:
    if name in LAYERS:
        return partial(_layer, name)
    raise AttributeError(f"podwire.crafting has no {name}; it has {', '.join(LAYERS)}, {', '.join(WORDS)}")


def _layer(name: str, **fields: Any) -> Made:
    return Made(name, (), tuple(fields.items()))
