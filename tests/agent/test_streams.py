"""Streams of a real agent, over loopback: steady messages, silences, transfers, and what becomes of them."""

import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

import pytest
from agent_for_tests import AGENT, TOKEN, PipeChannel, agent, changed_agent, changed_server, echo_server, free_port

from podwire.probing.client import AgentClient, AgentError
from podwire.probing.streams.calls import streams_of


@pytest.fixture(scope="module")
def client():
    with agent() as client:
        yield client


@pytest.fixture(scope="module")
def server():
    with echo_server() as port:
        yield port


def start(client, port, name="a", **params):
    defaults = {"stream": name, "kind": "steady", "proto": "udp", "host": "127.0.0.1", "token": TOKEN, "every": 0.02}
    return client.call("stream_start", {**defaults, "port": port, **params}, 20.0).result(25)


def state(client, name="a", **params):
    return streams_of(client.call("stream_state", {"streams": [name], **params}, 20.0).result(25))[name]


def stop(client, name="a", **params):
    return streams_of(client.call("stream_stop", {"streams": [name], "linger": 5.0, **params}, 20.0).result(25))[name]


def until(client, met, name="a"):
    """The numbers of a stream once they are as `met` says."""
    end = time.monotonic() + 20
    while time.monotonic() < end:
        numbers = state(client, name)
        if met(numbers):
            return numbers
        time.sleep(0.02)
    raise AssertionError(numbers)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_each_message_is_answered_until_the_stream_is_stopped(client, server, proto, host):
    began = start(client, server, proto=proto, host=host)["started"]
    until(client, lambda numbers: numbers.counts.answered >= 10)
    numbers = stop(client)
    counts = numbers.counts
    assert counts.sent == counts.answered >= 10
    assert (counts.lost, counts.late, counts.duplicates, counts.reordered, counts.wrong) == (0, 0, 0, 0, 0)
    assert (numbers.gaps, numbers.lost, numbers.errors, numbers.totals.reconnects) == ((), (), (), 0)
    assert [(turn.identity) for turn in numbers.servers] == ["server"]
    assert [place.address for place in numbers.sockets] == [host]
    assert numbers.started == began
    assert numbers.ended


def test_a_burst_is_answered_in_order(client, server):
    for proto in ("tcp", "udp"):
        start(client, server, proto=proto, burst=4, every=0.05)
        until(client, lambda numbers: numbers.counts.answered >= 20)
        numbers = stop(client)
        assert (numbers.counts.sent, numbers.counts.reordered) == (numbers.counts.answered, 0)


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_a_silent_stream_speaks_after_its_time(client, server, proto):
    start(client, server, proto=proto, every=0.6, count=2, reconnect=False)
    numbers = until(client, lambda numbers: numbers.ended)
    assert (numbers.counts.sent, numbers.counts.answered, numbers.errors) == (2, 2, ())
    assert len(numbers.sockets) == 1
    assert numbers.longest < 600
    stop(client)


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_a_silent_stream_speaks_once_more_at_the_stop(client, server, proto):
    start(client, server, proto=proto, every=300, count=2)
    until(client, lambda numbers: numbers.counts.answered == 1)
    numbers = stop(client, last=True)
    assert (numbers.counts.sent, numbers.counts.answered) == (2, 2)


@pytest.mark.parametrize("size", [1024, 65536, 3_000_001])
def test_a_transfer_arrives_whole_both_ways(client, server, size):
    start(client, server, kind="transfer", bytes=size)
    numbers = until(client, lambda numbers: numbers.ended)
    stop(client)
    assert numbers.errors == ()
    assert numbers.transfer.whole
    assert (numbers.transfer.sent, numbers.transfer.received) == (size, size)


STALLS = """
import podwire.agent.streams.talk as talk
whole = talk.pattern
async def stalls(sock, token, length):
    from podwire.agent.loop import now, sleep
    for piece in whole(token, length // 2):
        await talk.send_all(sock, piece, now() + 5)
    await sleep(now() + 30)
talk.give_back = stalls
"""


