"""judge(case, expectation, observation) → verdict. Pure: packets and replies in, one of six outcomes out.

The order of the questions is the design's table: could we see at all, did everything expected happen, is there a
limitation for this flow, and did the failure look as that limitation is documented.
"""

from __future__ import annotations

import ipaddress
from collections import Counter
from collections.abc import Iterator, Sequence

from podwire.judging.names import alike_finding, asked_findings, resolved_finding, server_findings
from podwire.judging.node import node_findings
from podwire.judging.symptoms import symptom
from podwire.model import spread
from podwire.model.cases import Case, Expectation, pod_point
from podwire.model.observations import Attempt, Capture, Observation, Point
from podwire.model.packets import Packet
from podwire.model.patterns import Bindings, Pattern, Unbound, bound, meets, mismatch, unbound
from podwire.model.requirements import Limitation
from podwire.model.spread import Spread
from podwire.model.symbols import Symbol
from podwire.model.verdicts import Finding, Outcome, Verdict

CLIENT_PORT = "client.port"


def judge(
    case: Case, expectation: Expectation, observation: Observation, limitation: Limitation | None = None
) -> Verdict:
    """The verdict on one observation.

    `limitation` is the one that the catalogue holds for this flow, if any: it excuses a failure only when the failure
    shows its symptom, and turns a success into `limitation lifted`.
    """
    if observation.problem:
        return Verdict(outcome=Outcome.INCONCLUSIVE, reason=observation.problem)
    blind = _blind_points(case, expectation, observation)
    if blind:
        return Verdict(outcome=Outcome.INCONCLUSIVE, reason=blind)
    try:
        ungiven = _ungiven(expectation, observation)
        findings = tuple(_findings(case, expectation, observation))
    except Unbound as missing:
        return Verdict(outcome=Outcome.INCONCLUSIVE, reason=f"this run has no value for {missing}")
    unmet = [finding for finding in findings if not finding.met]
    answered = bool(observation.attempts) and all(_came(attempt) for attempt in observation.attempts)
    if not answered and (unmet or expectation.negative):
        doubt = _doubt(observation)
        if doubt:
            return Verdict(outcome=Outcome.INCONCLUSIVE, reason=doubt, findings=findings)
    if not unmet and ungiven:
        return Verdict(outcome=Outcome.INCONCLUSIVE, reason=ungiven, findings=findings)
    if not unmet:
        return _as_expected(findings, limitation)
    if limitation is None:
        first = unmet[0]
        return Verdict(
            outcome=Outcome.FAIL, reason=f"{first.where}: expected {first.expected}, {first.actual}", findings=findings
        )
    return _against_limitation(case, observation, limitation, findings)


def _came(attempt: Attempt) -> bool:
    """Whether something came back: an answer, or an address."""
    return attempt.answered or (attempt.error is None and bool(attempt.resolved))


def _as_expected(findings: tuple[Finding, ...], limitation: Limitation | None) -> Verdict:
    if limitation is None or limitation.kind == "bug":
        reason = f"the known issue {limitation.id} does not show" if limitation else ""
        return Verdict(outcome=Outcome.PASS, reason=reason, findings=findings)
    reason = f"works, although documented not to: {limitation.statement}"
    return Verdict(outcome=Outcome.LIMITATION_LIFTED, reason=reason, findings=findings, limitation=limitation.id)


def _against_limitation(
    case: Case, observation: Observation, limitation: Limitation, findings: tuple[Finding, ...]
) -> Verdict:
    signs = tuple(symptom(limitation.symptom)(case, observation))
    missing = [sign for sign in signs if not sign.met]
    if missing:
        first = missing[0]
        sign = f"{first.where}: expected {first.expected}, {first.actual}"
        reason = f"fails, but not in the documented way ({limitation.id}): {sign}"
        return Verdict(outcome=Outcome.FAIL, reason=reason, findings=findings + signs, limitation=limitation.id)
    outcome = Outcome.LIMITATION_CONFIRMED if limitation.kind == "documented" else Outcome.KNOWN_ISSUE
    return Verdict(outcome=outcome, reason=limitation.statement, findings=findings + signs, limitation=limitation.id)


