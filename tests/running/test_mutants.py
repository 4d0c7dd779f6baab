"""A fault is killed by every requirement that it names, or it survives; inconclusive kills nothing."""

from podwire.cli.main import main
from podwire.model.verdicts import Outcome
from podwire.running.mutants import line, mutant

HEALTHY = {
    "a/ONE[x]": Outcome.PASS,
    "a/ONE[y]": Outcome.PASS,
    "a/TWO[x]": Outcome.PASS,
    "a/LIM[x]": Outcome.LIMITATION_CONFIRMED,
}


def sick(**changed):
    return {**HEALTHY, **{name.replace("__", "/", 1) + "[x]": outcome for name, outcome in changed.items()}}


def test_a_failure_of_the_named_requirement_kills():
    one = mutant("f", ["ONE"], HEALTHY, sick(a__ONE=Outcome.FAIL), 1)
    assert one.dead
    assert one.killed == ("ONE",)


def test_a_lifted_limitation_kills_too():
    assert mutant("f", ["LIM"], HEALTHY, sick(a__LIM=Outcome.LIMITATION_LIFTED), 1).dead


def test_inconclusive_kills_nothing():
    one = mutant("f", ["ONE"], HEALTHY, sick(a__ONE=Outcome.INCONCLUSIVE), 1)
    assert not one.dead
    assert one.inconclusive == 1


def test_a_named_requirement_that_does_not_notice_is_a_survivor():
    one = mutant("f", ["ONE", "TWO"], HEALTHY, sick(a__ONE=Outcome.FAIL), 1)
    assert not one.dead
    assert "not noticed by TWO" in line(one)


def test_others_that_notice_are_collateral():
    one = mutant("f", ["ONE"], HEALTHY, sick(a__ONE=Outcome.FAIL, a__TWO=Outcome.FAIL), 1)
    assert one.collateral == ("TWO",)


def test_a_requirement_that_the_profile_does_not_have_is_not_asked():
    assert mutant("f", ["ONE", "ELSEWHERE"], HEALTHY, sick(a__ONE=Outcome.FAIL), 1).dead


def test_list_says_what_a_fault_does_and_which_requirements_must_notice_it(capsys):
    assert main(["mutants", "--list", "outbound-nat-missing"]) == 0
    name, noticed = capsys.readouterr().out.splitlines()
    assert name.startswith("outbound-nat-missing ")
    assert "must be noticed by FLOW-POD-EXT-IP" in noticed
