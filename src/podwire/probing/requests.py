"""Turns a case into a request to an agent, and the agent's answer into attempts."""

from __future__ import annotations

import itertools
import json
import ntpath
from collections.abc import Mapping, Sequence
from typing import Any

from podwire.model.asking import ADDRESS_TYPES
from podwire.model.cases import Case
from podwire.model.flows import Flow
from podwire.model.observations import Attempt
from podwire.model.sizes import LEAST_CARRIED
from podwire.model.ways import BY_TUNNEL
from podwire.probing.calls import Garbled, attempt_of
from podwire.probing.targets import Target

AT_ONCE = 200
"""Connections of one case in flight together. More would measure the client instead of the network."""
DATAGRAMS_AT_ONCE, OF_A_PATH_AT_ONCE = 50, 16
"""The same over UDP, and for cases that count losses. A server's socket buffer must hold the datagrams of all clients,
even if the server runs late."""
LOOKUPS_AT_ONCE, MOST_UNANSWERED = 10, 20
"""Look-ups of one case in flight together, few enough for other queries; and the number of unanswered look-ups after
which the agent gives up the rest."""

ASKS_AGAIN = 6.0
"""Seconds beside the time-out for one look-up: the C library asks a lost question again after five (resolv.conf(5)),
Windows after one (Microsoft: DNS client resolution timeouts)."""

BISECTION = 10.0
"""Seconds that a bisection may take beside the time-out: more than twelve lengths take that are all lost."""

