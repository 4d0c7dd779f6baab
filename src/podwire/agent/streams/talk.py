"""The server's side of streams over TCP: a talk of many questions over one connection, and a transfer both ways.

A first question whose padding begins with the wish `talk=SECONDS ` opens a talk: the server answers each question on
the connection, and lets the client be silent for so long. With the wish `back ` the server sends as many bytes as it
got after its answer: never more than the client sent, like all that the echo does. An agent of an earlier version
takes both wishes for padding.
"""

from __future__ import annotations

import re

from podwire.agent.loop import now
from podwire.agent.messages import QUESTION
from podwire.agent.sockets import send_all

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    import socket
    from typing import Awaitable, Callable, Iterator

    Receive = Callable[[socket.socket, float], Awaitable[int]]  # connection, until; bytes in the scratch buffer

TALK = re.compile(rb"talk=([0-9]{1,5}) ")
BACK = b"back "
MOST_MESSAGE = 4096
"""Bytes of a question in a talk at most, because the server keeps it until it is whole."""
PIECE = 1 << 16
PATIENCE = 15.0
"""Seconds that a client has to take an answer, or a piece of a transfer."""


def talk_wished(line: bytes) -> int:
    """Seconds that the client of a talk may be silent, from the beginning of its first question; 0: no talk."""
    head = QUESTION.match(line)
    match = TALK.match(line, head.end()) if head else None
    return int(match.group(1)) if match else 0


def back_wished(line: bytes) -> bool:
    """Whether the client asks for as many bytes as it sends."""
    head = QUESTION.match(line)
    return bool(head) and line.startswith(BACK, head.end() if head else 0)


def wish_of_talk(seconds: float) -> bytes:
    """The wish for a talk with silences of so many seconds."""
    return b"talk=%d " % min(99999, max(1, round(seconds + 0.5)))


async def talk(
    sock: socket.socket, receive: Receive, scratch: bytearray, answer_to: Callable[[bytes], bytes], silence: float
) -> None:
    """Answer the later questions of a talk until the client ends, is silent for longer, or sends anything else."""
    data = b""
    while True:
        count = await receive(sock, now() + silence)
        if not count:
            return
        data += scratch[:count]
        while data:
            match = QUESTION.match(data)
            if match is None and (b"\n" in data or len(data) > MOST_MESSAGE):
                return
            size = int(match.group(2)) if match else 0
            if size > MOST_MESSAGE:
                return
            if match is None or len(data) < size:
                break
            size = max(size, match.end())
            await send_all(sock, answer_to(data[:size]), now() + PATIENCE)
            data = data[size:]


def pattern(token: str, length: int) -> Iterator[bytes]:
    """`length` bytes of the token and a space, again and again, in pieces that begin with it."""
    word = token.encode() + b" "
    piece = word * (PIECE // len(word))
    while length > 0:
        yield piece[:length]
        length -= len(piece)


async def give_back(sock: socket.socket, token: str, length: int) -> None:
    """Send so many bytes of the token's pattern. `Failure` when the client does not take them."""
    for piece in pattern(token, length):
        await send_all(sock, piece, now() + PATIENCE)