def _needed_points(case: Case, expectation: Expectation) -> Iterator[Point]:
    """Every point whose packets have a say: those with patterns, and all when a limitation may have to be shown."""
    if case.limitation:
        yield from case.points
        return
    if expectation.at_dns:
        yield pod_point(case.flow.client)
    if expectation.given_at_server_node:
        yield "server-node"
    yield from (point for point, _ in expectation.at_points(case))


def _ungiven(expectation: Expectation, observation: Observation) -> str | None:
    """Why the case tells nothing: what it is about did not come to the server's node."""
    pattern = expectation.given_at_server_node
    if pattern is None or _held(pattern, observation.captures["server-node"], observation.bindings).met:
        return None
    return f"the server's node did not get what this is about ({pattern}): the network between lets it not pass"


def _blind_points(case: Case, expectation: Expectation, observation: Observation) -> str | None:
    for point in _needed_points(case, expectation):
        capture = observation.captures.get(point)
        if capture is None:
            return f"no capture at the {point}"
        if not capture.usable:
            return f"the capture at the {point} ({capture.where}) cannot be relied on: {capture.reason}"
    return None


def _doubt(observation: Observation) -> str | None:
    """Why a missing answer may have nothing to do with the network: no control, or one that did not work."""
    if not observation.controls:
        return "no answer, and no positive control that says the probes themselves were working"
    for control in observation.controls:
        if not control.worked:
            when = "before" if not control.before else "after"
            return f"no answer, but the control '{control.name}' did not work {when} it either: {control.detail}"
    return None


def _findings(case: Case, expectation: Expectation, observation: Observation) -> Iterator[Finding]:
    if not observation.attempts:
        yield Finding(expected="an attempt", actual="none was made", where="client", met=False)
    bindings = observation.bindings
    in_part = expectation.spread is not None and expectation.spread.in_part
    chosen = [a for a in observation.attempts if _came(a) is (expectation.negative or in_part)]
    for attempt in (chosen or list(observation.attempts))[:1]:
        yield from _answer(case, expectation, attempt, bindings)
    ends = (expectation.answered_by, expectation.resolves_to, expectation.status, expectation.spread)
    told = expectation.negative or any(end is not None for end in ends)
    if len(observation.attempts) > 1 and told and not in_part:
        yield _all_alike(expectation, observation)
    if expectation.spread is not None:
        yield _spread(expectation.spread, observation)
    yield from _printed(expectation, observation)
    yield from node_findings(expectation, observation)
    for known in expectation.known:
        if known.symbol.name not in bindings:
            raise unbound(known.symbol.name, bindings)
        value = bindings[known.symbol.name]
        met = meets(value, bound(known.value, bindings))
        actual = "there is none" if value == "" else f"it is {value}"
        yield Finding(expected=str(known), actual=actual, where="cluster", met=met)
    yield from asked_findings(expectation.at_dns, observation)
    if expectation.at_dns:
        yield from server_findings(case, observation)
    for point, patterns in expectation.at_points(case):
        for pattern in patterns:
            yield _held(pattern, observation.captures[point], bindings)


def _printed(expectation: Expectation, observation: Observation) -> Iterator[Finding]:
    """What a tool printed, and how it ended."""
    if expectation.output is not None:
        found = str(bound(expectation.output, observation.bindings)) in observation.output
        actual = " ".join(observation.output.split())[:200] or "it prints nothing"
        yield Finding(expected=f"it prints {expectation.output}", actual=actual, where="client", met=found)
    if expectation.exit_code is not None:
        codes = [attempt.status for attempt in observation.attempts]
        met = bool(codes) and all(meets(code, expectation.exit_code) for code in codes)
        actual = f"it is {', '.join(map(str, codes))}"
        yield Finding(expected=f"its exit code is {expectation.exit_code}", actual=actual, where="client", met=met)


