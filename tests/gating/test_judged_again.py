"""A run of other suites: refused as it is, taken once judged again; nothing damaged or forged passes that way."""

import json
import subprocess

import pytest
from bundles_for_tests import needs_ssh_keygen
from changed_runs import edited, refusals
from observed import an_attempt, an_observation
from suites_of_a_day import LIMIT, RULE, TEST

from podwire.cli import main as cli
from podwire.gating.runs import load_run
from podwire.records.environment import read_environment
from podwire.records.files import load_record
from podwire.records.seal import write_seal


def silent(case):
    """The observation of a flow that nobody answers."""
    return [an_observation(an_attempt(error="timeout"))]


@pytest.fixture
def old(run, suites):
    """A sealed run of four failures, which a limitation of today explains."""
    folder = run(silent)
    write_seal(load_record(folder), folder)
    suites(limit=LIMIT)
    return folder


@pytest.fixture
def judged(capsys, tmp_path):
    """A function that judges a run again on the command line, and returns the new run's folder."""

    def judge(folder, name="new"):
        assert cli.main(["judge", str(folder), "--write", str(tmp_path / name)]) == 0
        assert capsys.readouterr().out.splitlines()[-1] == f"written: {tmp_path / name}"
        return tmp_path / name

    return judge


def refused(capsys, folder, target):
    """The one line in which a run is not judged again; nothing is written."""
    there = sorted(target.parent.iterdir())
    assert cli.main(["judge", str(folder), "--write", str(target)]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert sorted(target.parent.iterdir()) == there
    return said.err


def another(folder, name):
    """A copy of the run with another id, as a second run of the same day."""
    copy = edited(folder, lambda tree: tree.update(run_id=name), resealed=True)
    return copy.rename(copy.with_name(name))


def test_a_run_of_other_suites_is_taken_once_it_was_judged_again(old, judged, capsys):
    second = another(old, "r2")
    assert cli.main(["gate", str(old), str(second), "--allow-emulated"]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 8
    assert all(
        "the record says fail, its observations say limitation confirmed; other suites" in line for line in lines
    )
    assert all("(podwire judge RUN --write DIR)" in line for line in lines)
    first, later = judged(old), judged(second, "later")
    assert cli.main(["gate", str(first), str(later), "--allow-emulated"]) == 0
    assert capsys.readouterr().out.startswith("gate: ACCEPT  nothing changed\n")


def test_it_says_from_which_run_and_by_which_podwire(old, judged, capsys):
    record = load_record(judged(old))
    tree = json.loads((old.parent / "new" / "run.json").read_text())
    assert tree["judged_again"] == {"run_id": "r1", "version": record.setup.judged_again.version}
    assert record.run_id == f"r1-judged-{record.setup.suite[:8]}"
    assert (record.setup.version, record.observed_in) == ("0.1.0", "r1")
    assert cli.main(["summary", str(old.parent / "new")]) == 0
    assert "from the observations of run r1\n" in capsys.readouterr().out


def test_what_no_longer_passes_has_evidence_with_the_verdict_of_today(old, judged):
    new = judged(old)
    for case in load_record(new).cases:
        [file] = [file for file in case.evidence if file.endswith("/verdict.json")]
        assert json.loads((new / file).read_text())["outcome"] == "limitation confirmed"
    assert load_run(new).absent == ()


def test_evidence_of_then_is_copied_with_the_verdict_of_today(old, judged, suites):
    new = judged(old)
    suites(rule=f"# The limitation is lifted.\n{RULE}")
    newer = judged(new, "newer")
    before, after = load_record(new), load_record(newer)
    assert [case.evidence for case in before.cases] == [case.evidence for case in after.cases]
    outcomes = {json.loads(file.read_text())["outcome"] for file in newer.glob("evidence/**/verdict.json")}
    assert outcomes == {"fail"}
    assert after.observed_in == "r1"
    assert read_environment(newer) == read_environment(new)


def test_a_run_and_its_second_judgement_are_one_run(run, judged, capsys):
    folder = run()
    assert cli.main(["gate", str(folder), str(judged(folder)), "--allow-emulated"]) == 2
    assert "run r1: is named 2 times" in capsys.readouterr().err
    assert cli.main(["flakes", str(folder), str(folder.parent / "new")]) == 2


@needs_ssh_keygen
def test_sign_off_and_verification_take_it(old, judged, tmp_path, capsys):
    key = tmp_path / "key"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ann", "-f", str(key)]
    subprocess.run(command, check=True)
    (tmp_path / "allowed").write_text(f"ann {(tmp_path / 'key.pub').read_text()}")
    runs = [str(judged(old)), str(judged(another(old, "r2"), "later"))]
    bundle = str(tmp_path / "bundle.tar.gz")
    assert cli.main(["signoff", *runs, "--allow-emulated", "--key", str(key), "-o", bundle]) == 0
    asked = ["verify", bundle, "--allow-emulated", "--allowed-signers", str(tmp_path / "allowed")]
    assert cli.main(asked) == 0, capsys.readouterr().err


# --- what does not pass -----------------------------------------------------------------------------------------------


def test_a_folder_that_exists_is_left_alone(old, capsys, tmp_path):
    (tmp_path / "there").mkdir()
    assert refused(capsys, old, tmp_path / "there").endswith("there: exists already; choose a new folder\n")
    assert "exists already" in refused(capsys, old, old)


@pytest.mark.parametrize("name", ["run.json", "observations.jsonl.gz", "environment.json", "seal.json"])
def test_a_damaged_run_is_not_judged_again(old, capsys, tmp_path, name):
    content = bytearray((old / name).read_bytes())
    content[len(content) // 2] ^= 1
    (old / name).write_bytes(content)
    assert name in refused(capsys, old, tmp_path / "new")


def test_a_sealed_file_that_changed_is_named(old, capsys, tmp_path):
    tree = json.loads((old / "run.json").read_text())
    tree["finished"] = 3.0
    (old / "run.json").write_text(json.dumps(tree))
    assert "run.json: changed after the run ended, says seal.json" in refused(capsys, old, tmp_path / "new")


def test_a_verdict_that_its_observation_was_not_given_is_not_laundered(old, capsys, tmp_path):
    forged = edited(old, lambda tree: tree["cases"][0]["verdict"].update(outcome="pass"), resealed=True)
    line = refused(capsys, forged, tmp_path / "new")
    assert "the outcomes of its rounds are not those of its observations; use the original files" in line


def test_a_case_taken_out_of_the_record_is_noticed(old, capsys, tmp_path):
    def hide(tree):
        del tree["cases"][0], tree["planned"][0]

    assert "has an observation and no verdict" in refused(capsys, edited(old, hide, resealed=True), tmp_path / "new")


def test_evidence_that_is_missing_is_noticed(run, capsys, tmp_path):
    folder = edited(run(), lambda tree: tree["cases"][0].update(evidence=["evidence/a.pcap"]), resealed=False)
    assert "evidence/a.pcap: evidence of " in refused(capsys, folder, tmp_path / "new")


def test_a_case_without_a_test_today_is_no_silent_loss(run, suites, capsys, tmp_path):
    folder = run()
    suites(TEST.replace("server=ANY_OS", 'server="linux"'))
    assert "no test of today makes this case; repeat the run" in refused(capsys, folder, tmp_path / "new")


def test_a_forged_record_that_claims_to_be_judged_again_is_refused(old, judged):
    def forge(tree):
        for case in tree["cases"]:
            case["verdict"]["outcome"] = "pass"

    lines = refusals(edited(judged(old), forge, resealed=True))
    assert len(lines) == 4
    assert all("the record says pass, its observations say limitation confirmed" in line for line in lines)


def test_the_new_run_needs_its_seal(old, judged):
    new = judged(old)
    (new / "seal.json").unlink()
    assert any("seal.json: missing" in line for line in refusals(new))
