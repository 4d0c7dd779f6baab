"""`podwire summary`: what a run printed, from its folder alone."""

from pathlib import Path

from podwire.cli import main as cli

EXAMPLE = Path(__file__).parents[2] / "reports/example/run"


def test_the_summary_of_a_stored_run_is_what_the_run_printed(capsys):
    assert cli.main(["summary", str(EXAMPLE)]) == 0
    assert capsys.readouterr().out == (EXAMPLE / "terminal.txt").read_text()


def test_a_folder_without_a_run_is_one_line(tmp_path, capsys):
    assert cli.main(["summary", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert str(tmp_path / "run.json") in told


def test_without_the_observations_each_failing_case_stands_alone(tmp_path, capsys):
    (tmp_path / "run.json").write_bytes((EXAMPLE / "run.json").read_bytes())
    assert cli.main(["summary", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    assert "one cause" not in told
    assert "FAIL  egress/FLOW-POD-EXT-IP[tcp-256B-v4-windows-outside]" in told


def test_observations_of_another_run_are_one_line(tmp_path, capsys):
    (tmp_path / "run.json").write_bytes((EXAMPLE / "run.json").read_bytes())
    (tmp_path / "observations.jsonl.gz").write_bytes(b"")
    assert cli.main(["summary", str(tmp_path)]) == 2
    assert "its SHA-256 differs from the one in run.json" in capsys.readouterr().err
