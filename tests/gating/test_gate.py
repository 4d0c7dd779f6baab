"""The gate: what became of each case, what is refused, and what decides."""

from datetime import date

import pytest
from changed import replace
from facts_by_row import node_with
from records_for_tests import SIGNALS, UNUSABLE, case, facts, finding, record, setup, verdict

from podwire.gating.changes import Decision, Kind, Refused, Run
from podwire.gating.gate import classified, hold
from podwire.gating.waivers import Waiver
from podwire.model.observations import Attempt, ProbeError
from podwire.model.verdicts import Outcome
from podwire.records.observations import Exchanges
from podwire.records.run import ExclusionRecord
from podwire.reporting.gate_text import gate_json, gate_markdown, gate_text

REAL = facts(emulated=False)
WORDS = "tcp-v4-linux-windows-cross-node"
IDENTITY = f"services/SVC-CLUSTER-IP[{WORDS}]"
PASS, FAIL, UNSURE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
LIMIT, LIFTED, KNOWN = Outcome.LIMITATION_CONFIRMED, Outcome.LIMITATION_LIFTED, Outcome.KNOWN_ISSUE


def a_case(outcome=PASS, words=WORDS, **changes):
    one = case(outcome, words=words, **changes)
    folder = f"evidence/services/SVC-CLUSTER-IP/{words}"
    files = () if outcome is PASS else (f"{folder}/attempts.json", f"{folder}/client-node.pcap")
    return replace(one, evidence=files)


def run(name, *cases, attempts=None, **changes):
    """A run with these cases, each with an observation."""
    cases = cases or (a_case(),)
    made = record(*cases, **{"run_id": name, "facts": REAL, **changes})
    tries = attempts or (Attempt(token="t", started=0.0, elapsed=0.01),)
    seen = tuple(Exchanges(case_id=case.id, round=0, attempts=tries) for case in cases)
    return Run(record=made, exchanges=seen, folder=f"runs/{name}")


def outcomes(name, *several):
    """A run with the same case and a second one, so that the sides share something."""
    return [run(f"{name}{at}", a_case(outcome), a_case(words=f"udp-{WORDS[4:]}")) for at, outcome in enumerate(several)]


def test_nodes_that_could_not_be_used_are_named_for_their_side():
    lacking = facts(emulated=False, nodes=UNUSABLE, signals=SIGNALS)
    gate = hold([run("b")], [run("c1", facts=lacking), run("c2", facts=lacking)])
    assert gate.nodes == (
        "candidate: node windows-1 is not ready: Kubelet stopped posting node status",
        "candidate: node linux-9 is cordoned: left out",
    )
    for shown in (gate_text(gate), gate_markdown(gate), gate_json(gate)):
        assert "candidate: node linux-9 is cordoned: left out" in shown


def test_runs_that_are_alike_are_accepted():
    gate = hold(outcomes("b", PASS), outcomes("c", PASS))
    assert (gate.decision, gate.changes, gate.facts) == (Decision.ACCEPT, (), ())
    assert gate.outcomes_after == {"pass": 2}


@pytest.mark.parametrize(
    ("before", "after", "kind", "rejects"),
    [
        (PASS, FAIL, Kind.REGRESSION, True),
        (LIFTED, FAIL, Kind.REGRESSION, True),
        (LIMIT, FAIL, Kind.REGRESSION, True),
        (KNOWN, FAIL, Kind.REGRESSION, True),
        (None, FAIL, Kind.NEW_FAILURE, True),
        (FAIL, FAIL, Kind.STILL_FAILS, False),
        (PASS, KNOWN, Kind.KNOWN_ISSUE_APPEARED, True),
        (FAIL, KNOWN, Kind.KNOWN_ISSUE_APPEARED, False),
        (None, KNOWN, Kind.KNOWN_ISSUE_APPEARED, False),
        (PASS, LIMIT, Kind.LIMITATION_APPEARED, True),
        (KNOWN, LIMIT, Kind.LIMITATION_APPEARED, False),
        (LIFTED, LIMIT, Kind.LIMITATION_NO_LONGER_LIFTED, True),
        (LIMIT, LIFTED, Kind.LIMITATION_LIFTED, False),
        (PASS, LIFTED, Kind.LIMITATION_LIFTED, False),
        (KNOWN, PASS, Kind.KNOWN_ISSUE_GONE, False),
        (FAIL, PASS, Kind.FIXED, False),
        (LIMIT, PASS, Kind.FIXED, False),
    ],
)
def test_what_became_of_a_case(before, after, kind, rejects):
    assert classified(before, after) == (kind, rejects)


