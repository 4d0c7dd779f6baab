"""Exchanges over a connection: TCP, SCTP, HTTP."""

from __future__ import annotations

import binascii
import os
import re
import socket

from podwire.agent.errors import IN_PROGRESS, Failure
from podwire.agent.loop import now, readable, writable
from podwire.agent.messages import parsed, question, wish
from podwire.agent.parameters import wanted
from podwire.agent.sockets import SCTP, name_of, send_all, send_at_once
from podwire.agent.system import WINDOWS

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from podwire.agent.trial import Trial

LINGER = 0.5  # Seconds that the server has to close after a complete answer.
MOST_ANSWER = 1 << 16
MOST_BODY = 256


async def over_tcp(trial: Trial) -> None:
    """An exchange over TCP."""
    await over_stream(trial, 0)


async def over_sctp(trial: Trial) -> None:
    """An exchange over SCTP, on a one-to-one socket (RFC 6458, section 4), which works like TCP. Windows has none."""
    await over_stream(trial, SCTP)


async def over_stream(trial: Trial, protocol: int) -> None:
    """Connect, send, and read to the end. The checksum in the answer shows whether the server received all bytes.
    With `half_close` the client closes its side first, and the answer comes after that."""
    data, received = question(trial.token, trial.size, wish(trial.answer, trial.after_end)), bytearray()
    with trial.socket(socket.SOCK_STREAM, protocol) as sock:
        await connect(trial, sock)
        await send_all(sock, data, trial.until)
        trial.attempt["sent"] = len(data)
        if trial.after_end:
            sock.shutdown(socket.SHUT_WR)
        while len(received) < MOST_ANSWER:
            piece = await receive(trial, sock, complete=received.endswith(b"\n"))
            if not piece:
                break
            received += piece
    trial.attempt["received"] = len(received)
    answer = parsed(bytes(received))
    if answer.get("token") != trial.token:
        raise Failure("receive", "other", None, strange(received))
    if answer.get("crc32") != binascii.crc32(data):
        got = answer.get("received")
        text = f"{got} of {len(data)} bytes" if got != len(data) else "other bytes than the client sent"
        text = f"the server received {text}"
        raise Failure("receive", "other", None, text)
    if trial.answer and len(received) != trial.answer:
        text = (
            f"an answer of {len(received)} bytes, wished for {trial.answer} (an agent of an earlier version has none)"
        )
        raise Failure("receive", "other", None, text)
    trial.answered(answer)


async def over_http(trial: Trial) -> None:
    """An HTTP GET of /TOKEN, or of the parameter `path`. Any server's valid answer counts. An answer that is not
    podwire's has no identity; the attempt then has the beginning of its body."""
    host, path = wanted(trial.params, "host"), str(trial.params.get("path") or f"/{trial.token}")
    if not re.fullmatch(r"/[!-~]*", path):
        raise ValueError(f"parameter 'path': {path!r} is not a path")
    start = f"GET {path} HTTP/1.1\r\nHost: {f'[{host}]' if ':' in host else host}\r\nUser-Agent: podwire\r\n"
    end = "Connection: close\r\n\r\n"
    padding = trial.size - len(start) - len(end) - len("X-Padding: \r\n")
    data = (start + (f"X-Padding: {'x' * padding}\r\n" if padding > 0 else "") + end).encode()
    received, whole, head, split, body = bytearray(), False, b"", b"", b""
    with trial.socket(socket.SOCK_STREAM) as sock:
        await connect(trial, sock)
        await send_all(sock, data, trial.until)
        trial.attempt["sent"] = len(data)
        while len(received) < MOST_ANSWER:
            piece = await receive(trial, sock, complete=whole)
            if not piece:
                break
            received += piece
            head, split, body = bytes(received).partition(b"\r\n\r\n")
            length = re.search(rb"(?i)\r\ncontent-length: *([0-9]+)", head)
            whole = bool(split) and length is not None and len(body) >= int(length.group(1))
    trial.attempt["received"] = len(received)
    status = re.match(rb"HTTP/1\.[01] ([0-9]{3})", head)
    if status is None or not split:
        raise Failure("receive", "other", None, strange(received))
    answer, trial.attempt["status"] = parsed(body), int(status.group(1))
    if answer.get("token") != trial.token:
        answer, trial.attempt["body"] = {}, body[:MOST_BODY].decode("utf-8", "replace")
    trial.answered(answer)


def strange(received: bytearray) -> str:
    """A description of an answer that is not podwire's."""
    if not received:
        return "the server closed the connection without an answer"
    return f"another server than podwire's answered: {bytes(received[:60])!r}"


async def connect(trial: Trial, sock: socket.socket) -> None:
    """Connect to the target. `Failure` says why it could not."""
    send_at_once(sock)
    number = sock.connect_ex(trial.target)
    trial.attempt["local"] = name_of(sock)
    if number in IN_PROGRESS:
        if not await writable(sock, trial.until):
            raise Failure("connect", "timeout", None, "no connection in time")
        number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
    if number:
        text = f"Winsock error {number}" if WINDOWS else os.strerror(number)
        raise Failure.of("connect", OSError(number, text))
    trial.attempt["local"] = name_of(sock)
    trial.attempt["peer"] = [trial.target[0], trial.target[1]]


async def receive(trial: Trial, sock: socket.socket, complete: bool) -> bytes:
    """The next bytes, empty at the end. After a complete answer, an error counts as the end."""
    scratch = trial.loop.scratch
    until = min(trial.until, now() + LINGER) if complete else trial.until
    while True:
        if not await readable(sock, until):
            if complete:
                return b""
            raise Failure("receive", "timeout", None, "connected, but no answer in time")
        try:
            return bytes(scratch[: sock.recv_into(scratch)])
        except BlockingIOError:
            continue
        except OSError as error:
            if complete:
                return b""
            raise Failure.of("receive", error) from None
