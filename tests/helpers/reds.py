"""A small run by hand: pods of windows-2 get nothing from other nodes, and all else works."""

from __future__ import annotations

from changed import replace
from observed import a_case, a_flow, a_packet, an_attempt, an_observation
from records_for_tests import case, record

from podwire.model.cases import Slot
from podwire.model.flows import Peer
from podwire.model.verdicts import Finding, Outcome, Verdict

NO_ANSWER = Finding(expected="an answer from a Windows pod", actual="timeout at connect", where="client", met=False)
RED = Verdict(outcome=Outcome.FAIL, reason="client: expected an answer, timeout at connect", findings=(NO_ANSWER,))
GREEN = Verdict(outcome=Outcome.PASS)
SYN = a_packet(flags="S", seq=100)
PODS = {
    "windows-1-a": "10.244.11.2",
    "windows-2-a": "10.244.12.2",
    "windows-2-b": "10.244.12.3",
    "linux-1-a": "10.0.1.2",
}


def one(requirement, words, client, server, via="pod-ip", protocol="tcp"):
    """A case between two pods, with what was observed: red when it crosses into windows-2."""
    ends = {role: name.rpartition("-") for role, name in (("client", client), ("server", server))}
    nodes = {role: node for role, (node, _, _) in ends.items()}
    system = {role: "windows" if node.startswith("windows") else "linux" for role, node in nodes.items()}
    lost = nodes["server"] == "windows-2" != nodes["client"]
    flow = a_flow(
        client=Peer(role="client", kind="pod", os=system["client"]),
        server=Peer(role="server", kind="pod", os=system["server"]),
        via=via,
        protocol=protocol,
        placement="cross-node" if nodes["client"] != nodes["server"] else "same-node",
    )
    slots = {role: Slot(os=system[role], node=nodes[role], probe=ends[role][2]) for role in nodes}
    made = case(Outcome.FAIL if lost else Outcome.PASS)
    made = replace(
        made,
        id=f"{made.area}/{requirement}[{words}]",
        requirement=requirement,
        parameters={**made.parameters, "via": via},
        verdict=RED if lost else GREEN,
        nodes=nodes,
        evidence=("evidence/one/server-node.pcap",) if lost else (),
        expected=("answered by the server, a Windows pod",),
    )
    seen = ("client-pod", "client-node", "server-node", *(() if lost else ("server-pod",)))
    observation = an_observation(
        attempt=an_attempt(error="timeout") if lost else an_attempt(identity=server),
        packets={point: [SYN] for point in seen},
    )
    names = {"client.ip": PODS[client], "client.identity": client, "server.ip": PODS[server], "server.identity": server}
    captures = {
        point: replace(capture, where={"client-pod": client, "server-pod": server}.get(point, "NIC"))
        for point, capture in observation.captures.items()
    }
    observation = replace(observation, case_id=made.id, bindings={**observation.bindings, **names}, captures=captures)
    return made, (replace(a_case(flow), id=made.id, client=slots["client"], server=slots["server"]), observation)


def small_run():
    """The record of the run, and what was observed, by case id."""
    made = [
        one("BY-SERVICE", "a", "windows-1-a", "windows-2-a", via="cluster-ip"),
        one("BY-SERVICE", "b", "windows-1-a", "linux-1-a", via="cluster-ip"),
        one("BY-POD", "a", "windows-1-a", "windows-2-a"),
        one("BY-POD", "b", "linux-1-a", "windows-2-b", protocol="udp"),
        one("BY-POD", "c", "windows-2-a", "windows-2-b"),
        one("BY-POD", "d", "windows-1-a", "linux-1-a", protocol="udp"),
        one("BY-POD", "e", "linux-1-a", "windows-1-a"),
        one("BY-POD", "f", "windows-2-a", "windows-1-a"),
    ]
    return record(*(found for found, _ in made)), {found.id: seen for found, seen in made}
