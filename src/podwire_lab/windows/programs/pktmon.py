"""`pktmon` of an emulated Windows node: the subset of the command line that captures, with real packets behind it.

    pktmon filter list | pktmon filter remove
    pktmon filter add [NAME] [-i IP[/BITS] [IP]] [-t TCP|UDP|ICMP|ICMPv6|N] [-p PORT [PORT]] [-e [PORT]]
    pktmon list [--all] [--json] | pktmon comp list | pktmon status | pktmon counters [--json] | pktmon stop
    pktmon start --capture [--comp all|nics|ID...] [--pkt-size N] [--file-name F.etl] [--file-size MB]
    pktmon etl2pcap F.etl [--out F.pcapng] [--component-id N] [--drop-only]    (also spelled `pktmon pcapng`)

Source: Microsoft, "Pktmon command formatting" and the references of the commands. There is one session for the whole
host; the default packet size is 128 bytes; a packet is recorded at every component that it passes; a packet is reported
when all conditions of at least one filter hold, whichever side is source or destination; with `-e` also when they hold
for what is inside VXLAN (to that port, else 4789).

The session is a process of its own that holds an abstract socket of the node's network namespace, so that every caller
on the node finds it, and a second one cannot start. What stands in the .etl file is not ETL: records of (nanoseconds,
component, wire length, captured length) behind a line of JSON with the components. Other than the real one it never
overwrites old packets: what comes after `--file-size` counts as lost. The layout of `counters --json` is this tool's
own. Standard library only: it is started many times, and must start fast.
"""

import contextlib
import errno
import fcntl
import json
import os
import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any, BinaryIO

SESSION = "\0podwire-pktmon"
RECORD = struct.Struct("=QHII")
HEADING = b"podwire emulated pktmon, not an ETL file\n"
DEFAULT_SIZE, DEFAULT_MEGABYTES, MOST_FILTERS, VXLAN_PORT = 128, 512, 32, 4789
SIOCGIFHWADDR = 0x8927
SO_RCVBUFFORCE, SO_TIMESTAMPNS, SOL_PACKET, PACKET_STATISTICS, PACKET_OUTGOING = 33, 35, 263, 6, 4
BUFFER = 32 << 20
Component = dict[str, Any]
Options = dict[str, list[str]]
Headers = tuple[tuple[bytes, ...], int, tuple[int, ...]]
NOT_RUNNING = "Packet Monitor is not running."


class Refused(Exception):
    """A command that cannot be done; the text is what the user reads."""


def main(arguments: list[str]) -> int:
    commands: dict[str, Callable[[list[str]], None]] = {
        "filter": change_filters,
        "list": show_components,
        "comp": lambda rest: show_components(rest[1:]),
        "start": start,
        "status": status,
        "counters": counters,
        "stop": stop,
        "etl2pcap": convert,
        "pcapng": convert,
    }
    try:
        if not arguments or arguments[0].lower() not in commands:
            raise Refused(f"Unknown command: {' '.join(arguments) or '(none)'}")
        commands[arguments[0].lower()](arguments[1:])
    except (Refused, OSError) as refused:
        print(refused)
        return 1
    return 0


def parsed(words: list[str], known: dict[str, tuple[str, int]]) -> tuple[list[str], Options]:
    """Words without an option, and options by their long names. `known`: spelling to long name and most values."""
    loose: list[str] = []
    options: Options = {}
    name, room = "", 0
    for word in words:
        if word in known:
            name, room = known[word]
            options[name] = []
        elif word.startswith("-"):
            raise Refused(f"Unknown parameter '{word}' (or one that the emulated pktmon does not have).")
        elif room:
            options[name].append(word)
            room -= 1
        else:
            loose.append(word)
    return loose, options


def number(options: Options, name: str, default: int) -> int:
    if name not in options:
        return default
    try:
        return int(options[name][0], 0)
    except (ValueError, IndexError):
        raise Refused(f"Invalid value for {name}: {' '.join(options[name]) or '(none)'}") from None


# --- components -------------------------------------------------------------------------------------------------------


