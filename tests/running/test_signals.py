"""What the signals that end a run do, the first time and the second."""

import os
import signal
import subprocess
import sys

import pytest

from podwire.running.signals import ENDING, hold_interrupts, interrupted_by_signals, interruptible


@pytest.mark.parametrize("number", ENDING)
def test_the_first_interrupts_and_leaves_the_second_to_the_system(number):
    before = [signal.getsignal(one) for one in ENDING]
    with interrupted_by_signals():
        with pytest.raises(KeyboardInterrupt, match=signal.Signals(number).name):
            os.kill(os.getpid(), number)
        assert [signal.getsignal(one) for one in ENDING] == [signal.SIG_DFL, signal.SIG_DFL]
    assert [signal.getsignal(one) for one in ENDING] == before


def test_a_signal_that_is_ignored_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupted_by_signals():
            os.kill(os.getpid(), signal.SIGHUP)
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def handlers():
    return [signal.getsignal(one) for one in (signal.SIGINT, *ENDING)]


def test_what_is_held_takes_no_notice_of_ctrl_c():
    before = handlers()
    release = hold_interrupts()
    os.kill(os.getpid(), signal.SIGINT)
    hold_interrupts()
    release()
    assert handlers() == before
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("number", ENDING)
def test_what_is_held_leaves_the_second_signal_to_the_system(number):
    with interrupted_by_signals():
        release = hold_interrupts()
        os.kill(os.getpid(), number)
        assert handlers()[1:] == [signal.SIG_DFL, signal.SIG_DFL]
        release()
        assert handlers()[1:] == [signal.SIG_DFL, signal.SIG_DFL]


@pytest.mark.parametrize("number", [signal.SIGINT, *ENDING])
def test_a_block_within_what_is_held_can_be_interrupted(number):
    with interrupted_by_signals():
        release = hold_interrupts()
        with pytest.raises(KeyboardInterrupt), interruptible():
            os.kill(os.getpid(), number)
        os.kill(os.getpid(), signal.SIGINT)
        release()


def test_nothing_is_held_in_a_process_that_takes_no_notice_of_signals():
    before = [signal.signal(one, signal.SIG_IGN) for one in (signal.SIGINT, *ENDING)]
    try:
        hold_interrupts()()
        assert handlers() == [signal.SIG_IGN] * 3
    finally:
        for one, handler in zip((signal.SIGINT, *ENDING), before, strict=True):
            signal.signal(one, handler)


STUBBORN = """
import os, signal, threading
from podwire.running.signals import interrupt_on_ending_signals
interrupt_on_ending_signals()
while True:
    try:
        print("ready", flush=True)
        threading.Event().wait()
    except BaseException:
        print("interrupted", flush=True)
"""


@pytest.mark.parametrize("second", ENDING)
@pytest.mark.parametrize("first", ENDING)
def test_the_second_ends_a_process_that_takes_no_notice_of_the_first(first, second):
    with subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(first)
        assert process.stdout.readline() == "interrupted\n"
        process.send_signal(second)
        assert process.wait(30) == -second
