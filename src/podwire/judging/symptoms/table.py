"""How a documented limit shows. A limitation excuses a failure only when the failure shows the limitation's symptom."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Literal

from podwire.judging.resolvers import failed_upstream, heard, is_no
from podwire.judging.symptoms.addresses import block_used_up, in_the_subnet_of_its_node, not_grouped
from podwire.model.cases import Case, pod_point
from podwire.model.controls import ANOTHER_SERVICE_TOLD
from podwire.model.facts import FAMILIES
from podwire.model.observations import Attempt, Observation, Point, SeenPacket
from podwire.model.verdicts import Finding

Role = Literal["client", "server"]
Symptom = Callable[[Case, Observation], Iterator[Finding]]


def symptom(name: str) -> Symptom:
    """The predicate of that name; its findings say what the documents predict and whether it was seen."""
    return SYMPTOMS[name]


def _ended(attempts: tuple[Attempt, ...], kinds: tuple[str, ...], stage: str | None = None) -> Finding:
    ends = [f"{a.error.kind} at {a.error.stage}" if a.error else "an answer" for a in attempts]
    met = bool(attempts) and all(a.error and a.error.kind in kinds and stage in (None, a.error.stage) for a in attempts)
    expected = f"every attempt ends as {' or '.join(kinds)}" + (f" at {stage}" if stage else "")
    return Finding(expected=expected, actual=", ".join(sorted(set(ends))) or "no attempt", where="client", met=met)


def _came(packets: Sequence[SeenPacket]) -> str:
    return "1 packet came" if len(packets) == 1 else f"{len(packets)} packets came"


def untranslated(case: Case, observation: Observation) -> Iterator[Finding]:
    """ICMP that leaves the cluster network is not translated: the pod sent it, nothing comes back to the pod, and no
    packet of it carries the node's address. Whether it leaves the node with the pod's address is not documented."""
    yield _ended(observation.attempts, ("timeout",))
    pod = observation.captures[pod_point(case.flow.client)]
    sent = [seen for seen in pod.packets if seen.direction == "request"]
    back = [seen for seen in pod.packets if seen.direction != "request"]
    yield Finding(
        expected="the echo request leaves the pod", actual=f"{len(sent)} seen", where=pod.where, met=bool(sent)
    )
    yield Finding(expected="nothing comes back to the pod", actual=_came(back), where=pod.where, met=not back)
    node = observation.captures["client-node"]
    nat = [seen for seen in node.packets if seen.packet.ip.src == observation.bindings["client.node.ip"]]
    text = "no echo request with the node's address on the wire"
    yield Finding(expected=text, actual=f"{len(nat)} seen", where=node.where, met=not nat)
    tunnel = [seen for seen in node.packets if seen.packet.encapsulated]
    text = "none of it inside the tunnel"
    yield Finding(expected=text, actual=f"{len(tunnel)} seen", where=node.where, met=not tunnel)


def name_not_found(case: Case, observation: Observation) -> Iterator[Finding]:
    """A dotted, partly qualified name is asked as it is, without a suffix, and the answer is that there is none."""
    yield _ended(
        observation.attempts, ("not-found", "other") if failed_upstream(observation) else ("not-found",), "resolve"
    )
    name = str(observation.bindings["target.name"]).lower()
    names = sorted({lookup.name for lookup in observation.lookups})
    yield Finding(
        expected=f"only {name} is asked", actual=", ".join(names) or "nothing asked", where="DNS", met=names == [name]
    )
    yield _clean_no(observation)
    pod = observation.captures[pod_point(case.flow.client)]
    actual = f"{len(pod.packets)} packets"
    yield Finding(expected="nothing is sent to the Service", actual=actual, where=pod.where, met=not pod.packets)


def one_suffix(case: Case, observation: Observation) -> Iterator[Finding]:
    """An undotted name is asked with the one suffix of the pod's namespace, and the answer is that there is none."""
    yield _ended(observation.attempts, ("not-found",), "resolve")
    only = str(observation.bindings["target.suffix.1"]).lower()
    names = sorted({lookup.name for lookup in observation.lookups})
    yield Finding(
        expected=f"only {only} is asked", actual=", ".join(names) or "nothing asked", where="DNS", met=names == [only]
    )
    yield _clean_no(observation)