def hardware_address(name: str) -> str:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        answer = fcntl.ioctl(sock, SIOCGIFHWADDR, struct.pack("16s16x", name.encode()))
    return answer[18:24].hex("-").upper()


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
            return attributes[at + 4 : at + 10].hex("-").upper()
        at += max(4, (length + 3) & ~3)
    return ""


def components() -> list[Component]:
    """The network card, then the port of every pod, numbered as pktmon does: from 1, as long as the list stands."""
    behind = stations()
    found: list[Component] = []
    for index, name in sorted(socket.if_nameindex()):
        if name == "eth0":
            found.insert(0, {"name": name, "type": "Miniport", "mac": hardware_address(name)})
        elif name.startswith("pod") and index in behind:
            found.append({"name": name, "type": "VMNIC", "mac": behind[index]})
    return [{"id": at, **one} for at, one in enumerate(found, 1)]


def chosen(wanted: list[str]) -> list[Component]:
    found = components()
    if not wanted or wanted == ["all"]:
        return found
    if wanted == ["nics"]:
        return [one for one in found if one["type"] == "Miniport"]
    ids = {str(one["id"]) for one in found}
    if unknown := [word for word in wanted if word not in ids]:
        raise Refused(f"Failed to start Packet Monitor: there is no component {unknown[0]}.")
    return [one for one in found if str(one["id"]) in wanted]


def show_components(rest: list[str]) -> None:
    """`list`, and `comp list` of older builds."""
    words = {"-a": ("--all", 0), "--all": ("--all", 0), "-i": ("--include-hidden", 0), "--json": ("--json", 0)}
    _, options = parsed(rest, words | {"--include-hidden": ("--include-hidden", 0)})
    found = components()
    if "--json" not in options:
        print("Network Adapters:\n   Id MAC Address       Name\n   -- -----------       ----")
        for one in found:
            print(f"   {one['id']:>2} {one['mac']} {one['name']}")
        return
    groups: dict[str, list[dict[str, Any]]] = {}
    for one in found:
        properties = [{"Name": "MAC Address", "Value": one["mac"]}]
        shown = {"Id": one["id"], "Type": one["type"], "Name": one["name"], "Properties": properties}
        groups.setdefault("Network" if one["type"] == "Miniport" else "vSwitch", []).append(shown)
    print(json.dumps([{"Group": group, "Components": members} for group, members in groups.items()]))


# --- filters ----------------------------------------------------------------------------------------------------------


def filter_file() -> str:
    """Filters outlive a command: they stand in a file for this network namespace."""
    folder = os.environ.get("PODWIRE_PKTMON_STATE") or os.environ.get("TMPDIR") or "/tmp"
    return os.path.join(folder, f"podwire-pktmon-filters-{os.stat('/proc/self/ns/net').st_ino}.json")


def filters() -> list[dict[str, Any]]:
    try:
        with open(filter_file(), encoding="utf-8") as file:
            return list(json.load(file))
    except FileNotFoundError:
        return []


def change_filters(rest: list[str]) -> None:
    what = rest[0].lower() if rest else ""
    if what == "remove":
        with contextlib.suppress(FileNotFoundError):
            os.remove(filter_file())
        print("Removed all filters.")
    elif what == "list":
        print(describe(filters()))
    elif what == "add":
        now = filters()
        if len(now) >= MOST_FILTERS:
            raise Refused(f"Failed to add the filter: there are {MOST_FILTERS} already.")
        with open(filter_file(), "w", encoding="utf-8") as file:
            json.dump([*now, new_filter(rest[1:], len(now) + 1)], file)
        print("Filter added.")
    else:
        raise Refused("Usage: pktmon filter { list | add | remove }")


def describe(active: list[dict[str, Any]]) -> str:
    lines = [f"    {at:>2} {one['name']}: {one['words']}" for at, one in enumerate(active, 1)]
    return "\n".join(["Packet Filters:", *(lines or ["    None"])])


FILTER = {"-i": ("ip", 2), "-t": ("transport", 1), "-p": ("port", 2), "-e": ("encap", 1)}


