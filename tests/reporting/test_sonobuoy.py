"""The record as Sonobuoy's tree of results."""

import pytest
import yaml
from records_for_tests import case, record

from podwire.model.verdicts import Outcome
from podwire.reporting.sonobuoy import sonobuoy_tree, write_sonobuoy

WORDS = [f"tcp-v{version}-linux-windows-cross-node" for version in "46"] + ["udp-v4-linux-windows-cross-node"]


def leaves(item):
    below = item.get("items", [])
    return [leaf for one in below for leaf in leaves(one)] if below else [item]


@pytest.mark.parametrize(
    ("outcome", "status", "whole"),
    [
        (Outcome.PASS, "passed", "passed"),
        (Outcome.LIMITATION_CONFIRMED, "skipped", "skipped"),
        (Outcome.LIMITATION_LIFTED, "passed", "passed"),
        (Outcome.KNOWN_ISSUE, "skipped", "skipped"),
        (Outcome.INCONCLUSIVE, "inconclusive", "inconclusive"),
        (Outcome.FAIL, "failed", "failed"),
    ],
)
def test_a_status_follows_from_the_outcome(outcome, status, whole):
    tree = sonobuoy_tree(record(case(outcome)))
    (leaf,) = leaves(tree)
    assert (leaf["name"], leaf["status"], leaf["details"]["outcome"]) == (case(outcome).id, status, str(outcome))
    assert tree["status"] == whole


def test_the_worst_case_is_the_status_of_what_is_above_it():
    cases = [
        case(outcome, words=words)
        for outcome, words in zip((Outcome.PASS, Outcome.INCONCLUSIVE, Outcome.FAIL), WORDS, strict=True)
    ]
    assert sonobuoy_tree(record(*cases[:2]))["status"] == "inconclusive"
    assert sonobuoy_tree(record(*cases))["status"] == "failed"


def test_the_tree_is_area_requirement_case():
    tree = sonobuoy_tree(record(case(Outcome.PASS)))
    (area,) = tree["items"]
    (requirement,) = area["items"]
    assert (area["name"], requirement["name"]) == (case(Outcome.PASS).area, case(Outcome.PASS).requirement)


def test_a_planned_case_without_a_result_has_failed():
    tree = sonobuoy_tree(record(case(Outcome.PASS), missing=("services/SVC-SPREAD[gone]",)))
    assert [leaf["status"] for leaf in leaves(tree)] == ["passed", "failed"]
    assert (tree["status"], tree["meta"]["complete"]) == ("failed", "false")


def test_a_run_that_was_interrupted_has_failed_and_one_without_a_case_is_unknown():
    assert sonobuoy_tree(record(case(Outcome.PASS), interrupted="SIGTERM"))["status"] == "failed"
    assert sonobuoy_tree(record())["status"] == "unknown"


def test_the_file_is_yaml(tmp_path):
    found = yaml.safe_load(write_sonobuoy(record(case(Outcome.FAIL)), tmp_path).read_text())
    assert found == sonobuoy_tree(record(case(Outcome.FAIL)))
    assert all(isinstance(value, str) for value in found["meta"].values())
