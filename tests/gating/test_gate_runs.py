"""The gate on the command line: runs in folders, exit codes, and one line for what cannot be judged."""

import json
from pathlib import Path

import pytest
from changed import replace
from observed import a_case as planned
from observed import an_observation
from records_for_tests import WAIVER, case, facts, record

from podwire.cli import main as cli
from podwire.model.verdicts import Outcome
from podwire.records.files import write_record
from podwire.records.observation_files import write_observations
from podwire.records.observations import stored


@pytest.fixture(autouse=True)
def _borne_out(monkeypatch):
    """The records here are made by hand, without the packets behind them; test_confirm.py has those."""
    monkeypatch.setattr("podwire.gating.runs.contradictions", lambda record, rounds, today: ())


@pytest.fixture
def run(tmp_path):
    """A function that leaves a run in a folder of this name, with one case of each outcome given."""

    def make(name, *outcomes, **changes):
        folder = tmp_path / name
        folder.mkdir()
        cases, kept = [], []
        for at, outcome in enumerate(outcomes):
            one = case(outcome, words=("tcp-v4-linux-windows-cross-node", "udp-v4-linux-windows-cross-node")[at])
            if outcome is not Outcome.PASS:
                file = f"evidence/{at}/client-node.pcap"
                (folder / file).parent.mkdir(parents=True)
                (folder / file).write_bytes(b"")
                one = replace(one, evidence=(file,))
            cases.append(one)
            kept.append(stored(replace(planned(), id=one.id), an_observation(), outcome))
        known = {"run_id": name, "facts": facts(emulated=False), "observations": write_observations(kept, folder)}
        write_record(record(*cases, **{**known, **changes}), folder)
        return str(folder)

    return make


@pytest.fixture
def pair(run):
    return run("old", Outcome.PASS, Outcome.PASS), run("new", Outcome.FAIL, Outcome.PASS)


def refused(capsys, *arguments):
    assert cli.main(["gate", *map(str, arguments)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert all(line.startswith("podwire: ") for line in lines)
    return [line.removeprefix("podwire: cannot judge: ") for line in lines]


def test_a_good_candidate_is_accepted(run, capsys):
    old, new = run("old", Outcome.PASS), run("new", Outcome.PASS)
    assert cli.main(["gate", old, new]) == 0
    assert capsys.readouterr().out.startswith("gate: ACCEPT  nothing changed\n")


def test_a_regression_is_rejected_with_its_packets(pair, capsys):
    assert cli.main(["gate", *pair]) == 1
    said = capsys.readouterr().out
    assert said.startswith("gate: REJECT  1 regression\n")
    assert f"Packets:  {pair[1]}/evidence/0/client-node.pcap" in said


def test_an_inconclusive_case_is_neither(run, capsys):
    old, new = run("old", Outcome.PASS), run("new", Outcome.INCONCLUSIVE)
    assert cli.main(["gate", old, new]) == 2
    assert capsys.readouterr().out.startswith("gate: CANNOT JUDGE  1 inconclusive\n")


def test_several_candidates_are_named(run, capsys):
    old, older = run("old", Outcome.PASS), run("older", Outcome.PASS)
    new, newer = run("new", Outcome.PASS), run("newer", Outcome.FAIL)
    assert cli.main(["gate", older, old, "--candidate", new, newer]) == 1
    said = capsys.readouterr().out
    assert "baseline   runs older, old: 2 pass" in said
    assert "pass in 1 of 2 runs, fail in 1 of 2 runs" in said


def test_the_decision_can_go_into_a_file(pair, tmp_path, capsys):
    for kind in ("json", "markdown"):
        assert cli.main(["gate", *pair, "--format", kind, "-o", str(tmp_path / kind)]) == 1
        assert capsys.readouterr().out == "gate: reject: 1 regression\n"
    tree = json.loads((tmp_path / "json").read_text())
    assert (tree["schema"], tree["decision"], tree["exit_code"], tree["emulated"]) == (
        "podwire.gate/1",
        "reject",
        1,
        False,
    )
    assert (tmp_path / "markdown").read_text().startswith("## podwire gate: reject\n")


def test_a_waiver_is_taken_until_its_day(pair, tmp_path, capsys):
    path = tmp_path / "waivers.yaml"
    path.write_text(WAIVER.format(expires="2999-12-31"))
    assert cli.main(["gate", *pair, "--waivers", str(path)]) == 0
    assert "1 regression (1 waived)" in capsys.readouterr().out
    path.write_text(WAIVER.format(expires="2020-12-31"))
    [line] = refused(capsys, *pair, "--waivers", path)
    assert "expired on 2020-12-31" in line


def test_what_is_missing_is_named_line_by_line(pair, run, capsys):
    old, new = pair
    (Path(old) / "observations.jsonl.gz").unlink()
    lab = run("lab", Outcome.PASS, facts=facts())
    assert [line.partition(": ")[2] for line in refused(capsys, old, new)] == [
        "No such file or directory; put the file beside the run.json that names it"
    ]
    (Path(new) / "evidence/0/client-node.pcap").unlink()
    lines = refused(capsys, lab, new)
    assert any("is of the lab" in line for line in lines)
    assert any("1 files of evidence are missing (evidence/0/client-node.pcap)" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere"], "gate: needs two runs or more: the baseline, then the candidate"),
        (["nowhere", "elsewhere"], "nowhere: No such file or directory"),
        (["x", "y", "--waivers", "none.yaml"], "none.yaml: cannot be read: No such file or directory"),
    ],
)
def test_a_mistake_is_one_line(arguments, complaint, capsys):
    assert refused(capsys, *arguments)[0].removeprefix("podwire: ") == complaint


@pytest.mark.parametrize("arguments", [[], ["a", "b", "--risk", "2"], ["a", "b", "--format", "pdf"]])
def test_wrong_usage_ends_with_2(arguments):
    assert cli.main(["gate", *arguments]) == 2
