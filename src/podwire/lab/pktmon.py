"""`pktmon` of an emulated Windows node: the subset of the command line that captures, with real packets behind it.

    pktmon filter remove | pktmon list [--json] | pktmon start --capture [--comp all|nics|ID...] [--pkt-size N]
    [--file-name F.etl] | pktmon status | pktmon stop | pktmon etl2pcap F.etl --out F.pcapng [--component-id N]

Source: Microsoft, "Pktmon command formatting". There is one session for the whole host; the default packet size is 128
bytes; a packet is recorded at every component that it passes. The session is a process of its own that holds an
abstract socket of the node's network namespace, so that every caller on the node finds it, and a second one cannot
start. What stands in the .etl file is not ETL: records of (nanoseconds, component, wire length, captured length) behind
a line of JSON with the components. Standard library only: it is started many times, and must start fast.
"""

import contextlib
import fcntl
import json
import os
import select
import socket
import struct
import sys
import time
from typing import BinaryIO

SESSION = "\0podwire-pktmon"
RECORD = struct.Struct("=QHII")
HEADING = b"podwire emulated pktmon, not an ETL file\n"
DEFAULT_SIZE = 128
SIOCGIFHWADDR = 0x8927
BUFFER = 32 << 20


def main(arguments: list[str]) -> int:
    commands = {
        "filter": change_filter,
        "list": show_components,
        "comp": lambda rest: show_components(rest[1:]),
        "start": start,
        "status": status,
        "stop": stop,
        "etl2pcap": convert,
        "pcapng": convert,
    }
    if not arguments or arguments[0] not in commands:
        print(f"Unknown command: {' '.join(arguments)}")
        return 1
    return commands[arguments[0]](arguments[1:])


# --- components -------------------------------------------------------------------------------------------------------


