"""Allure results of a record: statuses, stable identities, labels, texts, attachments, categories."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from changed import replace
from records_for_tests import SIGNALS, UNUSABLE, case, facts, frame, observation, one_of_each, record, rule

from podwire.model.verdicts import Outcome
from podwire.records.run import RunRecord
from podwire.reporting.allure import CATEGORIES, categories_json, write_allure_results
from podwire.reporting.evidence import write_evidence

REPORTS = Path(__file__).parents[2] / "reports"


def results(made: RunRecord, directory: Path) -> dict[str, dict[str, Any]]:
    """The written results by their full name, which is the case id."""
    folder = write_allure_results(made, directory)
    trees = [json.loads(file.read_text(encoding="utf-8")) for file in folder.glob("*-result.json")]
    return {tree["fullName"]: tree for tree in trees}


def labels(tree: dict[str, Any], name: str) -> list[str]:
    return [label["value"] for label in tree["labels"] if label["name"] == name]


@pytest.mark.parametrize(
    ("outcome", "status", "message"),
    [
        (Outcome.PASS, "passed", None),
        (Outcome.LIMITATION_CONFIRMED, "skipped", "limitation confirmed (LIM-EXAMPLE): ICMP"),
        (Outcome.LIMITATION_LIFTED, "passed", "limitation lifted (LIM-EXAMPLE): works"),
        (Outcome.KNOWN_ISSUE, "skipped", "known issue (LIM-EXAMPLE): this build"),
        (Outcome.INCONCLUSIVE, "broken", "inconclusive: no answer"),
        (Outcome.FAIL, "failed", "client-node (linux-1 eth0): expected"),
    ],
    ids=[outcome.value for outcome in Outcome],
)
def test_status_and_message(tmp_path: Path, outcome: Outcome, status: str, message: str | None) -> None:
    [tree] = results(record(case(outcome)), tmp_path).values()
    told = tree.get("statusDetails", {}).get("message")
    assert tree["status"] == status
    assert told is None if message is None else told.startswith(message)
    assert labels(tree, "outcome") == [outcome.value]


def test_the_identity_hangs_on_the_case_alone(tmp_path: Path) -> None:
    one, later = case(), replace(case(Outcome.FAIL), title="another name", started=1.0)
    [first] = results(record(one), tmp_path).values()
    [second] = results(record(later, run_id="2"), tmp_path).values()
    wanted = hashlib.md5(one.id.encode()).hexdigest()
    assert first["historyId"] == second["historyId"] == first["testCaseId"] == second["testCaseId"] == wanted
    assert first["uuid"] != second["uuid"]


def test_labels_and_parameters(tmp_path: Path) -> None:
    [tree] = results(record(replace(case(), rule=rule(level="MAY"))), tmp_path).values()
    shown = {name: labels(tree, name) for name in ("epic", "feature", "story", "severity", "suite", "host")}
    assert shown == {
        "epic": ["services"],
        "feature": ["SVC-CLUSTER-IP"],
        "story": ["a cluster IP leads to a ready backend"],
        "severity": ["minor"],
        "suite": ["services"],
        "host": ["podwire-lab"],
    }
    assert {"name": "protocol", "value": "tcp"} in tree["parameters"]
    assert tree["stop"] - tree["start"] == 12
    assert tree["links"][0]["url"] == "https://kubernetes.io/docs/reference/networking/virtual-ips/"


def test_findings_are_steps_and_a_table(tmp_path: Path) -> None:
    [tree] = results(record(case(Outcome.LIMITATION_CONFIRMED)), tmp_path).values()
    assert [step["status"] for step in tree["steps"]] == ["passed", "skipped"]
    assert tree["steps"][1]["name"].endswith("; a packet has dport = 8472")
    assert "| **differs** | every packet with dport = 4789 | a packet has dport = 8472 |" in tree["description"]
    assert "**SVC-CLUSTER-IP** (MUST): A packet for the cluster IP" in tree["description"]


def test_the_description_shows_text_as_it_is(tmp_path: Path) -> None:
    odd = replace(case(), rule=rule(statement="a|b <c> *d* _e_\nf", sources=("No address",)))
    [tree] = results(record(odd), tmp_path).values()
    assert r"a\|b \<c\> \*d\* \_e\_ f" in tree["description"]
    assert "- Source: No address" in tree["description"]


def test_evidence_is_attached_with_its_type(tmp_path: Path) -> None:
    one = case(Outcome.FAIL)
    frames = {"client-node": [frame()]}
    files = write_evidence(tmp_path, observation(one.id, frames), one.verdict, frames)
    [tree] = results(record(replace(one, evidence=(*files, "evidence/lost.pcap"))), tmp_path).values()
    types = {attached["name"]: attached["type"] for attached in tree["attachments"]}
    assert types == {
        "verdict.json": "application/json",
        "attempts.json": "application/json",
        "bindings.json": "application/json",
        "client-node.pcap": "application/vnd.tcpdump.pcap",
        "client-node.txt": "text/plain",
        "lost.pcap (missing)": "text/plain",
    }
    for attached in tree["attachments"]:
        assert (tmp_path / "allure-results" / attached["source"]).stat().st_size > 0


def test_the_whole_record_is_there(tmp_path: Path) -> None:
    made = one_of_each()
    trees = results(made, tmp_path)
    assert set(trees) == {case.id for case in made.cases} | set(made.missing)
    lost = trees[made.missing[0]]
    assert (lost["status"], labels(lost, "outcome"), labels(lost, "epic")) == ("broken", ["no result"], ["dns"])
    assert lost["statusDetails"]["message"] == "no result: the case was planned and never judged"


def test_writing_again_leaves_nothing_of_before(tmp_path: Path) -> None:
    results(one_of_each(), tmp_path)
    assert len(results(record(case()), tmp_path)) == 1


def test_the_environment_names_nodes_that_cannot_be_used(tmp_path: Path) -> None:
    folder = write_allure_results(record(case(), facts=facts(nodes=UNUSABLE, signals=SIGNALS)), tmp_path)
    lines = (folder / "environment.properties").read_text(encoding="utf-8").splitlines()
    assert "nodes.unusable.1 = node windows-1 is not ready: Kubelet stopped posting node status" in lines
    assert "nodes.unusable.2 = node linux-9 is cordoned: left out" in lines


def test_the_environment_says_what_the_run_ran_on(tmp_path: Path) -> None:
    folder = write_allure_results(one_of_each(), tmp_path)
    lines = (folder / "environment.properties").read_text(encoding="utf-8").splitlines()
    assert "emulated = yes: no evidence about Windows" in lines
    assert "encapsulation = vxlan, UDP 4789, VNI 4096" in lines
    assert "node.windows-1 = windows Windows Server 2022 Datacenter 10.0.20348.2762" in lines
    assert json.loads((folder / "executor.json").read_text())["name"] == "podwire"


def test_every_kind_of_result_has_a_category() -> None:
    assert {outcome for _, outcome, _ in CATEGORIES} == {o.value for o in Outcome if o is not Outcome.PASS} | {
        "no result"
    }


def test_allure_2_puts_a_message_into_one_category(tmp_path: Path) -> None:
    rules = json.loads((REPORTS / "categories.json").read_text(encoding="utf-8"))
    assert rules == categories_json()
    for tree in results(one_of_each(), tmp_path).values():
        message = tree.get("statusDetails", {}).get("message", "")
        hits = [
            rule["name"]
            for rule in rules
            if tree["status"] in rule["matchedStatuses"] and re.fullmatch(rule.get("messageRegex", "(?s).*"), message)
        ]
        assert len(hits) == (0 if tree["status"] == "passed" else 1)
