"""The agent's stream: how it begins and ends, on pipes that the loop reads and on threads, as on Windows."""

import inspect
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from agent_for_tests import AGENT, TOKEN, PipeChannel, agent, changed_agent, echo_server, exchange

from podwire.agent import stdio
from podwire.agent.framing import PREAMBLE, Decoder, Encoder, Kind
from podwire.agent.rpc import JOBS, job
from podwire.probing.client import AgentError

IMPATIENT = changed_agent("from podwire.agent import rpc; rpc.HEARTBEAT_EVERY, rpc.SILENCE = 0.05, 0.3", "rpc")


def start(*command):
    command = command or (sys.executable, *AGENT, "rpc")
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.fixture(params=[(), ("--threads",)], ids=["polled", "threads"])
def rpc(request):
    return (sys.executable, *AGENT, "rpc", *request.param)


def test_it_works_either_way(rpc):
    with echo_server() as port, agent(*rpc) as client:
        assert exchange(client, "tcp", port)["reply"]
        calls = [client.call("resolve", {"name": "localhost", "timeout": 5.0}) for _ in range(100)]
        assert all(call.result(10)["error"] is None for call in calls)


def test_the_end_of_stdin_ends_it(rpc):
    process = start(*rpc)
    out, err = process.communicate(PREAMBLE, timeout=10)
    assert (process.returncode, out, err) == (0, PREAMBLE, b"")


def test_a_bye_ends_it_while_stdin_stays_open(rpc):
    process = start(*rpc)
    process.stdin.write(PREAMBLE + Encoder().frame(Kind.BYE))
    process.stdin.flush()
    assert process.wait(10) == 0
    process.communicate()


def test_a_bye_that_is_called_is_answered_first(rpc):
    with agent(*rpc) as client:
        assert client.call("bye").result(10) == {}


def test_noise_on_stdin_ends_it_with_a_line(rpc):
    process = start(*rpc)
    _, err = process.communicate(b"GET / HTTP/1.1\r\n\r\n", timeout=10)
    assert process.returncode == 1
    assert b"does not speak podwire's protocol; it sent 'GET / HTTP/1.1" in err
    assert len(err.splitlines()) == 1


def test_files_as_stdin_and_stdout_work_too(tmp_path):
    request = b'{"method":"resolve","params":{"name":"localhost","timeout":5}}'
    (tmp_path / "in").write_bytes(PREAMBLE + Encoder().frame(Kind.REQUEST, 7, request))
    with open(tmp_path / "in", "rb") as given, open(tmp_path / "out", "wb") as taken:
        subprocess.run([sys.executable, *AGENT, "rpc"], stdin=given, stdout=taken, timeout=10, check=True)
    assert (tmp_path / "out").read_bytes().startswith(PREAMBLE)


def test_it_beats_and_ends_when_nobody_beats_back():
    process = start(*IMPATIENT)
    process.stdin.write(PREAMBLE)
    process.stdin.flush()
    assert process.wait(10) == 1
    frames = Decoder().feed(process.stdout.read())
    assert len(frames) >= 2
    assert {kind for kind, _, _ in frames} == {Kind.HEARTBEAT}
    assert b"no word from the runner" in process.stderr.read()
    process.communicate()


def test_sigterm_ends_it():
    process = start()
    assert process.stdout.read(len(PREAMBLE)) == PREAMBLE
    process.terminate()
    assert process.wait(5) == 0
    process.communicate()


def test_a_method_that_there_is_not_is_an_error_and_the_stream_goes_on():
    with agent() as client:
        with pytest.raises(AgentError, match="nonsense: no such method"):
            client.call("nonsense").result(10)
        assert client.call("hello").result(10)["version"]


@pytest.mark.parametrize("method", JOBS)
def test_every_method_is_a_function_of_its_module(method):
    assert inspect.iscoroutinefunction(job(method))
    assert job(method).__name__ == method


def test_a_fault_inside_is_an_error_of_that_call_only():
    with agent() as client:
        with pytest.raises(AgentError, match="burst: "):
            client.call("burst", {"exchanges": [1]}).result(10)
        assert client.call("hello").result(10)


def test_a_runner_that_does_not_read_does_not_stop_it():
    """Answers queue while the pipe is full, and come when somebody reads."""
    process = start()
    encoder = Encoder()
    request = b'{"method":"hello"}'
    data = PREAMBLE + b"".join(encoder.frame(Kind.REQUEST, number, request) for number in range(1, 1001))
    process.stdin.write(data)
    process.stdin.flush()
    decoder, seen = Decoder(), []
    while len(seen) < 1000:
        seen += [request for _, request, _ in decoder.feed(os.read(process.stdout.fileno(), 999))]
    assert seen == list(range(1, 1001))
    process.communicate(timeout=10)


def test_a_full_pipe_is_tried_once_and_then_waited_for(monkeypatch):
    tried = []

    def full(fd, data):
        tried.append(fd)
        raise BlockingIOError

    monkeypatch.setattr(stdio, "pollable", lambda fd: True)
    monkeypatch.setattr(stdio.os, "set_blocking", lambda fd, blocking: None)
    monkeypatch.setattr(stdio.os, "write", full)
    loop = SimpleNamespace(spawn=lambda coroutine: coroutine.close())
    stream = stdio.Stdio(loop, lambda data: None, lambda: None)
    stream.send(b"an answer")
    stream.flush()
    stream.flush()
    assert tried == [1]


def test_its_memory_stays_small():
    with echo_server() as port, agent() as client:
        one = {"proto": "udp", "host": "127.0.0.1", "port": port, "token": TOKEN, "size": 400, "timeout": 5.0}
        for _ in range(5):
            client.call("burst", {"exchanges": [one] * 400}).result(20)
        pid = client.call("hello").result(10)["pid"]
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            peak = next(line.split()[1] for line in status if line.startswith("VmHWM"))
    assert int(peak) < 30 * 1024


def test_it_ends_when_the_channel_is_closed_hard():
    channel = PipeChannel()
    channel.close()
    assert channel.process.wait(10) == 0
