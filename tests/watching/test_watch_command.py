"""The command of a watch: its exit code, its environment, and signals."""

import os
import pty
import select
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


def test_a_signal_reaches_the_command_and_all_that_it_started(tmp_path):
    child = "import time; open({!r}, 'w'); time.sleep(60)".format(str(tmp_path / "child"))
    command = python(f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])")
    command.start({})
    until((tmp_path / "child").exists)
    command.signal(signal.SIGTERM)
    assert command.await_end()
    record = command.record()
    assert (record.signal, record.exit_code) == ("SIGTERM", 143)


def test_a_command_that_ignores_a_signal_goes_on(tmp_path):
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({!r}, 'w'); time.sleep(60)"
    command = python(code.format(str(tmp_path / "ready")))
    command.start({})
    until((tmp_path / "ready").exists)
    command.signal(signal.SIGTERM)
    assert not command.await_end(0.2)
    assert command.record().exit_code is None
    assert f"process {command._process.pid}" in command.described
    command.signal(signal.SIGKILL)
    assert command.await_end()


IN_A_TERMINAL = """
import signal, sys, time
from podwire.watching.command import Command
times = []
signal.signal(signal.SIGINT, lambda *_: times.append(time.time()))
command = Command([sys.executable, "-c", {code!r}])
command.start({{}})
while not times:
    time.sleep(0.01)
command.signal(signal.SIGINT)
assert command.await_end()
print("ended", command.record().exit_code, flush=True)
"""
ASKING = """
import signal, time
print("got", input("name? "), flush=True)
count = []
signal.signal(signal.SIGINT, lambda *_: count.append(1))
print("ready", flush=True)
while not count:
    time.sleep(0.01)
time.sleep(0.3)
raise SystemExit(len(count))
"""


def test_in_a_terminal_a_command_may_ask_and_gets_ctrl_c_once():
    pid, terminal = pty.fork()
    if not pid:
        os.execv(sys.executable, [sys.executable, "-c", IN_A_TERMINAL.format(code=ASKING)])
    shown = b""
    try:
        for word, typed in ((b"name?", b"x\n"), (b"ready", b"\x03"), (b"ended 1", b"")):
            while word not in shown:
                assert select.select([terminal], [], [], 20)[0], shown
                shown += os.read(terminal, 4096)
            os.write(terminal, typed)
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(terminal)
    assert b"got x" in shown


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (["up", "--token", "abc", "--pool", "w"], ["up", "--token", "[redacted]", "--pool", "w"]),
        (["up", "--client-secret=abc", "x"], ["up", "--client-secret=[redacted]", "x"]),
        (["env", "AWS_SECRET_ACCESS_KEY=abc", "up"], ["env", "AWS_SECRET_ACCESS_KEY=[redacted]", "up"]),
        (["up", "--password", "--force", "y"], ["up", "--password", "--force", "y"]),
    ],
)
def test_what_looks_like_a_secret_is_not_in_the_record(words, shown, monkeypatch):
    monkeypatch.setattr("shutil.which", lambda name: name)
    assert list(Command(words).words) == shown


def test_a_command_that_has_not_started_or_cannot_start():
    assert python("").record().exit_code is None
    with pytest.raises(UsageError, match="-- no-such-program: there is no such program"):
        Command(["no-such-program"])


def test_a_program_that_the_system_cannot_run_is_one_line(tmp_path):
    program = tmp_path / "script"
    program.write_text("no interpreter is named here")
    program.chmod(0o755)
    with pytest.raises(UsageError, match="script: cannot be started: Exec format error"):
        Command([str(program)]).start({})
