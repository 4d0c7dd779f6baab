"""Which look-ups needed a second question, path by path. Pure.

A question is lost where the client's own capture shows it without an answer of the server that was asked, and the name
was answered all the same: the resolver asked again. Questions that were answered late have an answer each, so they are
no loss. One without any answer in the end is judged by its case.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from podwire.model.cases import Case
from podwire.model.facts import family_of
from podwire.model.observations import POINTS, Capture, Lookup, Observation, SeenPacket
from podwire.model.symbols import DNS_PLACEMENT
from podwire.packets.dns import dns_message
from podwire.packets.paths import Path, Tries

DNS, LOOK_UP = "dns", "look-up"
"""The server and the way of a path of look-ups."""
AT_CLIENT = "client-pod"


class _Asked(NamedTuple):
    """Where, what and by which path somebody asked."""

    path: Path
    where: str
    name: str
    type: str


def path_of_lookups(case: Case, observation: Observation) -> Path | None:
    """The path of a case's look-ups, to the first server that its client is to ask; None where none is known."""
    servers = _servers(observation)
    return _path(case, observation, servers[0]) if servers else None


def by_path_of_lookups(seen: Iterable[tuple[Case, Observation]]) -> dict[Path, Tries]:
    """What became of the first questions of all look-ups over UDP, path by path. Cases that share a pod and a name see
    the same look-ups, each of which counts once."""
    asked: dict[_Asked, dict[tuple[int, float], tuple[Lookup, Observation]]] = defaultdict(dict)
    for case, observation in seen:
        capture = observation.captures.get(AT_CLIENT)
        if observation.problem or capture is None:
            continue
        servers = _servers(observation)
        for lookup in observation.lookups:
            path = _path(case, observation, lookup.server) if lookup.server in servers else None
            if path is not None and lookup.protocol == "udp":
                key = _Asked(path, capture.where, lookup.name, lookup.type)
                asked[key][lookup.id, lookup.at] = lookup, observation
    found: dict[Path, Tries] = defaultdict(Tries)
    for key, lookups in asked.items():
        _count(sorted(lookups.values(), key=lambda one: one[0].at), found[key.path])
    return {path: tries for path, tries in found.items() if tries.exchanges}


def _count(lookups: Sequence[tuple[Lookup, Observation]], tries: Tries) -> None:
    """Add the look-ups of one name at one place, in the order of time. A resolver that asks again may take another
    number and port: the question without an answer belongs to the next one that has one."""
    unanswered: list[tuple[Lookup, Observation]] = []
    for lookup, observation in lookups:
        if lookup.rcode is None:
            unanswered.append((lookup, observation))
            continue
        tries.exchanges += 1
        lost = [*unanswered, *([(lookup, observation)] if lookup.lost else [])]
        unanswered = []
        if not lost:
            continue
        capture = observation.captures[AT_CLIENT]
        if not capture.usable or capture.reason:
            tries.unknown += 1
            continue
        tries.lost += 1
        tries.vanished[_vanished(*lost[0])] += 1


def _vanished(lookup: Lookup, observation: Observation) -> str:
    """Between which capture points a question or its answer vanished, as far as the kept packets tell."""
    counts = [
        (point, *_of_question(lookup, capture.packets))
        for point, capture in _usable(observation.captures)
        if any(_of_question(lookup, capture.packets))
    ]
    for (here, sent, _), (there, came, _) in pairwise(counts):
        if came < sent:
            return f"request between {here} and {there}"
    for (here, _, came), (there, _, sent) in pairwise(counts):
        if came < sent:
            return f"reply between {there} and {here}"
    return f"beyond {counts[-1][0] if counts else AT_CLIENT}"


def _usable(captures: Mapping[str, Capture]) -> Iterator[tuple[str, Capture]]:
    for point in POINTS:
        capture = captures.get(point)
        if capture is not None and capture.usable and not capture.reason:
            yield point, capture


def _of_question(lookup: Lookup, packets: Sequence[SeenPacket]) -> tuple[int, int]:
    """How many packets ask this question, and how many answer it."""
    requests, replies = 0, 0
    for seen in packets:
        message = dns_message(seen.packet)
        if message and message.id == lookup.id and (lookup.name, lookup.type) in message.questions:
            requests, replies = requests + (not message.response), replies + message.response
    return requests, replies


def _servers(observation: Observation) -> tuple[str, ...]:
    value = observation.bindings.get("dns.ip", ())
    return tuple(map(str, value)) if isinstance(value, tuple) else (str(value),)


def _path(case: Case, observation: Observation, server: str) -> Path | None:
    client, placement = case.flow.client, observation.bindings.get(DNS_PLACEMENT)
    if client.kind != "pod" or client.on_node_network or case.flow.change.after or not isinstance(placement, str):
        return None
    return Path(client.os, DNS, placement, "udp", family_of(server), LOOK_UP)
