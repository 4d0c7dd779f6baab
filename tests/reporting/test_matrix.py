"""`matrix.html`: one page of a record, whatever its texts are."""

import base64
import gzip
import json
import re

import pytest
from html_page import Page
from records_for_tests import case, observation, one_of_each, record, rule

from podwire.model.verdicts import Finding, Outcome, Verdict
from podwire.reporting.matrix import matrix_html, write_matrix
from podwire.reporting.pages import MARKS


def data_of(text):
    packed = re.search(r'<script type="text/plain" id="data">([^<]*)</script>', text).group(1)
    return json.loads(gzip.decompress(base64.b64decode(packed)))


def test_every_case_is_a_mark_with_words_for_those_who_hear_it():
    marks = [one for one in Page(matrix_html(one_of_each(), {})).of("button") if "data-n" in one]
    assert sorted(one["data-o"] for one in marks) == sorted(MARKS[outcome][0] for outcome in Outcome)
    assert "icmp ipv4: known issue" in [one["aria-label"] for one in marks]


def test_tables_have_captions_and_scopes():
    page = Page(matrix_html(one_of_each(), {}))
    tables = [one for one in page.of("table") if one.get("class") == "matrix"]
    assert len(tables) == 2
    assert len(page.of("caption")) == 3, "one of them is of the cases without a result"
    assert all("scope" in one for one in page.of("th"))


def test_nothing_is_asked_from_elsewhere():
    page = Page(matrix_html(one_of_each(), {}))
    assert not [name for name, attributes in page.elements if "src" in attributes or name == "link"]
    assert "default-src 'none'" in str(page.of("meta"))


def test_a_case_without_a_result_and_an_exclusion_are_shown():
    text = matrix_html(one_of_each(), {})
    assert "dns/DNS-FQDN[udp-v4-linux-linux-cross-node]" in text
    assert "pods on windows nodes have no IPv6" in text


def test_the_panel_gets_findings_and_packets():
    one = case(Outcome.FAIL)
    told = data_of(matrix_html(record(one), {one.id: observation(one.id)}))
    (found,) = told["cases"]
    assert found["findings"][1] == [
        "every packet with dport = 4789",
        "a packet has dport = 8472",
        *found["findings"][1][2:],
    ]
    assert found["ladder"]["points"] == [["client-node", "linux-1 eth0", ""]]
    assert told["rules"]["SVC-CLUSTER-IP"]["sources"][0][0].startswith("https://kubernetes.io/")


def test_a_page_without_observations_says_nothing_about_packets():
    assert "ladder" not in data_of(matrix_html(record(case()), {}))["cases"][0]


@pytest.mark.parametrize("word", ["</script><b>", "\"'><i>", "@@data@@", "&lt;"])
def test_texts_of_a_record_stay_texts(word):
    strange = Verdict(
        outcome=Outcome.FAIL, reason=word, findings=(Finding(expected=word, actual=word, where=word, met=False),)
    )
    plain = Page(matrix_html(record(case(Outcome.FAIL)), {}))
    text = matrix_html(record(case(Outcome.FAIL, rule=rule(statement=word), title=word, verdict=strange)), {})
    assert [name for name, _ in Page(text).elements] == [name for name, _ in plain.elements]
    assert data_of(text)["cases"][0]["reason"] == word


def test_a_record_without_a_case_is_a_page(tmp_path):
    assert write_matrix(record(), tmp_path) == tmp_path / "matrix.html"
    Page((tmp_path / "matrix.html").read_text(encoding="utf-8"))


def test_many_cases_stay_below_two_megabytes():
    cases = [
        case(words=f"tcp-v4-linux-windows-{number}", id=f"services/SVC-CLUSTER-IP[{number}]") for number in range(1400)
    ]
    assert len(matrix_html(record(*cases), {case.id: observation(case.id) for case in cases}).encode()) < 2_000_000
