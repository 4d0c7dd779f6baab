"""Profile × requirement: the worst of each, in text and as a page."""

from pathlib import Path

import pytest
from html_page import Page
from records_for_tests import case, facts, record

from podwire.cli import main as cli
from podwire.errors import UsageError
from podwire.model.requirements import Catalogue, Citation, Requirement
from podwire.model.verdicts import Outcome
from podwire.platforms.profiles import profile_of
from podwire.records.files import write_record
from podwire.records.run import ExclusionRecord
from podwire.reporting.profiles import profiles_html, profiles_text, table
from podwire.running.profiles import ProfileRuns, chosen, in_order, read_runs, run_profiles


def rule(identity):
    sources = (Citation(document="Notes"),)
    return Requirement(id=identity, area="services", level="MUST", statement=f"{identity} <holds>.", sources=sources)


CATALOGUE = Catalogue(
    areas={"services": "Services"}, requirements={name: rule(name) for name in ("SVC-CLUSTER-IP", "SVC-UDP")}
)
RULED_OUT = ExclusionRecord(requirement="SVC-UDP", cases="all", reason="needs network mode overlay")
RECORDS = {
    "overlay": record(case(), case(Outcome.FAIL, words="udp-v4-linux-windows-cross-node")),
    "l2bridge": record(case(), exclusions=(RULED_OUT,)),
}


def test_a_cell_has_the_worst_outcome_first_and_the_reasons_of_what_is_not_there():
    first, second = table(RECORDS, CATALOGUE)
    assert [cell.outcome for cell in first.cells] == [Outcome.FAIL, Outcome.PASS]
    assert first.cells[0].came_to == ((Outcome.FAIL, 1), (Outcome.PASS, 1))
    assert second.cells[1].why == ("needs network mode overlay",)
    assert second.cells[1].came_to == ()


def test_the_text_numbers_the_profiles_and_explains_the_letters():
    text = profiles_text(RECORDS, table(RECORDS, CATALOGUE))
    assert "   1  overlay " in text
    assert "  SVC-CLUSTER-IP   ✗  ✓" in text
    assert "  SVC-UDP          ·  ·" in text
    assert "✗ fail" in text
    assert "· not of this profile" in text


def test_the_page_says_in_every_cell_what_it_shows():
    html = profiles_html(RECORDS, table(RECORDS, CATALOGUE))
    assert Page(html)  # it parses
    assert 'aria-label="1 failed; 1 passed"' in html
    assert "not of this profile: needs network mode overlay" in html
    assert "SVC-UDP &lt;holds&gt;." in html


def test_the_exit_code_is_that_of_the_worst_run():
    assert ProfileRuns(records=RECORDS, codes=[0, 10]).exit_code == 10
    assert ProfileRuns(records=RECORDS, codes=[10, 1]).exit_code == 1
    assert ProfileRuns(records=RECORDS, codes=[0], problems={"nat": "gone"}).exit_code == 3
    assert ProfileRuns().exit_code == 3
    assert ProfileRuns(records=RECORDS, codes=[0], interrupted=True).exit_code == 2


def test_profiles_come_in_their_order_and_others_last():
    assert list(in_order({"x": 1, "nat": 2, "awsvpc": 3}, ["awsvpc", "nat"])) == ["awsvpc", "nat", "x"]


def test_runs_that_exist_make_the_table(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_record(record(facts=facts()), tmp_path / name)
    found = read_runs([tmp_path / "one"], lambda one: profile_of(one.facts))
    assert list(found.records) == ["overlay-win-overlay"]
    with pytest.raises(UsageError, match="a second run of profile overlay-win-overlay"):
        read_runs([tmp_path / "one", tmp_path / "two"], lambda one: profile_of(one.facts))


def test_a_run_that_comes_to_nothing_is_said_and_the_others_go_on(tmp_path, monkeypatch):
    said = []

    def run(name, place, more):
        if name == "broken":
            return 3, "the lab could not be built"
        place.mkdir()
        write_record(record(), place)
        return 0, ""

    monkeypatch.setattr("podwire.running.profiles._run", run)
    found = run_profiles(["broken", "whole"], tmp_path, said.append)
    assert found.problems == {"broken": "the run gave no verdicts: the lab could not be built"}
    assert list(found.records) == ["whole"]
    assert said[0] == "broken: the run gave no verdicts: the lab could not be built"


def test_an_interrupt_leaves_the_results_so_far(tmp_path, monkeypatch):
    def run(name, place, more):
        if name == "second":
            raise KeyboardInterrupt
        place.mkdir()
        write_record(record(), place)
        return 0, ""

    monkeypatch.setattr("podwire.running.profiles._run", run)
    found = run_profiles(["first", "second", "third"], tmp_path, lambda _: None)
    assert (list(found.records), found.exit_code) == (["first"], 2)


def test_all_profiles_or_those_that_are_named():
    assert chosen([], ["a", "b"]) == ["a", "b"]
    assert chosen(["b"], ["a", "b"]) == ["b"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["profiles", "ipvs"], "profiles: ipvs: unknown; use one of: overlay-win-overlay"),
        (["profiles", "--area", "nothing"], "--area nothing: unknown; use one of:"),
        (["profiles", "--from", "nowhere"], "nowhere: No such file or directory"),
    ],
)
def test_bad_input_is_one_line(words, told, capsys, tmp_path):
    assert cli.main([*words, "--output", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert told in said
    assert len(said.strip().splitlines()) == 1


def test_the_list_names_every_profile_with_its_source(capsys):
    assert cli.main(["profiles", "--list"]) == 0
    listed = capsys.readouterr().out
    assert "l2tunnel-azure-cni" in listed
    assert "kubernetes.io: Networking on Windows, network modes, L2Tunnel" in listed
    assert not Path("reports/profiles/x").exists()
