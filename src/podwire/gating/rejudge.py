"""`podwire judge`: judge stored observations again, with the current catalogue and suites."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from podwire.catalogue.load import load
from podwire.content import suites_digest, suites_folder
from podwire.judging.case_record import case_record
from podwire.judging.expectation import Expectation, expectation_of
from podwire.judging.judged import JudgedCase
from podwire.model.cases import Case, Exclusion, SuiteTest
from podwire.model.facts import ClusterFacts
from podwire.model.requirements import Catalogue
from podwire.model.verdicts import Finding, Outcome, Verdict
from podwire.planning.choice import read_back
from podwire.planning.plan import Plan, make_plan
from podwire.records.files import load_record
from podwire.records.observation_files import read_observations
from podwire.records.observations import Stored
from podwire.records.run import CaseRecord, RunRecord
from podwire.records.run_form import REMEDY


@dataclass(frozen=True, kw_only=True)
class Rejudged:
    """A case then and now. `now` is None if no verdict is possible today; `why` says why, or what changed."""

    case_id: str
    then: Verdict
    now: Verdict | None
    why: str = ""

    @classmethod
    def of(cls, judged: CaseRecord, recorded: Verdict) -> Rejudged:
        """A case that has a verdict today."""
        why = "; ".join(differences(recorded, judged.verdict))
        return cls(case_id=judged.id, then=recorded, now=judged.verdict, why=why)

    @property
    def changed(self) -> bool:
        return bool(self.why)


def rejudge(folder: Path) -> tuple[RunRecord, tuple[Rejudged, ...]]:
    """Judge every case of the record in a run's folder.

    Raises:
        ValueError: the record cannot be judged again; the text is one line.
    """
    record = load_record(folder)
    rounds = rounds_of(record, folder if folder.is_dir() else folder.parent)
    today = Today.of(record)
    return record, tuple(today.rejudged(case.id, case.verdict, rounds[case.id]) for case in record.cases)


def rounds_of(record: RunRecord, directory: Path) -> dict[str, list[Stored]]:
    """The observations of each case, round by round.

    Raises:
        ValueError: a case has no observation, or one cannot be read.
    """
    rounds: dict[str, list[Stored]] = {}
    for stored in read_observations(record, directory):
        rounds.setdefault(stored.case.id, []).append(stored)
    for case in record.cases:
        if case.id not in rounds:
            raise ValueError(f"{directory}: {case.id}: has a verdict and no observation; take the files of the run")
    return rounds


class Today:
    """The plan that today's suites make from the facts of a record."""

    def __init__(self, catalogue: Catalogue, tests: Sequence[SuiteTest], record: RunRecord) -> None:
        self._catalogue = catalogue
        self._tests = {f"{test.module}::{test.name}": test for test in tests}
        self._limitations = {limitation.id: limitation for limitation in catalogue.limitations}
        options = record.setup.options
        try:
            chosen = read_back(options)
        except ValueError as problem:
            raise ValueError(f"run {record.run_id}, run.json: {problem}; {REMEDY}") from None
        asked = {name: options.get(name) == "yes" for name in ("fill-nodes", "disruptive")}
        selection = replace(chosen, fill_nodes=asked["fill-nodes"], disruptive=asked["disruptive"])
        self._plan: Plan = make_plan(catalogue, tests, record.facts, selection)
        self._record, self._selection = record, selection

    @classmethod
    def of(cls, record: RunRecord) -> Today:
        return cls(*load(suites_folder()), record)

    @property
    def exclusions(self) -> tuple[Exclusion, ...]:
        """The cases that the facts of the record exclude today."""
        return tuple(self._plan.exclusions)

    def rejudged(self, case_id: str, recorded: Verdict, rounds: Sequence[Stored]) -> Rejudged:
        """A case of the record, judged by its observations."""
        judged = self.recorded(case_id, rounds)
        if isinstance(judged, str):
            return Rejudged(case_id=case_id, then=recorded, now=None, why=judged)
        return Rejudged.of(judged, recorded)

    def recorded(self, case_id: str, rounds: Sequence[Stored]) -> CaseRecord | str:
        """The record's entry for a case with these observations, or the reason why there is none today."""
        case = self._case(case_id, rounds)
        if case is None:
            return "no test of today makes this case"
        test = self._tests[case.test]
        expected = expectation_of(test, case.flow)
        judged = JudgedCase(
            case, [stored.observation for stored in rounds], self._limitations.get(case.limitation or "")
        )
        try:
            other_flow = next(filter(None, ("; ".join(another(stored.case, case)) for stored in rounds)), "")
            if other_flow:
                return f"today it is another flow: {other_flow}"
            judged.judge(expected)
            return case_record(self._catalogue, judged, title=test.name)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as problem:
            # Its SHA-256 is right and its fields have their types: a file that was made by hand.
            raise ValueError(f"{case_id}: no run can have made this observation: {problem!r:.200}") from problem

    def expected(self, case_id: str, rounds: Sequence[Stored]) -> tuple[Case, Expectation] | None:
        """A case with the expectation that its test has today; None if no test makes it today."""
        case = self._case(case_id, rounds)
        return None if case is None else (case, expectation_of(self._tests[case.test], case.flow))

    @functools.cached_property
    def _earlier(self) -> Plan:
        """What an earlier podwire made of the facts; the plan of today where there is no difference."""
        record, setup = self._record, self._record.setup
        planned_today = setup.suite == suites_digest() and setup.judged_again is None
        if planned_today or all(node.ready for node in record.facts.nodes):
            return self._plan
        return make_plan(self._catalogue, tuple(self._tests.values()), without_unready(record.facts), self._selection)

    def _case(self, case_id: str, rounds: Sequence[Stored]) -> Case | None:
        """The case as it is planned today; under other suites, as an earlier podwire planned it, which left nodes that
        are not ready out, where that is what was observed."""
        today = self._plan.cases.get(case_id)
        recorded = self._earlier.cases.get(case_id)
        if recorded is not None and not any(list(another(exchange.case, recorded)) for exchange in rounds):
            return recorded
        return today


