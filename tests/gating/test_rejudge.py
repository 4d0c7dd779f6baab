"""Stored observations under today's suites: what is the same, what changed, what can no longer be told."""

import json

import pytest
from changed import replace
from observed import an_attempt, an_observation
from suites_of_a_day import LIMIT, TEST

from podwire.cli import main as cli
from podwire.gating.rejudge import rejudge
from podwire.model.verdicts import Finding, Outcome, Verdict, worst


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
    suites(TEST.replace(" at_client(", " answers_from(flow.server.ip), at_client("))
    assert cli.main(["judge", str(folder)]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "no run can have made this observation: ValueError" in line


def test_options_that_no_run_can_have_written_are_one_line(run, suites, capsys):
    folder = run()
    record = json.loads((folder / "run.json").read_text())
    record["options"]["pool"] = "nonsense"
    (folder / "run.json").write_text(json.dumps(record))
    assert cli.main(["judge", str(folder)]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert f"run {record['run_id']}, run.json: options: pool: write NAME=SELECTOR" in line


def test_a_case_without_an_observation_is_bad_input(run, capsys):
    folder = run()
    tree = json.loads((folder / "run.json").read_text())
    tree["observations"] = None
    (folder / "run.json").write_text(json.dumps(tree))
    assert cli.main(["judge", str(folder)]) == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert "observations: the record has none; repeat the run" in line


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
