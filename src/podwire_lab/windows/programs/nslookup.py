"""`nslookup` of an emulated Windows node: one question on the command line, asked by real packets of its own.

    nslookup [-type=A|AAAA|A+AAAA|CNAME|PTR|TXT] [-[no]search] [-timeout=SECONDS] [-retry=TIMES] NAME [SERVER]

It does not go through the DNS client: it asks the adapter's first server, and spells names by itself. A name that does
not end with a dot gets every suffix of the adapter, even one that has dots inside, before it is asked as it is; so it
finds names that programs do not find. Sources: Microsoft, "nslookup", set search, set type, set timeout and set retry
(defaults as `set all` shows them: a recollection); kubernetes/kubernetes issue 65016. The exit code is 0 whatever was
found (kubernetes, test/e2e/framework/service/jig.go). First comes a question for the server's own name. No interactive
mode. Standard library only: it is started many times, and must start fast.
"""

import ipaddress
import os
import socket
import struct
import sys
import time
from typing import NamedTuple

ADAPTER = "/etc/adapter.conf"
TYPES = {"A": 1, "CNAME": 5, "PTR": 12, "TXT": 16, "AAAA": 28}
NAMES = {number: name for name, number in TYPES.items()}
OPTIONS = {"type": "A+AAAA", "search": "yes", "timeout": "2", "retry": "1"}
SPELLINGS = {"querytype": "type", "q": "type", "ty": "type"}
NO_ERROR, NO_SUCH_NAME, AUTHORITATIVE, CUT_OFF = 0, 3, 0x0400, 0x0200
WORDS = {
    1: "Format error",
    2: "Server failed",
    NO_SUCH_NAME: "Non-existent domain",
    4: "Not implemented",
    5: "Query refused",
}


class Refused(Exception):
    """A wrong command line; the text is for the user."""


class TimedOut(Exception):
    """The server did not answer any try."""


class Answer(NamedTuple):
    """The flags of a response, its code, and its records as (owner, type, text)."""

    flags: int
    rcode: int
    records: "list[tuple[str, str, str]]"


# --- messages (RFC 1035) ----------------------------------------------------------------------------------------------


def question(identity: int, name: str, kind: str) -> bytes:
    labels = [label.encode() for label in name.rstrip(".").split(".") if label]
    if any(len(label) > 63 for label in labels) or sum(len(label) + 1 for label in labels) > 254:
        raise Refused(f"*** Invalid name: {name}")
    wire = b"".join(bytes([len(label)]) + label for label in labels)
    return struct.pack("!6H", identity, 0x0100, 1, 0, 0, 0) + wire + struct.pack("!xHH", TYPES[kind], 1)


def name_at(data: bytes, at: int) -> "tuple[str, int]":
    """A name with its compression undone, and the offset of its end."""
    labels, end, jumps = [], 0, 0
    while data[at]:
        if data[at] >= 0xC0:
            end, jumps = end or at + 2, jumps + 1
            if jumps > len(data):
                raise ValueError("a name whose compression pointers form a loop")
            at = struct.unpack_from("!H", data, at)[0] & 0x3FFF
        else:
            labels.append(data[at + 1 : at + 1 + data[at]].decode(errors="replace"))
            at += 1 + data[at]
    return ".".join(labels), end or at + 1


def parsed(data: bytes) -> Answer:
    _, flags, questions, answers, _, _ = struct.unpack_from("!6H", data)
    at, records = 12, []
    for _ in range(questions):
        at = name_at(data, at)[1] + 4
    for _ in range(answers):
        owner, at = name_at(data, at)
        kind, _, _, length = struct.unpack_from("!HHIH", data, at)
        at += 10
        if kind in NAMES:
            records.append((owner, NAMES[kind], shown(NAMES[kind], data, at, length)))
        at += length
    return Answer(flags, flags & 0xF, records)


def shown(kind: str, data: bytes, at: int, length: int) -> str:
    if kind in ("A", "AAAA"):
        return str(ipaddress.ip_address(data[at : at + length]))
    if kind == "TXT":
        return data[at + 1 : at + 1 + data[at]].decode(errors="replace")
    return name_at(data, at)[0]


# --- asking -----------------------------------------------------------------------------------------------------------


class Server:
    """The server, with the options about patience."""

    def __init__(self, address: str, timeout: float, tries: int) -> None:
        self.address, self._timeout, self._tries = address, timeout, tries
        infos = socket.getaddrinfo(address, 53, type=socket.SOCK_DGRAM, flags=socket.AI_NUMERICHOST)
        self._family, self._target = infos[0][0], (address, 53)

    def ask(self, name: str, kind: str) -> Answer:
        identity = int.from_bytes(os.urandom(2), "big")
        query = question(identity, name, kind)
        for _ in range(self._tries):
            try:
                answer = parsed(self._by_datagram(query))
                return parsed(self._by_stream(query)) if answer.flags & CUT_OFF else answer
            except (OSError, ValueError, IndexError, struct.error):
                print(f"DNS request timed out.\n    timeout was {self._timeout:g} seconds.")
        raise TimedOut

    def _by_datagram(self, query: bytes) -> bytes:
        until = time.monotonic() + self._timeout
        with socket.socket(self._family, socket.SOCK_DGRAM) as sock:
            sock.connect(self._target)
            sock.send(query)
            while True:
                sock.settimeout(max(0.001, until - time.monotonic()))
                data = sock.recv(65535)
                if data[:2] == query[:2]:
                    return data

    def _by_stream(self, query: bytes) -> bytes:
        with socket.create_connection(self._target, self._timeout) as sock, sock.makefile("rb") as answer:
            sock.sendall(struct.pack("!H", len(query)) + query)
            (length,) = struct.unpack("!H", answer.read(2))
            return answer.read(length)


