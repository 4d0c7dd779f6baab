"""From a log file to pcapng."""

import json
import os
import struct

from podwire_lab.windows.programs.pktmon.log_file import HEADING, RECORD
from podwire_lab.windows.programs.pktmon.words import Refused, number, parsed


def convert(rest: list[str]) -> None:
    """Convert to pcapng. The components of this node drop nothing themselves, so a file of dropped packets is empty."""
    long = {"-o": "--out", "-c": "--component-id", "-d": "--drop-only"}
    options_by_word = {
        word: (name, 0 if name == "--drop-only" else 1) for short, name in long.items() for word in (short, name)
    }
    paths, options = parsed(rest, options_by_word)
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
    names = {int(component["id"]): str(component["name"]) for component in json.loads(line)}
    if "--component-id" in options:
        only = number(options, "--component-id", 0)
        names = {component: name for component, name in names.items() if component == only}
    data, count = pcapng(b"" if "--drop-only" in options else records, names)
    with open(out, "wb") as file:
        file.write(data)
    print(f"Processing...\n\nPackets formatted:   {count}\nFormatted file:      {out}")


def pcapng(records: bytes, names: dict[int, str]) -> tuple[bytes, int]:
    """A section, one Ethernet interface with nanosecond stamps for each component, one block for each packet in time
    order.

    Source: draft-ietf-opsawg-pcapng. Returns the file and the number of its packets.
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
        stamp, component, wire, captured = RECORD.unpack_from(records, at)
        at += RECORD.size
        if component in places:
            data = records[at : at + captured]
            head = struct.pack("=IIIII", places[component], stamp >> 32, stamp & 0xFFFFFFFF, captured, wire)
            packets.append((stamp, block(6, head + data + bytes(-captured % 4))))
        at += captured
    packets.sort(key=lambda packet: packet[0])
    return b"".join([*blocks, *(packet for _, packet in packets)]), len(packets)


def block(kind: int, body: bytes) -> bytes:
    length = struct.pack("=I", len(body) + 12)
    return struct.pack("=I", kind) + length + body + length
