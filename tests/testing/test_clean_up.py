"""What was seen is written before anything is taken away, and no clean-up can take it back."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from fake_run import lay_out
from running import PATIENCE, environment

pytest_plugins = ["pytester"]
TESTS_FOLDER = Path(__file__).parents[1]
HELPERS, FIXTURES = TESTS_FOLDER / "helpers", TESTS_FOLDER.parent / "fixtures"
LIMITED = {"TWO[tcp-v4-windows": "silent"}

# Probes in a namespace of a real cluster, whose removal is as the test wants it. It notes whether the record was there.
CLEAN_UP = """
import threading
import podwire.running.probes, podwire.running.target
from podwire.errors import Unauthorized


def never_ends():
    while True:
        try:
            threading.Event().wait()
        except BaseException:
            pass


def refused():
    raise Unauthorized("401: the token has expired")


def wrong():
    raise KeyError("metadata")


def interrupted():
    raise KeyboardInterrupt


def slow():
    return ["namespace podwire-r is still being deleted after 90 s"]


def remove(probes):
    run = Path(__file__).parent / "run" / "run.json"
    (Path(__file__).parent / "removing").write_text(str(run.exists()))
    probes_class.namespace = ""
    return {how}()


probes_class = podwire.running.probes.Probes
probes_class.namespace, probes_class.remove = "podwire-r", remove
podwire.running.target.LabTarget.cleanup_command = lambda target, run_id: "podwire cleanup --context c --run r"
"""


@pytest.fixture
def laid_out(pytester):
    def lay(how, damage):
        lay_out(pytester, HELPERS, FIXTURES, {**LIMITED, **damage})
        conftest = pytester.path / "conftest.py"
        conftest.write_text(conftest.read_text() + CLEAN_UP.replace("{how}", how))
        return pytester

    return lay


def record(pytester):
    assert (pytester.path / "removing").read_text() == "True"
    return json.loads((pytester.path / "run" / "run.json").read_text())


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "with workers"])
@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("refused", "namespace podwire-r: 401: the token has expired"),
        ("wrong", "namespace podwire-r: 'metadata'"),
        ("interrupted", "namespace podwire-r: the clean-up was interrupted"),
        ("slow", "namespace podwire-r is still being deleted after 90 s"),
    ],
)
def test_a_clean_up_that_fails_costs_nothing_and_says_what_removes_the_rest(how, words, workers, laid_out):
    pytester = laid_out(how, {"ONE[tcp-v4-linux-windows": "silent"})
    result = pytester.runpytest_subprocess("suites", *workers)
    assert result.ret == 1
    result.assert_outcomes(passed=5, xfailed=2, failed=1)
    found = record(pytester)
    assert (found["complete"], len(found["cases"])) == (True, 8)
    result.stdout.fnmatch_lines(["* in all: *clean-up*"])
    result.stdout.fnmatch_lines([f"podwire: not removed: {words}"])
    result.stdout.fnmatch_lines(["podwire: to remove the rest, run: podwire cleanup --context c --run r"])
    result.stdout.no_fnmatch_line("*Traceback*")


@pytest.mark.parametrize("first", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_second_signal_ends_a_clean_up_that_never_ends(first, laid_out):
    pytester = laid_out("never_ends", {})
    command = [sys.executable, "-m", "pytest", "suites"]
    with subprocess.Popen(
        command, cwd=pytester.path, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        until = time.monotonic() + PATIENCE
        while not (pytester.path / "removing").exists():
            assert process.poll() is None, process.stdout.read()
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(first)
        if first == signal.SIGINT:
            process.send_signal(signal.SIGTERM)
        # The first one is taken by the clean-up; how soon is not known, and signals of a kind are merged.
        while process.poll() is None:
            assert time.monotonic() < until
            os.kill(process.pid, signal.SIGTERM)
            time.sleep(0.1)
    assert process.returncode == -signal.SIGTERM
    assert len(record(pytester)["cases"]) == 8


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "with workers"])
def test_a_reader_that_goes_away_does_not_change_what_a_run_returns(workers, pytester):
    lay_out(pytester, HELPERS, FIXTURES, {**LIMITED, "ONE[tcp-v4-linux-windows": "silent"})
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "suites", "-v", *workers],
        cwd=pytester.path,
        env=environment(),
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    os.close(writer)
    assert done.returncode == 1, done.stderr
    found = json.loads((pytester.path / "run" / "run.json").read_text())
    assert (found["complete"], len(found["cases"])) == (True, 8)