def spellings(name: str, suffixes: "list[str]") -> "list[str]":
    if name.endswith("."):
        return [name]
    return [*(f"{name}.{suffix}" for suffix in suffixes), *([name] if "." in name or not suffixes else [])]


def look_up(server: Server, name: str, kinds: "list[str]", suffixes: "list[str]") -> Answer:
    """The first answer with records, else the last one."""
    last = Answer(0, NO_ERROR, [])
    for spelled in spellings(name, suffixes):
        answers = [server.ask(spelled, kind) for kind in kinds]
        records = list(dict.fromkeys(record for answer in answers for record in answer.records))
        last = Answer(answers[0].flags, max(answer.rcode for answer in answers), records)
        if records or last.rcode not in (NO_ERROR, NO_SUCH_NAME):
            break
    return last


# --- the command ------------------------------------------------------------------------------------------------------


def main(arguments: "list[str]", adapter: str = ADAPTER) -> int:
    try:
        options, name, given = parsed_words(arguments)
        servers, suffixes = settings(adapter)
        kinds = options["type"].upper().split("+")
        address = given or next(iter(servers), "")
        server = Server(address, float(options["timeout"]), int(options["retry"]) + 1)
    except (Refused, ValueError, OSError) as refused:
        print(refused if isinstance(refused, Refused) else f"*** Invalid option or server: {' '.join(arguments)}")
        return 1
    try:
        own = name_of(server)
        print(f"Server:  {own}\nAddress:  {server.address}\n")
        try:
            ip = ipaddress.ip_address(name)
        except ValueError:
            answer = look_up(server, name, kinds, suffixes if options["search"] == "yes" else [])
        else:
            answer = server.ask(ip.reverse_pointer, "PTR")
        tell(answer, name, own)
    except TimedOut:
        sys.stderr.write(f"*** Request to {own} timed-out\n")
    except Refused as refused:
        print(refused)
    return 0


def parsed_words(arguments: "list[str]") -> "tuple[dict[str, str], str, str]":
    """Options, the name, and the server or ''."""
    options, loose = dict(OPTIONS), []
    for word in arguments:
        if not word.startswith("-"):
            loose.append(word)
            continue
        key, _, value = word[1:].lower().partition("=")
        key = SPELLINGS.get(key, key)
        if key in ("search", "nosearch") and not value:
            key, value = "search", "yes" if key == "search" else "no"
        if key not in options or not value:
            raise Refused(f"*** Invalid option: {word[1:]}")
        options[key] = value
    if not 1 <= len(loose) <= 2 or any(kind not in TYPES for kind in options["type"].upper().split("+")):
        raise Refused("Usage: nslookup [-type=TYPE] [-[no]search] [-timeout=SECONDS] [-retry=TIMES] NAME [SERVER]")
    return options, loose[0], loose[1] if len(loose) > 1 else ""


def settings(path: str) -> "tuple[list[str], list[str]]":
    """The servers and suffixes of the adapter, from a file in the words of resolv.conf(5)."""
    settings: dict[str, list[str]] = {"nameserver": [], "search": []}
    with open(path, encoding="utf-8") as file:
        for line in file:
            key, *values = line.split() or [""]
            settings.setdefault(key, []).extend(values)
    return settings["nameserver"], [suffix for suffix in settings["search"] if suffix != "."]


def name_of(server: Server) -> str:
    """The server's name, as its own reverse record has it."""
    try:
        records = server.ask(ipaddress.ip_address(server.address).reverse_pointer, "PTR").records
    except TimedOut:
        records = []
    return next((text for _, kind, text in records if kind == "PTR"), "UnKnown")


def tell(answer: Answer, name: str, server: str) -> None:
    if not answer.records:
        why = WORDS.get(answer.rcode)
        sys.stderr.write(
            f"*** {server} can't find {name}: {why}\n" if why else f"*** No records available for {name}\n"
        )
        return
    if not answer.flags & AUTHORITATIVE:
        sys.stderr.write("Non-authoritative answer:\n")
    aliases = [owner for owner, kind, _ in answer.records if kind == "CNAME"]
    addresses = [text for _, kind, text in answer.records if kind in ("A", "AAAA")]
    if addresses:
        print(f"Name:    {answer.records[-1][0]}")
        label = "Address: " if len(addresses) == 1 else "Addresses: "
        print(f"{label} " + "\n\t  ".join(addresses))
        if aliases:
            print("Aliases:  " + "\n\t  ".join(aliases))
    else:
        for owner, kind, text in answer.records:
            print(f"{owner}\t{kind} = {text}")
    print()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
