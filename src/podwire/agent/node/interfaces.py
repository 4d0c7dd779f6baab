"""The interfaces of this machine or pod: name, MAC and addresses; `interfaces_windows` has the code for Windows."""

from __future__ import annotations

import socket
import struct

from podwire.agent.system import WINDOWS, complain

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Generator

    from podwire.agent.parameters import Parameters


def interfaces() -> list[Parameters]:
    """The name, MAC and addresses of every interface; empty, after a line on stderr, if the system refuses."""
    try:
        if WINDOWS:
            from podwire.agent.node.interfaces_windows import interfaces_of_windows

            return interfaces_of_windows()
        return interfaces_of_linux()
    except OSError as error:
        complain(f"interfaces: {error}")
        return []


def own_addresses() -> list[str]:
    """Every address of this machine or pod, each once."""
    return list(dict.fromkeys(address for interface in interfaces() for address in interface["addresses"]))


def is_loopback(address: str) -> bool:
    """Whether an address is a loopback address."""
    return address == "::1" or address.startswith("127.")


def interfaces_of_linux() -> list[Parameters]:
    """The interfaces from rtnetlink: RTM_GETLINK 18 for names and MACs, RTM_GETADDR 22 for addresses."""
    by_index: dict[int, Parameters] = {}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        sock.settimeout(5.0)
        for index, attributes in netlink_dump(sock, 18, 16):
            name = attributes.get(3, b"").rstrip(b"\0").decode("utf-8", "replace")
            hardware = attributes.get(1, b"") if len(attributes.get(1, b"")) == 6 else b""
            by_index[index] = {"name": name, "mac": hardware.hex(":"), "addresses": []}
        for index, attributes in netlink_dump(sock, 22, 8):
            raw = attributes.get(2) or attributes.get(1) or b""  # IFA_LOCAL, IFA_ADDRESS
            if index in by_index and len(raw) in (4, 16):
                family = socket.AF_INET if len(raw) == 4 else socket.AF_INET6
                by_index[index]["addresses"].append(socket.inet_ntop(family, raw))
    return list(by_index.values())


def netlink_dump(sock: socket.socket, kind: int, skip: int) -> Generator[tuple[int, dict[int, bytes]], None, None]:
    """Index and attributes of each object; `skip` is the size of its fixed header, whose bytes 4..8 are the index."""
    sock.send(struct.pack("=IHHII", 32, kind, 0x301, 1, 0) + bytes(16))  # NLM_F_REQUEST | NLM_F_DUMP
    while True:
        data, at = sock.recv(1 << 18), 0
        while at < len(data):
            length, message_type = struct.unpack_from("=IH", data, at)
            if message_type == 3:  # NLMSG_DONE
                return
            if message_type == 2:  # NLMSG_ERROR
                raise OSError(-struct.unpack_from("=i", data, at + 16)[0], "netlink")
            attributes, place, end = {}, at + 16 + skip, at + length
            while place + 4 <= end:
                size, name = struct.unpack_from("=HH", data, place)
                attributes[name] = data[place + 4 : place + size]
                place += max(4, (size + 3) & ~3)
            yield struct.unpack_from("=I", data, at + 20)[0], attributes
            at += (length + 3) & ~3
