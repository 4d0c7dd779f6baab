"""When a watch ends, and what it notes of the machine that it runs on."""

import signal
import sys
import time

import pytest
from runninglab import until

from podwire.model.gaps.paths import budget
from podwire.watching import clocks, ending
from podwire.watching.clocks import Clocks
from podwire.watching.command import Command
from podwire.watching.ending import Ending
from podwire.watching.timeline import TimeLine


@pytest.fixture
def line():
    line = TimeLine(lambda text: None)
    line.open()
    return line


def python(code):
    command = Command([sys.executable, "-c", code])
    command.start({})
    return command


def ended(line, **changes):
    """An ending whose command has ended a second ago."""
    said = []
    given = {"command": None, "seconds": 0.001, "budgets": [], "line": line, "say": said.append, **changes}
    made = Ending(**given)
    at = line.began + 1
    until(lambda: made.has_come(at))
    return made, at, said


def test_a_watch_goes_on_until_no_stream_waits(line):
    made, at, said = ended(line)
    assert not made.may_end(at + 1, False, [])
    assert made.may_end(at + 3, False, [])
    assert not made.may_end(at + 3, True, [])
    assert said == ["waiting for answers that are due, for 12 s at most"]
    assert made.may_end(at + ending.LONG, True, [])


def test_a_wait_within_a_long_budget_goes_on_until_it_is_over_or_ended(line):
    made, at, _ = ended(line, budgets=[budget("*: 40s"), budget("pod-node: any")])
    assert not made.may_end(at + 39, True, [])
    assert made.may_end(at + 42.1, True, [])
    made, at, _ = ended(line, budgets=[budget("*: 1h")])
    assert made.may_end(at + ending.LONGEST, True, [])


def test_a_path_that_has_no_stream_may_come_back(line):
    made, at, said = ended(line)
    assert not made.may_end(at + 100, False, ["pod-pod windows-windows tcp"])
    assert said == ["waiting for pod-pod windows-windows tcp to come back, for 20 s at most"]
    assert made.may_end(at + ending.LONGEST, False, ["pod-pod windows-windows tcp"])


def test_after_a_command_that_failed_nobody_waits_long(line):
    made, at, _ = ended(line, command=python("raise SystemExit(3)"), seconds=None)
    assert "ended with exit code 3" in line.events()[-1].text
    assert made.may_end(at + ending.LONG, False, ["pod-pod windows-windows tcp"])


def test_a_command_that_takes_longer_than_its_time_gets_a_signal_and_is_not_killed(line, tmp_path):
    ready = tmp_path / "ready"
    command = python(
        f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({str(ready)!r}, 'w'); time.sleep(60)"
    )
    until(ready.exists)
    made = Ending(command, 0.001, [], line, print)
    at = line.began + 1
    assert not made.has_come(at)
    assert not made.has_come(at + ending.GRACE - 1)
    assert made.has_come(at + ending.GRACE + 1)
    assert [event.text for event in line.events()] == [
        "the time is over: SIGTERM",
        "goes on after SIGTERM; podwire does not wait for it",
    ]
    assert command.running
    command.signal(signal.SIGKILL)


def test_a_command_killed_by_a_signal_is_told_with_it(line):
    command = python("import time; time.sleep(60)")
    made = Ending(command, None, [], line, print)
    command.signal(signal.SIGKILL)
    until(lambda: made.has_come(line.began))
    assert line.events()[-1].text == "ended with exit code 137 (SIGKILL)"


@pytest.mark.parametrize(("step", "word"), [(3600, "3600.0 s forward"), (-7, "7.0 s back")])
def test_a_step_of_the_clock_is_told_once_and_changes_no_moment(step, word, line, monkeypatch):
    watched = Clocks()
    assert watched.steps() == []
    before = line.now()
    real = time.time
    monkeypatch.setattr(clocks.time, "time", lambda: real() + step)
    (text,) = watched.steps()
    assert word in text
    assert watched.steps() == []
    assert 0 <= line.now() - before < 3_000_000


def test_a_wait_that_took_too_long_shows_a_busy_machine(monkeypatch):
    watched = Clocks()
    real = time.monotonic
    with watched.waiting(0.25):
        monkeypatch.setattr(clocks.time, "monotonic", lambda: real() + 9)
    monkeypatch.setattr(clocks.time, "monotonic", real)
    (text,) = watched.steps()
    assert text.startswith("was 8.")
    assert "its machine is busy" in text
