"""`ctrf.json`: what the schema of the format asks for, and nothing lost."""

import json
import uuid

from records_for_tests import case, one_of_each, record

from podwire.model.verdicts import Outcome
from podwire.reporting.ctrf import ctrf_tree, write_ctrf

# What the schema admits for a test and its summary, and what it requires (version 0.0.0, schema/ctrf.schema.json).
TEST = {"id", "name", "status", "duration", "start", "stop", "suite", "message", "trace", "rawStatus", "tags"} | {
    "parameters",
    "attachments",
    "extra",
}
SUMMARY = {"tests", "passed", "failed", "skipped", "pending", "other", "suites", "start", "stop"}


def test_the_document_is_as_the_schema_asks():
    tree = ctrf_tree(one_of_each())
    assert (tree["reportFormat"], tree["specVersion"]) == ("CTRF", "0.0.0")
    assert set(tree["results"]["summary"]) == SUMMARY
    for test in tree["results"]["tests"]:
        assert {"name", "status", "duration"} <= set(test) <= TEST
        assert isinstance(test["duration"], int)
        assert uuid.UUID(test["id"])


def test_every_outcome_has_its_status():
    assert {test["rawStatus"]: test["status"] for test in ctrf_tree(one_of_each())["results"]["tests"]} == {
        "pass": "passed",
        "fail": "failed",
        "inconclusive": "other",
        "limitation confirmed": "skipped",
        "limitation lifted": "passed",
        "known issue": "skipped",
        "no result": "failed",
    }


def test_the_summary_adds_up():
    summary = ctrf_tree(one_of_each())["results"]["summary"]
    assert summary["tests"] == sum(summary[name] for name in ("passed", "failed", "skipped", "pending", "other")) == 7
    assert summary["suites"] == 3


def test_a_failure_tells_what_was_expected_and_where_its_evidence_is():
    (test,) = ctrf_tree(record(case(Outcome.FAIL, evidence=("evidence/a/wire.pcap",))))["results"]["tests"]
    assert "every packet with dport = 4789" in test["trace"]
    assert test["attachments"] == [
        {"name": "wire.pcap", "contentType": "application/vnd.tcpdump.pcap", "path": "evidence/a/wire.pcap"}
    ]


def test_an_id_is_the_same_in_every_run(tmp_path):
    first, second = (ctrf_tree(record(case(), run_id=name)) for name in ("a", "b"))
    assert first["results"]["tests"][0]["id"] == second["results"]["tests"][0]["id"]
    assert first["reportId"] != second["reportId"]
    assert json.loads(write_ctrf(one_of_each(), tmp_path).read_text(encoding="utf-8")) == ctrf_tree(one_of_each())
