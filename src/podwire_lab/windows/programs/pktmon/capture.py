"""The commands that start, query and end the session."""

import json
import os
import socket
import sys

from podwire_lab.windows.programs.pktmon.components import chosen
from podwire_lab.windows.programs.pktmon.filters import describe, filters
from podwire_lab.windows.programs.pktmon.log_file import HEADING
from podwire_lab.windows.programs.pktmon.session import SESSION, Session, ask
from podwire_lab.windows.programs.pktmon.words import Refused, number, parsed

DEFAULT_SIZE, DEFAULT_MEGABYTES = 128, 512

START = {"-c": ("--capture", 0), "-f": ("--file-name", 1), "-s": ("--file-size", 1), "--capture": ("--capture", 0)}
START |= {word: (word, 1) for word in ("--type", "--pkt-size", "--flags", "--file-name", "--file-size", "--log-mode")}
START["--comp"] = ("--comp", 64)


def start(rest: list[str]) -> None:
    """Open the log file and start the session in a process of its own."""
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
    components = chosen(options.get("--comp", []))
    active = filters()
    numbers = ", ".join(str(component["id"]) for component in components)
    about = (
        f"Logger Parameters:\n    Logger name:        PktMon\n    Log file:           {path}\n"
        f"    Max file size:      {megabytes} MB\n\nCollected Data:\n    Packet counters, packet capture\n\n"
        f"Monitored Components:\n    {numbers}\n\n{describe(active)}"
    )
    try:
        file = open(path, "wb", buffering=1 << 20)  # noqa: SIM115 - the session's process closes it
        file.write(HEADING + json.dumps(components).encode() + b"\n")
        file.flush()
    except OSError as error:
        raise Refused(f"Failed to start Packet Monitor: cannot write the log file: {error}") from None
    session = Session(door, components, file, about, size=size, most=megabytes << 20, active=active)
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


def status(rest: list[str]) -> None:
    """Print what the session does, or that there is none."""
    try:
        print(ask(b"status")["about"])
    except Refused as refused:
        print(refused)


def counters(rest: list[str]) -> None:
    """Packets and bytes at each component: those that its interface on the node received and sent."""
    _, options = parsed(rest, {word: (word, 1) for word in ("--json", "--type", "-t", "--zero", "-z", "-i", "-r")})
    counts = ask(b"counters")["components"]
    names = ("In.Packets", "In.Bytes", "Out.Packets", "Out.Bytes")
    if "--json" in options:
        print(json.dumps([{"Id": int(key), **dict(zip(names, row, strict=True))} for key, row in counts.items()]))
        return
    print("  Id  Rx Packets    Rx Bytes  Tx Packets    Tx Bytes")
    for key, row in counts.items():
        print(f"{key:>4}" + "".join(f"{count:>12}" for count in row))


def stop(rest: list[str]) -> None:
    """End the session; its log file is then complete."""
    summary = ask(b"stop")
    lost = f"{summary['lost']} events lost" if summary["lost"] else "No events lost"
    print(
        f"Flushing logs...\nMerging metadata...\nLog file: {summary['path']} ({lost})\nPackets:  {summary['packets']}"
    )