def without_unready(facts: ClusterFacts) -> ClusterFacts:
    """The facts with nodes that are not ready taken out of service, as somebody who cordons them would."""
    nodes = tuple(msgspec.structs.replace(node, schedulable=node.schedulable and node.ready) for node in facts.nodes)
    return msgspec.structs.replace(facts, nodes=nodes)


def another(recorded: Case, now: Case) -> Iterator[str]:
    """The fields in which the flow of a case differs from the observed one."""
    flow_then, flow_now = (recorded.flow.row(), now.flow.row()) if recorded.flow != now.flow else ({}, {})
    names: Iterable[tuple[str, object, object]] = (
        *((name, flow_then[name], flow_now[name]) for name in flow_now),
        ("client", recorded.client, now.client),
        ("server", recorded.server, now.server),
        ("entry", recorded.entry, now.entry),
    )
    for name, before, after in names:
        if before != after:
            yield f"{name} was {before}, is {after}"


def differences(recorded: Verdict, now: Verdict) -> Iterator[str]:
    """The differences between two verdicts on one observation, in words.

    The number of packets that met a pattern does not count: a passing case of many exchanges does not keep all packets.
    """
    if recorded.outcome is not now.outcome:
        yield f"{recorded.outcome} became {now.outcome}" + (f": {now.reason}" if now.reason else "")
    if recorded.limitation != now.limitation:
        yield f"the limitation that applies was {recorded.limitation or 'none'}, is {now.limitation or 'none'}"
    before, after = _sentences(recorded.findings), _sentences(now.findings)
    yield from (f"expected now: {sentence}" for sentence in after if sentence not in before)
    yield from (f"no longer expected: {sentence}" for sentence in before if sentence not in after)


def _sentences(findings: Sequence[Finding]) -> dict[str, bool]:
    return {
        f"{finding.expected} (at {finding.where}), {'met' if finding.met else 'not met'}": finding.met
        for finding in findings
    }


def changed_outcomes(rejudged: Sequence[Rejudged]) -> int:
    """How many cases have another outcome than then, or none."""
    return sum(1 for case in rejudged if case.now is None or case.now.outcome is not case.then.outcome)


def text(record: RunRecord, rejudged: Sequence[Rejudged]) -> Iterator[str]:
    """The text for a person."""
    changed = [case for case in rejudged if case.changed]
    for case in changed:
        now: Outcome | str = case.now.outcome if case.now else "no verdict"
        yield f"{case.case_id}: {case.then.outcome} -> {now}"
        yield f"    {case.why}"
    yield f"run {record.run_id}, judged by podwire {record.setup.version}: {len(rejudged)} cases judged again, " + (
        f"{len(changed)} changed, {changed_outcomes(rejudged)} of them in their outcome"
        if changed
        else "nothing changed"
    )
