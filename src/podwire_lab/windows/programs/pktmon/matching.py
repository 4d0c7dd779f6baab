"""Which frames a capture reports."""

import struct

from podwire_lab.windows.programs.pktmon.filters import Filter

Headers = tuple[tuple[bytes, ...], int, tuple[int, ...]]
"""Addresses, transport protocol and ports of a frame; empty or -1 where it has none."""


def headers(frame: bytes) -> Headers:
    """Read them from an Ethernet frame with IPv4 or IPv6."""
    addresses: tuple[bytes, ...] = ()
    protocol, rest = -1, b""
    if frame[12:14] == b"\x08\x00" and len(frame) >= 34:
        addresses, protocol = (frame[26:30], frame[30:34]), frame[23]
        first = not (frame[20] << 8 | frame[21]) & 0x1FFF
        rest = frame[14 + (frame[14] & 15) * 4 :] if first else b""
    elif frame[12:14] == b"\x86\xdd" and len(frame) >= 54:
        addresses, protocol, rest = (frame[22:38], frame[38:54]), frame[20], frame[54:]
    ports = struct.unpack_from("!HH", rest) if protocol in (6, 17) and len(rest) >= 4 else ()
    return addresses, protocol, ports


class Filters:
    """The frames to report: all without filters, else those that meet all conditions of at least one filter."""

    def __init__(self, active: list[Filter]) -> None:
        self._active = active
        self._tunnels = {port for filter_ in active for port in filter_.get("encap", ())}
        self._decided: dict[tuple[Headers, Headers | None], bool] = {}

    def report(self, frame: bytes) -> bool:
        """Whether the capture keeps this Ethernet frame."""
        if not self._active:
            return True
        outer, inner = headers(frame), None
        if outer[1] == 17 and outer[2] and outer[2][1] in self._tunnels:
            start = 14 + (frame[14] & 15) * 4 if len(outer[0][0]) == 4 else 54
            inner = headers(frame[start + 16 :])  # after the headers of UDP and VXLAN
        key = outer, inner
        if key not in self._decided:
            self._decided[key] = any(
                holds(filter_, outer)
                or (inner is not None and outer[2][1] in filter_.get("encap", ()) and holds(filter_, inner))
                for filter_ in self._active
            )
        return self._decided[key]


def holds(filter_: Filter, headers: Headers) -> bool:
    """Whether a packet meets all conditions of a filter; two values of a kind must both be in the packet."""
    addresses, protocol, ports = headers
    return (
        all(
            any(len(raw) * 8 == bits and int.from_bytes(raw, "big") >> behind == prefix for raw in addresses)
            for bits, behind, prefix in filter_.get("ip", ())
        )
        and protocol in filter_.get("transport", [protocol])
        and all(port in ports for port in filter_.get("port", ()))
    )
