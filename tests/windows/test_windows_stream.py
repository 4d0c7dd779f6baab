"""The agent's stream on Windows: frames over the pipes of a process, and how it ends."""

import contextlib
import json
import subprocess
from concurrent.futures import wait

from agent_for_tests import agent

from podwire.agent.framing import PREAMBLE, Decoder, Encoder, Kind

PIPES = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}


@contextlib.contextmanager
def rpc(places):
    """A process of the agent whose pipes are the test's own."""
    with subprocess.Popen(places.on_windows("rpc"), env=places.environment, **PIPES) as process:
        try:
            yield process
        finally:
            process.kill()


def request(encoder, number):
    call = {"method": "beacon", "params": {"host": "127.0.0.1", "port": 9, "token": "pw"}}
    return encoder.frame(Kind.REQUEST, number, json.dumps(call, indent=1).replace("\n", "\r\n").encode())


def results(process, count):
    """The answers to so many requests, in whatever order they come: kind, request, payload."""
    decoder, found = Decoder(), []
    while len(found) < count:
        data = process.stdout.read1()
        assert data, process.stderr.read()
        found += [frame for frame in decoder.feed(data) if frame[0] is not Kind.HEARTBEAT]
    return found


def test_the_end_of_stdin_ends_it(places):
    with rpc(places) as process:
        out, _ = process.communicate(PREAMBLE, timeout=60)
    assert (process.returncode, out) == (0, PREAMBLE)


def test_a_bye_ends_it_while_stdin_stays_open(places):
    with rpc(places) as process:
        process.stdin.write(PREAMBLE + Encoder().frame(Kind.BYE))
        process.stdin.flush()
        assert process.wait(60) == 0


def test_a_bye_that_is_called_is_answered_first(places):
    command = places.on_windows("rpc")
    with agent(*command, env=places.environment, stderr=subprocess.DEVNULL) as client:
        assert client.call("bye", {}, 60.0).result(70) == {}


def test_noise_on_stdin_ends_it_with_a_line(places):
    with rpc(places) as process:
        _, said = process.communicate(b"GET / HTTP/1.1\r\n\r\n", timeout=60)
    assert process.returncode == 1
    assert [line for line in said.splitlines() if line.startswith(b"podwire agent: ") and b"GET / HTTP/1.1" in line]


def test_frames_that_are_cut_anywhere_are_answered(places):
    encoder = Encoder()
    with rpc(places) as process:
        for byte in PREAMBLE + request(encoder, 1) + request(encoder, 2):
            process.stdin.write(bytes([byte]))
            process.stdin.flush()
        found = results(process, 2)
    assert sorted(found) == [(Kind.RESULT, 1, b"{}"), (Kind.RESULT, 2, b"{}")]


def test_bytes_that_text_mode_would_change_pass_both_ways(places):
    """Numbers of frames and requests have every byte, LF, CR and Ctrl-Z too; CR and LF stand in each request."""
    encoder, count = Encoder(), 300
    with rpc(places) as process:
        process.stdin.write(PREAMBLE + b"".join(request(encoder, number) for number in range(1, count + 1)))
        process.stdin.flush()
        found = results(process, count)
    assert sorted(number for _, number, _ in found) == list(range(1, count + 1))


def test_many_calls_with_large_answers_pass_at_once(windows):
    names = [f"{'x' * 30_000}{number}" for number in range(200)]
    calls = [windows.call(name, {}, 60.0) for name in names]
    wait(calls, timeout=70)
    assert [str(call.exception(0)) for call in calls] == [f"{name}: no such method" for name in names]
