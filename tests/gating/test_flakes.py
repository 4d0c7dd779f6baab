"""Flakes: how often, where from, and how many runs it takes."""

import json

import pytest
from changed import replace
from records_for_tests import case, record

from podwire.cli import main as cli
from podwire.gating.flakes import HARNESS, UNKNOWN, history
from podwire.model.verdicts import Outcome
from podwire.records.files import write_record
from podwire.reporting.flakes_text import flakes_json, flakes_text

PASS, FAIL, UNSURE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def a_case(number, outcome, client="linux-1", server="windows-1"):
    words = f"tcp-v4-{client.partition('-')[0]}-{server.partition('-')[0]}-{number}"
    return replace(case(outcome, words=words), nodes={"client": client, "server": server})


def runs(*rows):
    """A run for each row of cases."""
    return [record(*row, run_id=f"r{at}") for at, row in enumerate(rows)]


def spread(off, outcome=FAIL, number=40):
    """A passing and a failing run of many cases over four nodes; `off` says which cases fail in the second."""
    nodes = [
        (f"{a}-{x}", f"{b}-{y}")
        for a in ("linux", "windows")
        for b in ("linux", "windows")
        for x in (1, 2)
        for y in (1, 2)
    ]
    ends = [nodes[at % len(nodes)] for at in range(number)]
    return runs(
        [a_case(at, PASS, *one) for at, one in enumerate(ends)],
        [a_case(at, outcome if off(*one) else PASS, *one) for at, one in enumerate(ends)],
    )


def test_a_case_that_is_always_alike_is_no_flake():
    found = history(runs([a_case(1, PASS), a_case(2, FAIL)], [a_case(1, PASS), a_case(2, FAIL)]))
    assert (found.flakes, found.steady, found.once) == ((), 2, 0)


def test_a_flake_has_a_rate_with_an_interval_and_its_runs():
    [one] = history(runs(*[[a_case(1, FAIL if at == 3 else PASS)] for at in range(10)]), risk=0.05).flakes
    assert (one.off, one.rounds, one.rate, one.runs) == (1, 10, 0.1, ("r3",))
    assert (one.low, one.high) == pytest.approx((0.0025, 0.4450), abs=1e-4)
    assert one.outcomes == {"pass": 9, "fail": 1}
    assert one.needed == 29
    assert one.needed_at_low > 1000


def test_rounds_of_a_run_count_each():
    [one] = history(runs([replace(a_case(1, FAIL), rounds=(PASS, FAIL, PASS))])).flakes
    assert (one.off, one.rounds) == (1, 3)


def test_what_is_inconclusive_comes_from_the_harness():
    assert history(runs([a_case(1, PASS)], [a_case(1, UNSURE)])).flakes[0].origin == HARNESS


def test_failures_that_share_a_node_come_from_it():
    found = history(spread(lambda client, server: "windows-2" in (client, server)))
    assert {flake.origin for flake in found.flakes} == {"node windows-2"}


def test_failures_that_share_a_path_come_from_it():
    found = history(spread(lambda client, server: (client[:-2], server[:-2]) == ("windows", "linux")))
    assert {flake.origin.partition(" by")[0] for flake in found.flakes} == {"path windows to linux"}


def test_a_failure_that_shares_nothing_is_its_own():
    found = history(spread(lambda client, server: (client, server) == ("linux-1", "windows-1"), number=16))
    assert [flake.origin for flake in found.flakes] == [UNKNOWN]


def test_the_most_frequent_is_told_first():
    several = [[a_case(1, FAIL if at < 1 else PASS), a_case(2, FAIL if at < 3 else PASS)] for at in range(4)]
    found = history(runs(*several))
    text = flakes_text(found)
    assert text.index("-2]") < text.index("-1]")
    assert "differs in 3 of 4 rounds: 75.0%" in text
    assert text.endswith("4 runs: 2 cases were not alike in all rounds, 0 were\n")
    assert json.loads(flakes_json(found))["flakes"][0]["rounds"] == 4


def test_the_command_says_whether_there_are_any(tmp_path, capsys):
    for name, outcome in (("a", PASS), ("b", PASS), ("c", FAIL)):
        (tmp_path / name).mkdir()
        write_record(record(a_case(1, outcome), run_id=name), tmp_path / name)
    a, b, c = (str(tmp_path / name) for name in "abc")
    assert cli.main(["flakes", a, b]) == 0
    assert cli.main(["flakes", a, b, c]) == 1
    assert "in run c" in capsys.readouterr().out
    assert cli.main(["flakes", a, a]) == 2
    assert capsys.readouterr().err == "podwire: flakes: a run is named twice; name each run once\n"