CNI_FOLDER = "C:\\opt\\cni\\bin"
"""The folder of CNI plugins on a Windows node, as in the Kubernetes guides."""
CNI_PLUGIN = "cni-plugin"
"""The tool name for the CNI plugin of the cluster's network mode, called with CHECK."""
HNS_NETWORKS, HNS_LOAD_BALANCERS = "hns-networks", "hns-load-balancers"
LISTS = (HNS_NETWORKS, HNS_LOAD_BALANCERS, "hns-endpoints", "hns-processes", "windows-nat", "vmswitch-ports")
"""Tools of the agent that list the objects of HNS, of the NAT and of the virtual switch on a Windows node."""
WINDOWS_STATE = "windows-state"
"""The tool that reads addresses and settings of HNS on a Windows node; no case uses it."""
EC2_CARD = "ec2-card"
"""The tool that lists the addresses of a node's network card from the EC2 metadata."""
NODE_PATIENCE = 30.0
"""Seconds for these tools: PowerShell starts slowly on a busy Windows node, and the VPC controller assigns addresses
later."""
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
    """The agent method for a case, its parameters, and the seconds that it may take.

    `tokens` and source `ports` have one entry for each exchange; `timeout` is in seconds. The network `mode` gives the
    CNI plugin of the Windows nodes. `wanted_addresses` is how many pod addresses the network card of the client's node
    must have. `asks_again` are the seconds that the client's resolver may take beside the time-out, so that it can ask
    a lost question again; of many look-ups only those that stand for a path have them.
    """
    flow = case.flow
    family = 6 if flow.family == "ipv6" else 4
    if flow.load.asks:
        return _questions(case, target, tokens, ports, timeout)
    if flow.protocol == "dns":
        patience = timeout + (asks_again if len(tokens) == 1 or flow.load.whole_path else 0.0)
        lookups = [
            {"name": name, "token": token, "family": family, "timeout": patience}
            for name, token in zip(names_of(target, tokens), tokens, strict=True)
        ]
        rounds = -(-len(lookups) // LOOKUPS_AT_ONCE)
        parameters = {"lookups": lookups, "at_once": LOOKUPS_AT_ONCE, "give_up": MOST_UNANSWERED}
        return "lookups", parameters, patience * rounds
    if flow.load.tool in (EC2_CARD, *LISTS) or flow.protocol == "tool":
        return _tool(flow, target, timeout, mode, wanted_addresses)
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
    if flow.load.answer:
        common |= {"answer": flow.load.answer, "half_close": flow.load.half_close}
    if flow.change.same_ports:
        common["go_on"] = True
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
    if flow.load.size == "carried":
        return "carried", {**exchanges[0], "least": LEAST_CARRIED[flow.family]}, timeout + BISECTION
    if len(exchanges) == 1:
        return "exchange", exchanges[0], longest
    most = OF_A_PATH_AT_ONCE if flow.load.whole_path else DATAGRAMS_AT_ONCE if flow.protocol == "udp" else AT_ONCE
    parameters = {"exchanges": exchanges, "at_once": most}
    if flow.protocol == "udp":
        parameters["give_up"] = MOST_UNANSWERED
    return "sequence", parameters, longest * -(-len(exchanges) // most)


def _tool(flow: Flow, target: Target, timeout: float, mode: str, wanted_addresses: int) -> Request:
    """A program of the node, or a list that the node gives."""
    if flow.load.tool == EC2_CARD:
        return "ec2_card", {"least": wanted_addresses, "timeout": NODE_PATIENCE}, NODE_PATIENCE
    if flow.load.tool in LISTS:
        return "tool", {"name": flow.load.tool, "timeout": NODE_PATIENCE}, NODE_PATIENCE
    call = {"name": flow.load.tool, "arguments": [target.host]}
    if flow.load.tool == CNI_PLUGIN:
        call = _check(PLUGIN_OF.get(mode, CNI_PLUGIN))
    return "tool", {**call, "timeout": timeout}, timeout


def _questions(case: Case, target: Target, tokens: Sequence[str], ports: Sequence[int], timeout: float) -> Request:
    """The questions of the agent's own DNS client: the same from each of as many sockets as there are tokens, of
    one server after the other."""
    questions = [{"name": question.name, "type": question.type, "edns": question.edns} for question in target.questions]
    common: dict[str, Any] = {"questions": questions, "timeout": timeout}
    if case.flow.load.asks == "each-pod-by-tcp":
        common["stream"] = True
    if case.flow.load.asks == "srv-and-targets":
        common["follow"] = ADDRESS_TYPES[case.flow.family]
    sockets = [
        {**common, "host": host, "token": token, "preferred_port": port}
        for host, token, port in zip(itertools.cycle(target.asked_of), tokens, ports, strict=False)
    ]
    rounds = -(-len(sockets) // LOOKUPS_AT_ONCE)
    return "questions", {"sockets": sockets, "at_once": LOOKUPS_AT_ONCE}, timeout * rounds


def way_of(via: str, protocol: str) -> dict[str, Any]:
    """The parameters for the protocol of an exchange, or for tunnel packets that the agent makes itself."""
    return {"proto": "tunnel", "vni": via.removesuffix("-vni")} if via in BY_TUNNEL else {"proto": protocol}


def _check(plugin: str) -> dict[str, Any]:
    """The CHECK of a container that does not exist (CNI specification 1.0.0, section 2: parameters and operations)."""
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
    """The names to look up: the target's name, or for several tokens a new absolute name below it for each token.

    No cache has a new name.
    """
    return [target.host] if len(tokens) == 1 else [f"{token}.{target.fqdn}." for token in tokens]


def attempts_in(case: Case, answer: Mapping[str, Any], tokens: Sequence[str]) -> tuple[tuple[Attempt, ...], str]:
    """The attempts in an agent's answer, and the output of a tool. `Garbled` if the answer does not fit the request."""
    try:
        attempts, output = _told(case, answer, tokens)
    except (AttributeError, KeyError, TypeError) as problem:
        raise Garbled(f"the answer does not fit the request: {problem!r} in {str(answer)[:200]}") from problem
    expected, answered = set(tokens), [attempt.token for attempt in attempts]
    if not answered or len(set(answered)) < len(answered) or not expected.issuperset(answered):
        raise Garbled(
            "the answer has other tokens than the request: "
            f"{len(answered)} attempts with {', '.join(answered[:3]) or 'no token'}"
        )
    return attempts, output


def _told(case: Case, answer: Mapping[str, Any], tokens: Sequence[str]) -> tuple[tuple[Attempt, ...], str]:
    if case.flow.protocol == "tool":
        result = {"started": answer.get("started", 0.0), "elapsed": answer["elapsed"], "status": answer["code"]}
        ran = attempt_of({"token": tokens[0], **result})
        if case.flow.load.tool in LISTS and answer["stdout"].strip():
            return (ran,), answer["stdout"]  # A warning on stderr is not part of a list.
        return (ran,), f"{answer['stdout']}\n{answer['stderr']}".strip()
    return tuple(attempt_of(result) for result in answer.get("attempts", [answer])), ""
