"""What red cases share stands in every view of a run."""

import json
import xml.etree.ElementTree as ET

from changed import replace
from reds import small_run

from podwire.causes.causes import Causes, causes_of
from podwire.gating.changes import Run
from podwire.gating.gate import hold
from podwire.model.verdicts import Outcome
from podwire.records.observations import Exchanges
from podwire.reporting.allure import write_allure_results
from podwire.reporting.case_text import explain
from podwire.reporting.ctrf import ctrf_tree
from podwire.reporting.gate_text import gate_json, gate_markdown, gate_text
from podwire.reporting.junit import junit_xml
from podwire.reporting.matrix import matrix_html
from podwire.reporting.terminal import summary

LINE = "to pods of windows-2, between machines: seen at the NIC of windows-2, never at its pods"
SIZE = "3 cases, 2 requirements"
HEADLINE = "the request (SYN) was seen at the NIC of windows-2, and never at pod windows-2-a"


def shown():
    made, seen = small_run()
    return made, causes_of(made, seen)


def test_the_summary_has_one_block_for_a_cause_with_its_most_basic_case():
    made, causes = shown()
    text = summary(made, causes=causes)
    assert text.count("\nFAIL  ") == 1
    block = text[text.index("FAIL  ") :]
    assert block.startswith(f"FAIL  {SIZE}, one cause\n  {LINE}\n  Control: 4 cases between machines, but not to pods")
    assert "\n  Requirements: BY-POD 2, BY-SERVICE 1\n  The most basic case: services/BY-POD[a]\n" in block
    assert f"\n    Packets:  {HEADLINE}\n" in block
    assert "\n    Actual:   timeout at connect\n" in block


def test_without_causes_the_summary_has_the_basic_requirement_first():
    made, _ = shown()
    text = summary(made)
    assert text.index("FAIL  services/BY-POD[") < text.index("FAIL  services/BY-SERVICE[")


def test_a_headline_stands_above_what_was_expected():
    made, causes = shown()
    lines = explain(made.cases[0], causes.headlines[made.cases[0].id]).splitlines()
    assert lines.index(f"Packets:  {HEADLINE}") < lines.index("Expected: an answer from a Windows pod")


def test_junit_names_the_cause_for_the_requirement_and_the_headline_for_the_case():
    root = ET.fromstring(junit_xml(*shown()))
    assert [suite.get("name") for suite in root] == ["services/BY-POD", "services/BY-SERVICE"]
    for suite in root:
        told = [one.get("value") for one in suite.iter("property") if one.get("name") == "cause"]
        assert told == [f"{LINE} ({SIZE})"]
    assert HEADLINE in [failure.get("message") for failure in root.iter("failure")]
    assert all("timeout at connect" in failure.text for failure in root.iter("failure"))


def test_ctrf_has_both():
    made, causes = shown()
    tests = {test["name"]: test for test in ctrf_tree(made, causes)["results"]["tests"]}
    red = tests["services/BY-POD[a]"]
    assert (red["message"], red["extra"]["cause"]) == (HEADLINE, f"{LINE} ({SIZE})")
    assert "cause" not in tests["services/BY-POD[c]"]["extra"]


def test_allure_has_a_label_of_the_cause(tmp_path):
    made, causes = shown()
    folder = write_allure_results(made, tmp_path, causes)
    results = {
        tree["fullName"]: tree for file in folder.glob("*-result.json") for tree in [json.loads(file.read_text())]
    }
    labels = {
        name: [label["value"] for label in tree["labels"] if label["name"] == "cause"] for name, tree in results.items()
    }
    assert labels["services/BY-SERVICE[a]"] == [f"{LINE} ({SIZE})"]
    assert labels["services/BY-POD[c]"] == []
    assert results["services/BY-POD[a]"]["statusDetails"]["message"] == HEADLINE


def test_the_matrix_lists_causes_above_its_tables():
    made, causes = shown()
    page = matrix_html(made, {}, causes)
    assert page.index("What red cases share") < page.index('class="area"')
    assert LINE in page
    assert "Control: 4 cases between machines" in page
    assert "What red cases share" not in matrix_html(made, {}, Causes())


def test_the_gate_tells_the_causes_of_the_candidate_and_the_basic_change_first():
    made, causes = shown()
    good = replace(
        made, run_id="before", cases=tuple(replace(case, verdict=made.cases[1].verdict) for case in made.cases)
    )
    asked = tuple(Exchanges(case_id=case.id, round=0, attempts=()) for case in made.cases)
    before, after = Run(record=good, exchanges=asked), Run(record=made, exchanges=asked, causes=causes)
    gate = hold([before], [after], allow_emulated=True)
    changed = [change.case_id for change in gate.changes if change.rejects]
    assert changed == ["services/BY-POD[a]", "services/BY-POD[b]", "services/BY-SERVICE[a]"]
    text, markdown = gate_text(gate), gate_markdown(gate)
    assert f"What failing cases of the candidate share:\n  {LINE} ({SIZE})\n" in text
    assert text.index(LINE) < text.index("regression (3):")
    assert f"### What failing cases of the candidate share\n\n- {LINE} ({SIZE})" in markdown
    assert json.loads(gate_json(gate))["causes"][0]["line"] == LINE
    assert Outcome.FAIL in gate.outcomes_after
