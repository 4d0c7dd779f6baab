"""What a run prints: counts, failures in full with their rule above them, limits briefly, where the reports are."""

from __future__ import annotations

import re

import pytest
from changed import replace
from records_for_tests import SIGNALS, UNUSABLE, case, facts, one_of_each, record

from podwire.model.verdicts import Finding, Outcome, Verdict
from podwire.records.machine import MOST_LATE, SHARE_LATE, WAITED
from podwire.records.run import ExclusionRecord
from podwire.reporting.case_text import explain
from podwire.reporting.pages import run_head
from podwire.reporting.terminal import summary
from podwire.reporting.words import counted, seconds

FAILED = replace(case(Outcome.FAIL), evidence=("evidence/a/B/c/verdict.json", "evidence/a/B/c/client-node.pcap"))


def test_a_failing_case_has_its_rule_above_what_was_seen() -> None:
    assert explain(FAILED).splitlines() == [
        "MUST: A packet for the cluster IP of a Service reaches one of its ready backends.",
        "Source: Kubernetes: Service proxies, https://kubernetes.io/docs/reference/networking/virtual-ips/",
        "",
        "Expected: every packet with dport = 4789",
        "Actual:   a packet has dport = 8472",
        "Where:    client-node (linux-1 eth0)",
        "",
        "1 other expectation held.",
        "Evidence: evidence/a/B/c",
    ]


def test_an_inconclusive_case_says_why_there_is_no_verdict() -> None:
    blind = Verdict(outcome=Outcome.INCONCLUSIVE, reason="the capture at the client-pod cannot be relied on")
    lines = explain(replace(case(), verdict=blind)).splitlines()
    assert "No verdict: the capture at the client-pod cannot be relied on" in lines
    assert "Expected: answered by the server, a Windows pod" in lines


def test_a_failure_in_an_undocumented_way_says_so() -> None:
    verdict = replace(FAILED.verdict, reason="fails, but not in the documented way (LIM-1)", limitation="LIM-1")
    assert "Verdict: fails, but not in the documented way (LIM-1)" in explain(replace(FAILED, verdict=verdict))


def test_long_sentences_are_wrapped_below_their_label() -> None:
    long = Finding(expected="word " * 60, actual="x", where="y", met=False)
    text = explain(replace(FAILED, verdict=Verdict(outcome=Outcome.FAIL, reason="r", findings=(long,))))
    assert max(len(line) for line in text.splitlines()) <= 110
    assert "\n          word word" in text


def test_the_head_names_nodes_that_cannot_be_used() -> None:
    made = record(case(), facts=facts(nodes=UNUSABLE, signals=SIGNALS))
    head = summary(made).partition("\n\n")[0].splitlines()
    assert "node windows-1 is not ready: Kubelet stopped posting node status" in head
    assert "node linux-9 is cordoned: left out" in head


def test_cases_without_their_node_are_told_once_for_each_node() -> None:
    why = "node windows-1 is not ready: gone; repair the node, or cordon it to leave it out"
    lost = [
        replace(case(Outcome.INCONCLUSIVE, words=words), verdict=Verdict(outcome=Outcome.INCONCLUSIVE, reason=why))
        for words in ("tcp-v4-linux-windows-cross-node", "udp-v4-linux-windows-cross-node")
    ]
    text = summary(record(*lost))
    assert "INCONCLUSIVE  2 cases not sent\n  No verdict: node windows-1 is not ready: gone" in text
    assert "  Areas: services 2" in text
    assert lost[0].id not in text


def test_the_summary_has_everything_that_needs_a_person() -> None:
    made = one_of_each()
    text = summary(made, {"record": "reports/runs/1/run.json"})
    assert re.search(r"^  services +3 cases  1 passed, 1 inconclusive, 1 failed$", text, re.MULTILINE)
    for one in made.cases:
        shown = text.count(one.id)
        assert shown == (1 if one.verdict.outcome.red else 0)
    assert "Planned, but without a result (1):\n  dns/DNS-FQDN[udp-v4-linux-linux-cross-node]" in text
    assert "  LIM-EXAMPLE (EGRESS-ICMP, icmp-v4-windows-outside-external)" in text
    assert (
        "6 cases: 1 passed, 1 limitation confirmed, 1 limitation lifted, 1 known issue, 1 inconclusive, 1 failed"
        in text
    )
    assert text.endswith("record  reports/runs/1/run.json\n")
    assert "emulated: no evidence about Windows" in text
    assert "\033" not in text


BUSY = {"lab": 1.0, WAITED: 0.876, MOST_LATE: 2.4, SHARE_LATE: 0.1}


def test_the_head_says_how_busy_the_machine_was_and_the_inconclusive_cases_get_one_reason() -> None:
    made = replace(one_of_each(), timings=BUSY)
    text = " ".join(summary(made).split())
    said = "the runner's machine waited for a CPU 88 % of the time, agents were up to 2.4 s late"
    assert text.count(said) == 2
    assert f"1 case is inconclusive, and {said}. Run it again on an idle machine, or with a longer" in text
    assert "in all: lab 1.0 s" in text
    assert "share of" not in text
    page = run_head(made, "Matrix")
    assert said.replace("'", "&#x27;") in page
    assert "1 case is inconclusive, and " in page


@pytest.mark.parametrize("timings", [{}, {WAITED: 0.2, MOST_LATE: 0.1, SHARE_LATE: 0.0}])
def test_on_an_idle_machine_nothing_is_said_of_what_is_inconclusive(timings: dict[str, float]) -> None:
    text = summary(replace(one_of_each(), timings=timings))
    assert "on an idle machine" not in text
    assert ("waited for a CPU 20 % of the time" in text) is bool(timings)


def test_failures_come_before_what_is_inconclusive() -> None:
    text = summary(record(case(Outcome.INCONCLUSIVE), case(Outcome.FAIL, words="udp-v4-linux-linux-same-node")))
    assert text.index("\nFAIL  ") < text.index("\nINCONCLUSIVE  ")


def test_exclusions_are_counted_by_reason() -> None:
    rows = [ExclusionRecord(requirement="R", cases=str(n), reason="no usable windows node") for n in range(3)]
    rows.append(ExclusionRecord(requirement="R", cases="x", reason="needs two usable linux nodes"))
    text = summary(record(case(), exclusions=tuple(rows)))
    assert "Not applicable here (4):\n     3  no usable windows node\n     1  needs two usable linux nodes" in text


def test_cases_of_one_limitation_are_one_entry() -> None:
    words = [f"icmp-v4-windows-outside-{n}" for n in range(3)]
    text = summary(record(*(case(Outcome.LIMITATION_CONFIRMED, words=one) for one in words)))
    assert text.count("LIM-EXAMPLE") == 1
    assert "LIM-EXAMPLE (SVC-CLUSTER-IP, 3 cases)" in text


def test_colours_change_nothing_but_the_colours() -> None:
    made = one_of_each()
    coloured = summary(made, colour=True)
    assert "\033[31m" in coloured
    assert re.sub(r"\033\[\d+m", "", coloured) == summary(made)


def test_an_interrupted_run_says_so() -> None:
    assert "Interrupted: SIGTERM" in summary(record(case(), interrupted="SIGTERM"))


def test_small_words() -> None:
    assert [seconds(value) for value in (0.0, 0.085, 1.44, 59.96, 185)] == [
        "0 ms",
        "85 ms",
        "1.4 s",
        "60.0 s",
        "3 min 05 s",
    ]
    assert [counted(n, Outcome.KNOWN_ISSUE) for n in (1, 2)] == ["1 known issue", "2 known issues"]
