"""A record that its own observations contradict passes nowhere: not the gate, not sign-off, not verification."""

import json

import pytest
from changed import replace
from changed_runs import at, edited, leaves, other, refusals
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from observed import an_attempt, an_observation
from suites_of_a_day import FACTS, TEST

from podwire.cli import main as cli
from podwire.gating.rejudge import rejudge, without_unready
from podwire.gating.runs import load_run
from podwire.records.files import load_record, write_record
from podwire.records.seal import NAME as SEAL
from podwire.records.seal import write_seal
from podwire.running.judged_again import write_judged_again

TOLD = ("verdict", "expected", "rounds", "nodes", "parameters", "title", "statement", "level", "sources", "requirement")
"""Fields of a case that its observations and the suites tell."""
FIXTURES = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)


def half_of_it_fails(case):
    error = "timeout" if case.server.os == "windows" else ""
    return [an_observation(an_attempt(error=error) if error else an_attempt(identity="server"))]


@pytest.fixture
def failing(run):
    """A run of four cases, two of which fail."""
    return run(half_of_it_fails)


def test_an_honest_run_is_loaded(failing):
    outcomes = [case.verdict.outcome for case in load_run(failing).record.cases]
    assert sorted(outcomes) == ["fail", "fail", "pass", "pass"]


def test_failures_that_are_called_passes_are_named(failing):
    def forge(tree):
        for case in tree["cases"]:
            case["verdict"]["outcome"] = "pass"

    lines = refusals(edited(failing, forge, resealed=True))
    assert len(lines) == 2
    assert all("the record says pass, its observations say fail" in line for line in lines)


def test_findings_that_are_called_met_are_named(failing):
    def forge(tree):
        for case in tree["cases"]:
            for finding in case["verdict"]["findings"]:
                finding["met"] = True

    lines = refusals(edited(failing, forge, resealed=True))
    assert len(lines) == 2
    assert all(": verdict: the record says" in line for line in lines)


@FIXTURES
@given(data=st.data())
def test_no_single_change_of_what_a_record_says_of_a_case_is_taken(failing, data):
    tree = json.loads((failing / "run.json").read_text())
    paths = [path for path in leaves(tree["cases"]) if path[1] in TOLD]
    path = data.draw(st.sampled_from(paths))

    def change(tree):
        holder = at(tree["cases"], path[:-1])
        holder[path[-1]] = other(holder[path[-1]])

    with pytest.raises(ValueError, match=": "):
        load_run(edited(failing, change, resealed=False))
    try:
        resealed = edited(failing, change, resealed=True)
    except ValueError:
        return  # The record's own reader refuses it.
    assert refusals(resealed)