@pytest.mark.parametrize("pair", [(PASS, PASS), (None, PASS), (KNOWN, KNOWN), (LIMIT, LIMIT), (None, LIMIT)])
def test_what_is_as_it_was_is_no_change(pair):
    assert classified(*pair) is None


def test_a_regression_is_rejected_and_names_the_packets():
    gate = hold(outcomes("b", PASS), outcomes("c", FAIL))
    [change] = gate.changes
    assert (gate.decision, gate.decision.exit_code) == (Decision.REJECT, 1)
    assert (change.kind, change.before, change.after) == (Kind.REGRESSION, "pass", "fail")
    [decided] = change.deciding
    assert (decided.actual, decided.where) == ("a packet has dport = 8472", "client-node (linux-1 eth0)")
    assert decided.evidence == f"runs/c0/evidence/services/SVC-CLUSTER-IP/{WORDS}/client-node.pcap"
    for shown in (gate_text(gate), gate_markdown(gate), gate_json(gate)):
        assert "a packet has dport = 8472" in shown
        assert decided.evidence in shown


def test_what_a_socket_decides_is_in_the_attempts():
    told = replace(verdict(FAIL), findings=(finding(False, where="client"),))
    gate = hold(outcomes("b", PASS), [run("c", replace(a_case(FAIL), verdict=told))])
    assert gate.of(Kind.REGRESSION)[0].deciding[0].evidence.endswith("/attempts.json")


def test_one_failure_among_several_candidates_rejects():
    gate = hold(outcomes("b", PASS), outcomes("c", PASS, FAIL, PASS))
    assert gate.of(Kind.REGRESSION)[0].after == "pass in 2 of 3 runs, fail in 1 of 3 runs"
    assert gate.decision is Decision.REJECT


def test_what_worked_once_in_the_baseline_must_work():
    assert hold(outcomes("b", FAIL, PASS, FAIL), outcomes("c", FAIL)).decision is Decision.REJECT


def test_what_never_worked_may_go_on_failing():
    gate = hold(outcomes("b", FAIL, FAIL), outcomes("c", FAIL))
    assert gate.decision is Decision.ACCEPT
    assert [change.kind for change in gate.changes] == [Kind.STILL_FAILS]


def test_an_inconclusive_case_is_no_acceptance():
    gate = hold(outcomes("b", PASS), outcomes("c", UNSURE, PASS))
    assert (gate.decision, gate.decision.exit_code) == (Decision.CANNOT_JUDGE, 2)
    assert [change.kind for change in gate.changes] == [Kind.INCONCLUSIVE]


def test_a_failure_weighs_more_than_an_inconclusive_case():
    gate = hold(outcomes("b", PASS), outcomes("c", UNSURE, FAIL))
    assert gate.decision is Decision.REJECT
    assert [change.kind for change in gate.changes] == [Kind.REGRESSION, Kind.INCONCLUSIVE]


def test_a_baseline_that_could_not_tell_excuses_nothing():
    assert [change.kind for change in hold(outcomes("b", UNSURE), outcomes("c", FAIL)).changes] == [Kind.NEW_FAILURE]


def test_a_case_that_vanished_is_rejected_with_what_rules_it_out():
    gone = ExclusionRecord(requirement="SVC-CLUSTER-IP", cases=WORDS, reason="no usable windows node")
    other = a_case(words=f"udp-{WORDS[4:]}")
    gate = hold(outcomes("b", PASS), [run("c", other, exclusions=(gone,)), *outcomes("d", PASS)])
    [change] = gate.changes
    assert (change.kind, change.after) == (Kind.VANISHED, "is missing in 1 runs")
    assert change.reason == "the facts exclude it: no usable windows node"
    assert gate.decision is Decision.REJECT
    [change] = hold(outcomes("b", PASS), [run("c", other)]).changes
    assert change.reason == "it was not planned, and no exclusion says why"


