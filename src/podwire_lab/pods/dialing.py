"""Connections into pods that a node agent makes for `kubectl port-forward`."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterable

from podwire_lab.model.interfaces import Namespace

_PATIENCE = 10.0
"""Seconds that a port may take to answer."""


async def dial(namespace: Namespace, addresses: Iterable[str], port: int) -> socket.socket:
    """A connection, made inside a namespace to the first address that takes it. OSError with why each did not."""
    refusals = []
    for address in addresses:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with namespace.entered():
            sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        try:
            async with asyncio.timeout(_PATIENCE):
                await asyncio.get_running_loop().sock_connect(sock, (address, port))
            return sock
        except TimeoutError:
            sock.close()
            refusals.append(f"{address}: no answer in {_PATIENCE:.0f} seconds")
        except OSError as error:
            sock.close()
            refusals.append(f"{address}: {os.strerror(error.errno or 0).lower()}")
        except BaseException:
            sock.close()
            raise
    raise OSError(f"failed to connect to port {port} of the pod: {', '.join(refusals)}")