def new_filter(words: list[str], place: int) -> dict[str, Any]:
    name, options = parsed(words, FILTER)
    made: dict[str, Any] = {"name": " ".join(name) or f"<filter {place}>", "words": " ".join(words)}
    convert_value: dict[str, Callable[[str], Any]] = {"ip": network, "transport": transport, "port": int}
    convert_value["encap"] = lambda text: int(text or VXLAN_PORT)
    try:
        for kind, values in options.items():
            made[kind] = [convert_value[kind](value) for value in values or [""]]
    except (ValueError, OSError):
        raise Refused(f"Failed to add the filter: invalid value in '{' '.join(words)}'.") from None
    return made


def transport(text: str) -> int:
    known = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58}
    return known[text.lower()] if text.lower() in known else int(text)


def network(text: str) -> tuple[int, int, int]:
    """An address or a subnet: bits of an address of its family, bits behind the prefix, the prefix as a number."""
    address, _, length = text.partition("/")
    raw = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    behind = len(raw) * 8 - int(length or len(raw) * 8)
    if behind < 0:
        raise ValueError(text)
    return len(raw) * 8, behind, int.from_bytes(raw, "big") >> behind


def headers(frame: bytes) -> Headers:
    """Addresses, transport protocol and ports of a frame; empty or -1 where it has none."""
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
    """Which frames are reported: those for which all conditions of one filter hold, and without filters all."""

    def __init__(self, active: list[dict[str, Any]]) -> None:
        self._active = active
        self._tunnels = {port for one in active for port in one.get("encap", ())}
        self._decided: dict[tuple[Headers, Headers | None], bool] = {}

    def report(self, frame: bytes) -> bool:
        if not self._active:
            return True
        outer, inner = headers(frame), None
        if outer[1] == 17 and outer[2] and outer[2][1] in self._tunnels:
            start = 14 + (frame[14] & 15) * 4 if len(outer[0][0]) == 4 else 54
            inner = headers(frame[start + 16 :])  # behind the headers of UDP and VXLAN
        key = outer, inner
        if key not in self._decided:
            self._decided[key] = any(
                holds(one, outer) or (inner is not None and outer[2][1] in one.get("encap", ()) and holds(one, inner))
                for one in self._active
            )
        return self._decided[key]


def holds(wanted: dict[str, Any], found: Headers) -> bool:
    """True when all conditions of a filter hold; two values of a kind must both be in the packet."""
    addresses, protocol, ports = found
    return (
        all(
            any(len(one) * 8 == bits and int.from_bytes(one, "big") >> behind == prefix for one in addresses)
            for bits, behind, prefix in wanted.get("ip", ())
        )
        and protocol in wanted.get("transport", [protocol])
        and all(port in ports for port in wanted.get("port", ()))
    )


# --- the session ------------------------------------------------------------------------------------------------------


START = {"-c": ("--capture", 0), "-f": ("--file-name", 1), "-s": ("--file-size", 1), "--capture": ("--capture", 0)}
START |= {word: (word, 1) for word in ("--type", "--pkt-size", "--flags", "--file-name", "--file-size", "--log-mode")}
START["--comp"] = ("--comp", 64)


def start(rest: list[str]) -> None:
    loose, options = parsed(rest, START)
    if loose or "--capture" not in options:
        raise Refused("Usage: pktmon start --capture [--comp all|nics|ID...] [--pkt-size N] [--file-name F] ...")
    size, megabytes = number(options, "--pkt-size", DEFAULT_SIZE), number(options, "--file-size", DEFAULT_MEGABYTES)
    path = os.path.abspath((options.get("--file-name") or ["PktMon.etl"])[0])
    door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        door.bind(SESSION)
    except OSError:
        raise Refused("Failed to start Packet Monitor: Packet Monitor is already running.") from None
    door.listen(8)
    places = chosen(options.get("--comp", []))
    active = filters()
    about = (
        f"Logger Parameters:\n    Logger name:        PktMon\n    Log file:           {path}\n"
        f"    Max file size:      {megabytes} MB\n\nCollected Data:\n    Packet counters, packet capture\n\n"
        f"Monitored Components:\n    {', '.join(str(one['id']) for one in places)}\n\n{describe(active)}"
    )
    try:
        file = open(path, "wb", buffering=1 << 20)  # noqa: SIM115 - the session's process closes it
        file.write(HEADING + json.dumps(places).encode() + b"\n")
        file.flush()
    except OSError as error:
        raise Refused(f"Failed to start Packet Monitor: cannot write the log file: {error}") from None
    session = Session(door, places, file, about, size=size, most=megabytes << 20, active=active)
    sys.stdout.flush()
    if os.fork():
        print(about)
        return
    os.setsid()
    quiet = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(quiet, descriptor)
    try:
        session.run()
    finally:
        os._exit(0)


