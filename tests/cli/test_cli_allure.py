"""The Allure report of a run that is over, made from what lies in its folder."""

import pytest
from records_for_tests import case, record

from podwire.cli import main as cli
from podwire.model.verdicts import Outcome
from podwire.records.files import write_record
from podwire.reporting import allure_report


@pytest.fixture
def run(tmp_path):
    write_record(record(case(Outcome.FAIL)), tmp_path)
    return tmp_path


@pytest.fixture
def asked(run, monkeypatch):
    """What Allure was asked for; it makes a page."""
    several = []

    def generate(folder, checkout, history):
        several.append((folder, history))
        return folder / "allure-report" / "index.html", ""

    monkeypatch.setattr(allure_report, "generate_report", generate)
    return several


@pytest.mark.parametrize("file", ["", "run.json"])
def test_results_are_written_and_the_report_is_made(run, asked, file, capsys):
    assert cli.main(["allure", str(run / file)]) == 0
    assert capsys.readouterr().out == f"{run}/allure-report/index.html\n"
    assert len(list((run / "allure-results").glob("*-result.json"))) == 1
    assert asked == [(run, None)]


def test_twice_is_as_once(run, asked):
    cli.main(["allure", str(run)])
    first = sorted(path.name for path in run.rglob("*"))
    cli.main(["allure", str(run), "--history", str(run / "history.jsonl")])
    assert sorted(path.name for path in run.rglob("*")) == first
    assert asked[1] == (run, run / "history.jsonl")


def test_without_allure_it_is_said(run, monkeypatch, capsys):
    monkeypatch.setattr(allure_report, "find_allure", lambda checkout: None)
    assert cli.main(["allure", str(run)]) == 1
    assert capsys.readouterr().out == f"{allure_report.HOW_TO_GET_IT}\n"


def test_what_is_no_run_is_one_line(tmp_path, capsys):
    assert cli.main(["allure", str(tmp_path)]) == 2
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert "run.json" in said.err
