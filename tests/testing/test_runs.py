"""A run as a user starts it: outcomes, exit codes, record and reports, alone and with workers."""

import subprocess

import pytest
from running import CHECKOUT, PATIENCE, Finished, command, environment, run

SOME = ("--requirement", "FLOW-POD-POD-IP", "--requirement", "ICMP-EXTERNAL", "--family", "ipv4")


@pytest.fixture(scope="module")
def healthy(tmp_path_factory):
    return run(tmp_path_factory.mktemp("healthy"), *SOME, "--evidence", "all")


def test_a_healthy_lab_has_no_failures(healthy):
    assert healthy.code == 0, healthy.text
    assert set(healthy.outcomes.values()) == {"pass", "limitation confirmed"}
    assert healthy.record["complete"] is True


def test_a_lab_record_says_that_it_is_emulated(healthy):
    assert healthy.record["emulated"] is True


def test_a_run_leaves_its_reports_and_evidence(healthy):
    for name in ("run.json", "junit.xml", "allure-results"):
        assert (healthy.folder / name).exists()
    case = healthy.record["cases"][0]
    assert {name.rsplit(".")[-1] for name in case["evidence"]} >= {"pcap", "txt", "json"}
    assert all((healthy.folder / name).is_file() for name in case["evidence"])


def test_workers_judge_the_same_cases(healthy, tmp_path):
    # The folder is not there yet: workers begin when it is, and must not take it for a place to collect from.
    spread = run(tmp_path / "new", *SOME, "-n", "2")
    assert spread.code == 0, spread.text
    assert spread.outcomes == healthy.outcomes


def test_a_reader_that_goes_away_does_not_change_what_podwire_run_returns(tmp_path):
    words = ("--requirement", "TTL-CLASS", "--family", "ipv4", "--fault", "ttl-of-linux-on-windows")
    with subprocess.Popen(
        command(tmp_path, *words, program=("podwire", "run")),
        cwd=CHECKOUT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout.readline()
        process.stdout.close()
        assert process.wait(PATIENCE) == 1
    done = Finished(process.returncode, "", tmp_path)
    assert done.record["complete"] is True
    assert "fail" in done.outcomes.values()


def test_a_fault_makes_the_run_fail_and_the_terminal_say_why(tmp_path):
    broken = run(tmp_path, "--requirement", "TTL-CLASS", "--family", "ipv4", "--fault", "ttl-of-linux-on-windows")
    assert broken.code == 1
    assert "fail" in broken.outcomes.values()
    assert "Expected" in broken.text
    assert "ttl" in broken.text


def test_a_case_selected_by_name_runs_alone(tmp_path):
    one = run(tmp_path, "-k", "tcp-256B-v4-linux-windows-cross-node and by_its_address")
    assert one.code == 0, one.text
    assert list(one.outcomes) == ["pod_to_pod/FLOW-POD-POD-IP[tcp-256B-v4-linux-windows-cross-node]"]
