"""An exchange by tunnel packets that this program makes of one that the node's own tunnel made."""

from __future__ import annotations

import contextlib
import socket
import struct

from podwire.agent.checksum import checksum
from podwire.agent.datagrams import LEAST_DATAGRAM, RESEND, datagrams, send_datagram
from podwire.agent.errors import Failure
from podwire.agent.loop import now, readable
from podwire.agent.messages import question
from podwire.agent.parameters import wanted
from podwire.agent.sockets import ANYWHERE, local_address

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from podwire.agent.trial import Trial


async def over_tunnel(trial: Trial) -> None:
    """A datagram in a tunnel packet that this program made. What the node's own tunnel makes of a first datagram is
    read off its interfaces, and given a new question, a source port of this attempt and, for `vni` `other`, another
    virtual network; an ordinary socket sends it. For `no` the packet goes to the same machine without its tunnel. The
    answer comes as any answer to the node does."""
    vni = wanted(trial.params, "vni")
    if vni not in ("own", "other", "no"):
        raise ValueError(f"parameter 'vni': {vni!r} is not own, other or no")
    data = question(trial.token, max(trial.size, LEAST_DATAGRAM))
    first = question(trial.token[:2] + trial.token[:1:-1], len(data))
    with trial.socket(socket.SOCK_DGRAM) as sock:
        if not sock.getsockname()[1]:
            sock.bind((ANYWHERE[trial.family], 0))
        trial.attempt["local"] = [local_address(trial.family, trial.target), sock.getsockname()[1]]
        outer, packet, link = await seen_in_tunnel(trial, first)
        made = repacked(packet, first, data, sock.getsockname()[1], vni == "other", trial.family == socket.AF_INET6)
        if vni == "no":
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as bare:
                await datagrams(
                    trial, sock, data, lambda: send_datagram(bare, untunnelled(made, link[1]), (link[0], 0))
                )
            return
        with socket.socket(socket.AF_INET6 if ":" in outer[0] else socket.AF_INET, socket.SOCK_DGRAM) as tunnel:
            await datagrams(trial, sock, data, lambda: send_datagram(tunnel, made, outer))


async def seen_in_tunnel(trial: Trial, data: bytes) -> tuple[tuple[str, int], bytes, tuple[str, bytes]]:
    """Send a datagram and read off the node's interfaces where its tunnel sends what, header and inner frame, and by
    which interface from which MAC to which."""
    try:
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # ETH_P_ALL
    except AttributeError:
        raise Failure("bind", "unsupported", None, "packets cannot be read here") from None
    except OSError as error:
        raise Failure.of("bind", error) from None
    scratch, again = trial.loop.scratch, now()
    with tap, socket.socket(trial.family, socket.SOCK_DGRAM) as sock:
        tap.setblocking(False)
        while now() < trial.until:
            if now() >= again:
                send_datagram(sock, data, trial.target)
                again += RESEND
            if not await readable(tap, min(trial.until, again)):
                continue
            with contextlib.suppress(OSError):
                while True:
                    length, link = tap.recvfrom_into(scratch)
                    frame = bytes(scratch[:length])
                    found = tunnelled(frame, data, trial.target[0])
                    if found is not None:
                        return (*found, (link[0], frame[:12]))
    raise Failure("send", "other", None, "no packet to the target was seen in a tunnel")


def tunnelled(frame: bytes, data: bytes, target: str) -> tuple[tuple[str, int], bytes] | None:
    """Where an Ethernet frame takes what in a UDP datagram, if it has these data in it and goes elsewhere itself."""
    if data not in frame:
        return None
    if frame[12:14] == b"\x08\0" and frame[23] == socket.IPPROTO_UDP:
        start, outer = 14 + (frame[14] & 15) * 4, socket.inet_ntop(socket.AF_INET, frame[30:34])
    elif frame[12:14] == b"\x86\xdd" and frame[20] == socket.IPPROTO_UDP:
        start, outer = 54, socket.inet_ntop(socket.AF_INET6, frame[38:54])
    else:
        return None
    port, length = struct.unpack("!HH", frame[start + 2 : start + 6])
    return None if outer == target else ((outer, port), frame[start + 8 : start + length])


def repacked(packet: bytes, old: bytes, new: bytes, port: int, other: bool, v6: bool) -> bytes:
    """A tunnel packet with other data of the same length in its UDP datagram, and another source port. The VNI is at
    the same place of VXLAN's header and Geneve's (RFC 7348, RFC 8926); its highest bit makes it another one."""
    start = packet.index(old) - 8
    head, target_port = bytearray(packet[:start]), packet[start + 2 : start + 4]
    if other:
        head[4] ^= 0x80
    datagram = struct.pack("!H", port) + target_port + struct.pack("!HH", 8 + len(new), 0) + new
    addresses = bytes(head[-32:] if v6 else head[-8:])
    sum_ = checksum(addresses + struct.pack("!HH", socket.IPPROTO_UDP, len(datagram)) + datagram) or 0xFFFF
    return bytes(head) + datagram[:6] + struct.pack("!H", sum_) + datagram[8:]


def untunnelled(packet: bytes, macs: bytes) -> bytes:
    """What a VXLAN packet carries as a frame between other MACs: without VXLAN's header and the inner MACs."""
    return macs + packet[8 + 12 :]
