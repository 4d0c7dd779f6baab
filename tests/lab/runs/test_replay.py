"""One dated regression from end to end: two runs of the product, the gate, and what it says."""

from podwire.cli import main as cli


def test_a_regression_that_no_connect_check_sees_is_caught(tmp_path, capsys):
    assert cli.main(["replay", "equal-ports", "-o", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert said.startswith("caught equal-ports: ")
    assert "exposure/SVC-NODEPORT-EQ-PORT[" in said
    assert "the gate caught 1 of 1, a plain connect check 0 of 1" in said
    assert (tmp_path / "equal-ports" / "run.json").is_file()
    assert (tmp_path / "replay.md").read_text().startswith("| regression | when | lab | gate | plain connect check |")
