"""Which streams a watch wants at a moment: one for each client and path, to a server that is there. Pure."""

from __future__ import annotations

import zlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from podwire.model.facts import OS
from podwire.model.gaps.paths import PROTOCOLS, SYSTEMS, Path
from podwire.watching.members import Member

POD_PORT, HOST_PORT, SERVICE_PORT = 8080, 18080, 80
OUTSIDE = "outside"
"""The client's name of the agent on the host outside."""


@dataclass(frozen=True, kw_only=True)
class Slot:
    """The place of one stream: a client and a path. `client` is a pod's uid, or `OUTSIDE`."""

    client: str
    path: Path


@dataclass(frozen=True, kw_only=True)
class Goal:
    """Where a stream goes. `server` names it for people, and tells two goals of a slot apart."""

    server: str
    host: str
    port: int


@dataclass(frozen=True, kw_only=True)
class Places:
    """What is there beside the pods: the addresses of Services and of load balancers by system, and of the outside."""

    services: Mapping[OS, str] = field(default_factory=dict)
    balancers: Mapping[OS, str] = field(default_factory=dict)
    outside: str = ""
    outside_asks: bool = False
    """Whether an agent can run on the host outside."""


def wanted(
    members: Sequence[Member], places: Places, now: Mapping[Slot, Goal], clients: Collection[str]
) -> dict[Slot, Goal]:
    """The streams that should run, from the clients of these uids. One of `now` keeps its goal while that is good."""
    found: dict[Slot, Goal] = {}
    usable = [member for member in members if member.usable]
    for client in usable:
        if client.uid not in clients:
            continue
        for path, goals in _ways(client, usable, places):
            if goals:
                slot = Slot(client=client.uid, path=path)
                found[slot] = now[slot] if now.get(slot) in goals else _chosen(client.uid, goals)
    if places.outside_asks and OUTSIDE in clients:
        for os, address in places.balancers.items():
            for protocol in PROTOCOLS:
                path = Path(kind="outside-service", server=os, protocol=protocol)
                goal = Goal(server=f"load balancer {os}", host=address, port=SERVICE_PORT)
                found[Slot(client=OUTSIDE, path=path)] = goal
    return found


def _chosen(client: str, goals: Sequence[Goal]) -> Goal:
    """Spread the clients over the goals, so that not all of them look at one."""
    return min(goals, key=lambda goal: zlib.crc32(f"{client} {goal.server}".encode()))


def _ways(client: Member, members: Sequence[Member], places: Places) -> Iterator[tuple[Path, list[Goal]]]:
    """The paths of a client, each with the goals that it could have."""
    kind = "node" if client.kind == "host" else "pod"
    others = [member for member in members if member.node != client.node]
    for os in SYSTEMS:
        if os in places.services:
            goal = Goal(server=f"Service {os}", host=places.services[os], port=SERVICE_PORT)
            for protocol in PROTOCOLS if kind == "pod" else ("tcp",):
                yield Path(kind=f"{kind}-service", client=client.os, server=os, protocol=protocol), [goal]
        if kind == "pod":
            for protocol in PROTOCOLS:
                path = Path(kind="pod-pod", client=client.os, server=os, protocol=protocol)
                yield path, [_goal(one, POD_PORT) for one in others if one.kind == "pod" and one.os == os]
            path = Path(kind="pod-node", client=client.os, server=os)
            yield path, [_goal(one, HOST_PORT) for one in others if one.kind == "host" and one.os == os]
    if kind == "node":
        own = [one for one in members if one.kind == "pod" and one.node == client.node]
        yield Path(kind="node-pod", client=client.os), [_goal(one, POD_PORT) for one in own]
    elif places.outside:
        goal = Goal(server="host outside", host=places.outside, port=POD_PORT)
        yield Path(kind="pod-outside", client=client.os), [goal]


def _goal(member: Member, port: int) -> Goal:
    return Goal(server=member.name, host=member.address, port=port)