def _answer(case: Case, expectation: Expectation, attempt: Attempt, bindings: Bindings) -> Iterator[Finding]:
    if expectation.refused or expectation.silent or expectation.unanswered:
        ends = {"refused": "the client is refused", "timeout": "nobody answers (timeout)"}
        admitted = ["refused"] if expectation.refused else ["timeout"] if expectation.silent else list(ends)
        actual = attempt.error.kind if attempt.error else "an answer"
        text = " or ".join(ends[kind] for kind in admitted)
        yield Finding(expected=text, actual=actual, where="client", met=actual in admitted)
        return
    if expectation.resolves_to is not None or expectation.not_found:
        yield resolved_finding(expectation, attempt, bindings)
        return
    if expectation.status is not None:
        actual = f"status {attempt.status}" if attempt.status else attempt.error.kind if attempt.error else "no status"
        text = f"an answer with HTTP status {expectation.status}"
        yield Finding(expected=text, actual=actual, where="client", met=attempt.status == expectation.status)
    if expectation.answered_by is None:
        return
    expected = f"an answer from {expectation.answered_by}"
    if attempt.reply is None:
        error = attempt.error
        why = f"{error.kind} at {error.stage}" + (f" ({error.text})" if error.text else "") if error else "no answer"
        yield Finding(expected=expected, actual=f"{why} after {attempt.elapsed:.2f} s", where="client", met=False)
        return
    tries = f" to datagram {attempt.sent}" if case.flow.protocol == "udp" and attempt.sent > 1 else ""
    if case.flow.protocol == "icmp":
        # An echo reply names nobody: its source address is all the identity there is.
        peer, wanted = attempt.peer and attempt.peer[0], str(bindings["target.ip"])
        yield Finding(
            expected=f"an echo reply from {wanted}", actual=f"it came from {peer}", where="client", met=peer == wanted
        )
        return
    identities = _identities(expectation, bindings)
    yield Finding(
        expected=f"{expected}: {' or '.join(identities)}",
        actual=f"{attempt.reply.identity} answered{tries}",
        where="client",
        met=attempt.reply.identity in identities,
    )
    if expectation.answers_from is not None:
        source = attempt.peer[0] if attempt.peer else None
        wanted = bound(expectation.answers_from, bindings)
        text = f"the answer from {expectation.answers_from} ({wanted})"
        yield Finding(expected=text, actual=f"it came from {source}", where="client", met=_same(source, wanted))
    if expectation.seen_as is not None:
        wanted = bound(expectation.seen_as, bindings)
        text = f"the client seen as {expectation.seen_as} ({wanted})"
        actual = f"the server saw {attempt.reply.source}"
        yield Finding(expected=text, actual=actual, where="server", met=meets(attempt.reply.source, wanted))


def _same(address: str | None, wanted: object) -> bool:
    return address is not None and ipaddress.ip_address(address) == ipaddress.ip_address(str(wanted))


def _identities(expectation: Expectation, bindings: Bindings) -> tuple[str, ...]:
    """Whose answer is a right one."""
    peer = expectation.answered_by
    if peer is None:
        return ()
    if peer.kind == "backends":
        known = bindings.get("server.identities", ())
        return known if isinstance(known, tuple) else ()  # type: ignore[return-value]
    return (str(bindings[f"{peer.role}.identity"]),)


def _all_alike(expectation: Expectation, observation: Observation) -> Finding:
    if expectation.not_found or expectation.resolves_to is not None:
        return alike_finding(expectation, observation)
    total = len(observation.attempts)
    if expectation.negative:
        wrong = sum(1 for a in observation.attempts if _came(a))
        return Finding(expected=f"none of {total} answered", actual=f"{wrong} were", where="client", met=not wrong)
    right = sum(1 for a in observation.attempts if _right(expectation, a, observation.bindings))
    return Finding(
        expected=f"all {total} exchanges answered", actual=f"{right} were", where="client", met=right == total
    )


