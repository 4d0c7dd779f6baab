"""What the judge asks about names: what a look-up led to, and which questions were on the wire. Pure."""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterator, Sequence

from podwire.model.cases import Asked, AskedInOrder, Case, Expectation, NotAsked
from podwire.model.observations import Attempt, Lookup, Observation
from podwire.model.patterns import Bindings, OneOf, bound
from podwire.model.verdicts import Finding
from podwire.packets.dns import dns_questions

NEGATIVE = ("NXDOMAIN", "NOERROR")


def resolved_finding(expectation: Expectation, attempt: Attempt, bindings: Bindings) -> Finding:
    """What the client's resolver said of the name."""
    error = attempt.error
    actual = ", ".join(attempt.resolved) or (f"{error.kind} at {error.stage}" if error else "nothing")
    if expectation.not_found:
        met = error is not None and (error.stage, error.kind) == ("resolve", "not-found")
        return Finding(expected="the name is not found", actual=actual, where="client", met=met)
    assert expectation.resolves_to is not None
    wanted = _texts(bound(expectation.resolves_to, bindings))
    met = {_address(one) for one in attempt.resolved} == {_address(one) for one in wanted}
    expected = f"the name leads to {expectation.resolves_to} ({_some(wanted)})"
    return Finding(expected=expected, actual=_some(attempt.resolved) or actual, where="client", met=met)


def alike_finding(expectation: Expectation, observation: Observation) -> Finding:
    """Whether all of many look-ups ended as expected, with how sure that makes and how long they took."""
    attempts, total = observation.attempts, len(observation.attempts)
    ends = Counter(_end(one) for one in attempts if not resolved_finding(expectation, one, observation.bindings).met)
    slow = sorted(one.elapsed for one in attempts)[total * 99 // 100]
    others = "".join(f", {count} end as {end}" for end, count in sorted(ends.items()))
    return Finding(
        expected=f"all of {total} look-ups end so (one lost in 100 would go unseen with a chance of {0.99**total:.0e})",
        actual=f"{total - ends.total()} do{others}; 99 of 100 within {slow * 1000:.0f} ms",
        where="client",
        met=not ends,
    )


def _end(attempt: Attempt) -> str:
    return f"{attempt.error.kind} at {attempt.error.stage}" if attempt.error else "an answer"


def server_findings(case: Case, observation: Observation) -> Iterator[Finding]:
    """The same questions at the node of the DNS server, over the same protocol, where its packets are seen."""
    capture = observation.captures.get("server-node")
    if case.flow.server.kind != "dns" or capture is None or not capture.usable:
        return
    arrived = {
        (name, "tcp" if one.packet.protocol == "tcp" else "udp")
        for one in capture.packets
        if one.direction == "request"
        for name, _ in dns_questions(one.packet)
    }
    sent = dict.fromkeys((one.name, one.protocol) for one in observation.lookups)
    missing = [f"{name} over {protocol.upper()}" for name, protocol in sent if (name, protocol) not in arrived]
    yield Finding(
        expected=f"each of {len(sent)} questions at the node of the DNS server",
        actual=f"not {_some(missing)}" if missing else "all were seen",
        where=f"server-node ({capture.where})",
        met=not missing,
    )


def asked_findings(wanted: Sequence[Asked | AskedInOrder | NotAsked], observation: Observation) -> Iterator[Finding]:
    """One finding for each expectation about questions."""
    told = "; ".join(dict.fromkeys(_told(one) for one in observation.lookups)) or "no question was seen"
    for one in wanted:
        if isinstance(one, NotAsked):
            met, expected = not observation.lookups, str(one)
        elif isinstance(one, AskedInOrder):
            met, expected = _in_order(one, observation), str(one)
        else:
            met, expected = _asked(one, observation)
        yield Finding(expected=expected, actual=told, where="DNS", met=met)


def _asked(wanted: Asked, observation: Observation) -> tuple[bool, str]:
    bindings = observation.bindings
    name = _name(bound(wanted.name, bindings))
    hits = [one for one in observation.lookups if one.name == name]
    met = bool(hits)
    if wanted.only:
        met &= all(one.name == name for one in observation.lookups)
    if wanted.first and met:
        met = min(observation.lookups, key=lambda one: one.at).name == name
    if wanted.of is not None:
        servers = _texts(bound(wanted.of, bindings))
        met &= all(one.server in servers for one in hits)
    if wanted.over is not None:
        hits = [one for one in hits if one.protocol == wanted.over]
    if wanted.alias is not None:
        hits = [one for one in hits if _name(one.alias) == _name(bound(wanted.alias, bindings))]
    values = ""
    if wanted.answer is not None:
        answers = _texts(bound(wanted.answer, bindings))
        values = f" → {_some(answers)}"
        met &= any(set(answers) == set(one.answers) for one in hits)
    return met and bool(hits), f"{wanted} ({name}{values})"


def _in_order(wanted: AskedInOrder, observation: Observation) -> bool:
    names = [_name(bound(one, observation.bindings)) for one in wanted.names]
    seen = sorted(observation.lookups, key=lambda one: one.at)
    places = [next((at for at, one in enumerate(seen) if one.name == name), None) for name in names]
    if None in places or places != sorted(places, key=lambda at: at or 0):
        return False
    # The next name is tried only because there is no such name as the one before it.
    return all(one.rcode in NEGATIVE and not one.answers for one in seen if one.name in names[:-1])


def _name(value: object) -> str:
    return str(value).lower().rstrip(".")


def _texts(value: object) -> tuple[str, ...]:
    return tuple(str(one) for one in value.values) if isinstance(value, OneOf) else (str(value),)


def _address(text: str) -> str:
    try:
        return str(ipaddress.ip_address(text.partition("%")[0]))
    except ValueError:
        return text


def _some(values: Sequence[str]) -> str:
    shown = ", ".join(sorted(values)[:4])
    return f"{shown}, ... ({len(values)})" if len(values) > 4 else shown


def _told(one: Lookup) -> str:
    answer = _some(one.answers) or one.rcode or "no answer"
    alias = f" alias {one.alias}" if one.alias else ""
    return f"{one.name} {one.type}{' over TCP' if one.protocol == 'tcp' else ''} →{alias} {answer}"
