"""An exchange over UDP."""

from __future__ import annotations

import binascii
import errno
import socket

from podwire.agent.errors import Failure
from podwire.agent.loop import now, readable
from podwire.agent.messages import parsed, question, wish
from podwire.agent.sockets import local_address, take_icmp_error, tell_icmp_errors

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Any, Callable

    from podwire.agent.parameters import Parameters
    from podwire.agent.trial import Trial

LEAST_DATAGRAM = 320  # Room for an answer with two long IPv6 addresses and a long identity.
RESEND = 1.0


async def over_udp(trial: Trial) -> None:
    """Send a datagram every second until its answer comes. The socket stays unconnected, so an answer from another
    address arrives too and is reported."""
    data = question(trial.token, max(trial.size, LEAST_DATAGRAM), wish(trial.answer))
    with trial.socket(socket.SOCK_DGRAM) as sock:
        own = None if trial.params.get("bind_address") else local_address(trial.family, trial.target)
        tell_icmp_errors(sock)

        def send() -> None:
            send_datagram(sock, data, trial.target)
            trial.attempt["local"] = [own or sock.getsockname()[0], sock.getsockname()[1]]

        await datagrams(trial, sock, data, send)


async def datagrams(trial: Trial, sock: socket.socket, data: bytes, send: Callable[[], None], most: int = 0) -> None:
    """Send a question every second, at most `most` times (0: any number), until its answer comes to the socket."""
    attempt, scratch, stray = trial.attempt, trial.loop.scratch, ""
    again = now()
    while True:
        if now() >= again:
            send()
            attempt["sent"] += 1
            again = again + RESEND if attempt["sent"] != most else trial.until + RESEND
        if not await readable(sock, min(trial.until, again)):
            if now() < trial.until:
                continue
            text = stray or f"no answer to {attempt['sent']} datagrams"
            raise Failure("receive", "other" if stray else "timeout", None, text)
        try:
            length, peer = sock.recvfrom_into(scratch)
        except BlockingIOError:
            take_icmp_error(sock)
            continue
        except OSError as error:
            take_icmp_error(sock)
            if error.errno == errno.EMSGSIZE or trial.params.get("go_on"):
                continue  # The path's MTU became known: the next datagram goes in fragments. Or nobody minds.
            raise Failure.of("receive", error, udp=True) from None
        attempt["received"] += 1
        attempt["peer"] = [peer[0], peer[1]]
        answer = parsed(bytes(scratch[:length]))
        if peer[:2] != trial.target[:2]:
            stray = f"the answer came from {peer[0]} port {peer[1]}"
        elif answer.get("token") != trial.token:
            stray = f"another server than podwire's answered: {bytes(scratch[: min(length, 60)])!r}"
        elif problem := unlike(answer, data, length, trial.answer):
            stray = problem
        else:
            trial.answered(answer)
            return


def unlike(answer: Parameters, data: bytes, length: int, size: int) -> str:
    """What is not as it was sent, or not as it was wished for; empty when all is. Short answers tell less, and a server
    of an earlier version no digest. `length` are the bytes that came, `size` those wished for, 0 for any."""
    if answer.get("received", len(data)) != len(data):
        return f"the server got {answer['received']} of {len(data)} bytes"
    if answer.get("crc32", binascii.crc32(data)) != binascii.crc32(data):
        return "the server got other bytes"
    if size and length != size:
        return f"an answer of {length} bytes, wished for {size} (an agent of an earlier version has none)"
    return ""


def send_datagram(sock: socket.socket, data: bytes, target: Any) -> None:
    """Send one datagram. `Failure` if the system refuses."""
    try:
        sock.sendto(data, target)
    except BlockingIOError:
        return  # The socket's buffer is full. The datagram is sent again, like a lost one.
    except OSError as error:
        raise Failure.of("send", error, udp=True) from None