def _right(expectation: Expectation, attempt: Attempt, bindings: Bindings) -> bool:
    """Whether an exchange ended with such an answer as is expected; any will do when no server is named."""
    if expectation.status is not None and attempt.status != expectation.status:
        return False
    if expectation.answered_by is None:
        return expectation.status is not None or _came(attempt)
    return attempt.reply is not None and attempt.reply.identity in _identities(expectation, bindings)


def _spread(wanted: Spread, observation: Observation) -> Finding:
    counts = Counter(a.reply.identity for a in observation.attempts if a.reply)
    backends = observation.bindings.get("server.identities", ())
    named = tuple(str(one) for one in backends) if isinstance(backends, tuple) else ()
    return spread.finding(wanted, counts, named, len(observation.attempts))


def _held(pattern: Pattern, capture: Capture, bindings: Bindings) -> Finding:
    if CLIENT_PORT not in bindings and any(value == Symbol(CLIENT_PORT) for _, value in pattern.conditions):
        # No socket was ever opened, so there is no port that a packet could have: the name did not resolve, perhaps.
        where = f"{capture.point} ({capture.where})"
        return Finding(expected=str(pattern), actual="the client sent nothing", where=where, met=False)
    chosen = [one.packet for one in capture.packets if pattern.direction in (None, one.direction)]
    misses = [mismatch(packet, pattern.conditions, bindings) for packet in chosen]
    hits = misses.count(None)
    expected = str(pattern) + _values(pattern, bindings)
    where = f"{capture.point} ({capture.where})"
    wrong = next((miss for miss in misses if miss is not None), None)
    if pattern.quantity == "none":
        return Finding(
            expected=expected, actual=f"{hits} such packets seen" if hits else "none seen", where=where, met=hits == 0
        )
    if not chosen:
        return Finding(expected=expected, actual="no such packet was seen", where=where, met=False)
    if pattern.quantity == "some":
        actual = f"{hits} of {len(chosen)} packets" if hits else f"none of {len(chosen)} packets: {wrong}"
        return Finding(expected=expected, actual=actual, where=where, met=hits > 0)
    if wrong is not None:
        return Finding(expected=expected, actual=f"a packet has {wrong}", where=where, met=False)
    if pattern.quantity == "distinct":
        clashes, tuples = _shared_tuples(chosen)
        actual = f"{clashes} shared tuples" if clashes else f"{tuples} tuples"
        return Finding(expected=expected, actual=actual, where=where, met=not clashes)
    return Finding(expected=expected, actual=f"all {len(chosen)} packets", where=where, met=True)


def _shared_tuples(requests: Sequence[Packet]) -> tuple[int, int]:
    """How often a connection began on a tuple that another one still used, and how many tuples there were.

    A tuple whose connection has ended may be used again; that is a new connection, not a shared port.
    """
    open_with: dict[tuple[object, ...], int | None] = {}
    clashes = 0
    for packet in requests:
        if packet.flags == "S":
            known = open_with.get(packet.tuple)
            clashes += known is not None and known != packet.seq
            open_with[packet.tuple] = packet.seq
        elif "F" in packet.flags or "R" in packet.flags:
            open_with[packet.tuple] = None
    return clashes, len(open_with)


def _values(pattern: Pattern, bindings: Bindings) -> str:
    """The values behind the symbols of a pattern, for a person."""
    names = {}
    for field, value in pattern.conditions:
        text = str(bound(value, bindings))
        if text != str(value):
            names[field] = text
    return f" ({', '.join(f'{k} {v}' for k, v in names.items())})" if names else ""