def node_resolver(case: Case, observation: Observation) -> Iterator[Finding]:
    """The name is asked of the node's own DNS server, which does not know the cluster's names and says so."""
    yield _ended(observation.attempts, ("not-found",), "resolve")
    cluster = observation.bindings["dns.ip"]
    servers = sorted({lookup.server for lookup in observation.lookups})
    met = bool(servers) and isinstance(cluster, tuple) and not set(servers) & set(cluster)
    actual = ", ".join(servers) or "nothing asked"
    yield Finding(expected="another server than the cluster's is asked", actual=actual, where="DNS", met=met)
    yield _clean_no(observation)


def _clean_no(observation: Observation) -> Finding:
    lookups = heard(observation.lookups)
    codes = sorted({lookup.rcode or "no answer" for lookup in lookups})
    met = bool(lookups) and all(is_no(lookup) for lookup in lookups)
    if failed_upstream(observation):
        met = True  # The server can ask nobody about a name that is not the cluster's: that is as clean as it can say.
    return Finding(expected="a clean negative answer", actual=", ".join(codes) or "no answer", where="DNS", met=met)


def no_answer(case: Case, observation: Observation) -> Iterator[Finding]:
    """The request leaves the client and nothing comes back: a silent time-out."""
    yield _ended(observation.attempts, ("timeout",))
    yield _leaves(case, observation)


def _leaves(case: Case, observation: Observation) -> Finding:
    pod = observation.captures[pod_point(case.flow.client)]
    sent = [seen for seen in pod.packets if seen.direction == "request"]
    return Finding(
        expected="the request leaves the client", actual=f"{len(sent)} seen", where=pod.where, met=bool(sent)
    )


def never_arrives(case: Case, observation: Observation) -> Iterator[Finding]:
    """The request leaves the client, nothing of it reaches the server, and nothing comes back: a silent time-out."""
    yield from no_answer(case, observation)
    yield from _unheard(case, observation)


def not_served(case: Case, observation: Observation) -> Iterator[Finding]:
    """The request leaves the client and reaches no backend: nobody answers, or a router knows no way."""
    yield _ended(observation.attempts, ("timeout", "unreachable"))
    yield _leaves(case, observation)


def served_all_the_same(case: Case, observation: Observation) -> Iterator[Finding]:
    """Every attempt is answered by the server that should not have been asked."""
    wanted = observation.bindings.get("server.identity")
    names = sorted({attempt.reply.identity if attempt.reply else "no answer" for attempt in observation.attempts})
    text = f"every attempt is answered by {wanted}"
    yield Finding(expected=text, actual=", ".join(names) or "no attempt", where="client", met=names == [wanted])


def one_target_port(case: Case, observation: Observation) -> Iterator[Finding]:
    """Connections go to one number of a named port in all pods: one pod answers, and the others refuse."""
    names = sorted({attempt.reply.identity for attempt in observation.attempts if attempt.reply})
    text = "a single backend answers"
    yield Finding(expected=text, actual=", ".join(names) or "none answers", where="client", met=len(names) == 1)
    ends = {attempt.error.kind for attempt in observation.attempts if attempt.error}
    yield Finding(
        expected="the other connections are refused or reset",
        actual=", ".join(sorted(ends)) or "all are answered",
        where="client",
        met=bool(ends) and ends <= {"refused", "reset", "timeout"},
    )
    pod = observation.captures[pod_point(case.flow.client)]
    resets = sum("R" in seen.packet.tcp.flags for seen in pod.packets if seen.direction == "reply")
    yield Finding(expected="resets come to the client", actual=f"{resets} seen", where=pod.where, met=resets > 0)


