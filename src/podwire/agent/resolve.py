"""Names, through the system's own resolver, as a program's go."""

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
    """The addresses that the system's resolver gives for a name, in its order."""
    began, result = time.perf_counter(), {"addresses": [], "error": None}  # type: float, Parameters
    try:
        until = now() + wanted(params, "timeout", float)
        result["addresses"], _ = await look_up(loop, wanted(params, "name"), family_of(params), until)
    except Failure as failure:
        result["error"] = failure.facts
    result["elapsed"] = time.perf_counter() - began
    return result


async def lookup(loop: Loop, params: Parameters) -> Parameters:
    """One question to the system's resolver, told as an attempt without a reply; with `canonical` it asks for the
    canonical name too."""
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
    """Many of them, `at_once` in flight, each in a thread: MOST_THREADS of the agent are the upper limit. Once as
    many as `give_up` had no answer, neither an address nor that there is none, the others are not asked any more."""
    several, most = wanted(params, "lookups", list), at_once(params)
    left = int(params.get("give_up") or len(several))

    async def ask(one: Parameters) -> Parameters:
        nonlocal left
        if left <= 0:
            text = "not asked: too many before it had no answer"
            return {**begun(str(one.get("token") or "")), "error": Failure("resolve", "timeout", None, text).facts}
        attempt = await lookup(loop, one)
        left -= bool(attempt["error"]) and attempt["error"]["kind"] != "not-found"
        return attempt

    return {"attempts": await together(loop, [ask(dict(one)) for one in several], most)}


async def look_up(loop: Loop, name: str, family: int, until: float, flags: int = 0) -> tuple[list[str], str]:
    """Addresses in the resolver's order, each once, and the canonical name when the flags ask for it."""
    try:
        ask = (name, None, family, socket.SOCK_STREAM, 0, flags)
        found = await loop.in_thread(lambda: socket.getaddrinfo(*ask), until)
    except TimeoutError:
        raise Failure("resolve", "timeout", None, f"{name}: no word from the resolver in time") from None
    except socket.gaierror as error:
        missing = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME), 11001, 11004)
        kind = "not-found" if error.errno in missing else "other"
        raise Failure("resolve", kind, error.errno, f"{name}: {error.strerror}") from None
    except (OSError, UnicodeError) as error:
        raise Failure("resolve", "other", getattr(error, "errno", None), f"{name}: {error}") from None
    return list(dict.fromkeys(str(one[4][0]) for one in found)), next((one[3] for one in found if one[3]), "")
