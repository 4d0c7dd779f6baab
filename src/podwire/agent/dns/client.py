"""Questions of the agent's own to a DNS server: of any type and spelling, with EDNS, several from one socket."""

from __future__ import annotations

import random
import socket
import struct

from podwire.agent.attempts import together
from podwire.agent.connections import connect, receive
from podwire.agent.datagrams import RESEND, send_datagram
from podwire.agent.errors import Failure
from podwire.agent.loop import now, readable
from podwire.agent.parameters import at_once, wanted
from podwire.agent.sockets import local_address, send_all, tell_icmp_errors
from podwire.agent.trial import Trial

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Iterator

    from podwire.agent.loop import Loop
    from podwire.agent.parameters import Parameters

DNS_PORT = 53
TYPES = {"A": 1, "PTR": 12, "AAAA": 28, "SRV": 33}
OPT, PAYLOAD = 41, 1232
"""The record that makes a question one of EDNS (RFC 6891), and the bytes of an answer that fit into one frame."""
MOST_TARGETS = 100


async def questions(loop: Loop, params: Parameters) -> Parameters:
    """The questions of each of several sockets, `at_once` of them in flight. A socket is told as an attempt: `sent` and
    `received` count datagrams, and there is a reply, of nobody known, when all its questions were answered."""
    sockets, most = wanted(params, "sockets", list), at_once(params)
    return {"attempts": await together(loop, [_ask(loop, dict(socket_call)) for socket_call in sockets], most)}


async def _ask(loop: Loop, params: Parameters) -> Parameters:
    return await Trial(loop, params).run(int(params.get("port") or DNS_PORT), over_dns)


async def over_dns(trial: Trial) -> None:
    """All questions from one socket, the next one without waiting for the answer to the one before. With `follow`, a
    type, the targets of SRV records are asked for that. With `stream` all are sent over TCP, one after the other."""
    queries = [message(dict(question)) for question in wanted(trial.params, "questions", list)]
    if trial.params.get("stream"):
        for query in queries:
            await _by_stream(trial, query)
        return trial.answered({})
    with trial.socket(socket.SOCK_DGRAM) as sock:
        own = local_address(trial.family, trial.target)
        tell_icmp_errors(sock)
        answers = await _answers(trial, sock, queries, own)
        if trial.params.get("follow"):
            targets = dict.fromkeys(target for answer in answers for target in srv_targets(answer))
            kind = str(trial.params["follow"])
            again = [message({"name": name, "type": kind}) for name in list(targets)[:MOST_TARGETS]]
            await _answers(trial, sock, again, own)
    trial.answered({})


async def _answers(trial: Trial, sock: socket.socket, queries: list[bytes], own: str | None) -> list[bytes]:
    """The answer to each question; those that were cut off are asked again over TCP (RFC 7766)."""
    answers = await _by_datagrams(trial, sock, queries, own)
    return [await _by_stream(trial, query) if answers[query[:2]][2] & 0x02 else answers[query[:2]] for query in queries]


async def _by_datagrams(trial: Trial, sock: socket.socket, queries: list[bytes], own: str | None) -> dict[bytes, bytes]:
    """The answers by the number of their question. What has none after a second is sent again."""
    attempt, scratch, again = trial.attempt, trial.loop.scratch, now()
    answers: dict[bytes, bytes] = {}
    numbers = {query[:2] for query in queries}
    while len(answers) < len(queries):
        if now() >= again:
            for query in queries:
                if query[:2] not in answers:
                    send_datagram(sock, query, trial.target)
                    attempt["sent"] += 1
            attempt["local"] = [own or sock.getsockname()[0], sock.getsockname()[1]]
            again += RESEND
        if not await readable(sock, min(trial.until, again)):
            if now() < trial.until:
                continue
            text = (
                f"no answer to {len(queries) - len(answers)} of {len(queries)} questions ({attempt['sent']} datagrams)"
            )
            raise Failure("receive", "timeout", None, text)
        try:
            length, peer = sock.recvfrom_into(scratch)
        except BlockingIOError:
            continue
        except OSError as error:
            raise Failure.of("receive", error, udp=True) from None
        attempt["received"] += 1
        answer = bytes(scratch[:length])
        if peer[:2] == trial.target[:2] and length >= 12 and answer[2] & 0x80 and answer[:2] in numbers:
            attempt["peer"] = [peer[0], peer[1]]
            answers[answer[:2]] = answer
    return answers


async def _by_stream(trial: Trial, query: bytes) -> bytes:
    """The answer to one question over TCP, where each message stands behind its length (RFC 1035 section 4.2.2)."""
    received = bytearray()
    with socket.socket(trial.family, socket.SOCK_STREAM) as sock:
        sock.setblocking(False)
        await connect(trial, sock)
        await send_all(sock, struct.pack("!H", len(query)) + query, trial.until)
        while len(received) < 2 or len(received) < 2 + int.from_bytes(received[:2], "big"):
            piece = await receive(trial, sock, complete=False)
            if not piece:
                raise Failure("receive", "reset", None, "the DNS server ended the connection before its answer")
            received += piece
    return bytes(received[2:])


def message(question: Parameters) -> bytes:
    """A question as a message (RFC 1035 section 4.1); its number is its own. ValueError for what is no name."""
    name, kind = wanted(question, "name"), TYPES.get(wanted(question, "type"))
    labels = [label.encode("ascii", "replace") for label in name.rstrip(".").split(".")]
    if kind is None or any(not 0 < len(label) < 64 for label in labels):
        raise ValueError(f"parameter 'questions': {question['type']} of {name!r} cannot be asked")
    option = struct.pack("!BHHIH", 0, OPT, PAYLOAD, 0, 0) if question.get("edns") else b""
    head = struct.pack("!6H", next(_numbers), 0x0100, 1, 0, 0, 1 if option else 0)  # RD
    return head + b"".join(bytes([len(label)]) + label for label in labels) + struct.pack("!BHH", 0, kind, 1) + option


def _counted() -> Iterator[int]:
    """Numbers of messages: no two questions of an agent that are in flight together have the same."""
    number = random.randrange(1 << 16)
    while True:
        yield number
        number = (number + 1) % (1 << 16)


_numbers = _counted()


def srv_targets(answer: bytes) -> list[str]:
    """The names that the SRV records among the answers lead to; of a message that is not whole, those that are."""
    questions, answers = struct.unpack_from("!2H", answer, 4)
    at, targets = 12, []
    try:
        for _ in range(questions):
            at = _name(answer, at)[1] + 4
        for _ in range(answers):
            at = _name(answer, at)[1]
            kind, length = struct.unpack_from("!H6xH", answer, at)
            if kind == TYPES["SRV"]:
                targets.append(_name(answer, at + 16)[0])
            at += 10 + length
    except (IndexError, struct.error, ValueError):
        pass
    return [name for name in targets if name]


def _name(wire: bytes, at: int) -> tuple[str, int]:
    """The name at a place, its pointers followed, and where what comes after it begins."""
    labels: list[str] = []
    end, start = 0, at
    while wire[at]:
        length = wire[at]
        if length >= 0xC0:
            end, target = end or at + 2, struct.unpack_from("!H", wire, at)[0] & 0x3FFF
            if target >= start:
                raise ValueError("a pointer that does not lead back")
            at = start = target
            continue
        labels.append(wire[at + 1 : at + 1 + length].decode("ascii", "replace"))
        at += 1 + length
    return ".".join(labels), end or at + 1