def lost(case: Case, observation: Observation) -> Iterator[Finding]:
    """Requests that leave the client are lost: each is answered or ends as a silent time-out, as one at least does."""
    ends = [a.error.kind if a.error else "an answer" for a in observation.attempts]
    met = "timeout" in ends and set(ends) <= {"timeout", "an answer"}
    text = "attempts end as timeout, if they are not answered"
    yield Finding(expected=text, actual=", ".join(sorted(set(ends))) or "no attempt", where="client", met=met)
    yield _leaves(case, observation)


def ports_used_up(case: Case, observation: Observation) -> Iterator[Finding]:
    """Services are lost while another one is served, and kube-proxy on the client's node has logged that ports exist
    already, where its log can be read: alone the message would prove nothing, for a load balancer that was left behind
    gives it too. A node that serves no Service at all is broken in another way."""
    yield from lost(case, observation)
    controls = [control for control in observation.controls if ANOTHER_SERVICE_TOLD in control.name]
    yield Finding(
        expected="the client reaches another Service all the while",
        actual=", ".join(control.detail or "it does not" for control in controls if not control.worked)
        or ("it does" if controls else "it was not tried"),
        where="client",
        met=bool(controls) and all(control.worked for control in controls),
    )
    messages = observation.bindings.get("client.node.port_messages")
    if messages is not None:
        yield Finding(
            expected="kube-proxy of the client's node logs that the specified port already exists",
            actual=f"{messages} times in this run",
            where="log of kube-proxy",
            met=isinstance(messages, int) and messages > 0,
        )


def unserved(case: Case, observation: Observation) -> Iterator[Finding]:
    """The node leads its own packets to no backend: they leave it with the Service's address, and nobody answers. What
    the network makes of such packets is not documented: it may keep silent or call the address unreachable."""
    yield _ended(observation.attempts, ("timeout", "unreachable"))
    node = observation.captures["client-node"]
    sent = [seen for seen in node.packets if seen.packet.ip.dst == observation.bindings["target.ip"]]
    text = "the request leaves the node with the Service's address"
    yield Finding(expected=text, actual=f"{len(sent)} seen", where=node.where, met=bool(sent))


def no_affinity(case: Case, observation: Observation) -> Iterator[Finding]:
    """Every connection is answered, but not all by the same backend."""
    names = sorted({attempt.reply.identity for attempt in observation.attempts if attempt.reply})
    lost = sum(1 for attempt in observation.attempts if not attempt.reply)
    yield Finding(expected="every connection is answered", actual=f"{lost} were not", where="client", met=not lost)
    text, met = "more than one backend answers", len(names) > 1
    yield Finding(expected=text, actual=", ".join(names) or "none answers", where="client", met=met)


def error_kept_at_node(case: Case, observation: Observation) -> Iterator[Finding]:
    """The ICMP error for a translated flow reaches the node, which cannot translate it back: the pod gets nothing."""
    yield _ended(observation.attempts, ("timeout",))
    node = observation.captures["client-node"]
    errors = [
        seen for seen in node.packets if seen.packet.ip.protocol in ("icmp", "icmpv6") and seen.packet.icmp.quoted
    ]
    yield Finding(
        expected="an ICMP error arrives at the node", actual=f"{len(errors)} seen", where=node.where, met=bool(errors)
    )
    pod = observation.captures[pod_point(case.flow.client)]
    back = [seen for seen in pod.packets if seen.direction != "request"]
    yield Finding(expected="nothing comes back to the pod", actual=_came(back), where=pod.where, met=not back)


def never_in_the_tunnel(case: Case, observation: Observation) -> Iterator[Finding]:
    """Nothing that the client sends enters the tunnel, so nobody answers. Whether it leaves bare is not documented."""
    yield _ended(observation.attempts, ("timeout",))
    node = observation.captures["client-node"]
    tunnel = [seen for seen in node.packets if seen.packet.encapsulated]
    text = "none of it inside the tunnel"
    yield Finding(expected=text, actual=f"{len(tunnel)} seen", where=node.where, met=not tunnel)


