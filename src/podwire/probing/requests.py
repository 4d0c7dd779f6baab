"""A case as a request to an agent, and the agent's answer as attempts."""

from __future__ import annotations

import json
import ntpath
from collections.abc import Mapping, Sequence
from typing import Any

from podwire.model.cases import Case
from podwire.model.flows import BY_TUNNEL
from podwire.model.observations import Attempt
from podwire.probing.calls import Garbled, attempt_of
from podwire.probing.targets import Target

AT_ONCE = 200
"""Connections of one case in flight together; more of them would measure the client."""
LOOKUPS_AT_ONCE, MOST_UNANSWERED = 10, 20
"""Look-ups of one case in flight together, so few that they leave other questions their turn; and how many may go
unanswered before the rest is not worth the time."""

ASKS_AGAIN = 6.0
"""Seconds beside the time-out for one look-up: the C library asks a lost question again after five (resolv.conf(5)),
Windows after one (Microsoft: DNS client resolution timeouts)."""

CNI_FOLDER = "C:\\opt\\cni\\bin"
"""Where the guides of Kubernetes put the plugins of a Windows node."""
CNI_PLUGIN = "cni-plugin"
"""A tool of no name of its own: the plugin of the network mode, which is asked for a CHECK."""
HNS_NETWORKS, HNS_LOAD_BALANCERS = "hns-networks", "hns-load-balancers"
LISTS = (HNS_NETWORKS, HNS_LOAD_BALANCERS, "hns-endpoints", "windows-nat", "vmswitch-ports")
"""Others, which the agent knows: they list what HNS, the NAT and the virtual switch of a Windows node have."""
EC2_CARD = "ec2-card"
"""What a node's network card has, by EC2's word."""
NODE_PATIENCE = 30.0
"""Seconds for what a node is asked of itself: PowerShell starts slowly on a busy Windows node, and addresses are
assigned by somebody else."""
PLUGIN_OF = {"l2bridge": "win-bridge", "overlay": "win-overlay"}

Request = tuple[str, dict[str, Any], float]


def request_of(
    case: Case,
    target: Target,
    tokens: Sequence[str],
    ports: Sequence[int],
    timeout: float,
    mode: str = "",
    wanted_addresses: int = 0,
    asks_again: float = 0.0,
) -> Request:
    """Method, parameters, and the seconds that the agent may take. `tokens` and source `ports` are one an exchange.

    `mode` is the network mode of the cluster, which tells the CNI plugin of its Windows nodes; `wanted_addresses` is
    how many the network card of the client's node must have for pods. `asks_again` are the seconds that the client's
    resolver may take beside the time-out, so that it can ask a lost question again; of many look-ups none has them.
    """
    flow = case.flow
    family = 6 if flow.family == "ipv6" else 4
    if flow.protocol == "dns":
        patience = timeout + (asks_again if len(tokens) == 1 else 0.0)
        asked = [
            {"name": name, "token": token, "family": family, "timeout": patience}
            for name, token in zip(names_of(target, tokens), tokens, strict=True)
        ]
        rounds = -(-len(asked) // LOOKUPS_AT_ONCE)
        parameters = {"lookups": asked, "at_once": LOOKUPS_AT_ONCE, "give_up": MOST_UNANSWERED}
        return "lookups", parameters, patience * rounds
    if flow.load.tool == EC2_CARD:
        return "ec2_card", {"least": wanted_addresses, "timeout": NODE_PATIENCE}, NODE_PATIENCE
    if flow.load.tool in LISTS:
        return "tool", {"name": flow.load.tool, "timeout": NODE_PATIENCE}, NODE_PATIENCE
    if flow.protocol == "tool":
        call = {"name": flow.load.tool, "arguments": [target.host]}
        if flow.load.tool == CNI_PLUGIN:
            call = _check(PLUGIN_OF.get(mode, CNI_PLUGIN))
        return "tool", {**call, "timeout": timeout}, timeout
    common = {
        "host": target.host,
        "family": family,
        "timeout": timeout,
        "resolve": target.resolve,
        "size": flow.load.payload,
    }
    look_up = timeout + asks_again if target.resolve and asks_again else 0.0
    if look_up:
        common["look_up"] = look_up
    if flow.protocol == "icmp":
        return "ping", {**common, "token": tokens[0], "count": 3, "size": 64}, timeout
    if flow.via == "health-port":
        common["path"] = "/"
    exchanges = [
        {
            **common,
            **way_of(flow.via, flow.protocol),
            "port": target.port + (number if flow.way.each_port else 0),
            "token": token,
            "preferred_port": port,
        }
        for number, (token, port) in enumerate(zip(tokens, ports, strict=True))
    ]
    longest = timeout + look_up
    if len(exchanges) == 1:
        return "exchange", exchanges[0], longest
    rounds = -(-len(exchanges) // AT_ONCE)
    return "sequence", {"exchanges": exchanges, "at_once": AT_ONCE}, longest * rounds


def way_of(via: str, protocol: str) -> dict[str, Any]:
    """How an agent is to carry an exchange: by a protocol, or in tunnel packets that it makes itself."""
    return {"proto": "tunnel", "vni": via.removesuffix("-vni")} if via in BY_TUNNEL else {"proto": protocol}


def _check(plugin: str) -> dict[str, Any]:
    """CHECK of a container that does not exist (CNI specification 1.0.0, section 2: parameters and operations)."""
    return {
        "name": ntpath.join(CNI_FOLDER, f"{plugin}.exe"),
        "environment": {
            "CNI_COMMAND": "CHECK",
            "CNI_CONTAINERID": "podwire-nobody",
            "CNI_NETNS": "none",
            "CNI_IFNAME": "eth0",
            "CNI_PATH": CNI_FOLDER,
        },
        "stdin": json.dumps({"cniVersion": "1.0.0", "name": "podwire", "type": plugin}),
    }


def names_of(target: Target, tokens: Sequence[str]) -> list[str]:
    """What is looked up: the target's name, or as many names below it, in full, each of its own: no cache has them."""
    return [target.host] if len(tokens) == 1 else [f"{token}.{target.fqdn}." for token in tokens]


def attempts_in(case: Case, answer: Mapping[str, Any], tokens: Sequence[str]) -> tuple[tuple[Attempt, ...], str]:
    """The attempts that an agent tells of, and what a tool printed. `Garbled` for an answer to something else."""
    try:
        attempts, output = _told(case, answer, tokens)
    except (AttributeError, KeyError, TypeError) as problem:
        raise Garbled(f"not the answer to what was asked: {problem!r} in {str(answer)[:200]}") from problem
    asked, found = set(tokens), [one.token for one in attempts]
    if not found or len(set(found)) < len(found) or not asked.issuperset(found):
        raise Garbled(f"an answer to another question: {len(found)} attempts with {', '.join(found[:3])}")
    return attempts, output


def _told(case: Case, answer: Mapping[str, Any], tokens: Sequence[str]) -> tuple[tuple[Attempt, ...], str]:
    if case.flow.protocol == "tool":
        known = {"started": answer.get("started", 0.0), "elapsed": answer["elapsed"], "status": answer["code"]}
        ran = attempt_of({"token": tokens[0], **known})
        if case.flow.load.tool in LISTS and answer["stdout"].strip():
            return (ran,), answer["stdout"]  # A list is read as it is; a warning beside it is none of it.
        return (ran,), f"{answer['stdout']}\n{answer['stderr']}".strip()
    return tuple(attempt_of(one) for one in answer.get("attempts", [answer])), ""