def test_more_losses_are_rejected():
    lost = ProbeError(stage="receive", kind="timeout")
    fine = tuple(Attempt(token="t", started=0.0, elapsed=0.01) for _ in range(100))
    worse = tuple(replace(one, error=lost) if at < 30 else one for at, one in enumerate(fine))
    gate = hold([run("b", attempts=fine)], [run("c", attempts=worse)])
    [change] = gate.changes
    assert (change.kind, change.after) == (Kind.MORE_LOSS, "30 of 100 exchanges lost")
    assert gate.decision is Decision.REJECT
    assert "losses: 1 of 1 cases are worse (Fisher's exact test" in gate_text(gate)


def test_facts_that_changed_are_named():
    def on(build, **changes):
        nodes = tuple(node_with(name=f"w{at}", os="windows", kernel_version=f"10.0.{build}") for at in (1, 2))
        return facts(emulated=False, nodes=nodes, **changes)

    old = run("b", facts=on("20348.2700", components={"DaemonSet kube-system/flannel main image": "flannel:1"}))
    new = run("c", facts=on("20348.2762", dsr=None), setup=setup(version="0.2.0"))
    changed = {one.name: (one.before, one.after) for one in hold([old], [new]).facts}
    assert changed == {
        "Windows update revision (UBR)": ("20348.2700 on 2 nodes", "20348.2762 on 2 nodes"),
        "Direct Server Return": ("on", "unknown"),
        "DaemonSet kube-system/flannel main image": ("flannel:1", "none"),
        "podwire": ("0.1.0", "0.2.0"),
    }


# --- refused ----------------------------------------------------------------------------------------------------------


def refused(*candidates, baseline=None, **options):
    with pytest.raises(Refused) as caught:
        hold(baseline or [run("b")], list(candidates), **options)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("candidate", "complaint"),
    [
        (replace(run("c"), record=record(run_id="c", facts=REAL)), "runs/c: has no case"),
        (run("c", interrupted="SIGTERM"), "runs/c: was interrupted (SIGTERM); run it again"),
        (run("c", missing=("dns/X[y]",)), "runs/c: 1 planned cases have no result (dns/X[y]); run it again"),
        (replace(run("c"), exchanges=()), f"runs/c: 1 cases have no observation ({IDENTITY}); take the files"),
        (
            run("c", replace(a_case(FAIL), evidence=())),
            f"runs/c: 1 cases that did not pass have no evidence ({IDENTITY})",
        ),
        (replace(run("c"), absent=("e/x.pcap",)), "runs/c: 1 files of evidence are missing (e/x.pcap)"),
        (run("b"), "run b: is named 2 times; name each run once"),
        (run("c", a_case(words=f"udp-{WORDS[4:]}")), "baseline and candidate have no case in common"),
    ],
    ids=["empty", "interrupted", "incomplete", "unobserved", "bare", "lost", "same", "foreign"],
)
def test_what_cannot_be_judged_is_refused(candidate, complaint):
    [line] = refused(candidate)
    assert line.startswith(complaint)


def test_runs_on_the_lab_are_refused_unless_asked_for():
    lab = [replace(run(name), record=replace(run(name).record, facts=facts())) for name in ("b", "c")]
    assert [line.partition(": ")[0] for line in refused(lab[1], baseline=lab[:1])] == ["runs/b", "runs/c"]
    gate = hold(lab[:1], lab[1:], allow_emulated=True)
    assert gate.emulated
    for shown in (gate_text(gate), gate_markdown(gate)):
        assert "they prove nothing about a cluster" in shown
    assert refused(lab[1], allow_emulated=True) == ["runs of the lab cannot be compared with runs of a real cluster"]


# --- waivers ----------------------------------------------------------------------------------------------------------

