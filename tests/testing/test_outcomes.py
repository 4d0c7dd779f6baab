"""What each verdict becomes in pytest, and what the run ends with, alone and with workers."""

import json
from pathlib import Path

import pytest
from fake_run import TESTS, lay_out

pytest_plugins = ["pytester"]
TESTS_FOLDER = Path(__file__).parents[1]
HELPERS, FIXTURES = TESTS_FOLDER / "helpers", TESTS_FOLDER.parent / "fixtures"
LIMITED = {"TWO[tcp-v4-windows": "silent"}


@pytest.fixture(params=[(), ("-n", "2")], ids=["alone", "with workers"])
def run(request, pytester):
    def start(damage, *arguments, tests=TESTS):
        lay_out(pytester, HELPERS, FIXTURES, {**LIMITED, **damage}, tests)
        return pytester.runpytest_subprocess("suites", *request.param, *arguments)

    return start


def record(pytester):
    return json.loads((pytester.path / "run" / "run.json").read_text())


def test_a_healthy_run_ends_with_0(run):
    result = run({})
    assert result.ret == 0
    result.assert_outcomes(passed=6, xfailed=2)


def test_required_nodes_that_the_run_used_change_nothing(run):
    assert run({}, "--require", "windows-2022", "--require", "linux").ret == 0


@pytest.mark.parametrize(
    ("kind", "more", "why"),
    [
        ("windows-2025", (), "podwire: --require windows-2025: the cluster has no such node"),
        (
            "windows",
            ("-k", "linux-linux"),
            "podwire: --require windows: such nodes take part (windows-1), but no case uses one*",
        ),
    ],
    ids=["absent", "left out by pytest"],
)
def test_required_nodes_that_no_case_used_end_with_3(run, kind, more, why):
    result = run({}, "--require", kind, *more)
    assert result.ret == 3
    (result.stdout if more else result.stderr).fnmatch_lines([why])


def test_a_failure_ends_with_1(run, pytester):
    result = run({"ONE[tcp-v4-linux-windows": "silent"})
    assert result.ret == 1
    result.assert_outcomes(passed=5, xfailed=2, failed=1)
    result.stdout.fnmatch_lines(["*One holds.*", "*Expected*", "*Actual*"])
    assert record(pytester)["complete"] is True


def test_inconclusive_alone_ends_with_10(run):
    result = run({"ONE[tcp-v4-linux-windows": "unsure"})
    assert result.ret == 10
    result.stdout.fnmatch_lines(["*1 inconclusive*"])


def test_what_a_cluster_says_is_written_out_on_the_terminal(run):
    result = run({"ONE[tcp-v4-linux-windows": "hostile"}, "--color=yes", "-rA")
    assert result.ret == 10
    text = result.stdout.str()
    assert r"\u001b]0;owned\u0007\u001b[32mPASS\u202e" in text
    assert not {"\x07", "\u202e"} & set(text)
    assert "\x1b[32mPASS\\u202e" not in text


def test_inconclusive_beside_a_failure_ends_with_1(run):
    assert run({"ONE[tcp-v4-linux-windows": "unsure", "ONE[tcp-v4-windows-linux": "other"}).ret == 1


def test_a_lifted_limitation_is_not_red(run, pytester):
    result = run({"TWO[tcp-v4-windows": "fine"})
    assert result.ret == 0
    result.assert_outcomes(passed=6, xpassed=2)
    outcomes = {case["verdict"]["outcome"] for case in record(pytester)["cases"]}
    assert outcomes == {"pass", "limitation lifted"}


def test_a_limitation_that_shows_differently_fails(run):
    result = run({"TWO[tcp-v4-windows-linux": "other"})
    assert result.ret == 1
    result.stdout.fnmatch_lines(["*not in the documented way*"])


def test_a_test_without_an_expectation_fails_and_its_case_is_missing(run, pytester):
    empty = TESTS.replace(
        "def test_two(flow, case):\n    case.expect(answered_by(flow.server))", "def test_two(flow, case):\n    pass"
    )
    result = run({}, tests=empty)
    assert result.ret == 1
    assert len(record(pytester)["missing"]) == 4


def test_a_round_that_fails_is_not_taken_back_by_one_that_passes(run, pytester):
    result = run({"ONE[tcp-v4-linux-windows": "flaky"})
    assert result.ret == 1
    result.assert_outcomes(passed=5, xfailed=2, failed=1)
    [flaky] = [case for case in record(pytester)["cases"] if case["rounds"]]
    assert flaky["rounds"] == ["pass", "fail"]
    assert flaky["verdict"]["reason"].startswith("in 1 of 2 rounds: ")
    assert record(pytester)["observations"]["count"] == 9
    attempts = json.loads((pytester.path / "run" / flaky["evidence"][-3]).read_text())["attempts"]
    assert attempts[0]["error"]["kind"] == "timeout"


def test_the_probes_are_driven_once(run, pytester):
    run({})
    assert (pytester.path / "observed").read_text() == "x"


def test_collecting_drives_nothing(run, pytester):
    assert run({}, "--collect-only").ret == 0
    assert not (pytester.path / "observed").exists()


def test_nothing_selected_is_an_error(run):
    assert run({}, "-k", "nothing_like_this").ret == 2
