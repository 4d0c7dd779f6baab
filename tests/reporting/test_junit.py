"""junit.xml: one suite a requirement, the outcomes in the elements that CI systems know, and nothing lost."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path

from changed import replace
from records_for_tests import case, one_of_each, record

from podwire.model.verdicts import Finding, Outcome, Verdict
from podwire.records.run import RunRecord
from podwire.reporting.junit import junit_xml, write_junit


def parsed(made: RunRecord) -> ET.Element:
    return ET.fromstring(junit_xml(made))


def test_every_outcome_has_its_element() -> None:
    shown = [
        [child.tag for child in element if child.tag != "properties"]
        for element in parsed(one_of_each()).iter("testcase")
    ]
    assert shown == [[], ["failure"], ["error"], ["skipped"], ["system-out"], ["skipped"], ["error"]]


def test_the_numbers_are_those_of_the_record() -> None:
    root = parsed(one_of_each())
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("7", "1", "2")
    suites = {s.get("name"): (s.get("tests"), s.get("failures"), s.get("errors"), s.get("skipped")) for s in root}
    assert suites == {
        "services/SVC-CLUSTER-IP": ("3", "1", "1", "0"),
        "egress/EGRESS-ICMP": ("3", "0", "0", "2"),
        "dns/DNS-FQDN": ("1", "0", "1", "0"),
    }


def test_a_failure_tells_what_was_expected() -> None:
    failure = parsed(one_of_each()).find(".//failure")
    assert failure is not None
    assert (failure.get("type"), (failure.get("message") or "")[:11]) == ("fail", "client-node")
    assert "Expected: every packet with dport = 4789\nActual:   a packet has dport = 8472" in (failure.text or "")


def test_a_suite_has_its_requirement_level_and_sources() -> None:
    suite = parsed(record(case(Outcome.KNOWN_ISSUE), case())).find("testsuite")
    assert suite is not None
    assert [(p.get("name"), p.get("value")) for p in suite.findall("properties/property")] == [
        ("run", "20260528-1"),
        ("emulated", "true"),
        ("complete", "true"),
        ("area", "services"),
        ("requirement", "SVC-CLUSTER-IP"),
        ("level", "MUST"),
        ("statement", case().rule.statement),
        ("source", case().rule.sources[0]),
    ]


def test_class_and_name_are_the_case_id() -> None:
    names = [
        (e.get("classname"), e.get("name")) for e in parsed(record(case(), missing=("dns/D[x]",))).iter("testcase")
    ]
    assert names == [("services.SVC-CLUSTER-IP", "tcp-v4-linux-windows-cross-node"), ("dns.D", "x")]


def test_characters_that_xml_cannot_hold_are_written_out() -> None:
    verdict = Verdict(
        outcome=Outcome.FAIL,
        reason="bad \x00\x1b[31m & <tag> \ud800",
        findings=(Finding(expected="x", actual="\x07", where="y", met=False),),
    )
    failure = parsed(record(replace(case(), verdict=verdict))).find(".//failure")
    assert failure is not None
    assert failure.get("message") == "bad \\u0000\\u001b[31m & <tag> \\ud800"


def test_an_empty_run_is_still_a_document(tmp_path: Path) -> None:
    path = write_junit(record(), tmp_path)
    assert ET.parse(path).getroot().tag == "testsuites"
