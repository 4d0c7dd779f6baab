"""What a cluster's names and messages may hold reaches no terminal, page or text file as it is."""

import io
import json
import re
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from changed import replace
from fake_api import kubeconfig, serving
from records_for_tests import case, record

from podwire.cli import main as cli
from podwire.cluster.connect import connect
from podwire.model.observations import Capture
from podwire.model.verdicts import Finding, Outcome, Verdict
from podwire.records import files
from podwire.records.files import load_record, write_record
from podwire.records.run import ExclusionRecord
from podwire.reporting.allure import write_allure_results
from podwire.reporting.ctrf import write_ctrf
from podwire.reporting.evidence import write_evidence
from podwire.reporting.gate_text import _code, _prose
from podwire.reporting.junit import write_junit
from podwire.reporting.matrix import _packed, write_matrix
from podwire.reporting.pages import text as html_text
from podwire.reporting.sonobuoy import write_sonobuoy
from podwire.reporting.terminal import explain, summary
from podwire.running.standard_streams import guarded
from podwire.visible import visible, visible_but_styled, visible_in_json

HOSTILE = {
    "title of the window": ("\x1b]0;owned\x07", r"\u001b]0;owned\u0007"),
    "answer of the terminal": ("\x1b[6n", r"\u001b[6n"),
    "a colour": ("\x1b[32mPASS\x1b[0m", r"\u001b[32mPASS\u001b[0m"),
    "one byte for ESC [": ("\x9b2J", r"\u009b2J"),
    "over the line": ("FAIL\rpass", r"FAIL\u000dpass"),
    "backspaces": ("FAIL\b\b\b\bpass", r"FAIL\u0008\u0008\u0008\u0008pass"),
    "NUL and DEL": ("\0\x7f", r"\u0000\u007f"),
    "from right to left": ("node-\u202e1-xunil", r"node-\u202e1-xunil"),
    "isolated direction": ("\u2066a\u2069", r"\u2066a\u2069"),
    "without width": ("linux\u200b-1", r"linux\u200b-1"),
    "a soft hyphen": ("linux\u00ad-1", r"linux\u00ad-1"),
    "a byte order mark": ("\ufefflinux", r"\ufefflinux"),
    "tags": ("a\U000e0041", r"a\udb40\udc41"),
    "line separator": ("a\u2028b", r"a\u2028b"),
    "half a character": ("\ud800", r"\ud800"),
}
EVIL = "".join(text for text, _ in HOSTILE.values())
SEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff\U000e0041]"
)


@pytest.mark.parametrize("name", HOSTILE)
def test_what_harms_is_written_out(name):
    text, shown = HOSTILE[name]
    assert visible(text) == shown
    assert visible(shown) == shown


@pytest.mark.parametrize("text", ["", "linux-1", "a\tb\nc", "żółć 漢字 ελ — “x” → 👍\ufe0f", "naïve café\u00a0x"])
def test_all_else_stays(text):
    assert visible(text) == visible_but_styled(text) == visible_in_json(text) == text


def test_a_line_end_of_windows_is_a_newline():
    assert visible("Windows IP Configuration\r\n\r\n") == "Windows IP Configuration\n\n"


def test_json_reads_as_what_it_was_or_as_what_is_shown():
    text = json.dumps({"a": EVIL}, ensure_ascii=False)
    assert json.loads(visible(text)) == {"a": EVIL}
    read = json.loads(visible_in_json(text))["a"]
    assert not SEEN.search(read.translate(dict.fromkeys(range(32))).replace("\x7f", ""))


def test_a_program_that_colours_keeps_its_colours_and_nothing_else():
    assert visible_but_styled("\x1b[1;31mF\x1b[0m\r") == "\x1b[1;31mF\x1b[0m\r"
    assert visible_but_styled("\x1b[2J\x1b]0;x\x07\x1b[5;5H") == r"\u001b[2J\u001b]0;x\u0007\u001b[5;5H"


def test_a_stream_lets_nothing_else_through():
    stream = io.StringIO()
    assert guarded(stream).write(EVIL) == len(EVIL)
    assert stream.getvalue() == visible(EVIL)
    styled = guarded(guarded(stream), styled=True)
    styled.write("\x1b[32m" + HOSTILE["title of the window"][0])
    assert stream.getvalue().endswith("\x1b[32m" + HOSTILE["title of the window"][1])


@pytest.mark.parametrize("words", [["gate", "x\x1b]0;owned\x07", "y"], ["judge", "x\u202e\x9b"], ["x\x1b[2J"]])
def test_a_command_tells_a_name_as_it_can_be_seen(words, capsys):
    assert cli.main(words) == 2
    said = "".join(capsys.readouterr())
    assert said
    assert not SEEN.search(said)


