"""The interfaces of a Windows machine or pod."""

from __future__ import annotations

import ctypes
import socket
import struct
from ctypes import POINTER, Structure, c_char_p, c_int, c_ubyte, c_uint64, c_ulong, c_void_p, c_wchar_p

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from podwire.agent.parameters import Parameters


def interfaces_of_windows() -> list[Parameters]:
    """The interfaces from GetAdaptersAddresses (Microsoft: iptypes.h, IP_ADAPTER_ADDRESSES_LH)."""

    class Unicast(Structure):
        pass

    class Adapter(Structure):
        pass

    Unicast._fields_ = [("head", c_uint64), ("next", POINTER(Unicast)), ("address", c_void_p), ("length", c_int)]
    Adapter._fields_ = [
        ("head", c_uint64), ("next", POINTER(Adapter)), ("guid", c_char_p), ("unicast", POINTER(Unicast)),
        ("anycast", c_void_p), ("multicast", c_void_p), ("dns", c_void_p), ("suffix", c_wchar_p),
        ("description", c_wchar_p), ("name", c_wchar_p), ("mac", c_ubyte * 8), ("mac_length", c_ulong),
        ("flags", c_ulong), ("mtu", c_ulong),
    ]  # fmt: skip
    call = ctypes.WinDLL("iphlpapi").GetAdaptersAddresses  # type: ignore[attr-defined,unused-ignore]
    size = c_ulong(1 << 16)
    for _ in range(4):
        space = ctypes.create_string_buffer(size.value)
        number = call(0, 0xE, None, space, ctypes.byref(size))  # no anycast, multicast, DNS servers
        if number != 111:  # ERROR_BUFFER_OVERFLOW: `size` now has the needed size
            break
    if number:
        raise OSError(number, f"GetAdaptersAddresses: error {number}")
    interfaces, adapter = [], ctypes.cast(space, POINTER(Adapter))
    while adapter:
        entry, unicast, addresses = adapter.contents, adapter.contents.unicast, []
        while unicast:
            raw = ctypes.string_at(unicast.contents.address, unicast.contents.length)
            family = struct.unpack_from("=H", raw)[0]
            if family == socket.AF_INET:
                addresses.append(socket.inet_ntop(socket.AF_INET, raw[4:8]))
            elif family == socket.AF_INET6:
                addresses.append(socket.inet_ntop(socket.AF_INET6, raw[8:24]))
            unicast = unicast.contents.next
        mac = bytes(entry.mac[: entry.mac_length]).hex(":")
        interfaces.append({"name": entry.name, "mac": mac, "addresses": addresses, "mtu": entry.mtu})
        adapter = entry.next
    return interfaces
