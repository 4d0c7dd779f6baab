"""The command of a watch: its exit code, its environment, and signals."""

import signal
import sys

import pytest
from runninglab import until

from podwire.errors import UsageError
from podwire.watching.command import Command


def python(code):
    return Command([sys.executable, "-c", code])


def test_a_command_has_its_exit_code_and_the_variables_of_its_cluster(tmp_path):
    command = python("import os, sys; open(os.environ['FILE'], 'w').write('here'); sys.exit(7)")
    command.start({"FILE": str(tmp_path / "file")})
    until(lambda: not command.running)
    assert command.record().exit_code == 7
    assert (tmp_path / "file").read_text() == "here"


def test_a_signal_reaches_the_command_and_one_that_ignores_it_is_ended(tmp_path):
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({!r}, 'w'); time.sleep(60)"
    for source, grace, name in (("import time; time.sleep(60)", 10.0, "SIGTERM"), (code, 0.2, "SIGKILL")):
        ready = tmp_path / name
        command = python(source.format(str(ready)))
        command.start({})
        until(lambda name=name, ready=ready: name == "SIGTERM" or ready.exists())
        command.end(signal.SIGTERM, grace)
        record = command.record()
        assert (record.signal, record.exit_code) == (name, 128 + signal.Signals[name])


def test_a_command_that_has_not_started_or_cannot_start():
    assert python("").record().exit_code is None
    with pytest.raises(UsageError, match="-- no-such-program: there is no such program"):
        Command(["no-such-program"])
