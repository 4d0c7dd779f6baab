"""The messages between client and echo server.

A request is `TOKEN SIZE\\n`, padded to SIZE bytes by repeating the token, so that every segment and fragment carries
it. The padding may begin with a wish, `answer=SIZE ` or `answer=SIZE-after-end `: an answer of SIZE bytes, sent at once
or after the client has closed its side of the connection. An agent of an earlier version takes a wish for padding. The
answer is one line of JSON with the checksum of the request; spaces make it as long as the wish says. Any other datagram
gets no answer, so two echo servers cannot answer each other forever.
"""

from __future__ import annotations

import binascii
import json
import re

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Any

    from podwire.agent.parameters import Parameters

QUESTION = re.compile(rb"([A-Za-z0-9._-]{1,64}) ([0-9]{1,9})\n")
WISH = re.compile(rb"answer=([0-9]{1,5})(-after-end)? ")
MOST_WISHED = 60000
"""Bytes of a wished answer over TCP; one over UDP is never longer than its question."""


def question(token: str, size: int, wish: bytes = b"") -> bytes:
    """A request of `size` bytes, or of as many bytes as its first line and the wish need."""
    word = token.encode() + b" "
    head = word + b"%d\n" % size + wish
    while len(head) > size:
        size = len(head)
        head = word + b"%d\n" % size + wish
    return (head + word * ((size - len(head)) // len(word) + 1))[:size]


def wish(answer: int, after_end: bool = False) -> bytes:
    """The wish for an answer of so many bytes; empty for 0, an answer as long as its facts need."""
    return b"answer=%d%s " % (answer, b"-after-end" if after_end else b"") if answer else b""


def wished(data: bytes) -> tuple[int, bool]:
    """The wish in the beginning of a question: bytes of the answer (0: no wish), and whether it waits for the end."""
    head = QUESTION.match(data)
    match = WISH.match(data, head.end()) if head else None
    return (min(int(match.group(1)), MOST_WISHED), bool(match.group(2))) if match else (0, False)


def echo(token: str, identity: str, peer: Any, own: Any, **more: Any) -> Parameters:
    """The fields of an answer: the server's identity, and both ends as the server sees them."""
    return {
        "token": token, "identity": identity, "source": peer[0], "source_port": peer[1],
        "destination": own[0], "destination_port": own[1], **more,
    }  # fmt: skip


def compact(tree: Any) -> bytes:
    """JSON without spaces."""
    return json.dumps(tree, separators=(",", ":")).encode()


def parsed(data: bytes) -> Parameters:
    """The JSON object in these bytes; empty if they hold none."""
    try:
        tree = json.loads(data)
    except ValueError:
        return {}
    return tree if isinstance(tree, dict) else {}


def datagram_answer(data: bytes, identity: str, peer: Any, own: Any) -> bytes:
    """The answer to a datagram, never longer than it; empty if it is no request, or too short for an answer."""
    match, length = QUESTION.match(data), len(data)
    if match is None:
        return b""
    facts = echo(match.group(1).decode(), identity, peer, own, received=length, crc32=binascii.crc32(data))
    for least in (("destination", "destination_port"), ("received", "crc32")):
        if len(compact(facts)) <= length:
            break
        for name in least:
            del facts[name]
    answer = compact(facts).ljust(min(wished(data)[0], length))
    return answer if len(answer) <= length else b""
