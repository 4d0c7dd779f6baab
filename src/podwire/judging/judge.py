"""judge(case, expectation, observation) → verdict. Pure: packets and replies in, one of six outcomes out.

The order of the questions is the design's table: could we see at all, did everything expected happen, is there a
limitation for this flow, and did the failure look as that limitation is documented.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from podwire.judging.expectation import Expectation
from podwire.judging.parts import Exchanges, Observed, Part, came
from podwire.judging.symptoms.table import symptom
from podwire.model.cases import Case
from podwire.model.observations import Attempt, Observation
from podwire.model.patterns import Unbound
from podwire.model.requirements import Limitation
from podwire.model.symbols import ASSUMED_DOMAIN, CONVERGES_WITHIN, RUNNER_WAITED
from podwire.model.verdicts import Finding, Outcome, Verdict


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
    observed = Observed(case, observation, _chosen(expectation, observation))
    try:
        bound = [(part, part.bound(observation.bindings)) for part in expectation.parts if part.applies(observed)]
        ungiven = next((why for part, values in bound if (why := part.tells_nothing(values, observed))), None)
        findings = tuple(_findings(bound, expectation, observed))
        doubtful = {finding: why for part, values in bound for finding, why in part.doubtful(values, observed)}
    except Unbound as missing:
        return Verdict(outcome=Outcome.INCONCLUSIVE, reason=f"this run has no value for {missing}")
    doubtful |= {finding: why for finding in findings if not finding.met and (why := _busy(finding, observation))}
    unmet = [finding for finding in findings if not finding.met]
    answered = bool(observation.attempts) and all(came(attempt) for attempt in observation.attempts)
    if not answered and (unmet or expectation.met_by_absence):
        doubt = _doubt(observation)
        if doubt:
            return Verdict(outcome=Outcome.INCONCLUSIVE, reason=doubt, findings=findings)
    if unmet and all(finding in doubtful for finding in unmet):
        return Verdict(outcome=Outcome.INCONCLUSIVE, reason=doubtful[unmet[0]], findings=findings)
    if not unmet and ungiven:
        return Verdict(outcome=Outcome.INCONCLUSIVE, reason=ungiven, findings=findings)
    if not unmet:
        return _as_expected(findings, limitation)
    if ASSUMED_DOMAIN in observation.bindings:
        return Verdict(outcome=Outcome.INCONCLUSIVE, reason=_assumption(unmet[0], observation), findings=findings)
    if limitation is None:
        first = unmet[0]
        return Verdict(
            outcome=Outcome.FAIL, reason=f"{first.where}: expected {first.expected}, {first.actual}", findings=findings
        )
    return _against_limitation(case, observation, limitation, findings)


def _assumption(first: Finding, observation: Observation) -> str:
    domain = observation.bindings[ASSUMED_DOMAIN]
    return (
        f"{first.where}: expected {first.expected}, {first.actual}; but the cluster's domain {domain} is assumed, "
        f"for no signal tells it: state `cluster_domain` in --facts"
    )


def _chosen(expectation: Expectation, observation: Observation) -> Attempt | None:
    """The attempt to look at most closely: the first that did not end as all should, else the first."""
    odd = expectation.met_by_absence or expectation.met_in_part
    attempts = observation.attempts
    return next((attempt for attempt in attempts if came(attempt) is odd), attempts[0] if attempts else None)


def _findings(bound: list[tuple[Part, Any]], expectation: Expectation, observed: Observed) -> Iterator[Finding]:
    if not observed.attempts:
        yield Finding(expected="an attempt", actual="none was made", where="client", met=False)
    exchanges = expectation.exchanges
    for part, values in bound:
        yield from part.findings(values, observed)
        if exchanges and part is exchanges[0] and len(observed.attempts) > 1 and not expectation.met_in_part:
            yield _together(bound, observed)
    yield from _late(observed.observation)


def _late(observation: Observation) -> Iterator[Finding]:
    """Whether a change showed to the client in time. One that it never saw shows in the exchanges themselves."""
    limit = observation.bindings.get(CONVERGES_WITHIN)
    if limit is None or observation.unsettled:
        return
    met = observation.settled <= float(str(limit))
    actual = f"it showed after {observation.settled:.1f} s{'' if met else ': late, and not dead'}"
    yield Finding(expected=f"{_IN_TIME} {limit} s", actual=actual, where="client", met=met)


_IN_TIME = "the change shows to the client within"


def _busy(late: Finding, observation: Observation) -> str:
    """Why a change that showed late may have been in time: the runner's own machine was busy. '' where it was not."""
    waited = float(str(observation.bindings.get(RUNNER_WAITED, 0)))
    if not late.expected.startswith(_IN_TIME):
        return ""
    if observation.settled - waited > float(str(observation.bindings[CONVERGES_WITHIN])):
        return ""
    return (
        f"{late.expected}: it showed after {observation.settled:.1f} s, and in {waited:.1f} s of them processes of "
        "the runner's machine waited for a CPU; run it on a machine with less load"
    )


def _together(bound: list[tuple[Part, Any]], observed: Observed) -> Finding:
    """What came of all exchanges of the case."""
    ends = [(part, values) for part, values in bound if isinstance(part, Exchanges)]
    wrong = [attempt for attempt in observed.attempts if not all(part.ended(values, attempt) for part, values in ends)]
    part, values = ends[0]
    return part.together(values, wrong, observed)


def _as_expected(findings: tuple[Finding, ...], limitation: Limitation | None) -> Verdict:
    if limitation is None or limitation.kind == "bug":
        reason = f"the known issue {limitation.id} does not show" if limitation else ""
        return Verdict(outcome=Outcome.PASS, reason=reason, findings=findings)
    reason = f"works, although a document says that it does not: {limitation.statement}"
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


def _blind_points(case: Case, expectation: Expectation, observation: Observation) -> str | None:
    """Why a capture that has a say cannot be relied on; all have one when a limitation may have to be shown."""
    for point in case.points if case.limitation else expectation.points(case):
        capture = observation.captures.get(point)
        if capture is None:
            return f"there is no capture at the {point}"
        if not capture.usable or (case.limitation and capture.reason):
            return f"the capture at the {point} ({capture.where}) cannot be relied on: {capture.reason}"
    return None


def _doubt(observation: Observation) -> str | None:
    """Why a missing answer may have nothing to do with the network: no control, or one that did not work."""
    if not observation.controls:
        return "no answer, and no positive control showed that the probes worked"
    for control in observation.controls:
        if not control.worked:
            when = "before" if not control.before else "after"
            return f"no answer, but the control '{control.name}' failed {when} it too: {control.detail}"
    return None
