"""Readiness probes, as a node agent makes them: exec in the container, TCP or HTTP from the node to the pod.

Source: kubernetes.io "Configure Liveness, Readiness and Startup Probes".
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

from podwire.lab.interfaces import Namespace, Object

Execute = Callable[[list[str]], Awaitable[int]]


async def succeeds(probe: Object, container: Object, address: str, node: Namespace, execute: Execute) -> bool:
    """One attempt, bounded by the probe's timeout."""
    try:
        async with asyncio.timeout(probe.get("timeoutSeconds", 1)):
            if "exec" in probe:
                return await execute(list(probe["exec"].get("command") or ())) == 0
            for kind in ("tcpSocket", "httpGet"):
                if kind in probe:
                    return await _connects(probe[kind], kind == "httpGet", container, address, node)
    except (OSError, TimeoutError, ValueError):
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
    for each in container.get("ports") or ():
        if each.get("name") == port:
            return int(each["containerPort"])
    return int(port)
