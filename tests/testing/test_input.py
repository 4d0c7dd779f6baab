"""Bad input ends in one clear line and exit code 2, before anything is started."""

import pytest
from running import run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--lab", "underlay"), "--lab underlay: unknown; "),
        (("--area", "moon"), "--area moon: unknown; there are: "),
        (("--requirement", "NONE"), "--requirement NONE: unknown"),
        (("--family", "ipv5"), "--family ipv5: unknown; there are: ipv4, ipv6, both"),
        (("--nodes-per-os", "0"), "--nodes-per-os 0: must be a whole number, 1 or more"),
        (("--fault", "sadness"), "--fault sadness: unknown"),
        (("--lab", "overlay-win-overlay", "--context", "x"), "exclude each other"),
        (("--kubeconfig", "/nothing/here"), "/nothing/here"),
        (("--external-host", "=="), "--external-host"),
        (("--facts", "/nothing/here"), "--facts: is for a real cluster"),
        (("--context", "x", "--facts", "/nothing/here"), "--facts /nothing/here: cannot be read: No such file"),
        (("-k", "nothing_like_this"), "no case is left to run"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, words, tmp_path):
    done = run(tmp_path, *arguments)
    assert done.code == 2, done.text
    assert words in done.text
    assert "Traceback" not in done.text


def test_a_run_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    done = run(tmp_path / "file" / "below", "--requirement", "TTL-CLASS")
    assert done.code == 2, done.text
    assert "cannot be written" in done.text


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