_NICS: dict[Role, Point] = {"client": "client-node", "server": "server-node"}
OVERLAY_MENDED = (17763, 379)
"""The first build that overlay networks need, with KB4489899 (kubernetes.io: Networking on Windows, Overlay)."""


def undelivered(case: Case, observation: Observation) -> Iterator[Finding]:
    """Nobody answers, for a Windows node of a build before KB4489899 does not deliver what comes to it by the tunnel.

    The packet is seen in the tunnel at the NICs of both nodes: the nodes are there, and the underlay carries tunnels.
    The documents tell no more than that overlay networks need that update; where packets end is an inference.
    """
    yield from no_answer(case, observation)
    directions = [
        _by_tunnel(observation, "request", "client", "server"),
        _by_tunnel(observation, "reply", "server", "client"),
    ]
    yield Finding(
        expected="a request or a reply is in the tunnel at both nodes, and the older Windows node does not deliver it",
        actual="; ".join(text for text, _ in directions),
        where="tunnel",
        met=any(met for _, met in directions),
    )


def _by_tunnel(observation: Observation, direction: str, sender: Role, receiver: Role) -> tuple[str, bool]:
    """How far packets of one direction came, in words, and whether a node of an affected build kept them."""
    build = observation.bindings.get(f"{receiver}.node.build")
    affected = isinstance(build, tuple) and tuple(map(int, build)) < OVERLAY_MENDED
    build_text = ".".join(map(str, build)) if isinstance(build, tuple) else "unknown"

    def at(point: Point) -> list[SeenPacket]:
        capture = observation.captures.get(point)
        return [seen for seen in capture.packets if seen.direction == direction] if capture else []

    left, came = (sum(seen.packet.encapsulated for seen in at(_NICS[role])) for role in (sender, receiver))
    pod: Point = "client-pod" if receiver == "client" else "server-pod"
    looked, delivered = pod in observation.captures, len(at(pod))
    text = (
        f"{direction}: {left} left, {came} came to the {receiver}'s node (build {build_text}), "
        f"{delivered if looked else 'an unknown number'} to its pod"
    )
    return text, bool(affected and left and came and looked and not delivered)


def not_balanced(case: Case, observation: Observation) -> Iterator[Finding]:
    """The Service has no load balancer on the client's node: no connection is answered, none is sent to a backend."""
    yield _ended(observation.attempts, ("timeout", "unreachable"), "connect")
    node = observation.captures["client-node"]
    backends = observation.bindings["service.backends"]
    sent = [seen for seen in node.packets if isinstance(backends, tuple) and seen.packet.ip.dst in backends]
    text = "no packet to a backend leaves the node"
    yield Finding(expected=text, actual=f"{len(sent)} seen", where=node.where, met=not sent)


def not_on_the_node(case: Case, observation: Observation) -> Iterator[Finding]:
    """Nobody listens at the node's address: the pod has a network of its own, whatever its status says."""
    yield _ended(observation.attempts, ("timeout", "refused"))
    server_ip, node = observation.bindings.get("server.ip"), observation.bindings.get("server.node.ip")
    text = "the pod's status shows the address of its node"
    yield Finding(expected=text, actual=f"it shows {server_ip}", where="cluster", met=server_ip == node)


def one_family(case: Case, observation: Observation) -> Iterator[Finding]:
    """The client's pod has an IPv4 address and no other, where a pod of a Linux node has both: a cluster that has no
    IPv6 at all shows nothing of Windows."""
    families = observation.bindings.get("client.families")
    yield Finding(
        expected="the pod has IPv4 only", actual=f"it has {families}", where="cluster", met=families == ("ipv4",)
    )
    control, os = observation.bindings.get("server.families"), case.flow.server.os
    yield Finding(
        expected="the server's pod is on a Linux node and has both families",
        actual=f"on a node of {os} it has {control}",
        where="cluster",
        met=os == "linux" and control == FAMILIES,
    )


