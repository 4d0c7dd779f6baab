"""The user's filters: kept from one command to the next, listed and removed."""

import contextlib
import json
import os
import socket
from collections.abc import Callable
from typing import Any

from podwire_lab.windows.programs.pktmon.words import Refused, parsed

MOST_FILTERS, VXLAN_PORT = 32, 4789
OPTIONS = {"-i": ("ip", 2), "-t": ("transport", 1), "-p": ("port", 2), "-e": ("encap", 1)}

Filter = dict[str, Any]
"""`name` and the user's `words`; conditions under the names of OPTIONS, each a list of values."""


def filter_file() -> str:
    """The path of the file with the filters of this network namespace."""
    folder = os.environ.get("PODWIRE_PKTMON_STATE") or os.environ.get("TMPDIR") or "/tmp"
    return os.path.join(folder, f"podwire-pktmon-filters-{os.stat('/proc/self/ns/net').st_ino}.json")


def filters() -> list[Filter]:
    """The active filters."""
    try:
        with open(filter_file(), encoding="utf-8") as file:
            return list(json.load(file))
    except FileNotFoundError:
        return []


def change_filters(rest: list[str]) -> None:
    """`filter list`, `filter remove` and `filter add ...`."""
    action = rest[0].lower() if rest else ""
    if action == "remove":
        with contextlib.suppress(FileNotFoundError):
            os.remove(filter_file())
        print("Removed all filters.")
    elif action == "list":
        print(describe(filters()))
    elif action == "add":
        now = filters()
        if len(now) >= MOST_FILTERS:
            raise Refused(f"Failed to add the filter: there are already {MOST_FILTERS}.")
        with open(filter_file(), "w", encoding="utf-8") as file:
            json.dump([*now, new_filter(rest[1:], len(now) + 1)], file)
        print("Filter added.")
    else:
        raise Refused("Usage: pktmon filter { list | add | remove }")


def describe(active: list[Filter]) -> str:
    """The list as pktmon prints it."""
    lines = [f"    {number:>2} {entry['name']}: {entry['words']}" for number, entry in enumerate(active, 1)]
    return "\n".join(["Packet Filters:", *(lines or ["    None"])])


def new_filter(words: list[str], number: int) -> Filter:
    """The conditions of `filter add`.

    Raises:
        Refused: a value is wrong.
    """
    name, options = parsed(words, OPTIONS)
    filter_: Filter = {"name": " ".join(name) or f"<filter {number}>", "words": " ".join(words)}
    convert_value: dict[str, Callable[[str], Any]] = {"ip": network, "transport": transport, "port": int}
    convert_value["encap"] = lambda text: int(text or VXLAN_PORT)
    try:
        for kind, values in options.items():
            filter_[kind] = [convert_value[kind](value) for value in values or [""]]
    except (ValueError, OSError):
        raise Refused(f"Failed to add the filter: invalid value in '{' '.join(words)}'.") from None
    return filter_


def transport(text: str) -> int:
    """The number of a transport protocol, from its name or its number."""
    numbers = {"icmp": 1, "tcp": 6, "udp": 17, "icmpv6": 58}
    return numbers[text.lower()] if text.lower() in numbers else int(text)


def network(text: str) -> tuple[int, int, int]:
    """An address or a subnet: bits of an address of its family, bits behind the prefix, the prefix as a number."""
    address, _, length = text.partition("/")
    raw = socket.inet_pton(socket.AF_INET6 if ":" in address else socket.AF_INET, address)
    behind = len(raw) * 8 - int(length or len(raw) * 8)
    if behind < 0:
        raise ValueError(text)
    return len(raw) * 8, behind, int.from_bytes(raw, "big") >> behind
