"""Ctrl-C while podwire still starts: one line and exit code 2, wherever it comes."""

import os
import subprocess
import sys

import pytest

# Ctrl-C when this process is about to import the module.
START = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
from podwire.cli.main import main
sys.meta_path.insert(0, Interrupting())
sys.argv[1:] = {words!r}
sys.exit(main())
"""
RUN = ["run", "--area", "egress", "--no-report", "--run-dir"]


@pytest.mark.parametrize(
    "module",
    [
        "podwire.running.standard_streams",
        "podwire.cli.signoff",
        "pytest",
        "podwire.testing.session",
    ],
)
def test_an_interrupt_during_imports_is_one_line(module, tmp_path):
    words = [*RUN, str(tmp_path / "run"), "--", "-p", "no:cacheprovider"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    ended = subprocess.run(
        [sys.executable, "-c", START.format(module=module, words=words)],
        capture_output=True,
        text=True,
        env=environment,
        timeout=120,
        check=False,
    )
    assert (ended.returncode, ended.stderr.splitlines()[-1:]) == (2, ["podwire: interrupted"]), ended
    assert ended.stderr.count("\n") == 1
    assert ended.stdout == ""
    assert list(tmp_path.iterdir()) == []
