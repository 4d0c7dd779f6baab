"""Suites and a run of them: a record that its own observations confirm."""

import itertools
import sys

import pytest
from changed import replace
from facts_by_row import node_with
from observed import an_attempt, an_observation
from records_for_tests import facts

from podwire.catalogue.load import load
from podwire.content import suites_digest
from podwire.judging.case_record import case_record
from podwire.judging.expectation import expectation_of
from podwire.judging.judged import JudgedCase
from podwire.planning.choice import described
from podwire.planning.plan import Selection, make_plan
from podwire.records.files import write_record
from podwire.records.observation_files import write_observations
from podwire.records.observations import stored
from podwire.records.run import ExclusionRecord, RunRecord, Setup

RULE = """area: Area
requirements:
  - id: ONE
    level: MUST
    statement: Something holds.
    sources: [{document: A document}]
"""
LIMIT = """limitations:
  - id: LIM
    requirement: ONE
    kind: documented
    statement: It does not.
    symptom: no-answer
    sources: [{document: A document}]
"""
TEST = """from podwire import ANY_OS, answered_by, answers_from, at_client, flows, requirement, seen

@requirement("ONE")
@flows(client=ANY_OS, server=ANY_OS, placement="cross-node", via="pod-ip", protocol="tcp", family="ipv4")
def test_one(flow, case):
    case.expect(answered_by(flow.server), at_client(seen(dst=flow.server.ip)))
"""
FACTS = facts(
    nodes=tuple(
        node_with(name=f"{os}-{at}", os=os, addresses=(f"172.31.0.{10 * n + at}",), kernel_version="10.0.20348.1")
        for n, os in enumerate(("linux", "windows"))
        for at in (1, 2)
    )
)
_AREAS = itertools.count()


@pytest.fixture
def suites(tmp_path, monkeypatch):
    """A function that writes suites and makes them the current ones."""
    area = f"area{next(_AREAS)}"
    folder = tmp_path / "suites"
    (folder / area).mkdir(parents=True)
    for place in ("podwire.gating.rejudge", "podwire.content"):
        monkeypatch.setattr(f"{place}.suites_folder", lambda: folder)

    def write(test=TEST, limit="limitations: []\n", rule=RULE):
        (folder / area / "requirements.yaml").write_text(rule)
        (folder / area / "limitations.yaml").write_text(limit)
        (folder / area / "test_area.py").write_text(test)
        sys.modules.pop(f"podwire_suites.{area}.test_area", None)
        return load(folder)

    yield write
    sys.modules.pop(f"podwire_suites.{area}.test_area", None)


@pytest.fixture
def run(suites, tmp_path):
    """A function that makes a run of these suites and observations, and leaves it in a folder. `planned` are the facts
    that the plan was made of, where these are not those of the record; `chosen` is the choice of nodes in them."""

    def make(
        observe=lambda case: [an_observation(an_attempt(identity="server"))],
        test=TEST,
        facts=FACTS,
        planned=None,
        **chosen,
    ):
        catalogue, tests = suites(test)
        selection = Selection(**chosen)
        plan = make_plan(catalogue, tests, planned or facts, selection)
        kept, cases = [], []
        for case in plan.cases.values():
            rounds = [
                replace(one, case_id=case.id, bindings={**one.bindings, "server.identity": "server"})
                for one in observe(case)
            ]
            judged = JudgedCase(case, rounds, None)
            judged.judge(expectation_of(tests[0], case.flow))
            cases.append(case_record(catalogue, judged, title=tests[0].name))
            kept += [
                stored(case, one, outcome, at)
                for at, (one, outcome) in enumerate(zip(rounds, judged.outcomes, strict=True))
            ]
        folder = tmp_path / "run"
        folder.mkdir()
        made = RunRecord(
            run_id="r1",
            setup=Setup(version="0.1.0", suite=suites_digest(), options=dict(described(selection))),
            started=1.0,
            finished=2.0,
            facts=facts,
            cases=tuple(cases),
            exclusions=tuple(ExclusionRecord(**vars(exclusion)) for exclusion in plan.exclusions),
            planned=tuple(plan.cases),
            observations=write_observations(kept, folder),
        )
        write_record(made, folder)
        return folder

    return make
