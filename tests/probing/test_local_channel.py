"""An agent behind a command: everything that a client can do with one in a pod, and every way in which it can end."""

import contextlib
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from agent_for_tests import AGENT, TOKEN, echo_server, exchange

from podwire.probing import local_channel
from podwire.probing.client import AgentClient, ChannelLost
from podwire.probing.local_channel import CommandChannel, CommandRefused

RPC = [sys.executable, *AGENT, "rpc"]


class Ear:
    """Hears what a channel says."""

    def __init__(self, channel):
        self.data, self.reasons, self.ended = b"", [], threading.Event()
        channel.start(self._on_data, self._on_end)

    def _on_data(self, data):
        self.data += data

    def _on_end(self, reason):
        self.reasons.append(reason)
        self.ended.set()


def shell(script):
    return CommandChannel(["sh", "-c", script])


def alive(pid):
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "(zombie)" not in status.read_text(encoding="ascii")


def client_of(*command):
    return AgentClient("outside", lambda: CommandChannel(command), tries=2, pause=0.01)


@pytest.mark.parametrize("prefix", [(), ("sh", "-c", 'exec "$@"', "sh"), ("sh", "-c", '"$@"; exit', "sh")])
def test_an_agent_behind_a_command_is_as_one_in_a_pod(prefix):
    client = client_of(*prefix, *RPC)
    with echo_server() as port:
        assert exchange(client, "tcp", port)["reply"]["identity"] == "server"
        one = {"proto": "udp", "host": "127.0.0.1", "port": port, "token": TOKEN, "size": 400, "timeout": 5.0}
        attempts = client.call("burst", {"exchanges": [one] * 300}).result(20)["attempts"]
    assert all(attempt["reply"] for attempt in attempts)
    pid = client.call("hello").result(10)["pid"]
    assert alive(pid)
    client.close()
    assert not alive(pid)


def test_a_large_request_arrives_whole():
    client = client_of(*RPC)
    several = [{"name": "127.0.0.1", "timeout": 5.0, "token": "x" * 900}] * 900
    attempts = client.call("lookups", {"lookups": several, "at_once": 50}, 30.0).result(30)["attempts"]
    assert len(attempts) == 900
    client.close()


def test_bytes_go_through_as_they_are():
    data = bytes(range(256)) * 4096
    channel = CommandChannel(["head", "-c", str(len(data))])
    ear = Ear(channel)
    channel.write(data)
    assert ear.ended.wait(10)
    assert ear.data == data
    assert ear.reasons == ["the process ended with exit code 0"]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 7", "the process ended with exit code 7"),
        ("echo 'Permission denied' >&2; echo '(publickey).' >&2; exit 255", "255: Permission denied (publickey)."),
        ("kill -9 $$", "the process was killed by signal 9"),
    ],
)
def test_the_end_of_the_process_is_told_with_its_last_words(script, reason):
    channel = shell(script)
    ear = Ear(channel)
    assert ear.ended.wait(10)
    assert ear.reasons[0].endswith(reason)
    with pytest.raises(BrokenPipeError, match="the process"):
        channel.write(b"x")
    channel.close()
    assert len(ear.reasons) == 1


def test_a_client_hears_why():
    client = client_of("sh", "-c", "echo 'No route to host' >&2; exit 255")
    with pytest.raises(ChannelLost, match=r"^outside: the process ended with exit code 255: No route to host"):
        client.call("hello").result(10)
    client.close()


def test_an_agent_that_is_killed_is_started_again_for_the_next_call():
    client = client_of(*RPC)
    first = client.call("hello").result(10)["pid"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        params = {"proto": "udp", "host": "127.0.0.1", "port": silent.getsockname()[1], "token": TOKEN, "timeout": 20.0}
        call = client.call("exchange", params)
        assert silent.recv(1000)
        os.kill(first, 9)
        with pytest.raises(ChannelLost, match="the process was killed by signal 9"):
            call.result(10)
    assert client.call("hello").result(10)["pid"] != first
    client.close()


def test_a_program_that_is_missing_is_refused_once():
    with pytest.raises(
        CommandRefused, match=r"^no-such-program: cannot be started: No such file or directory; check --external-agent$"
    ) as refused:
        CommandChannel(["no-such-program", "rpc"])
    assert refused.value.permanent
    client = client_of("no-such-program")
    with pytest.raises(
        ChannelLost,
        match=r"^outside: no-such-program: cannot be started: No such file or directory; check --external-agent$",
    ):
        client.call("hello").result(10)


def test_closing_kills_what_does_not_end_and_its_children(monkeypatch):
    monkeypatch.setattr(local_channel, "GRACE", 0.2)
    channel = shell("tail -f /dev/null & echo $! $$; wait")
    heard = threading.Event()
    pids = []

    def on_data(data):
        pids.extend(map(int, data.split()))
        heard.set()

    ends = []
    channel.start(on_data, ends.append)
    assert heard.wait(10)
    channel.close()
    channel.close()
    end = time.monotonic() + 10
    while any(alive(pid) for pid in pids) and time.monotonic() < end:
        time.sleep(0.01)  # killed, and on their way out
    assert not any(alive(pid) for pid in pids)
    assert ends == []
    with pytest.raises(BrokenPipeError, match="the stream was closed"):
        channel.write(b"x")


def test_what_was_written_leaves_before_the_end(tmp_path):
    channel = shell(f"cat > {tmp_path / 'got'}")
    Ear(channel)
    data = b"x" * (1 << 20)
    channel.write(data)
    channel.close()
    assert (tmp_path / "got").read_bytes() == data


def test_one_that_closes_its_stdout_is_ended(monkeypatch):
    monkeypatch.setattr(local_channel, "GRACE", 0.2)
    channel = shell("exec sleep 600 >&-")
    ear = Ear(channel)
    assert ear.ended.wait(10)
    assert ear.reasons == ["the process closed its stdout"]


def test_one_that_takes_nothing_is_ended_and_writing_never_waits(monkeypatch):
    monkeypatch.setattr(local_channel, "_MOST_QUEUED", 1 << 20)
    channel = shell("exec tail -f /dev/null")
    ear = Ear(channel)
    with contextlib.suppress(BrokenPipeError):  # once it is noticed
        for _ in range(40):
            channel.write(b"x" * (1 << 16))
    assert ear.ended.wait(10)
    assert ear.reasons[0].startswith("the process does not read its stdin")


def test_it_asks_on_no_terminal():
    done = subprocess.run(["sh", "-c", "true < /dev/tty"], capture_output=True, start_new_session=True, check=False)
    channel = shell("true < /dev/tty; exit $?")
    ear = Ear(channel)
    assert ear.ended.wait(10)
    assert f"exit code {done.returncode}" in ear.reasons[0]
    assert done.returncode != 0
