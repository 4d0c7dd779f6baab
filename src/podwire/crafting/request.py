"""Turns a case that sends packets of its own into a request to an agent."""

from __future__ import annotations

import base64
from typing import Any

from podwire.model.binding import Bindings
from podwire.model.cases import Case


def load_scapy() -> None:
    """Import scapy, which takes half a second of CPU, before its packets are wanted."""
    import podwire.crafting.build  # noqa: F401


def crafted_request(
    case: Case, host: str, port: int, bindings: Bindings, token: str, source_port: int, timeout: float
) -> tuple[str, dict[str, Any], float]:
    """The agent method, its parameters, and the seconds that it may take.

    `host` and `port` are the target, whose answers the agent waits for; `source_port` is the client's.

    Raises:
        podwire.model.recipes.RecipeError: no such packets can be made.
    """
    from podwire.crafting.build import Exchange, asked_in, packets_of  # scapy, half a second of CPU: only here.

    source = str(bindings.get("client.ip", ""))
    first, second = (
        Exchange(bindings=bindings, token=token, source=source, port=source_port, time=time) for time in (1, 2)
    )
    packets = [
        [
            {"packet": base64.b64encode(sent.packet).decode(), "when": sent.when, "quote": sent.quote}
            for sent in packets_of(case.flow.load.sends, exchange)
        ]
        for exchange in (first, second)
    ]
    size, answer = asked_in(case.flow.load.sends, first)
    parameters = {
        "host": host,
        "port": port,
        "family": 6 if case.flow.family == "ipv6" else 4,
        "proto": case.flow.protocol,
        "token": token,
        "timeout": timeout,
        "bind_address": source,
        "source_port": source_port,
        "packets": packets,
        "size": size,
        "answer": answer,
    }
    return "crafted", parameters, timeout
