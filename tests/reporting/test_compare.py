"""The page of two runs."""

from html_page import Page
from records_for_tests import case, facts, record

from podwire.cli.main import main
from podwire.model.verdicts import Outcome
from podwire.records.files import write_record
from podwire.reporting.compare import changes, compare_html
from podwire.reporting.pages import ABSENT
from podwire.reporting.words import MISSING


def of(words, outcome=Outcome.PASS):
    return case(outcome, words=f"tcp-v4-linux-windows-{words}")


BEFORE = record(of("good"), of("worse"), of("gone"), of("better", Outcome.FAIL), run_id="before")
AFTER = record(
    of("better"), of("good"), of("worse", Outcome.FAIL), of("new", Outcome.INCONCLUSIVE), run_id="after", planned=()
)


def test_every_case_of_either_run_is_there_once():
    found = {one.id.rpartition("-")[2].rstrip("]"): (one.before, one.after) for one in changes(BEFORE, AFTER)}
    assert found == {
        "better": (Outcome.FAIL, Outcome.PASS),
        "good": (Outcome.PASS, Outcome.PASS),
        "worse": (Outcome.PASS, Outcome.FAIL),
        "new": (ABSENT, Outcome.INCONCLUSIVE),
        "gone": (Outcome.PASS, ABSENT),
    }


def test_a_planned_case_without_a_result_is_no_vanished_one():
    (found,) = changes(record(of("x")), record(missing=(of("x").id,)))
    assert found.after == MISSING


def test_the_worst_changes_stand_first_and_what_did_not_change_has_no_row():
    text = compare_html(BEFORE, AFTER)
    places = [text.index(f"tcp-v4-linux-windows-{word}]") for word in ("worse", "new", "gone", "better")]
    assert places == sorted(places)
    assert "tcp-v4-linux-windows-good" not in text
    Page(text)


def test_facts_that_changed_are_shown():
    text = compare_html(record(of("x")), record(of("x"), facts=facts(version="v1.34.0")))
    assert "v1.33.1" in text
    assert "No case changed." in text


def test_the_command_writes_the_page(tmp_path, capsys):
    for name, one in (("a", record(of("x"))), ("b", record(of("x", Outcome.FAIL)))):
        (tmp_path / name).mkdir()
        write_record(one, tmp_path / name)
    page = tmp_path / "page.html"
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "-o", str(page)]) == 0
    assert "1 of 1 cases changed" in capsys.readouterr().out
    Page(page.read_text(encoding="utf-8"))


def test_a_mistake_is_one_line(tmp_path, capsys):
    assert main(["compare", str(tmp_path / "a"), str(tmp_path / "b"), "-o", str(tmp_path / "page.html")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
