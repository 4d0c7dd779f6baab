"""Names of paths, and budgets for their gaps."""

import re

import pytest

from podwire.model.gaps.durations import in_words, seconds_of
from podwire.model.gaps.paths import ALL_PATHS, KINDS, Path, budget


@pytest.mark.parametrize(
    ("text", "covered", "others"),
    [
        ("*: 5s", ["pod-pod linux-linux tcp", "pod-outside windows tcp"], []),
        ("pod-service: 2s", ["pod-service windows-linux udp"], ["node-service linux-windows tcp"]),
        (
            "pod-service windows: 2s",
            ["pod-service windows-linux tcp", "pod-service windows-windows udp"],
            ["pod-service linux-windows tcp", "pod-pod windows-linux tcp"],
        ),
        ("pod-pod windows-linux udp: 2s", ["pod-pod windows-linux udp"], ["pod-pod windows-linux tcp"]),
        ("outside-service windows: 1s", ["outside-service windows tcp"], ["outside-service linux tcp"]),
        ("node-pod linux tcp: 1s", ["node-pod linux tcp"], ["node-pod windows tcp"]),
    ],
)
def test_a_budget_covers_the_paths_that_its_words_choose(text, covered, others):
    found = budget(text)
    assert [path for path in (*covered, *others) if found.covers(path)] == covered


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("pod-service", "write PATH: DURATION"),
        (": 2s", "write PATH: DURATION"),
        ("pod-servce: 2s", "pod-servce: no such word of a path; did you mean pod-service"),
        ("pod-service win: 2s", "win: no such word of a path"),
        ("pod-service windows: 2", "must be a duration such as 500ms, 2s, 45m or 24h"),
        ("pod-service windows: -2s", "must be a duration"),
        ("", "write PATH: DURATION"),
        ("pod-service:", "must be a duration"),
        ("* windows: 2s", "*: no such word of a path"),
        ("pod-pod windows linux: 2s", "no path is called pod-pod windows linux; there are pod-pod linux-linux tcp, "),
        ("node-pod udp: 2s", "no path is called node-pod udp; there are node-pod linux tcp, node-pod windows tcp"),
        ("pod-pod: 2000000000000s", "must be a duration"),
    ],
)
def test_a_wrong_budget_says_what_is_admitted(text, problem):
    with pytest.raises(ValueError, match=re.escape(problem)):
        budget(text)


def test_paths_without_a_limit():
    assert budget("node-service windows: any").seconds is None
    assert str(budget("node-service windows: any")) == "node-service windows: any"
    assert str(budget("pod-pod: 1500ms")) == "pod-pod: 1.5 s"


def test_all_paths_are_those_that_a_plan_can_want():
    assert len(set(map(str, ALL_PATHS))) == len(ALL_PATHS) == 32
    assert {path.kind for path in ALL_PATHS} == set(KINDS)


def test_a_path_has_the_systems_that_it_has():
    assert str(Path(kind="pod-pod", client="windows", server="linux", protocol="udp")) == "pod-pod windows-linux udp"
    assert str(Path(kind="pod-outside", client="linux")) == "pod-outside linux tcp"
    assert str(Path(kind="outside-service", server="windows")) == "outside-service windows tcp"


@pytest.mark.parametrize(
    ("text", "seconds", "words"),
    [
        ("500ms", 0.5, "500 ms"),
        ("1.5s", 1.5, "1.5 s"),
        ("45m", 2700, "45 min"),
        ("2h", 7200, "2 h"),
        ("1d", 86400, "24 h"),
    ],
)
def test_durations_are_read_and_written(text, seconds, words):
    assert seconds_of(text) == seconds
    assert in_words(seconds) == words
