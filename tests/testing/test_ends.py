"""However a run ends, what was seen so far is kept and nothing is left behind."""

import os
import signal
import subprocess
import time

import pytest
from running import CHECKOUT, PATIENCE, Finished, command, environment

SILENT = ("--requirement", "ICMP-EXTERNAL", "--family", "ipv4")
"""Few cases, some of which wait for an answer that never comes: time enough for a signal."""


def descendants(pid):
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False)
    children = [int(word) for word in found.stdout.split()]
    return children + [one for child in children for one in descendants(child)]


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def await_end(children):
    until = time.monotonic() + 10
    while not all(gone(child) for child in children):
        assert time.monotonic() < until, "processes were left behind"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_the_record_and_no_process(number, tmp_path):
    with subprocess.Popen(
        command(tmp_path, *SILENT),
        cwd=CHECKOUT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        for line in process.stdout:
            if "in flight" in line:
                break
        children = descendants(process.pid)
        process.send_signal(number)
        text, _ = process.communicate(timeout=PATIENCE)
    done = Finished(process.returncode, text, tmp_path)
    assert children
    assert done.record["interrupted"]
    assert done.record["missing"]
    await_end(children)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_the_lab_starts_leaves_no_process(number, tmp_path):
    with subprocess.Popen(
        command(tmp_path, *SILENT),
        cwd=CHECKOUT,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        until = time.monotonic() + PATIENCE
        while not (children := descendants(process.pid)):
            assert time.monotonic() < until, "no lab was started"
            time.sleep(0.02)
        process.send_signal(number)
        text, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2, text
    assert "in flight" not in text
    await_end(children)