def _hostile_case(outcome=Outcome.FAIL):
    found = Finding(expected=EVIL, actual=EVIL, where=EVIL, met=False)
    verdict = Verdict(outcome=outcome, reason=EVIL, findings=(found,))
    hostile = case(outcome)
    rule = replace(hostile.rule, statement=EVIL)
    return replace(hostile, title=f"title {EVIL}", rule=rule, verdict=verdict)


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("outcome", [Outcome.FAIL, Outcome.INCONCLUSIVE, Outcome.KNOWN_ISSUE])
def test_a_summary_has_podwires_own_colours_only(colour, outcome):
    one = _hostile_case(outcome)
    left_out = ExclusionRecord(requirement="ONE", cases="1", reason=EVIL)
    made = record(one, exclusions=(left_out,), missing=(f"a/B[{EVIL}]",), interrupted=EVIL)
    for text in (summary(made, {"record": EVIL}, colour=colour), explain(one, colour=colour)):
        assert r"\u001b]0;owned\u0007" in text
        assert not SEEN.search(re.sub(r"\x1b\[\d+m", "", text) if colour else text)
        # The cluster's own colour is none: what it says stands there as text.
        assert r"\u001b[32mPASS" in text


def test_pages_and_markdown_show_them_written_out():
    assert html_text("<b>\x1b\u202e") == r"&lt;b&gt;\u001b\u202e"
    for made in (html_text(EVIL), _prose(EVIL), _code(EVIL)):
        assert not SEEN.search(made)
    assert isinstance(_packed({"a": EVIL}), str)


def test_files_of_evidence_are_safe_to_read_and_stay_in_their_folder(tmp_path):
    point = "../../client\x1b[2J"
    blind = Capture(point=point, where=EVIL, usable=False, reason=EVIL)
    seen = SimpleNamespace(case_id=f"a/B[{EVIL}]", captures={point: blind}, attempts=(), controls=(), lookups=())
    seen.problem, seen.bindings = EVIL, {"client.node": EVIL}
    files = write_evidence(tmp_path, seen, Verdict(outcome=Outcome.INCONCLUSIVE, reason=EVIL))
    for file in files:
        assert re.fullmatch(r"evidence/[A-Za-z0-9_./-]+", file)
        assert (tmp_path / file).resolve().is_relative_to(tmp_path / "evidence")
        assert not SEEN.search((tmp_path / file).read_text())
    told = next(file for file in files if file.endswith("verdict.json"))
    assert json.loads((tmp_path / told).read_text())["reason"] == EVIL


# Half a character comes as far as the client of the API, and no further.
WHOLE = EVIL.replace("\ud800", "")


def _hostile_record():
    found = Finding(expected=WHOLE, actual=WHOLE, where=WHOLE, met=False)
    one = _hostile_case()
    one = replace(one, title=f"title {WHOLE}", rule=replace(one.rule, statement=WHOLE))
    one = replace(one, verdict=Verdict(outcome=Outcome.FAIL, reason=WHOLE, findings=(found,)))
    left_out = ExclusionRecord(requirement="ONE", cases="1", reason=WHOLE)
    made = record(one, exclusions=(left_out,), missing=(f"a/B[{WHOLE}]",), interrupted=WHOLE)
    nodes = tuple(replace(node, os_image=WHOLE) for node in made.facts.nodes)
    return replace(made, facts=replace(made.facts, name=WHOLE, nodes=nodes, signals=(WHOLE,)))


def test_the_record_keeps_what_was_told_and_its_file_harms_no_terminal(tmp_path):
    made = _hostile_record()
    written = write_record(made, tmp_path).read_text()
    assert not SEEN.search(written)
    assert r"\u009b" in written
    assert json.loads(written)["facts"]["name"] == made.facts.name
    assert load_record(tmp_path) == made


def _texts(value):
    if isinstance(value, dict):
        for name, inner in value.items():
            yield name
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
    elif isinstance(value, str):
        yield value


def test_no_report_shows_them_in_its_file_or_when_it_is_read(tmp_path):
    made = _hostile_record()
    write_record(made, tmp_path)
    write_junit(made, tmp_path)
    write_ctrf(made, tmp_path)
    write_sonobuoy(made, tmp_path)
    write_allure_results(made, tmp_path)
    write_matrix(made, tmp_path)
    files = [file for file in tmp_path.rglob("*") if file.is_file() and file.name != "run.json"]
    assert {file.suffix for file in files} >= {".xml", ".json", ".html", ".properties"}
    for file in files:
        text = file.read_text()
        assert not SEEN.search(text), file
        shown = _texts(json.loads(text)) if file.suffix == ".json" else ()
        if file.suffix == ".xml":
            shown = [
                one for part in ElementTree.fromstring(text).iter() for one in (*part.attrib.values(), part.text or "")
            ]
        assert [one for one in shown if SEEN.search(one)] == [], file


def test_the_file_of_a_record_would_harm_without_the_net(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "visible", lambda text: text)
    made = _hostile_record()
    made = replace(made, facts=replace(made.facts, name="\x9b\u202e", nodes=(), signals=()), interrupted=None, cases=())
    made = replace(made, exclusions=(), missing=())
    assert SEEN.search(write_record(made, tmp_path).read_text())


def test_half_a_character_in_an_answer_of_the_api_is_a_question_mark(tmp_path):
    answers = {
        "/version": b'{"gitVersion": "v1.34.0"}',
        "/api/v1/nodes/n": b'{"metadata": {"name": "\\uD800n\\ud83d\\udc4d"}}',
    }
    with serving(lambda method, path, query, body: (200, answers[path])) as server:
        found = connect(kubeconfig(tmp_path / "k", server)).rest.get("nodes", None, "n")
    assert found == {"metadata": {"name": "?n\N{THUMBS UP SIGN}"}}