def hardware_address(name: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        answer = fcntl.ioctl(sock, SIOCGIFHWADDR, struct.pack("16s16x", name.encode()))
    return ":".join(f"{byte:02x}" for byte in answer[18:24])


def stations() -> dict[int, str]:
    """The MAC behind each port of the node's switch, by interface index: a pod's port has one static entry."""
    found: dict[int, str] = {}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        # RTM_GETNEIGH (30) with NLM_F_REQUEST | NLM_F_DUMP, family AF_BRIDGE (7)
        sock.send(struct.pack("=IHHII", 28, 30, 0x301, 1, 0) + struct.pack("=BBHiHBB", 7, 0, 0, 0, 0, 0, 0))
        while True:
            data = sock.recv(1 << 16)
            at = 0
            while at < len(data):
                length, kind = struct.unpack_from("=IH", data, at)
                if kind == 3:
                    return found
                index, state = struct.unpack_from("=iH", data, at + 20)
                mac = link_address(data[at + 28 : at + length])
                if mac and state & 0x40:  # NUD_NOARP: set by hand, not the port's own address
                    found[index] = mac
                at += (length + 3) & ~3


def link_address(attributes: bytes) -> str:
    at = 0
    while at + 4 <= len(attributes):
        length, kind = struct.unpack_from("=HH", attributes, at)
        if kind == 2:  # NDA_LLADDR
            return ":".join(f"{byte:02x}" for byte in attributes[at + 4 : at + 10])
        at += max(4, (length + 3) & ~3)
    return ""


def components() -> list[dict[str, object]]:
    """The network card, then the port of every pod, numbered as pktmon does: from 1, as long as the list stands."""
    behind = stations()
    found: list[dict[str, object]] = []
    for index, name in sorted(socket.if_nameindex()):
        if name == "eth0":
            found.insert(0, {"name": name, "type": "Miniport", "mac": hardware_address(name)})
        elif name.startswith("pod") and index in behind:
            found.append({"name": name, "type": "VMNIC", "mac": behind[index]})
    return [{"id": number + 1, **one} for number, one in enumerate(found)]


def show_components(rest: list[str]) -> int:
    found = components()
    if "--json" in rest:
        groups = [
            {
                "Group": "Network" if one["type"] == "Miniport" else "vSwitch",
                "Components": [
                    {
                        "Id": one["id"],
                        "Type": one["type"],
                        "Name": one["name"],
                        "Properties": [{"Name": "MAC Address", "Value": str(one["mac"]).upper().replace(":", "-")}],
                    }
                ],
            }
            for one in found
        ]
        print(json.dumps(groups))
        return 0
    print("Network Adapters:\n   Id MAC Address       Name\n   -- -----------       ----")
    for one in found:
        print(f"   {one['id']:>2} {str(one['mac']).upper().replace(':', '-')} {one['name']}")
    return 0


def change_filter(rest: list[str]) -> int:
    if rest[:1] == ["remove"]:
        print("Removed all filters.")
        return 0
    print("This pktmon has no filters: it captures everything.")
    return 1


# --- the session ------------------------------------------------------------------------------------------------------


def option(rest: list[str], names: tuple[str, ...], default: str = "") -> str:
    for name in names:
        if name in rest[:-1]:
            return rest[rest.index(name) + 1]
    return default


def chosen(rest: list[str]) -> list[dict[str, object]]:
    wanted: list[str] = []
    for name in ("--comp", "-i"):
        if name in rest:
            after = rest[rest.index(name) + 1 :]
            wanted = after[: next((at for at, word in enumerate(after) if word.startswith("-")), len(after))]
    found = components()
    if not wanted or wanted == ["all"]:
        return found
    if wanted == ["nics"]:
        return [one for one in found if one["type"] == "Miniport"]
    return [one for one in found if str(one["id"]) in wanted]


def start(rest: list[str]) -> int:
    size = int(option(rest, ("--pkt-size", "-p"), str(DEFAULT_SIZE)))
    path = os.path.abspath(option(rest, ("--file-name", "--file", "-f"), "PktMon.etl"))
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        door.bind(SESSION)
    except OSError:
        print("Failed to start Packet Monitor: Packet Monitor is already running.")
        return 1
    door.listen(4)
    places = chosen(rest)
    if not places:
        print("Failed to start Packet Monitor: no such component.")
        return 1
    sockets = [capture_socket(str(one["name"])) for one in places]
    ready, tell = os.pipe()
    if os.fork():
        os.close(tell)
        os.read(ready, 1)
        print("Logger Parameters:\n    Logger name:        PktMon\n    Logging mode:       Circular")
        print(f"    Log file:           {path}\n\nCollected Data:\n    Packet counters, packet capture")
        return 0
    os.setsid()
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)
    with open(path, "wb", buffering=1 << 20) as file:
        file.write(HEADING + json.dumps(places).encode() + b"\n")
        os.close(tell)
        os.close(ready)
        record(door, sockets, [int(str(one["id"])) for one in places], size, file)
    os._exit(0)


def capture_socket(name: str) -> socket.socket:
    """Everything that passes the interface, both ways, with a buffer that holds a burst."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        sock.setsockopt(socket.SOL_SOCKET, 33, BUFFER)  # SO_RCVBUFFORCE needs CAP_NET_ADMIN of the first user namespace
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
    sock.setblocking(False)
    sock.bind((name, 3))  # ETH_P_ALL
    return sock


def record(door: socket.socket, sockets: list[socket.socket], numbers: list[int], size: int, file: BinaryIO) -> None:
    """Write what the sockets bring until somebody says stop."""
    poller = select.poll()
    by_fd = {sock.fileno(): (sock, number) for sock, number in zip(sockets, numbers, strict=True)}
    for descriptor in (door.fileno(), *by_fd):
        poller.register(descriptor, select.POLLIN)
    count = 0
    while True:
        for descriptor, _ in poller.poll():
            if descriptor in by_fd:
                count += drain(*by_fd[descriptor], size, file)
                continue
            caller, _ = door.accept()
            with caller:
                word = caller.recv(16)
                if word == b"stop":
                    count += sum(drain(sock, number, size, file) for sock, number in by_fd.values())
                    file.flush()
                    lost = sum(struct.unpack("=II", sock.getsockopt(263, 6, 8))[1] for sock, _ in by_fd.values())
                    door.close()
                    caller.sendall(f"{count} {lost}".encode())
                    return
                caller.sendall(f"{count} 0".encode())


def drain(sock: socket.socket, number: int, size: int, file: BinaryIO) -> int:
    """Write all that waits at one component; how many packets that were."""
    count = 0
    while True:
        try:
            data, control, _, _ = sock.recvmsg(1 << 16, 64)
        except BlockingIOError:
            return count
        at = time.time_ns()
        for level, kind, value in control:
            if (level, kind) == (socket.SOL_SOCKET, 35):
                seconds, nanoseconds = struct.unpack("=qq", value[:16])
                at = seconds * 1_000_000_000 + nanoseconds
        kept = data[:size] if size else data
        file.write(RECORD.pack(at, number, len(data), len(kept)) + kept)
        count += 1


def ask(word: bytes) -> tuple[int, int] | None:
    """What the running session says to a word: packets recorded, packets lost; None when no session runs."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.connect(SESSION)
        except OSError:
            return None
        sock.sendall(word)
        answer = sock.recv(64).split()
    return (int(answer[0]), int(answer[1])) if len(answer) == 2 else None


