"""An exchange in tunnel packets that the agent makes from a tunnel packet of the node."""

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
    """Send a datagram in a tunnel packet that the agent makes.

    The agent sends a first datagram, reads the node's tunnel packet for it from the interfaces, and replaces request
    and source port. With `vni` `other` it also changes the VNI. An ordinary socket sends the result. With `no` it sends
    the inner packet to the same machine without a tunnel. The answer comes to the node as usual.
    """
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
        tunnel_packet = repacked(
            packet, first, data, sock.getsockname()[1], vni == "other", trial.family == socket.AF_INET6
        )
        if vni == "no":
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as bare:
                await datagrams(
                    trial, sock, data, lambda: send_datagram(bare, untunnelled(tunnel_packet, link[1]), (link[0], 0))
                )
            return
        with socket.socket(socket.AF_INET6 if ":" in outer[0] else socket.AF_INET, socket.SOCK_DGRAM) as tunnel:
            await datagrams(trial, sock, data, lambda: send_datagram(tunnel, tunnel_packet, outer))


async def seen_in_tunnel(trial: Trial, data: bytes) -> tuple[tuple[str, int], bytes, tuple[str, bytes]]:
    """Send a datagram and read its tunnel packet from the node's interfaces.

    Returns the tunnel's destination, its payload (VXLAN or Geneve header and inner frame), and the interface with both
    MACs. `Failure` if there is no such packet.
    """
    try:
        tap = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # ETH_P_ALL
    except AttributeError:
        raise Failure("bind", "unsupported", None, "the system has no packet sockets") from None
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
                    outer_and_inner = tunnelled(frame, data, trial.target[0])
                    if outer_and_inner is not None:
                        return (*outer_and_inner, (link[0], frame[:12]))
    raise Failure("send", "other", None, "the node sent no tunnel packet for the target")


def tunnelled(frame: bytes, data: bytes, target: str) -> tuple[tuple[str, int], bytes] | None:
    """The destination and payload of a frame's UDP datagram, if it has this data and another destination, or None."""
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


def repacked(packet: bytes, old: bytes, new: bytes, port: int, other_vni: bool, v6: bool) -> bytes:
    """A tunnel packet with new data of the same length and a new source port in its inner UDP datagram.

    `other_vni` flips the highest bit of the VNI, which is at the same offset in VXLAN and Geneve (RFC 7348, RFC 8926).
    """
    start = packet.index(old) - 8
    head, target_port = bytearray(packet[:start]), packet[start + 2 : start + 4]
    if other_vni:
        head[4] ^= 0x80
    datagram = struct.pack("!H", port) + target_port + struct.pack("!HH", 8 + len(new), 0) + new
    addresses = bytes(head[-32:] if v6 else head[-8:])
    sum_ = checksum(addresses + struct.pack("!HH", socket.IPPROTO_UDP, len(datagram)) + datagram) or 0xFFFF
    return bytes(head) + datagram[:6] + struct.pack("!H", sum_) + datagram[8:]


def untunnelled(packet: bytes, macs: bytes) -> bytes:
    """The inner packet of a VXLAN packet as a frame between these MACs."""
    return macs + packet[8 + 12 :]