def no_ipv6(case: Case, observation: Observation) -> Iterator[Finding]:
    """A pod without an IPv6 address cannot even begin: its system says so, and no packet shows anywhere."""
    yield _ended(observation.attempts, ("unreachable", "unsupported", "other"))
    for capture in observation.captures.values():
        actual = f"{len(capture.packets)} seen"
        yield Finding(expected="no packet of it", actual=actual, where=capture.where, met=not capture.packets)
    yield from one_family(case, observation)


def check_finds_nothing(case: Case, observation: Observation) -> Iterator[Finding]:
    """CHECK of a container that does not exist ends well and says nothing."""
    codes = [attempt.status for attempt in observation.attempts]
    yield Finding(expected="exit code 0", actual=f"{codes}", where="client", met=codes == [0])
    output = observation.output or "it prints nothing"
    yield Finding(expected="it prints nothing", actual=output[:200], where="client", met=not observation.output)


def never_forwarded(case: Case, observation: Observation) -> Iterator[Finding]:
    """Nothing comes of the request, whether the client is told or not, and nothing of it reaches the server."""
    yield _ended(observation.attempts, ("timeout", "refused"))
    yield from _unheard(case, observation)


def lost_at_entry(case: Case, observation: Observation) -> Iterator[Finding]:
    """The request is seen on its way in, and then never again: a silent time-out, and the server hears nothing."""
    yield from no_answer(case, observation)
    first = observation.captures[pod_point(case.flow.client)]
    back = [seen for seen in first.packets if seen.direction != "request"]
    yield Finding(expected="nothing comes back", actual=_came(back), where=first.where, met=not back)
    yield from _unheard(case, observation)


def _unheard(case: Case, observation: Observation) -> Iterator[Finding]:
    """The server's pod gets nothing. It cannot be told where any of several backends could, and where it is the client:
    there its own requests are seen."""
    pod = observation.captures.get("server-pod")
    if pod is not None and case.flow.placement != "itself":
        actual = f"{len(pod.packets)} packets"
        yield Finding(expected="nothing reaches the server", actual=actual, where=pod.where, met=not pod.packets)


def client_hidden(case: Case, observation: Observation) -> Iterator[Finding]:
    """The request is served, and the server sees another address than the client's, as with the policy Cluster."""
    sources = [attempt.reply.source if attempt.reply else "no answer" for attempt in observation.attempts]
    client = observation.bindings["client.ip"]
    met = bool(sources) and all(attempt.answered for attempt in observation.attempts) and client not in sources
    text = f"an answer from a server that does not see the client ({client})"
    yield Finding(expected=text, actual=", ".join(sorted(set(sources))) or "no attempt", where="server", met=met)


SYMPTOMS: dict[str, Symptom] = {
    "untranslated": untranslated,
    "name-not-found": name_not_found,
    "one-suffix": one_suffix,
    "node-resolver": node_resolver,
    "no-answer": no_answer,
    "never-arrives": never_arrives,
    "not-served": not_served,
    "served-all-the-same": served_all_the_same,
    "one-target-port": one_target_port,
    "lost": lost,
    "ports_used_up": ports_used_up,
    "unserved": unserved,
    "no-affinity": no_affinity,
    "error-kept-at-node": error_kept_at_node,
    "never-in-the-tunnel": never_in_the_tunnel,
    "undelivered": undelivered,
    "not-balanced": not_balanced,
    "not-on-the-node": not_on_the_node,
    "one-family": one_family,
    "no-ipv6": no_ipv6,
    "check-finds-nothing": check_finds_nothing,
    "never-forwarded": never_forwarded,
    "lost-at-entry": lost_at_entry,
    "client-hidden": client_hidden,
    "block-used-up": block_used_up,
    "in-the-subnet-of-its-node": in_the_subnet_of_its_node,
    "not-grouped": not_grouped,
}