def capture_socket(name: str) -> socket.socket:
    """Everything that passes the interface from now on, both ways, with a buffer that holds a burst."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    try:
        sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)  # needs CAP_NET_ADMIN of the first user namespace
    except OSError:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.setblocking(False)
    sock.bind((name, 3))  # ETH_P_ALL
    return sock


class Session:
    """The capture that runs behind the commands, until somebody says stop."""

    def __init__(
        self,
        door: socket.socket,
        places: list[Component],
        file: BinaryIO,
        about: str,
        *,
        size: int,
        most: int,
        active: list[dict[str, Any]],
    ) -> None:
        self._door, self._file, self._about, self._size, self._filters = door, file, about, size, Filters(active)
        self._room, self._lost, self._count, self._path = most, 0, 0, file.name
        self._counts = {one["id"]: [0, 0, 0, 0] for one in places}
        self._sockets = {sock.fileno(): (sock, one["id"]) for one in places if (sock := capture_socket(one["name"]))}

    def run(self) -> None:
        poller = select.poll()
        for descriptor in (self._door.fileno(), *self._sockets):
            poller.register(descriptor, select.POLLIN)
        while True:
            for descriptor, _ in poller.poll():
                if descriptor in self._sockets:
                    self._drain(*self._sockets[descriptor])
                elif self._serve():
                    return

    def _serve(self) -> bool:
        """Answer one caller; True when the session is over, and its file complete."""
        caller, _ = self._door.accept()
        with caller, contextlib.suppress(OSError):  # The caller has gone: nobody to tell.
            caller.settimeout(1.0)
            over = caller.recv(16) == b"stop"
            if over:
                self._finish()
            said = {"packets": self._count, "lost": self._lost, "path": self._path, "about": self._about}
            caller.sendall(json.dumps({**said, "components": self._counts}).encode())
            return over
        return False

    def _finish(self) -> None:
        for sock, component in self._sockets.values():
            self._drain(sock, component)
            self._lost += int(struct.unpack("=II", sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1])
        self._file.close()
        self._door.close()

    def _drain(self, sock: socket.socket, component: int) -> None:
        """Write all that waits at one component."""
        counts = self._counts[component]
        while True:
            try:
                data, control, _, source = sock.recvmsg(1 << 16, 64)
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno == errno.ENETDOWN:
                    continue  # The port has gone with its pod, which is said once; what it saw before is kept.
                raise
            if not self._filters.report(data):
                continue
            at = time.time_ns()
            for level, kind, value in control:
                if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
                    seconds, nanoseconds = struct.unpack("=qq", value[:16])
                    at = seconds * 1_000_000_000 + nanoseconds
            side = 2 if source[2] == PACKET_OUTGOING else 0
            counts[side] += 1
            counts[side + 1] += len(data)
            kept = data[: self._size] if self._size else data
            self._room -= RECORD.size + len(kept)
            if self._room < 0:
                self._lost += 1
                continue
            self._file.write(RECORD.pack(at, component, len(data), len(kept)) + kept)
            self._count += 1


def ask(word: bytes) -> dict[str, Any]:
    """What the running session says to a word."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        try:
            sock.connect(SESSION)
        except OSError:
            raise Refused(NOT_RUNNING) from None
        sock.sendall(word)
        said = b"".join(iter(lambda: sock.recv(1 << 16), b""))
    if not said:
        raise Refused("Packet Monitor does not answer.")
    return dict(json.loads(said))


def status(rest: list[str]) -> None:
    try:
        print(ask(b"status")["about"])
    except Refused as refused:
        print(refused)


