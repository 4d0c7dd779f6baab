"""The addresses behind the name of a load balancer, by the resolver of this machine.

AWS gives a load balancer a name and tells no address (`status.loadBalancer.ingress[].hostname`); its addresses are in
the public DNS some time later.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

LookUp = Callable[[str, float], tuple[str, ...]]
"""From a name and the most seconds that it may take to addresses; none where there are none in that time."""


def addresses_of(name: str, seconds: float) -> tuple[str, ...]:
    """The addresses of a name, in the resolver's order. Nobody can end a look-up: one that takes longer is left to a
    thread that holds nothing up."""
    addresses: list[str] = []

    def ask() -> None:
        try:
            answers = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        addresses.extend(str(answer[4][0]) for answer in answers)

    thread = threading.Thread(target=ask, name="look up a load balancer", daemon=True)
    thread.start()
    thread.join(max(0.0, seconds))
    return tuple(dict.fromkeys(addresses))