def test_a_transfer_that_stalls_says_after_how_many_bytes(client):
    size = 1 << 20
    with changed_server(STALLS) as port:
        start(client, port, kind="transfer", bytes=size, give_up=0.5)
        numbers = until(client, lambda numbers: numbers.ended)
        stop(client)
    transfer = numbers.transfer
    assert not transfer.whole
    assert (transfer.sent, transfer.received) == (size, size // 2)
    assert transfer.stall >= 500
    assert transfer.stalled_at == size + size // 2
    assert [(error.stage, error.kind) for error in numbers.errors] == [("receive", "timeout")]


CHANGES_BYTES = """
import podwire.agent.streams.talk as talk
whole = talk.pattern
talk.pattern = lambda token, length: (piece.replace(b"pw", b"wp", 1) for piece in whole(token, length))
"""


def test_a_transfer_of_other_bytes_is_not_whole(client):
    with changed_server(CHANGES_BYTES) as port:
        start(client, port, kind="transfer", bytes=100_000)
        numbers = until(client, lambda numbers: numbers.ended)
        stop(client)
    assert not numbers.transfer.whole
    assert numbers.errors[0].text == "other bytes came back than the server sends"


def udp_server(handle):
    """A UDP server; `handle(number, answer)` returns the answers to message N of a stream."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))

    def serve():
        while True:
            try:
                data, peer = sock.recvfrom(4096)
            except OSError:
                return
            token = data.split(b" ")[0].decode()
            for number in handle(int(token.split(".")[1])):
                answer = f'{{"token":"{token.split(".")[0]}.{number}","identity":"s","received":{len(data)}}}'
                sock.sendto(answer.encode(), peer)

    threading.Thread(target=serve, daemon=True).start()
    return sock


def run_against(client, handle, met, linger=0.0, **params):
    with udp_server(handle) as sock:
        start(client, sock.getsockname()[1], **params)
        until(client, met)
        numbers = stop(client, linger=linger)
        sock.shutdown(socket.SHUT_RDWR) if sys.platform == "win32" else None
    return numbers


def test_lost_messages_are_told_by_number(client):
    numbers = run_against(
        client,
        lambda number: [] if number in (3, 4, 7) else [number],
        lambda numbers: numbers.counts.lost == 3,
        timeout=0.3,
    )
    assert [(lost.first, lost.last) for lost in numbers.lost[:2]] == [(3, 4), (7, 7)]
    assert numbers.gaps == ()


def test_an_answer_twice_is_a_duplicate(client):
    numbers = run_against(
        client, lambda number: [number] * (2 if number == 5 else 1), lambda numbers: numbers.counts.answered >= 8
    )
    assert (numbers.counts.duplicates, numbers.counts.reordered) == (1, 0)


def test_an_answer_after_a_later_one_is_out_of_order(client):
    def answers(number):
        return {5: [], 6: [6, 5]}.get(number, [number])

    numbers = run_against(client, answers, lambda numbers: numbers.counts.answered >= 8, linger=10.0)
    assert (numbers.counts.reordered, numbers.counts.duplicates, numbers.counts.lost) == (1, 0, 0)


def test_an_answer_after_its_time_is_late_and_no_duplicate(client):
    numbers = run_against(
        client,
        lambda number: {2: [], 40: [40, 2]}.get(number, [number]),
        lambda numbers: numbers.counts.late == 1,
        timeout=0.3,
    )
    assert [(lost.first, lost.last) for lost in numbers.lost[:1]] == [(2, 2)]
    assert numbers.counts.duplicates == 0


def test_a_time_without_answers_is_a_gap_with_its_length(client):
    numbers = run_against(
        client,
        lambda number: [] if 10 <= number < 60 else [number],
        lambda numbers: numbers.counts.answered >= 15,
        gap=0.3,
        timeout=10.0,
    )
    (gap,) = numbers.gaps
    assert gap.length >= 300
    assert 1 < gap.sent <= numbers.counts.sent - 10
    assert numbers.longest == gap.length
    assert numbers.totals.gaps == 1


def test_a_silence_that_goes_on_is_told_and_is_a_gap_at_the_stop(client):
    with udp_server(lambda number: []) as sock:
        start(client, sock.getsockname()[1], gap=0.2)
        until(client, lambda numbers: numbers.waiting > 300)
        numbers = stop(client, linger=0.0)
    assert len(numbers.gaps) == 1
    assert numbers.counts.lost == numbers.counts.sent


def test_a_refused_port_is_an_error_each_time_in_one_entry(client):
    start(client, free_port(socket.SOCK_DGRAM))
    until(client, lambda numbers: numbers.totals.errors >= 3)
    numbers = stop(client, linger=0.0)
    assert {error.kind for error in numbers.errors} == {"refused"}
    # On a busy machine the system tells some refusals at the next message: equal ones in a row are one entry.
    assert sum(error.times for error in numbers.errors) >= 3
    assert all(before.stage != after.stage for before, after in itertools.pairwise(numbers.errors))


def test_a_one_way_stream_waits_for_nothing(client, server):
    start(client, server, one_way=True)
    until(client, lambda numbers: numbers.counts.sent >= 5)
    numbers = stop(client)
    assert (numbers.counts.answered, numbers.counts.lost, numbers.gaps, numbers.longest) == (0, 0, (), 0)


def test_a_connection_that_is_cut_is_an_error_and_a_new_connection(client):
    listener = socket.create_server(("127.0.0.1", free_port()))
    port = listener.getsockname()[1]

    def cut():
        with listener:
            sock, _ = listener.accept()
        sock.recv(1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        sock.close()

    threading.Thread(target=cut, daemon=True).start()
    start(client, port, proto="tcp")
    until(client, lambda numbers: numbers.totals.errors >= 2)
    command = [sys.executable, *AGENT, "serve", "--port", str(port)]
    with subprocess.Popen(
        command, stderr=subprocess.DEVNULL, env={**os.environ, "PODWIRE_IDENTITY": "second"}
    ) as again:
        try:
            until(client, lambda numbers: numbers.counts.answered >= 5)
        finally:
            again.terminate()
    numbers = stop(client, linger=0.0)
    assert [error.kind for error in numbers.errors[:2]] == ["reset", "refused"]
    assert numbers.totals.reconnects >= 2
    assert numbers.counts.lost >= 1
    assert numbers.servers[0].identity == "second"


def test_a_connection_without_an_answer_is_given_up(client):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        start(client, listener.getsockname()[1], proto="tcp", give_up=0.4, reconnect=False)
        numbers = until(client, lambda numbers: numbers.ended)
        stop(client)
    assert [(error.stage, error.kind) for error in numbers.errors] == [("receive", "timeout")]


def test_a_server_that_stands_still_is_a_gap_and_no_loss_over_tcp(client):
    port = free_port()
    with subprocess.Popen([sys.executable, *AGENT, "serve", "--port", str(port)], stderr=subprocess.PIPE) as process:
        try:
            assert b"echo on port" in process.stderr.readline()
            start(client, port, proto="tcp", gap=0.3, timeout=10.0)
            until(client, lambda numbers: numbers.counts.answered >= 3)
            process.send_signal(signal.SIGSTOP)
            until(client, lambda numbers: numbers.waiting > 400)
            process.send_signal(signal.SIGCONT)
            until(client, lambda numbers: numbers.gaps)
            numbers = stop(client)
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.stderr.close()
    assert (numbers.counts.sent, numbers.counts.lost) == (numbers.counts.answered, 0)
    assert numbers.gaps[0].length >= 400
    assert numbers.gaps[0].delay < numbers.gaps[0].length / 2


# The system lets the agent run only a second after an answer has come, while a file is there.
BUSY = """
import os, time
import podwire.agent.loop as loop
wait = loop.EpollPoller.wait
def late(self, timeout):
    ready = wait(self, timeout)
    if set(ready) - {{0}} and os.path.exists({file!r}):
        os.unlink({file!r})
        time.sleep(1.0)
    return ready
loop.EpollPoller.wait = late
"""


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_a_client_that_reads_an_answer_late_was_late_itself(proto, tmp_path):
    port, busy = free_port(), tmp_path / "busy"
    channel = PipeChannel(*changed_agent(BUSY.format(file=str(busy)), "rpc"))
    with subprocess.Popen([sys.executable, *AGENT, "serve", "--port", str(port)], stderr=subprocess.PIPE) as process:
        client = AgentClient("busy", lambda: channel)
        try:
            assert b"echo on port" in process.stderr.readline()
            start(client, port, proto=proto, gap=0.3, timeout=10.0)
            until(client, lambda numbers: numbers.counts.answered >= 3)
            process.send_signal(signal.SIGSTOP)
            until(client, lambda numbers: numbers.waiting > 20)
            busy.touch()
            process.send_signal(signal.SIGCONT)
            (gap,) = until(client, lambda numbers: numbers.gaps).gaps
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            process.stderr.close()
            client.close()
            channel.process.wait(20)
            channel.process.stdout.close()
    assert gap.length >= 1000
    assert gap.delay >= 900


def test_what_was_fetched_is_not_told_again(client):
    with udp_server(lambda number: [] if number == 2 else [number]) as sock:
        start(client, sock.getsockname()[1], timeout=0.2)
        until(client, lambda numbers: numbers.counts.lost == 1)
        assert [(lost.first, lost.last) for lost in state(client, drain=True).lost] == [(2, 2)]
        numbers = stop(client, linger=0.0)
    assert [lost for lost in numbers.lost if lost.first == 2] == []
    assert numbers.counts.lost >= 1


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"kind": "x"}, "parameter 'kind': 'x' is not steady or transfer"),
        ({"proto": "sctp"}, "parameter 'proto': 'sctp' is not tcp or udp"),
        ({"every": 0}, "parameters 'every' and 'burst' are more than 0"),
        ({"size": 9000}, "parameter 'size': 9000 is more than 1400 bytes"),
        ({"proto": "tcp", "one_way": True}, "parameter 'one_way': only over udp"),
        ({"kind": "transfer", "bytes": 5}, "parameter 'bytes': 5 is not between 1024 and 67108864"),
    ],
)
def test_wrong_parameters_are_told(client, server, params, text):
    with pytest.raises(AgentError) as problem:
        start(client, server, **params)
    assert str(problem.value) == f"stream_start: {text}"


def test_names_of_streams_are_told_apart(client, server):
    start(client, server)
    with pytest.raises(AgentError, match="stream 'a' runs already"):
        start(client, server)
    stop(client)
    with pytest.raises(AgentError, match="no stream 'a' runs"):
        stop(client)


def test_a_server_closes_a_talk_that_sends_anything_else(server):
    for after in (b"GET / HTTP/1.0\r\n\r\n", b"x" * 5000, f"{TOKEN}.2 5000\n".encode()):
        with socket.create_connection(("127.0.0.1", server), 5) as sock:
            sock.sendall(f"{TOKEN}.1 64\ntalk=9 ".encode().ljust(64, b"x"))
            assert sock.recv(4096).endswith(b"\n")
            sock.sendall(after)
            with suppress(ConnectionResetError):
                assert sock.recv(4096) == b""
