"""`podwire agent` writes the agent as one file."""

import subprocess
import sys

import pytest

from podwire.cli import main as cli


def test_the_file_is_an_agent_that_runs(tmp_path, capsys):
    path = tmp_path / "agent.pyz"
    assert cli.main(["agent", "-o", str(path)]) == 0
    assert capsys.readouterr().out.startswith(f"{path}: ")
    done = subprocess.run([sys.executable, path, "serve"], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stderr.splitlines()[0][:23]) == (2, "usage: agent.pyz serve ")


@pytest.mark.parametrize("place", ["missing/agent.pyz", "."])
def test_a_file_that_cannot_be_written_is_one_line(tmp_path, capsys, place):
    assert cli.main(["agent", "-o", str(tmp_path / place)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"podwire: -o {tmp_path}")
    assert "cannot be written" in line
