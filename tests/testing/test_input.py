"""Bad input ends in one clear line and exit code 2, before anything is started."""

import pytest
from running import run

# What pytest says, and what Python does.
WORDS_OF_OTHERS = ("Exit:", "ERROR:", "usage:", "pytest", "test session", "Traceback", "!!!")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--lab", "underlay"), "--lab underlay: unknown; "),
        (("--area", "moon"), "--area moon: unknown; use one of: "),
        (("--requirement", "NONE"), "--requirement NONE: unknown"),
        (("--family", "ipv5"), "--family ipv5: unknown; use one of: ipv4, ipv6, both"),
        (("--nodes-per-os", "0"), "--nodes-per-os 0: must be a whole number, 1 or more"),
        (("--nodes", "windows-1,windows-9"), "--nodes windows-9: the cluster has no such node; did you mean windows-"),
        (("--nodes", "linux-1,linux-1"), "--nodes linux-1,linux-1: linux-1 is named twice; name each node once"),
        (("--node-selector", "a b"), "--node-selector a b: 'a b' is not a label selector; write KEY=VALUE"),
        (("--pool", "old=podwire.dev/lab-pool"), "--pool: given once; give it twice, once for each pool"),
        (("--lab-nodes", "9"), "--lab-nodes 9: must be a whole number, 2 to 5"),
        (("--fault", "sadness"), "--fault sadness: unknown"),
        (
            ("--fault", "vni-of-another-network@windows-9"),
            "windows-9: unknown; use one of: linux-1, linux-2, windows-1",
        ),
        (("--lab", "overlay-win-overlay", "--context", "x"), "exclude each other"),
        (("--kubeconfig", "/nothing/here"), "/nothing/here"),
        (("--external-host", "=="), "--external-host"),
        (("--facts", "/nothing/here"), "--facts: applies to a real cluster"),
        (("--context", "x", "--facts", "/nothing/here"), "--facts /nothing/here: cannot be read: No such file"),
        (("--probe-timeout", "-1"), "--probe-timeout -1: must be a number of seconds, more than 0"),
        (("--repeat", "x"), "--repeat x: must be a whole number, 1 or more"),
        (("--dsr", "maybe"), "--dsr maybe: unknown; use one of: on, off"),
        (("--evidence", "some"), "--evidence some: unknown; use one of: failed, all"),
    ],
)
@pytest.mark.parametrize("command", [("pytest",), ("podwire", "run")], ids=" ".join)
def test_bad_input_is_one_line_and_exit_code_2(command, arguments, words, tmp_path):
    done = run(tmp_path, *arguments, program=command)
    assert done.code == 2, done.text
    assert done.text.startswith("podwire: ")
    assert done.text.count("\n") == 1
    assert words in done.text
    assert not any(word in done.text for word in WORDS_OF_OTHERS)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("how", [("-n", "2"), ("--collect-only",), ("-q", "-s")], ids=" ".join)
def test_a_wrong_value_is_one_line_however_pytest_runs(how, tmp_path):
    done = run(tmp_path, "--repeat", "x", *how)
    assert (done.code, done.text) == (2, "podwire: --repeat x: must be a whole number, 1 or more\n")


def test_a_wrong_value_that_podwire_run_hands_over_is_one_line_too(tmp_path):
    done = run(tmp_path, "--", "--repeat", "x", program=("podwire", "run"))
    assert (done.code, done.text) == (2, "podwire: --repeat x: must be a whole number, 1 or more\n")


def test_options_do_not_matter_where_no_suite_is_collected(tmp_path):
    done = run(tmp_path, "--repeat", "x", "--collect-only", "tests/house/test_setup_structure.py")
    assert done.code == 0, done.text


def test_a_selection_of_nothing_is_exit_code_2(tmp_path):
    done = run(tmp_path, "-k", "nothing_like_this")
    assert done.code == 2, done.text
    assert "no case to run" in done.text


def test_a_run_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    done = run(tmp_path / "file" / "below", "--requirement", "TTL-CLASS")
    assert done.code == 2, done.text
    assert done.text == (
        f"podwire: --run-dir {tmp_path}/file/below: cannot be written: {tmp_path}/file is not a folder; "
        "choose another folder\n"
    )


def test_a_run_folder_that_holds_a_run_is_refused_and_left_alone(tmp_path):
    record = tmp_path / "run.json"
    record.write_text("a run")
    done = run(tmp_path, "--requirement", "TTL-CLASS")
    assert done.code == 2, done.text
    assert done.text == f"podwire: --run-dir {tmp_path}: already holds a run (run.json); choose another folder\n"
    assert [(one, one.read_text()) for one in tmp_path.iterdir()] == [(record, "a run")]


def test_collecting_starts_nothing(tmp_path):
    done = run(tmp_path, "--collect-only", "-q")
    assert done.code == 0, done.text
    assert "test_a_pod_reaches_a_pod_by_its_address[tcp-256B-v4-linux-linux-same-node]" in done.text
    assert list(tmp_path.iterdir()) == []


def test_the_options_stand_in_one_group_of_the_help(tmp_path):
    done = run(tmp_path, "--help")
    group = done.text.partition("podwire: network conformance")[2]
    for option in (
        "--lab",
        "--kubeconfig",
        "--context",
        "--run-dir",
        "--area",
        "--external-host",
        "--evidence",
        "--keep",
    ):
        assert option in group
