"""The capture points of a node: its network card and the ports of its switch, one for each pod."""

import fcntl
import json
import socket
import struct
from typing import Any

from podwire_lab.windows.programs.pktmon.words import Refused, parsed

SIOCGIFHWADDR = 0x8927

Component = dict[str, Any]
"""`id` (from 1), `name` of the interface, `type` (`Miniport` or `VMNIC`), `mac` as Windows writes it."""


def hardware_address(name: str) -> str:
    """The MAC of an interface in Windows' form: `02-10-00-00-00-0B`."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        answer = fcntl.ioctl(sock, SIOCGIFHWADDR, struct.pack("16s16x", name.encode()))
    return answer[18:24].hex("-").upper()


def stations() -> dict[int, str]:
    """The MAC behind each port of the node's switch, by interface index: a pod's port has one static entry."""
    names: dict[int, str] = {}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        # RTM_GETNEIGH (30) with NLM_F_REQUEST | NLM_F_DUMP, family AF_BRIDGE (7)
        sock.send(struct.pack("=IHHII", 28, 30, 0x301, 1, 0) + struct.pack("=BBHiHBB", 7, 0, 0, 0, 0, 0, 0))
        while True:
            data = sock.recv(1 << 16)
            at = 0
            while at < len(data):
                length, kind = struct.unpack_from("=IH", data, at)
                if kind == 3:
                    return names
                index, state = struct.unpack_from("=iH", data, at + 20)
                mac = link_address(data[at + 28 : at + length])
                if mac and state & 0x40:  # NUD_NOARP: set by hand, not the port's own address
                    names[index] = mac
                at += (length + 3) & ~3


def link_address(attributes: bytes) -> str:
    """The MAC among the netlink attributes of a neighbour, or an empty text."""
    at = 0
    while at + 4 <= len(attributes):
        length, kind = struct.unpack_from("=HH", attributes, at)
        if kind == 2:  # NDA_LLADDR
            return attributes[at + 4 : at + 10].hex("-").upper()
        at += max(4, (length + 3) & ~3)
    return ""


def components() -> list[Component]:
    """The network card, then the port of every pod, numbered as pktmon does: from 1, in the order of the list."""
    behind = stations()
    listed: list[Component] = []
    for index, name in sorted(socket.if_nameindex()):
        if name == "eth0":
            listed.insert(0, {"name": name, "type": "Miniport", "mac": hardware_address(name)})
        elif name.startswith("pod") and index in behind:
            listed.append({"name": name, "type": "VMNIC", "mac": behind[index]})
    return [{"id": number, **component} for number, component in enumerate(listed, 1)]


def chosen(wanted: list[str]) -> list[Component]:
    """The components that `--comp` names: none or `all`, `nics`, or numbers.

    Raises:
        Refused: there is no such number.
    """
    listed = components()
    if not wanted or wanted == ["all"]:
        return listed
    if wanted == ["nics"]:
        return [component for component in listed if component["type"] == "Miniport"]
    ids = {str(component["id"]) for component in listed}
    if unknown := [word for word in wanted if word not in ids]:
        raise Refused(f"Failed to start Packet Monitor: there is no component {unknown[0]}.")
    return [component for component in listed if str(component["id"]) in wanted]


def show_components(rest: list[str]) -> None:
    """`list`, and `comp list` of older builds."""
    words = {"-a": ("--all", 0), "--all": ("--all", 0), "-i": ("--include-hidden", 0), "--json": ("--json", 0)}
    _, options = parsed(rest, words | {"--include-hidden": ("--include-hidden", 0)})
    listed = components()
    if "--json" not in options:
        print("Network Adapters:\n   Id MAC Address       Name\n   -- -----------       ----")
        for component in listed:
            print(f"   {component['id']:>2} {component['mac']} {component['name']}")
        return
    groups: dict[str, list[dict[str, Any]]] = {}
    for component in listed:
        shown = {"Id": component["id"], "Type": component["type"], "Name": component["name"]}
        shown["Properties"] = [{"Name": "MAC Address", "Value": component["mac"]}]
        groups.setdefault("Network" if component["type"] == "Miniport" else "vSwitch", []).append(shown)
    print(json.dumps([{"Group": group, "Components": members} for group, members in groups.items()]))