def status(rest: list[str]) -> int:
    said = ask(b"status")
    print("Packet Monitor is not running." if said is None else f"Collected Data:\n    Packets: {said[0]}")
    return 0


def stop(rest: list[str]) -> int:
    said = ask(b"stop")
    if said is None:
        print("Packet Monitor is not running.")
        return 1
    print(f"Flushing logs...\nMerging metadata...\nLog file complete: {said[0]} packets, {said[1]} events lost")
    return 0


# --- conversion -------------------------------------------------------------------------------------------------------


def convert(rest: list[str]) -> int:
    paths = [
        word
        for at, word in enumerate(rest)
        if not word.startswith("-") and (at == 0 or not rest[at - 1].startswith("-"))
    ]
    out = option(rest, ("--out", "-o"))
    only = option(rest, ("--component-id", "-c"))
    try:
        with open(paths[0], "rb") as file:
            content = file.read()
    except (OSError, IndexError) as error:
        print(f"Error: cannot open the log file: {error}")
        return 1
    if not content.startswith(HEADING):
        print("Error: this is not a log file of this pktmon")
        return 1
    line, _, records = content[len(HEADING) :].partition(b"\n")
    names = {int(one["id"]): str(one["name"]) for one in json.loads(line)}
    wanted = {int(only)} if only else set(names)
    with open(out, "wb") as file:
        file.write(pcapng(records, {number: name for number, name in names.items() if number in wanted}))
    print(f"Processing...\n\nConverted log file into {out}")
    return 0


def pcapng(records: bytes, names: dict[int, str]) -> bytes:
    """A section, an Ethernet interface a component with nanosecond stamps, a packet block a record (pcapng draft)."""
    out = [block(0x0A0D0D0A, struct.pack("=IHHq", 0x1A2B3C4D, 1, 0, -1))]
    places = {number: at for at, number in enumerate(names)}
    for name in names.values():
        text = name.encode()
        options = struct.pack("=HH", 2, len(text)) + text + bytes(-len(text) % 4)
        options += struct.pack("=HHBxxx", 9, 1, 9) + struct.pack("=HH", 0, 0)
        out.append(block(1, struct.pack("=HHI", 1, 0, 0) + options))
    at = 0
    while at + RECORD.size <= len(records):
        stamp, number, wire, kept = RECORD.unpack_from(records, at)
        at += RECORD.size
        if number in places:
            data = records[at : at + kept]
            head = struct.pack("=IIIII", places[number], stamp >> 32, stamp & 0xFFFFFFFF, kept, wire)
            out.append(block(6, head + data + bytes(-kept % 4)))
        at += kept
    return b"".join(out)


def block(kind: int, body: bytes) -> bytes:
    length = struct.pack("=I", len(body) + 12)
    return struct.pack("=I", kind) + length + body + length


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main(sys.argv[1:]))
