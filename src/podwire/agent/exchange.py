"""Exchanges: a request and its answer over any protocol; one, all at once, or a sequence."""

from __future__ import annotations

import socket

from podwire.agent.attempts import begun, together
from podwire.agent.connections import over_http, over_sctp, over_tcp
from podwire.agent.datagrams import over_udp
from podwire.agent.errors import Failure
from podwire.agent.loop import now
from podwire.agent.parameters import at_once, wanted
from podwire.agent.trial import Trial, locate

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from podwire.agent.loop import Loop
    from podwire.agent.parameters import Parameters


async def exchange(loop: Loop, params: Parameters) -> Parameters:
    """One request and its answer over TCP, UDP, SCTP, HTTP or in a tunnel.

    `sent` and `received` count bytes; for UDP and tunnels they count datagrams.
    """
    proto = wanted(params, "proto")
    if proto not in WAYS:
        raise ValueError(f"parameter 'proto': {proto!r} is not tcp, udp, sctp, http or tunnel")
    return await Trial(loop, params).run(wanted(params, "port", int), WAYS[proto])


async def burst(loop: Loop, params: Parameters) -> Parameters:
    """Send several exchanges at once."""
    requests = wanted(params, "exchanges", list)
    return {"attempts": await together(loop, [exchange(loop, dict(request)) for request in requests])}


async def sequence(loop: Loop, params: Parameters) -> Parameters:
    """Send a sequence of exchanges with `at_once` of them in flight. Each timeout counts from the exchange's start.

    After `give_up` exchanges without an answer, the rest is not sent.
    """
    requests, most = wanted(params, "exchanges", list), at_once(params)
    left = int(params.get("give_up") or len(requests))

    async def send(request: Parameters) -> Parameters:
        nonlocal left
        if left <= 0:
            text = "not sent: too many before it had no answer"
            return {**begun(str(request.get("token") or "")), "error": Failure("send", "timeout", None, text).facts}
        attempt = await exchange(loop, request)
        left -= bool(attempt["error"])
        return attempt

    return {"attempts": await together(loop, [send(dict(request)) for request in requests], most)}


async def beacon(loop: Loop, params: Parameters) -> Parameters:
    """Send datagrams that a capture must see. No server answers them."""
    family, target = await locate(loop, params, wanted(params, "port", int), {}, now() + 5.0)
    data = wanted(params, "token").encode() + b" beacon\n"
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        for _ in range(int(params.get("count", 1))):
            sock.sendto(data, target)
    return {}


async def in_tunnel(trial: Trial) -> None:
    """Run `over_tunnel`, imported here because few exchanges need it."""
    from podwire.agent.tunnel import over_tunnel

    await over_tunnel(trial)


WAYS = {"udp": over_udp, "tcp": over_tcp, "sctp": over_sctp, "http": over_http, "tunnel": in_tunnel}
