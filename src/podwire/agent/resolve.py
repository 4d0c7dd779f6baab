"""Resolves names with the system's resolver, as programs do."""

from __future__ import annotations

import socket
import time

from podwire.agent.attempts import begun, together
from podwire.agent.errors import Failure
from podwire.agent.loop import now
from podwire.agent.parameters import at_once, family_of, wanted

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from podwire.agent.loop import Loop
    from podwire.agent.parameters import Parameters


async def resolve(loop: Loop, params: Parameters) -> Parameters:
    """The addresses of a name, in the resolver's order."""
    began, result = time.perf_counter(), {"addresses": [], "error": None}  # type: float, Parameters
    try:
        until = now() + wanted(params, "timeout", float)
        result["addresses"], _ = await look_up(loop, wanted(params, "name"), family_of(params), until)
    except Failure as failure:
        result["error"] = failure.facts
    result["elapsed"] = time.perf_counter() - began
    return result


async def lookup(loop: Loop, params: Parameters) -> Parameters:
    """Look up one name. The result is an attempt without a reply; with `canonical` it has the canonical name too."""
    name, family, until = wanted(params, "name"), family_of(params), now() + wanted(params, "timeout", float)
    attempt, began = begun(str(params.get("token") or "")), time.perf_counter()
    flags = socket.AI_CANONNAME if params.get("canonical") else 0
    try:
        attempt["resolved"], attempt["canonical"] = await look_up(loop, name, family, until, flags)
    except Failure as failure:
        attempt["error"] = failure.facts
    attempt["elapsed"] = time.perf_counter() - began
    return attempt


async def lookups(loop: Loop, params: Parameters) -> Parameters:
    """Look up many names, `at_once` in flight. Each takes a thread, so MOST_THREADS is the limit.

    After `give_up` look-ups without any answer (neither an address nor NXDOMAIN), the rest is not sent.
    """
    requests, most = wanted(params, "lookups", list), at_once(params)
    left = int(params.get("give_up") or len(requests))

    async def ask(request: Parameters) -> Parameters:
        nonlocal left
        if left <= 0:
            text = "not asked: too many before it had no answer"  # `podwire.judging.names` reads the beginning
            return {**begun(str(request.get("token") or "")), "error": Failure("resolve", "timeout", None, text).facts}
        attempt = await lookup(loop, request)
        left -= bool(attempt["error"]) and attempt["error"]["kind"] != "not-found"
        return attempt

    return {"attempts": await together(loop, [ask(dict(request)) for request in requests], most)}


async def look_up(loop: Loop, name: str, family: int, until: float, flags: int = 0) -> tuple[list[str], str]:
    """The addresses in the resolver's order, each once, and the canonical name if the flags ask for it. `Failure`."""
    try:
        ask = (name, None, family, socket.SOCK_STREAM, 0, flags)
        infos = await loop.in_thread(lambda: socket.getaddrinfo(*ask), until)
    except TimeoutError:
        raise Failure("resolve", "timeout", None, f"{name}: the resolver did not answer in time") from None
    except socket.gaierror as error:
        missing = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME), 11001, 11004)
        kind = "not-found" if error.errno in missing else "other"
        raise Failure("resolve", kind, error.errno, f"{name}: {error.strerror}") from None
    except (OSError, UnicodeError) as error:
        raise Failure("resolve", "other", getattr(error, "errno", None), f"{name}: {error}") from None
    return list(dict.fromkeys(str(info[4][0]) for info in infos)), next((info[3] for info in infos if info[3]), "")
