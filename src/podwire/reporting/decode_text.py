"""Packets as text: the decode beside every capture file, one line for each packet."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from podwire.model.packets import Packet
from podwire.packets.dns import dns_message

_ICMP = {0: "echo reply", 3: "unreachable", 5: "redirect", 8: "echo request", 11: "time exceeded"}
_ICMPV6 = {
    1: "unreachable",
    2: "packet too big",
    3: "time exceeded",
    128: "echo request",
    129: "echo reply",
    133: "router solicitation",
    134: "router advertisement",
    135: "neighbour solicitation",
    136: "neighbour advertisement",
}


def packet_line(packet: Packet, *, zero: float = 0.0, mark: str = "", tokens: Collection[str] = ()) -> str:
    """One packet as one line.

    `zero` is the time at which the line's clock starts, in seconds since the epoch. `mark` precedes the addresses, for
    example the direction. The line names the one of `tokens` that the payload carries.
    """
    parts = [f"{packet.at - zero:+10.6f}"]
    if packet.interface:
        parts.append(packet.interface)
    parts.append(f"{packet.frame.src or '?'} > {packet.frame.dst or '?'}")
    if packet.outer:
        tunnel = packet.outer
        ends = f"{_end(tunnel.ip.src, tunnel.sport)} > {_end(tunnel.ip.dst, tunnel.dport)}"
        parts.append(f"| {tunnel.kind} vni {tunnel.vni} flags 0x{tunnel.flags:02x} {ends}")
        parts.append(f"| {packet.link.src} > {packet.link.dst}")
    parts += ["|", *filter(None, (mark, _content(packet, tokens)))]
    return " ".join(parts)


def decode_capture(
    packets: Iterable[Packet], *, marks: Iterable[str] = (), tokens: Collection[str] = (), title: str = ""
) -> str:
    """The packets of one capture, a line each. Times count from the first packet; the first line has its date.

    `marks` precede the packets in the same order; missing ones are empty.
    """
    listed = list(packets)
    head = [f"# {title}"] if title else []
    if not listed:
        return "\n".join([*head, "# no packets", ""])
    zero = listed[0].at
    start = datetime.fromtimestamp(zero, UTC).isoformat(timespec="microseconds")
    head.append(f"# {len(listed)} packets, +0 is {start}")
    words = list(marks)
    words += [""] * (len(listed) - len(words))
    lines = (packet_line(p, zero=zero, mark=mark, tokens=tokens) for p, mark in zip(listed, words, strict=False))
    return "\n".join([*head, *lines, ""])


def _end(address: str, port: int | None) -> str:
    if port is None:
        return address
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _content(packet: Packet, tokens: Collection[str]) -> str:
    if not packet.ip.src:
        return f"not IP, {packet.length} bytes"
    if packet.ip.protocol == "arp":
        return _arp(packet)
    words = [
        f"{_end(packet.ip.src, packet.ports.sport)} > {_end(packet.ip.dst, packet.ports.dport)}",
        packet.ip.protocol,
    ]
    if packet.ip.protocol in ("icmp", "icmpv6"):
        words.append(_icmp(packet))
    if packet.tcp.flags:
        words.append(f"[{packet.tcp.flags}]")
    if packet.tcp.seq is not None:
        words.append(f"seq {packet.tcp.seq}")
    if packet.tcp.ack is not None and "A" in packet.tcp.flags:
        words.append(f"ack {packet.tcp.ack}")
    if packet.ip.fragment:
        words.append("fragment")
    words.append(f"payload {len(packet.payload)}")
    if packet.ip.ttl is not None:
        words.append(f"{'hops' if ':' in packet.ip.src else 'ttl'} {packet.ip.ttl}")
    words.append(f"length {packet.length}")
    words += filter(None, (_token(packet, tokens), _dns(packet)))
    if packet.icmp.quoted:
        words.append(f"(about {_content(packet.icmp.quoted, tokens)})")
    return " ".join(words)


def _arp(packet: Packet) -> str:
    operation = int.from_bytes(packet.payload[6:8], "big")
    if operation == 1:
        return f"arp who has {packet.ip.dst}, asks {packet.ip.src}"
    mac = packet.payload[8:14].hex(":")
    if operation == 2:
        return f"arp {packet.ip.src} is at {mac}"
    return f"arp operation {operation} {packet.ip.src} > {packet.ip.dst}"


def _icmp(packet: Packet) -> str:
    names = _ICMPV6 if packet.ip.protocol == "icmpv6" else _ICMP
    text = names.get(packet.icmp.type if packet.icmp.type is not None else -1, f"type {packet.icmp.type}")
    if packet.icmp.code:
        text += f" code {packet.icmp.code}"
    if packet.icmp.mtu is not None:
        text += f", path MTU {packet.icmp.mtu}, told by {packet.ip.src}"
    if packet.icmp.id is not None:
        text += f" id {packet.icmp.id} seq {packet.icmp.seq}"
    return text


def _token(packet: Packet, tokens: Collection[str]) -> str:
    carried = _any_of(tuple(tokens)).search(packet.payload) if tokens and packet.payload else None
    return f"token {carried[0].decode()}" if carried else ""


@functools.lru_cache(maxsize=8)
def _any_of(tokens: tuple[str, ...]) -> re.Pattern[bytes]:
    """What finds any of these tokens: a case has dozens, and its captures have hundreds of packets."""
    return re.compile(b"|".join(re.escape(token.encode()) for token in tokens if token) or b"(?!)")


def _dns(packet: Packet) -> str:
    message = dns_message(packet)
    if message is None:
        return ""
    questions = ", ".join(f"{name} {kind}" for name, kind in message.questions)
    if not message.response:
        return f"dns asks {questions}"
    answer = ", ".join(message.addresses) or "no address"
    return f"dns answers {questions}: {message.rcode} {answer}{' (truncated)' if message.truncated else ''}"
