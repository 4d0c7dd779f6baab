"""What a report says of ends and groups: sentences for a person. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from podwire.causes.ends import DNS, WRONG, End
from podwire.causes.groups import Group
from podwire.causes.route import Spot
from podwire.judging.spread import Evenly, ToEveryBackend
from podwire.model.observations import Observation
from podwire.model.verdicts import Verdict

_SPREAD = (ToEveryBackend.sentence, Evenly.sentence)
_WAYS = {"request": "the request", "reply": "the answer"}


def headline(end: End, observation: Observation, verdict: Verdict) -> str:
    """What the packets of a failing case show, in one line; '' where the findings say all there is."""
    return "; ".join(filter(None, (_of_end(end), _absent(observation, verdict))))


def _of_end(end: End) -> str:
    packet = f"{_WAYS.get(end.way, end.way)} ({end.what})" if end.what else _WAYS.get(end.way, end.way)
    packet = "the DNS question" if end.what == DNS and end.way == "request" else packet
    packet = "the DNS answer" if end.what == DNS and end.way == "reply" else packet
    note = f", {end.note}" if end.note else ""
    size = f", in a frame of {end.size} bytes where smaller ones pass" if end.size else ""
    if end.kind == "lost" and end.missing:
        return f"{packet} was seen at {end.last}{note}, and never at {end.missing}{size}"
    if end.kind == "lost":
        return f"{packet} was last seen at {end.last}{note}, on its way to {end.target}, and nothing came back"
    if end.kind == "unanswered":
        return f"{packet} was seen at {end.last}, and nothing came back"
    if end.kind == "unsent":
        return f"no packet of this case was seen at {end.last}" if end.last else ""
    if end.kind == "told":
        return f"{end.what} ended it, seen at {end.last}"
    return f"DNS answered {end.what}" if end.kind == "name" else ""


def _absent(observation: Observation, verdict: Verdict) -> str:
    """Which backends answered no connection, where all of them must."""
    unmet = [finding.expected for finding in verdict.findings if not finding.met]
    backends = observation.bindings.get("server.identities")
    if not isinstance(backends, tuple) or not any(expected.startswith(_SPREAD) for expected in unmet):
        return ""
    answered = {attempt.reply.identity for attempt in observation.attempts if attempt.reply}
    absent = [str(name) for name in backends if name not in answered]
    if not absent:
        return ""
    return f"of {len(backends)} backends {_listed(absent)} answered none of {len(observation.attempts)} connections"


def _listed(names: Sequence[str], most: int = 4) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def description(group: Group) -> str:
    """What the cases of a group share, empty where that is only the place where their packets end."""
    return ", ".join(trait.words for trait in group.traits)


def evidence(group: Group) -> str:
    """Where the packets of a group end: the most frequent place, and how many cases end there if not all do."""
    counted = Counter(_place(end) for end in group.ends)
    (place, number), *_ = counted.most_common(1)
    return place if number == len(group.ends) else f"{place} ({number} of {len(group.ends)})"


def _place(end: End) -> str:
    """The same words for whatever way and pod, so that ends can be counted."""
    note = f" {end.note}" if end.note else ""
    if end.note.startswith(WRONG):
        return f"received {end.note}, and not seen behind it"
    if end.kind == "lost" and end.missing and end.last:
        inside = end.last.node == end.missing.node
        size = "large frames " if end.size else ""
        if inside and end.last.kind == "pod" and end.missing.kind == "pod":
            return f"{size}seen at a pod of {end.last.node}{note}, never at the other"
        there = _spot(end.missing, its=inside)
        return f"{size}seen at {_spot(end.last)}{note}, never at {there}"
    if end.kind == "lost":
        return f"last seen at {_spot(end.last)}{note}"
    if end.kind == "unanswered":
        return f"{'DNS questions ' if end.what == DNS else ''}seen at {_spot(end.last)}, and nothing came back"
    if end.kind == "unsent":
        return f"no packet seen at {_spot(end.last)}"
    if end.kind == "told":
        return f"ended by {end.what}, seen at {_spot(end.last)}"
    if end.kind == "name":
        return f"DNS answered {end.what}"
    return f"{end.what} is not as required (at the {end.note})"


def _spot(spot: Spot | None, *, its: bool = False) -> str:
    if spot is None:
        return "any capture point"
    if spot.kind == "NIC":
        return "its NIC" if its else f"the NIC of {spot.node}"
    return "its pods" if its else f"pods of {spot.node}"


def controls(group: Group) -> Iterator[str]:
    """The passes that show that the description is the cause: those that lack one part of it."""
    for trait, number in group.controls:
        other_traits = ", ".join(other.words for other in group.traits if other != trait)
        yield f"{_cases(number)} {f'{other_traits}, but ' if other_traits else ''}not {trait.words}, passed"
    if group.passes:
        yield f"{_cases(group.passes)} with the same description passed"


def _cases(number: int) -> str:
    return f"{number} case{'s' if number != 1 else ''}"
