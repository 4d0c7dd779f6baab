"""A reader that goes away loses what is said, and nothing else."""

import os
import subprocess
import sys

import pytest

from podwire.running.standard_streams import guarded


@pytest.fixture
def nobody_reads():
    """A stream into a pipe whose other end is closed, with a small buffer."""
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w", buffering=8192) as stream:
        yield stream
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def test_writing_and_flushing_go_on(nobody_reads):
    stream = guarded(nobody_reads)
    for _ in range(100):
        assert stream.write("x" * 1000) == 1000
    stream.write("the end")
    stream.flush()
    assert guarded(stream) is stream
    assert stream.isatty() is False


@pytest.mark.parametrize(
    ("words", "code"), [(["profiles", "--list"], 0), (["--help"], 0), (["gate", "a", "b", "c"], 2), (["flakes"], 2)]
)
def test_a_command_returns_what_it_would_have_returned(words, code):
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "podwire", *words], stdout=writer, stderr=subprocess.PIPE, timeout=60, check=False
    )
    os.close(writer)
    assert done.returncode == code
    assert b"Broken" not in done.stderr
