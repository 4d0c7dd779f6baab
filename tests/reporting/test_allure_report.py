"""The HTML report: made by whatever `allure` is found, bounded in time, never the reason why a run fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from records_for_tests import one_of_each

from podwire.reporting.allure import write_allure_results
from podwire.reporting.allure_report import HOW_TO_GET_IT, default_configuration, generate_report, without_analytics
from podwire.running.run_options import ClusterOptions, LabOptions, OutputOptions, RunOptions
from podwire.running.runner import Runner

REPORTS = Path(__file__).parents[2] / "reports"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    directory = tmp_path / "run-1"
    write_allure_results(one_of_each(), directory)
    return directory


def install(directory: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """An `allure` on PATH that is a shell script, beside a `node` that is never started."""
    tools = directory / "tools"
    tools.mkdir()
    for name, text in (("allure", script), ("node", "exit 1")):
        (tools / name).write_text(f"#!/bin/sh\n{text}\n")
        (tools / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:/usr/bin:/bin")


def test_without_allure_one_line_tells_how_to_get_it(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert generate_report(run) == (None, HOW_TO_GET_IT)


def test_the_page_lies_in_the_run_and_reports_to_nobody(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = '<script async src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>'
    install(
        tmp_path, monkeypatch, f"""mkdir -p "$6"; cp "$4" "$6/config"; echo '<p>{tracker}</p>' > "$6/index.html" """
    )
    page, line = generate_report(run)
    assert page == run / "allure-report" / "index.html"
    assert line == str(page)
    assert page.read_text() == "<p></p>\n"


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ("echo first; echo no memory; exit 3", "no Allure report: Allure ended with code 3: no memory"),
        ("exit 1", "no Allure report: Allure ended with code 1: no output"),
        ("exit 0", "no Allure report: Allure wrote no index.html"),
        ("sleep 60 & wait", "no Allure report: Allure did not end within 0.2 s"),
    ],
    ids=["words", "silent", "nothing", "slow"],
)
def test_a_problem_is_one_line(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str, problem: str
) -> None:
    install(tmp_path, monkeypatch, script)
    assert generate_report(run, timeout=0.2 if "sleep" in script else 10) == (None, problem)


def test_without_results_nothing_is_generated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, monkeypatch, "exit 0")
    page, line = generate_report(tmp_path)
    assert page is None
    assert line.endswith("allure-results has no results")


def test_only_trackers_are_taken_out() -> None:
    tracker = b"<script>window.dataLayer=[];function gtag(){};gtag('js')</script>"
    report = b"<script>" + b"x" * 5000 + b"gtag(" + b"</script>"
    assert without_analytics(b"<a>" + tracker + report + b"</a>") == b"<a>" + report + b"</a>"


def test_the_configuration_in_the_checkout_is_the_one_that_is_made() -> None:
    assert json.loads((REPORTS / "allurerc.json").read_text(encoding="utf-8")) == default_configuration()


@pytest.mark.parametrize("kept", [True, False])
def test_the_history_is_allures_own_file_and_of_ten_runs(
    kept: bool, run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, monkeypatch, f'cp "$4" {tmp_path}/told.json; mkdir "$6"; echo page >"$6"/index.html')
    history = tmp_path / "history.jsonl" if kept else None
    page, _ = generate_report(run, history=history)
    assert page is not None
    told = json.loads((tmp_path / "told.json").read_text())
    assert told.get("historyPath") == (str(history) if kept else None)
    assert told.get("historyLimit") == (10 if kept else None)


@pytest.mark.parametrize(
    ("options", "name"),
    [
        (RunOptions(), "history-overlay-win-overlay.jsonl"),
        (RunOptions(lab=LabOptions(profile="l2bridge-win-bridge")), "history-l2bridge-win-bridge.jsonl"),
        (RunOptions(cluster=ClusterOptions(context="arn:aws:eks/prod")), "history-arn-aws-eks-prod.jsonl"),
        (RunOptions(output=OutputOptions(run_dir=Path("/elsewhere"))), None),
        (RunOptions(output=OutputOptions(run_dir=Path("/elsewhere"), history=Path("/kept.jsonl"))), "kept.jsonl"),
    ],
)
def test_runs_on_one_cluster_share_a_history(options: RunOptions, name: str | None) -> None:
    history = Runner(options).history
    assert (history.name if history else None) == name