@FIXTURES
@given(data=st.data())
def test_no_single_changed_byte_of_a_sealed_file_is_taken(failing, data):
    copy = edited(failing, lambda tree: None, resealed=True)
    name = data.draw(st.sampled_from(["run.json", "observations.jsonl.gz"]))
    content = bytearray((copy / name).read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    (copy / name).write_bytes(content)
    assert refusals(copy)


@FIXTURES
@given(data=st.data())
def test_no_single_change_of_the_seal_is_taken(failing, data):
    copy = edited(failing, lambda tree: None, resealed=True)
    tree = json.loads((copy / SEAL).read_text())
    path = data.draw(st.sampled_from(leaves(tree)))
    holder = at(tree, path[:-1])
    holder[path[-1]] = other(holder[path[-1]])
    (copy / SEAL).write_text(json.dumps(tree))
    assert refusals(copy)


def test_evidence_outside_of_the_run_is_never_looked_at(failing):
    def lead_out(tree):
        tree["cases"][0]["evidence"] = ["../../secret"]

    [line] = refusals(edited(failing, lead_out, resealed=False))
    assert "cases[0].evidence: '../../secret' leads out of the folder of the run" in line


@pytest.mark.parametrize("command", ["gate", "signoff"])
def test_no_command_takes_a_forged_run(failing, command, capsys, tmp_path):
    def forge(tree):
        for case in tree["cases"]:
            case["verdict"]["outcome"] = "pass"

    forged = edited(failing, forge, resealed=True)
    more = ["--key", str(tmp_path / "key"), "-o", str(tmp_path / "bundle")] if command == "signoff" else []
    assert cli.main([command, str(failing), str(forged), "--allow-emulated", *more]) == 2
    assert capsys.readouterr().err.count("the record says pass, its observations say fail") == 2


def test_an_exclusion_that_the_facts_do_not_give_is_named(failing):
    def hide(tree):
        tree["exclusions"] = [{"requirement": "ONE", "cases": "all", "reason": "not wanted"}]

    [line] = refusals(edited(failing, hide, resealed=True))
    assert line.endswith("exclusions: ONE: the facts of the record do not give 'not wanted'")


def test_under_other_suites_the_outcome_must_still_come_out(failing, suites):
    suites(TEST.replace("dst=flow.server.ip", "dst=flow.server.ip, ttl=1"))
    lines = refusals(failing)
    assert all("the record says pass, its observations say fail" in line for line in lines)


def test_under_other_suites_the_words_of_a_finding_may_differ(failing, suites):
    suites(TEST.replace("dst=flow.server.ip", "dst=flow.server.ip, src=flow.client.ip"))
    assert len(load_run(failing).record.cases) == 4


def test_a_case_that_no_test_makes_any_more_is_not_believed(failing, suites):
    suites(TEST.replace("server=ANY_OS", 'server="linux"'))
    lines = refusals(failing)
    assert all("cannot be judged again by this podwire: no test of today makes this case" in line for line in lines)


def test_rounds_are_judged_one_by_one(run):
    folder = run(lambda case: [an_observation(an_attempt(identity="server"))] * 2)

    def forge(tree):
        tree["cases"][0]["rounds"] = ["fail", "pass"]

    assert (
        "the outcomes of its rounds are not those of its observations"
        in refusals(edited(folder, forge, resealed=True))[0]
    )


def test_a_run_of_a_podwire_that_seals_must_have_its_seal(failing):
    copy = edited(failing, lambda tree: tree.update(version="0.2.0"), resealed=False)
    [line] = refusals(copy)
    assert line.startswith(f"{copy}: seal.json: missing, although podwire 0.2.0 seals its runs; ")


def test_evidence_is_sealed_by_name(run, tmp_path):
    folder = run()
    (folder / "evidence").mkdir()
    (folder / "evidence" / "client.pcap").write_bytes(b"packets")
    record = load_record(folder)
    record = replace(record, cases=(replace(record.cases[0], evidence=("evidence/client.pcap",)), *record.cases[1:]))
    write_record(record, folder)
    write_seal(record, folder)
    assert load_run(folder).absent == ()
    (folder / "evidence" / "client.pcap").write_bytes(b"others")
    [line] = refusals(folder)
    assert "evidence/client.pcap: changed after the run ended, says seal.json" in line


SPREAD = """from podwire import ANY_OS, answered_by, flows, requirement

@requirement("ONE")
@flows(client="linux", server_kind="backends", service="spread", via="cluster-ip", miss_risk=1e-6, family="ipv4")
def test_one(flow, case):
    case.expect(answered_by(flow.server))
"""
NO_WINDOWS = replace(FACTS, nodes=tuple(replace(node, ready=node.os == "linux") for node in FACTS.nodes))


def answered(case):
    seen = an_observation(an_attempt(identity="server"))
    several = tuple(replace(seen.attempts[0], token=f"pw{at}") for at in range(case.flow.load.connections))
    return [replace(seen, attempts=several, bindings={**seen.bindings, "server.identities": ("server",)})]


def test_a_run_from_before_nodes_that_are_not_ready_took_part_is_judged_as_it_was_planned(run, suites):
    folder = run(answered, SPREAD, NO_WINDOWS, planned=without_unready(NO_WINDOWS))
    suites(SPREAD + "\n# Another day.\n")
    assert len(load_run(folder).record.cases) == 2
    assert not any(one.changed for one in rejudge(folder)[1])
    write_judged_again(folder, folder.parent / "again")
    assert len(load_run(folder.parent / "again").record.cases) == 2


def test_under_the_suites_of_today_such_a_run_is_not_taken(run):
    folder = run(answered, SPREAD, NO_WINDOWS, planned=without_unready(NO_WINDOWS))
    assert any("today it is another flow: connections was 21, is 53" in line for line in refusals(folder))


def test_an_earlier_flow_is_no_excuse_where_all_nodes_are_ready(run, suites):
    folder = run(answered, SPREAD, FACTS, planned=without_unready(NO_WINDOWS))
    suites(SPREAD + "\n# Another day.\n")
    assert any("today it is another flow" in line for line in refusals(folder))
