"""Values of the axes of `@flows` that contradict each other. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from podwire.model.streams import load
from podwire.model.ways import BY_NAME

CRAFTED = ("tcp", "udp")
"""The protocols of packets that a suite may write itself."""


def contradictions(values: Mapping[str, Any]) -> Iterator[str]:
    """What would make no flow at all, or one that nobody asked for."""
    if not values["client"] and values["client_kind"] != "outside":
        yield "client: must be given, unless client_kind='outside'"
    if not values["server"] and values["server_kind"] in ("pod", "host"):
        yield f"server: must be given for server_kind='{values['server_kind']}'"
    if ("other-node" in values["enters"]) is not bool(values["entry_os"]):
        yield "entry_os: goes with enters='other-node', and only with that"
    if ("tool" in values["protocol"]) is not bool(values["tool"]):
        yield "tool: goes with protocol='tool', and only with that"
    if values["asks"] and values["protocol"] != ("dns",):
        yield "asks: goes with protocol='dns', and only with that"
    if values["asks"] and not set(values["via"]) <= set(BY_NAME):
        yield f"asks: goes with a way by name ({', '.join(BY_NAME)})"
    if "udp" in values["protocol"] and values["answer"] > min(values["payload"]):
        yield "answer: over UDP it is never longer than the payload"
    if values["size"] != ("",) and (values["protocol"] != ("udp",) or values["answer"]):
        yield "size: goes with protocol='udp' and without an answer: the answer has the same size"
    if values["size"] != ("",) and {"outside", "dns"} & {values["client_kind"], values["server_kind"]}:
        yield "size: goes with ends in the cluster that have an agent; nobody reports the MTU of another path"
    if values["each_act"] and (values["protocol"] != ("tool",) or values["repeated"]):
        yield "each_act: goes with protocol='tool' and without repeated"
    if values["half_close"] and (values["protocol"] != ("tcp",) or not values["answer"]):
        yield "half_close: goes with protocol='tcp' and an answer"
    yield from _crafted(values)
    if values["stream"]:
        yield from load.contradictions(values["stream"], values["protocol"], values["repeated"] or values["same_ports"])


def _crafted(values: Mapping[str, Any]) -> Iterator[str]:
    """The same of flows whose packets the suite writes."""
    if not values["sends"]:
        return
    if not set(values["protocol"]) <= set(CRAFTED):
        yield f"sends: goes with protocol={' or '.join(map(repr, CRAFTED))}: the agent waits for an answer to a port"
    if values["client_kind"] != "pod" or values["connections"] != 1 or values["stream"]:
        yield "sends: goes with client_kind='pod', one connection and no stream: the packets have one source port"
