"""Readiness probes and hooks, as a node agent runs them: exec in the container, TCP or HTTP from the node to the pod.

Source: kubernetes.io "Configure Liveness, Readiness and Startup Probes" and "Container Lifecycle Hooks".
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

from podwire_lab.model.interfaces import CannotStart, Namespace, Object

RETRY_SECONDS = 0.25
Execute = Callable[[list[str]], Awaitable[int]]


async def readiness(probe: Object, attempt: Callable[[Object], Awaitable[bool]]) -> AsyncIterator[bool]:
    """The result of each attempt, ready or not, without end.

    A container that is not ready is probed more often than `periodSeconds` says, so that nobody waits for the lab.
    """
    await asyncio.sleep(probe.get("initialDelaySeconds", 0))
    ready, good, bad = False, 0, 0
    while True:
        good, bad = (good + 1, 0) if await attempt(probe) else (0, bad + 1)
        if good >= probe.get("successThreshold", 1):
            ready = True
        elif bad >= probe.get("failureThreshold", 3):
            ready = False
        yield ready
        await asyncio.sleep(probe.get("periodSeconds", 10) if ready else RETRY_SECONDS)


async def succeeds(action: Object, container: Object, address: str, node: Namespace, execute: Execute) -> bool:
    """One attempt at a probe or a hook, within its `timeoutSeconds` (1 by default)."""
    try:
        async with asyncio.timeout(action.get("timeoutSeconds", 1)):
            if "exec" in action:
                return await execute(list(action["exec"].get("command") or ())) == 0
            if "sleep" in action:
                await asyncio.sleep(action["sleep"]["seconds"])
            for kind in ("tcpSocket", "httpGet"):
                if kind in action:
                    return await _connects(action[kind], kind == "httpGet", container, address, node)
    except (OSError, TimeoutError, ValueError, KeyError, CannotStart):  # KeyError: the container has ended.
        return False
    return True


async def _connects(target: Object, http: bool, container: Object, address: str, node: Namespace) -> bool:
    host, port = target.get("host") or address, _port(target["port"], container)
    with node.entered():
        connection = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    loop = asyncio.get_running_loop()
    with connection:
        connection.setblocking(False)
        await loop.sock_connect(connection, (host, port))
        if not http:
            return True
        request = f"GET {target.get('path', '/')} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        await loop.sock_sendall(connection, request.encode())
        words = (await loop.sock_recv(connection, 4096)).split(maxsplit=2)
        return len(words) > 1 and 200 <= int(words[1]) < 400


def _port(port: int | str, container: Object) -> int:
    if isinstance(port, int):
        return port
    for container_port in container.get("ports") or ():
        if container_port.get("name") == port:
            return int(container_port["containerPort"])
    return int(port)
