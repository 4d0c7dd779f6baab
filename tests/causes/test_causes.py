"""The causes of a small run, from its record and observations, or from the record alone."""

from changed import replace
from records_for_tests import case, record
from reds import small_run

from podwire.causes.causes import causes_of, decisive
from podwire.model.verdicts import Outcome, Verdict
from podwire.records.observations import stored

LINE = (
    "to pods of windows-2, between machines: seen at the NIC of windows-2, never at its pods (3 cases, 2 requirements)"
)


def test_what_a_run_has_in_red_is_one_line_with_its_controls():
    (cause,) = causes_of(*small_run()).failing
    assert str(cause) == LINE
    assert cause.controls == (
        "4 cases between machines, but not to pods of windows-2, passed",
        "1 case to pods of windows-2, but not between machines, passed",
    )


def test_the_most_basic_requirement_comes_first():
    causes = causes_of(*small_run())
    assert causes.failing[0].requirements == ("BY-POD", "BY-SERVICE")
    assert causes.ranks == {"BY-POD": 0, "BY-SERVICE": 1}


def test_the_first_line_of_a_case_is_what_its_packets_show():
    made, seen = small_run()
    headlines = causes_of(made, seen).headlines
    assert set(headlines) == {case.id for case in made.cases if case.verdict.outcome is Outcome.FAIL}
    assert headlines[f"{made.cases[0].area}/BY-POD[a]"] == (
        "the request (SYN) was seen at the NIC of windows-2, and never at pod windows-2-a"
    )


def test_stored_observations_say_the_same():
    made, seen = small_run()
    kept = [stored(case, observation, Outcome.FAIL) for case, observation in seen.values()]
    assert causes_of(made, decisive(made, kept)) == causes_of(made, seen)


def test_of_several_rounds_the_one_counts_that_the_verdict_is_from():
    made, seen = small_run()
    first = replace(made.cases[0], rounds=(Outcome.PASS, Outcome.FAIL))
    made = replace(made, cases=(first, *made.cases[1:]))
    case_of_it, observation = seen[first.id]
    kept = [stored(case_of_it, observation, Outcome.FAIL, number) for number in range(2)]
    assert decisive(made, kept) == {first.id: (case_of_it, kept[1].observation)}


def test_without_observations_every_failing_case_is_alone():
    made, _ = small_run()
    causes = causes_of(made, {})
    assert not causes.failing
    assert len(causes.alone) == 3
    assert not causes.headlines


def test_one_failing_case_is_no_group():
    made, seen = small_run()
    made = replace(
        made, cases=tuple(case for case in made.cases if "[b]" not in case.id and "BY-SERVICE" not in case.id)
    )
    causes = causes_of(made, seen)
    assert not causes.failing
    assert len(causes.alone) == 1


def test_inconclusive_cases_are_together_by_their_reason_numbers_and_names_apart():
    def unsure(words, reason):
        verdict = Verdict(outcome=Outcome.INCONCLUSIVE, reason=reason)
        return replace(case(Outcome.INCONCLUSIVE, words=words), verdict=verdict)

    made = record(
        unsure("tcp-v4-linux-linux-same-node", "no answer, but the control 'a' failed before it too: timeout"),
        unsure("udp-v4-linux-linux-same-node", "no answer, but the control 'b' failed before it too: timeout"),
        unsure("udp-v6-linux-linux-same-node", "the agent of windows-1 is gone"),
    )
    (cause,) = causes_of(made, {}).unsure
    assert str(cause) == "no answer, but the control ... failed before it too: timeout (2 cases, 1 requirement)"
    assert causes_of(made, {}).of(made.cases[2].id) is None