def counters(rest: list[str]) -> None:
    """Packets and bytes at each component: what came in at its interface on the node, and what went out there."""
    _, options = parsed(rest, {word: (word, 1) for word in ("--json", "--type", "-t", "--zero", "-z", "-i", "-r")})
    counts = ask(b"counters")["components"]
    names = ("In.Packets", "In.Bytes", "Out.Packets", "Out.Bytes")
    if "--json" in options:
        print(json.dumps([{"Id": int(key), **dict(zip(names, one, strict=True))} for key, one in counts.items()]))
        return
    print("  Id  Rx Packets    Rx Bytes  Tx Packets    Tx Bytes")
    for key, one in counts.items():
        print(f"{key:>4}" + "".join(f"{count:>12}" for count in one))


def stop(rest: list[str]) -> None:
    said = ask(b"stop")
    lost = f"{said['lost']} events lost" if said["lost"] else "No events lost"
    print(f"Flushing logs...\nMerging metadata...\nLog file: {said['path']} ({lost})\nPackets:  {said['packets']}")


# --- conversion -------------------------------------------------------------------------------------------------------


def convert(rest: list[str]) -> None:
    """To pcapng. This node's components drop nothing by themselves, so a file of dropped packets alone is empty."""
    long = {"-o": "--out", "-c": "--component-id", "-d": "--drop-only"}
    known = {word: (name, 0 if name == "--drop-only" else 1) for short, name in long.items() for word in (short, name)}
    paths, options = parsed(rest, known)
    if len(paths) != 1:
        raise Refused("Usage: pktmon etl2pcap FILE [--out NAME] [--drop-only] [--component-id ID]")
    out = (options.get("--out") or [os.path.splitext(paths[0])[0] + ".pcapng"])[0]
    try:
        with open(paths[0], "rb") as file:
            content = file.read()
    except OSError as error:
        raise Refused(f"Error: cannot open the log file: {error}") from None
    if not content.startswith(HEADING):
        raise Refused("Error: this is not a log file of this pktmon")
    line, _, records = content[len(HEADING) :].partition(b"\n")
    names = {int(one["id"]): str(one["name"]) for one in json.loads(line)}
    if "--component-id" in options:
        only = number(options, "--component-id", 0)
        names = {component: name for component, name in names.items() if component == only}
    data, count = pcapng(b"" if "--drop-only" in options else records, names)
    with open(out, "wb") as file:
        file.write(data)
    print(f"Processing...\n\nPackets formatted:   {count}\nFormatted file:      {out}")


def pcapng(records: bytes, names: dict[int, str]) -> tuple[bytes, int]:
    """Section, one Ethernet interface a component with nanosecond stamps, a block a packet in the order of time.

    Source: draft-ietf-opsawg-pcapng. Returns the file, and how many packets are in it.
    """
    blocks = [block(0x0A0D0D0A, struct.pack("=IHHq", 0x1A2B3C4D, 1, 0, -1))]
    places = {component: at for at, component in enumerate(names)}
    for name in names.values():
        text = name.encode()
        options = struct.pack("=HH", 2, len(text)) + text + bytes(-len(text) % 4)
        options += struct.pack("=HHBxxx", 9, 1, 9) + struct.pack("=HH", 0, 0)
        blocks.append(block(1, struct.pack("=HHI", 1, 0, 0) + options))
    packets: list[tuple[int, bytes]] = []
    at = 0
    while at + RECORD.size <= len(records):
        stamp, component, wire, kept = RECORD.unpack_from(records, at)
        at += RECORD.size
        if component in places:
            data = records[at : at + kept]
            head = struct.pack("=IIIII", places[component], stamp >> 32, stamp & 0xFFFFFFFF, kept, wire)
            packets.append((stamp, block(6, head + data + bytes(-kept % 4))))
        at += kept
    packets.sort(key=lambda packet: packet[0])
    return b"".join([*blocks, *(packet for _, packet in packets)]), len(packets)


def block(kind: int, body: bytes) -> bytes:
    length = struct.pack("=I", len(body) + 12)
    return struct.pack("=I", kind) + length + body + length


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main(sys.argv[1:]))
