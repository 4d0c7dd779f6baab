"""Which exchanges needed a second try, path by path, and between which capture points the first one vanished. Pure.

A try is a datagram, a SYN, or a message of a stream; `first_lookups` has the questions to DNS. A retry alone proves no
loss: on a busy machine an answer comes late, and the client asks again. So an exchange counts as lost only where the
captures show that a packet did not arrive: the next point saw fewer tries, or the last one saw fewer answers than
tries. What came in the end, however late, is late.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from podwire.model.cases import Case
from podwire.model.observations import POINTS, Attempt, Capture, Observation, SeenPacket, Value
from podwire.model.streams.seen import StreamSeen
from podwire.model.ways import BY_TUNNEL
from podwire.packets.first_lookups import by_path_of_lookups, path_of_lookups
from podwire.packets.paths import Path, Tries
from podwire.packets.stream_losses import losses_of

USUAL_SIZE = 1400
"""Bytes of a request or an answer at most: a longer datagram may need another try to learn the path MTU."""


def path_of(case: Case) -> Path | None:
    """The path of a case, or None for one whose tries say nothing of a path: nobody is to answer, or all changes."""
    flow = case.flow
    ends = (flow.client.kind, flow.server.kind)
    usual = max(flow.load.payload, flow.load.answer) <= USUAL_SIZE and not flow.load.size and not flow.load.sends
    if flow.protocol not in ("tcp", "udp") or flow.change.after or flow.via in BY_TUNNEL or "dns" in ends or not usual:
        return None
    kinds = [f"{peer.os} node" if peer.kind == "host" else peer.os for peer in (flow.client, flow.server)]
    entry = f"{flow.via} ({flow.way.enters})" if flow.way.enters else flow.via
    return Path(kinds[0], kinds[1], flow.placement, flow.protocol, flow.family, entry)


def judged_path(case: Case, observation: Observation) -> Path | None:
    """The path that a case stands for: that of its exchanges, or of its look-ups where it has no others."""
    return path_of_lookups(case, observation) if case.flow.protocol == "dns" else path_of(case)


NUMBER, LIMIT = "path.number", "path.limit"
"""The symbols of how many paths are judged, and of the share that may be lost (a text)."""
GROUPS = ("path", "families", "ends")
"""Of what the tries are told: of the path itself, of the same path over all families, and of all flows between such
ends in such a placement, whatever their protocol, family and way. Runs of earlier versions have no `ends`."""


RISK = 1e-3
"""The chance at most that a healthy run calls any of its paths lossy."""


def risk_of_a_path(judged: int, groups: int = len(GROUPS), risk: float = RISK) -> float:
    """What one path may take of the risk of a run that judges so many."""
    return risk / (groups * max(1, judged))


def symbols_of_paths(exchanges: Iterable[tuple[Case, Observation]], limit: float) -> dict[str, dict[str, Value]]:
    """What became of all flows of a path, as symbols, by the id of each case that stands for its whole path.

    They are `path.exchanges`, `path.lost`, `path.late`, `path.unknown`, `path.vanished`, and the same of `families` and
    `ends`.
    """
    pairs = list(exchanges)
    paths = by_path(pairs)
    families: dict[Path, Tries] = defaultdict(Tries)
    ends: dict[Path, Tries] = defaultdict(Tries)
    for path, tries in paths.items():
        families[of_group(path, "families")].add(tries)
        ends[of_group(path, "ends")].add(tries)
    judged = [(case.id, judged_path(case, observation)) for case, observation in pairs if case.flow.load.whole_path]
    return {
        identity: {
            **_symbols("path", paths.get(path, Tries())),
            **_symbols("families", families[of_group(path, "families")]),
            **_symbols("ends", ends[of_group(path, "ends")]),
            NUMBER: len(judged),
            LIMIT: f"{limit:g}",
        }
        for identity, path in judged
        if path is not None
    }


def of_group(path: Path, group: str) -> Path:
    """What all paths of a group share with this one; the rest is empty."""
    if group == "families":
        return path._replace(family="")
    return path._replace(family="", protocol="", entry="") if group == "ends" else path


def _symbols(group: str, tries: Tries) -> dict[str, Value]:
    return {
        f"{group}.exchanges": tries.exchanges,
        f"{group}.lost": tries.lost,
        f"{group}.late": tries.late,
        f"{group}.unknown": tries.unknown,
        f"{group}.vanished": tries.places,
    }


def by_path(exchanges: Iterable[tuple[Case, Observation]]) -> dict[Path, Tries]:
    """The tries of all cases and of their look-ups, path by path, in the order of the paths."""
    tries_by_path: dict[Path, Tries] = defaultdict(Tries)
    pairs = list(exchanges)
    for case, observation in pairs:
        path = path_of(case)
        if path is not None and not observation.problem:
            tries_by_path[path].add(tries_of(observation, case.flow.protocol))
    tries_by_path |= by_path_of_lookups(pairs)
    return {path: tries_by_path[path] for path in sorted(tries_by_path) if tries_by_path[path].exchanges}


def tries_of(observation: Observation, protocol: str = "tcp") -> Tries:
    """What became of the exchanges of one case. Those without an answer are judged by the case itself; of a stream, of
    which each message is an exchange, they count as well."""
    total = Tries()
    for stream in observation.streams:
        total.add(_of_stream(stream, observation, protocol))
    for attempt in observation.attempts:
        if not attempt.answered or not attempt.tries:
            continue
        total.exchanges += 1
        if attempt.tries > 1:
            place = vanished(attempt, observation.captures)
            if place is None:
                total.unknown += 1
            elif place:
                total.lost += 1
                total.vanished[place] += 1
            else:
                total.late += 1
    return total


def _of_stream(stream: StreamSeen, observation: Observation, protocol: str) -> Tries:
    losses = losses_of(stream, observation.captures, protocol)
    if losses.unknown:
        # Which messages TCP sent again is known to the captures alone; those without an answer the client knows.
        return Tries(unknown=stream.numbers.counts.lost)
    return Tries(exchanges=losses.messages, lost=len(losses.lost), vanished=Counter(losses.lost.values()))


def vanished(attempt: Attempt, captures: Mapping[str, Capture]) -> str | None:
    """Where a packet of a retried exchange vanished; empty when all arrived, None when the captures cannot tell."""
    on_the_way: list[tuple[str, int, int]] = []
    number: int | None = None
    for point in POINTS:
        capture = captures.get(point)
        if capture is None:
            continue
        if not capture.usable or capture.reason:
            return None
        number = _syn_number(attempt, capture.packets) if number is None else number
        ways = (_tries(attempt.token.encode(), number, capture.packets, way) for way in ("request", "reply"))
        requests, replies = (len(list(tries)) for tries in ways)
        if requests or replies:  # Another point is none of this way.
            on_the_way.append((point, requests, replies))
    if not on_the_way or on_the_way[0][1] < attempt.tries:
        return None
    for (near, sent, _), (far, came, _) in pairwise(on_the_way):
        if 0 < came < sent:
            return f"request between {near} and {far}"
    last, sent_last, answered = on_the_way[-1]
    if answered < sent_last:
        return "request at the server" if last == "server-pod" else f"beyond {last}"
    for (near, _, came), (far, _, sent) in pairwise(on_the_way):
        if 0 < came < sent:
            return f"reply between {far} and {near}"
    return ""


def _syn_number(attempt: Attempt, packets: Sequence[SeenPacket]) -> int | None:
    """The sequence number of the client's SYN, where its own port is still that of the socket."""
    port = attempt.local[1] if attempt.local else 0
    return next(
        (seen.packet.tcp.seq for seen in packets if seen.packet.tcp.flags == "S" and seen.packet.ports.sport == port),
        None,
    )


def _tries(token: bytes, number: int | None, packets: Sequence[SeenPacket], way: str) -> Iterator[SeenPacket]:
    """The packets of one direction that begin a try of this exchange, or answer it: datagrams are known by the token,
    SYNs by their number."""
    for seen in packets:
        ip, tcp = seen.packet.ip, seen.packet.tcp
        if seen.direction != way:
            continue
        datagram = ip.protocol == "udp" and token in seen.packet.payload
        begins = number is not None and (tcp.flags, tcp.seq) == ("S", number)
        if datagram or begins or (number is not None and (tcp.flags, tcp.ack) == ("SA", (number + 1) % (1 << 32))):
            yield seen
