"""Stored observations under today's suites: what is the same, what changed, what can no longer be told."""

import itertools
import json
import sys
from dataclasses import replace

import pytest
from observed import an_attempt, an_observation
from records_for_tests import facts

from podwire.catalogue.load import load
from podwire.cli import main as cli
from podwire.judging.judge import judge
from podwire.model.facts import NodeFacts
from podwire.model.verdicts import Finding, Outcome, Verdict, worst
from podwire.planning.plan import Selection, make_plan
from podwire.records.files import write_record
from podwire.records.observation_files import write_observations
from podwire.records.observations import stored
from podwire.records.run import CaseRecord, RunRecord
from podwire.running.rejudge import rejudge
from podwire.suite import expectation_of

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
TEST = """from podwire import ANY_OS, flows, requirement, seen

@requirement("ONE")
@flows(client=ANY_OS, server=ANY_OS, placement="cross-node", via="pod-ip", protocol="tcp", family="ipv4")
def test_one(flow, case):
    case.expect(answered_by=flow.server, at_client=[seen(dst=flow.server.ip)])
"""
FACTS = facts(
    nodes=tuple(
        NodeFacts(name=f"{os}-{at}", os=os, addresses=(f"172.31.0.{n}{at}",), kernel_version="10.0.20348.1")
        for n, os in enumerate(("linux", "windows"))
        for at in (1, 2)
    )
)
_AREAS = itertools.count()


@pytest.fixture
def suites(tmp_path, monkeypatch):
    """A function that writes the suites of a day, which are then today's."""
    area = f"area{next(_AREAS)}"
    folder = tmp_path / "suites"
    (folder / area).mkdir(parents=True)
    monkeypatch.setattr("podwire.running.rejudge.suites_folder", lambda: folder)

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
    """A function that makes a run of these suites and observations, and leaves it in a folder."""

    def make(observe=lambda case: [an_observation(an_attempt(identity="server"))]):
        catalogue, tests = suites()
        plan = make_plan(catalogue, tests, FACTS, Selection())
        kept, cases = [], []
        for case in plan.cases.values():
            rounds = [
                replace(one, case_id=case.id, bindings={**one.bindings, "server.identity": "server"})
                for one in observe(case)
            ]
            verdicts = [judge(case, expectation_of(tests[0], case.flow), one) for one in rounds]
            cases.append(record_of(case, worst(verdicts)))
            kept += [
                stored(case, one, found.outcome, at)
                for at, (one, found) in enumerate(zip(rounds, verdicts, strict=True))
            ]
        folder = tmp_path / "run"
        folder.mkdir()
        made = RunRecord(
            run_id="r1",
            version="0.1.0",
            started=1.0,
            finished=2.0,
            facts=FACTS,
            cases=tuple(cases),
            planned=tuple(plan.cases),
            observations=write_observations(kept, folder),
        )
        write_record(made, folder)
        return folder

    return make


def record_of(case, verdict):
    return CaseRecord(
        id=case.id,
        area=case.area,
        requirement=case.requirement,
        level="MUST",
        title="one",
        statement="Something holds.",
        sources=(),
        parameters={},
        expected=(),
        verdict=verdict,
    )


def changed(folder):
    return {one.case_id.partition("[")[2]: one for one in rejudge(folder)[1] if one.changed}


def test_nothing_changes_as_long_as_the_suites_do_not(run, capsys):
    folder = run()
    assert changed(folder) == {}
    assert cli.main(["judge", str(folder)]) == 0
    assert capsys.readouterr().out == "run r1, judged by podwire 0.1.0: 4 cases judged again, nothing changed\n"


def test_a_stricter_expectation_shows_in_the_verdict(run, suites, capsys):
    folder = run()
    suites(TEST.replace("dst=flow.server.ip", "dst=flow.server.ip, ttl=1"))
    found = changed(folder)
    assert len(found) == 4
    one = found["tcp-v4-windows-windows-cross-node]"]
    assert (one.then.outcome, one.now.outcome) == (Outcome.PASS, Outcome.FAIL)
    assert "expected now: a packet with dst = server.ip, ttl = 1" in one.why
    assert cli.main(["judge", str(folder), "--json"]) == 1
    tree = json.loads(capsys.readouterr().out)
    assert (tree["cases"], len(tree["changed"]), tree["changed"][0]["now"]["outcome"]) == (4, 4, "fail")


def test_a_limitation_of_today_explains_a_failure_of_then(run, suites):
    folder = run(lambda case: [an_observation(an_attempt(error="timeout"))])
    suites(limit=LIMIT)
    outcomes = {one.now.outcome for one in changed(folder).values()}
    assert outcomes == {Outcome.LIMITATION_CONFIRMED}


def test_the_worst_round_counts_again(run):
    folder = run(
        lambda case: [an_observation(an_attempt(identity="server")), an_observation(an_attempt(error="timeout"))]
    )
    record, several = rejudge(folder)
    assert {one.then.outcome for one in several} == {Outcome.FAIL}
    assert record.cases[0].verdict.reason.startswith("in 1 of 2 rounds: ")
    assert changed(folder) == {}


def test_a_case_that_no_test_makes_today_has_no_verdict(run, suites, capsys):
    folder = run()
    suites(TEST.replace("server=ANY_OS", 'server="linux"'))
    found = changed(folder)
    assert [one.why for one in found.values()] == ["no test of today makes this case"] * 2
    assert cli.main(["judge", str(folder)]) == 1
    assert ": pass -> no verdict\n" in capsys.readouterr().out


def test_an_observation_of_another_flow_is_not_judged(run, suites):
    folder = run()
    suites(TEST.replace('family="ipv4"', 'family="ipv4", payload=1000'))
    assert {one.why for one in changed(folder).values()} == {"today it is another flow: payload was 256, is 1000"}


def test_what_no_run_can_have_made_is_one_line(run, suites, capsys):
    folder = run(lambda case: [an_observation(replace(an_attempt(identity="server"), peer=("here", 1)))])
    suites(TEST.replace("at_client=", "answers_from=flow.server.ip, at_client="))
    assert cli.main(["judge", str(folder)]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "no run can have made this observation: ValueError" in line


def test_a_case_without_an_observation_is_bad_input(run, capsys):
    folder = run()
    tree = json.loads((folder / "run.json").read_text())
    tree["observations"] = None
    (folder / "run.json").write_text(json.dumps(tree))
    assert cli.main(["judge", str(folder)]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "observations: the record has none; make the run again" in line


@pytest.mark.parametrize("which", ["nowhere", "."])
def test_what_is_no_run_is_bad_input(tmp_path, which, capsys):
    assert cli.main(["judge", str(tmp_path / which)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_the_worst_of_several_rounds_is_named_with_its_rate():
    fine = Verdict(outcome=Outcome.PASS)
    bad = Verdict(
        outcome=Outcome.FAIL, reason="no answer", findings=(Finding(expected="x", actual="y", where="z", met=False),)
    )
    assert worst([fine]) is fine
    assert worst([fine, bad, replace(bad, reason="later")]).reason == "in 2 of 3 rounds: no answer"
    assert worst([bad, bad]) is bad
    assert worst([fine, replace(fine, outcome=Outcome.INCONCLUSIVE)]).reason == "in 1 of 2 rounds"
