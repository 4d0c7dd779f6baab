"""The interfaces of a Windows machine or pod."""

from __future__ import annotations

import ctypes
import socket
import struct
from ctypes import POINTER, Structure, c_char_p, c_int, c_ubyte, c_uint64, c_ulong, c_void_p, c_wchar_p

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Any

    from podwire.agent.parameters import Parameters


def interfaces_of_windows() -> list[Parameters]:
    """Name, MAC and addresses of every adapter."""
    return [
        {"name": adapter["name"], "mac": adapter["mac"], "addresses": adapter["addresses"]} for adapter in adapters()
    ]


def dns_servers_of_windows() -> list[str]:
    """The DNS servers of all adapters, each once. Windows gives one without any three site-local addresses
    (Microsoft: fec0:0:0:ffff::1 to ::3), which nobody configured."""
    servers = dict.fromkeys(server for adapter in adapters() for server in adapter["dns"])
    return [server for server in servers if not server.startswith("fec0:0:0:ffff::")]


def adapters() -> list[Parameters]:
    """By GetAdaptersAddresses (Microsoft: iptypes.h, IP_ADAPTER_ADDRESSES_LH, IP_ADAPTER_DNS_SERVER_ADDRESS_XP)."""

    class Unicast(Structure):
        pass

    class Adapter(Structure):
        pass

    Unicast._fields_ = [("head", c_uint64), ("next", POINTER(Unicast)), ("address", c_void_p), ("length", c_int)]
    Adapter._fields_ = [
        ("head", c_uint64), ("next", POINTER(Adapter)), ("guid", c_char_p), ("unicast", POINTER(Unicast)),
        ("anycast", c_void_p), ("multicast", c_void_p), ("dns", POINTER(Unicast)), ("suffix", c_wchar_p),
        ("description", c_wchar_p), ("name", c_wchar_p), ("mac", c_ubyte * 8), ("mac_length", c_ulong),
        ("flags", c_ulong), ("mtu", c_ulong),
    ]  # fmt: skip
    call = ctypes.WinDLL("iphlpapi").GetAdaptersAddresses  # type: ignore[attr-defined,unused-ignore]
    size = c_ulong(1 << 16)
    for _ in range(4):
        space = ctypes.create_string_buffer(size.value)
        number = call(0, 0x6, None, space, ctypes.byref(size))  # no anycast, no multicast
        if number != 111:  # ERROR_BUFFER_OVERFLOW: the size that is needed is now in `size`
            break
    if number:
        raise OSError(number, f"GetAdaptersAddresses: error {number}")

    def listed(entry: Any) -> list[str]:
        addresses = []
        while entry:
            raw = ctypes.string_at(entry.contents.address, entry.contents.length)
            family = struct.unpack_from("=H", raw)[0]
            if family == socket.AF_INET:
                addresses.append(socket.inet_ntop(socket.AF_INET, raw[4:8]))
            elif family == socket.AF_INET6:
                addresses.append(socket.inet_ntop(socket.AF_INET6, raw[8:24]))
            entry = entry.contents.next
        return addresses

    interfaces, adapter = [], ctypes.cast(space, POINTER(Adapter))
    while adapter:
        entry = adapter.contents
        mac = bytes(entry.mac[: entry.mac_length]).hex(":")
        lists = {"addresses": listed(entry.unicast), "dns": listed(entry.dns)}
        interfaces.append({"name": entry.name, "mac": mac, "mtu": entry.mtu, **lists})
        adapter = entry.next
    return interfaces
