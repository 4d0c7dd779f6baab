"""The messages between client and echo server.

A request is `TOKEN SIZE\\n`, padded to SIZE bytes by repeating the token, so that every segment and fragment carries
it. The answer is one line of JSON. Any other datagram gets no answer, so two echo servers cannot answer each other
forever.
"""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Any

    from podwire.agent.parameters import Parameters

QUESTION = re.compile(rb"([A-Za-z0-9._-]{1,64}) ([0-9]{1,9})\n")


def question(token: str, size: int) -> bytes:
    """A request of `size` bytes, or of as many bytes as its first line needs."""
    word = token.encode() + b" "
    head = word + b"%d\n" % size
    while len(head) > size:
        size = len(head)
        head = word + b"%d\n" % size
    return (head + word * ((size - len(head)) // len(word) + 1))[:size]


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
    facts = echo(match.group(1).decode(), identity, peer, own, received=length)
    for least in (("destination", "destination_port"), ("received",)):
        if len(compact(facts)) <= length:
            break
        for name in least:
            del facts[name]
    answer = compact(facts)
    return answer if len(answer) <= length else b""