TODAY = date(2026, 5, 28)


def waiver(**changes):
    known = {
        "case": "services/SVC-CLUSTER-IP[tcp-*]",
        "owner": "net team",
        "link": "https://example.com/1",
        "reason": "fixed in the next image",
        "expires": date(2026, 6, 1),
        "symptom": "a packet has dport = 8472",
    }
    return Waiver(**{**known, **changes})


def waived(after=FAIL, before=PASS, *, given=None, today=TODAY):
    return hold(outcomes("b", before), outcomes("c", after), waivers=[given or waiver()], today=today)


def test_a_waiver_excuses_the_failure_that_shows_its_symptom():
    gate = waived()
    assert gate.decision is Decision.ACCEPT
    assert gate.changes[0].waiver == waiver()
    for shown in (gate_text(gate), gate_markdown(gate), gate_json(gate)):
        assert "fixed in the next image" in shown
        assert "2026-06-01" in shown


def test_a_waiver_for_a_case_that_still_fails_is_used():
    assert waived(before=FAIL).changes[0].waiver is not None


@pytest.mark.parametrize(
    ("given", "outcome", "complaint"),
    [
        (waiver(expires=date(2026, 5, 27)), FAIL, "expired on 2026-05-27; net team must renew or remove it"),
        (waiver(case="services/SVC-OTHER[*]"), FAIL, "no failing case fits it and shows 'a packet has dport = 8472'"),
        (waiver(symptom="a packet has ttl = 1"), FAIL, "no failing case fits it and shows 'a packet has ttl = 1'"),
        (waiver(), PASS, "no failing case fits it"),
        (waiver(symptom="the control 'outside-tcp'"), UNSURE, "no failing case fits it"),
        (waiver(case="services/*"), FAIL, "too broad: it fits all cases of the area services"),
    ],
    ids=["expired", "other case", "other symptom", "nothing fails", "inconclusive", "area"],
)
def test_a_waiver_that_excuses_nothing_or_too_much_is_an_error(given, outcome, complaint):
    with pytest.raises(Refused, match=complaint):
        waived(outcome, given=given)


def test_every_failing_candidate_must_show_the_symptom():
    other = replace(verdict(FAIL), reason="x", findings=(finding(False, actual="a packet has ttl = 1"),))
    candidates = [
        *outcomes("c", FAIL),
        run("d", replace(a_case(FAIL), verdict=other), a_case(words=f"udp-{WORDS[4:]}")),
    ]
    with pytest.raises(Refused, match="no failing case fits it"):
        hold(outcomes("b", PASS), candidates, waivers=[waiver()], today=TODAY)


def test_a_waiver_for_many_cases_is_too_broad():
    many = [a_case(FAIL, words=f"tcp-v4-linux-windows-{at}") for at in range(21)]
    cases = [*many, a_case(words=f"udp-{WORDS[4:]}")]
    with pytest.raises(Refused, match="too broad: it fits 21 cases; at most 20 are allowed"):
        hold([run("b", *cases)], [run("c", *cases)], waivers=[waiver()], today=TODAY)


# --- how it is shown --------------------------------------------------------------------------------------------------


def test_markdown_is_not_broken_by_what_it_tells():
    told = replace(verdict(FAIL), findings=(finding(False, actual="`x` | <b> *y*", where="client-node (a|b)"),))
    shown = gate_markdown(hold(outcomes("b", PASS), [run("c", replace(a_case(FAIL), verdict=told))]))
    assert "actual `'x' | <b> *y*`" in shown
    assert shown.count("<details") == shown.count("</details>") == 2


def test_many_changes_are_cut_in_text_and_whole_in_json():
    cases = [a_case(words=f"tcp-v4-linux-windows-{at}") for at in range(30)]
    failing = [a_case(FAIL, words=f"tcp-v4-linux-windows-{at}") for at in range(30)]
    gate = hold([run("b", *cases)], [run("c", *failing)])
    assert "and 10 more" in gate_text(gate)
    assert gate_json(gate).count('"kind": "regression"') == 30
