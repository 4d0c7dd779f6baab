"""The exec channel against recordings of a real API server."""

import struct
import threading
import time

import pytest
from aiohttp import WSMsgType
from exec_server import configuration, exec_server

from podwire.cluster.exec import channel as module
from podwire.cluster.exec.channel import ExecChannel
from podwire.errors import ClusterError


class Ear:
    """Keeps what a channel says."""

    def __init__(self, channel):
        self.data, self.reasons = b"", []
        self._ended, self._came = threading.Event(), threading.Condition()
        channel.start(self._on_data, self._on_end)

    def _on_data(self, data):
        with self._came:
            self.data += data
            self._came.notify_all()

    def _on_end(self, reason):
        self.reasons.append(reason)
        self._ended.set()

    def reason(self):
        assert self._ended.wait(5), "the stream did not end"
        return self.reasons[0]

    def wait_for(self, data):
        with self._came:
            assert self._came.wait_for(lambda: data in self.data, 5), self.data


@pytest.fixture
def server():
    with exec_server() as one:
        yield one


def opened(server, title="", *, command=("python", "/podwire/agent.pyz", "rpc"), **more):
    server.play = title
    return ExecChannel(configuration(server, **more), "rec", "a", "probe", command, timeout=5)


@pytest.mark.parametrize(
    ("title", "data", "code", "reason"),
    [
        ("stdout and stderr, exit 0", b"out\n", 0, "the process ended with exit code 0: err"),
        ("exit code 3", b"", 3, "the process ended with exit code 3"),
        ("v4: exit code 3", b"", 3, "the process ended with exit code 3"),
        ("killed by SIGKILL", b"", 137, "the process ended with exit code 137"),
        ("the container is killed during exec", b"", 137, "the process ended with exit code 137"),
        ("100 KB of output: how it is cut into frames", bytes(100_000), 0, "the process ended with exit code 0"),
        ("a ping from the client", b"", 0, "the process ended with exit code 0"),
    ],
)
def test_output_and_end_of_a_process(server, title, data, code, reason):
    channel = opened(server, title)
    ear = Ear(channel)
    assert ear.reason() == reason
    assert (ear.data, channel.exit_code) == (data, code)


def test_a_command_that_cannot_start_is_the_runtimes_own_sentence_on_one_line(server):
    channel = opened(server, "command not found")
    reason = Ear(channel).reason()
    assert reason.startswith("Internal error occurred: Internal error occurred: error executing command in container")
    assert channel.exit_code is None
    assert "\n" not in reason


def test_stdin_and_its_end(server):
    channel = opened(server, "v5: stdin, then its end")
    ear = Ear(channel)
    channel.write(b"hello\n")
    channel.write(b"world\n")
    assert channel.close_stdin() is True
    assert ear.reason() == "the process ended with exit code 0"
    assert ear.data == b"hello\nworld\n"


def test_version_4_has_no_end_of_stdin(server):
    channel = opened(server, "v4: stdin has no end: cat goes on until the connection closes")
    ear = Ear(channel)
    channel.write(b"hello\n")
    ear.wait_for(b"hello\n")
    assert (channel.protocol, channel.close_stdin()) == ("v4.channel.k8s.io", False)
    channel.close()


def test_every_byte_comes_back_as_it_went(server):
    channel = opened(server, "binary bytes come back as they are")
    ear = Ear(channel)
    channel.write(bytes(range(256)))
    channel.close_stdin()
    ear.reason()
    assert ear.data == bytes(range(256))


def test_what_is_asked_for(server):
    Ear(opened(server, "exit code 3", command=["sh", "-c", "a b&c"])).reason()
    request = server.requests[0]
    assert request.path == "/api/v1/namespaces/rec/pods/a/exec"
    assert request.query.getall("command") == ["sh", "-c", "a b&c"]
    wanted = {"container": "probe", "stdin": "true", "stdout": "true", "stderr": "true", "tty": "false"}
    assert {name: request.query[name] for name in wanted} == wanted
    assert request.headers["Authorization"] == "Bearer secret"
    assert request.headers["Sec-WebSocket-Protocol"] == "v5.channel.k8s.io,v4.channel.k8s.io"
    assert request.method == "GET"


def test_a_server_below_a_path_is_asked_there(server):
    Ear(opened(server, "exit code 3", host=f"http://127.0.0.1:{server.port}/k8s/c-1/")).reason()
    assert server.requests[0].path == "/k8s/c-1/api/v1/namespaces/rec/pods/a/exec"


def test_a_server_that_chooses_no_version_is_refused(server):
    with pytest.raises(ClusterError, match=r"speaks neither v5.channel.k8s.io nor v4.channel.k8s.io"):
        opened(server, "no subprotocol offered")


def test_large_writes_go_in_pieces_and_arrive_whole(server):
    async def take(socket):
        await server.collect(socket, lambda _: sum(map(len, server.got)) >= 1_000_000 + 31)
        await socket.close()

    server.behave = take
    channel = opened(server)
    ear = Ear(channel)
    data = bytes(range(250)) * 4000
    channel.write(data)
    ear.reason()
    assert b"".join(message[1:] for message in server.got) == data
    assert max(map(len, server.got)) <= 32 * 1024
    assert {message[0] for message in server.got} == {0}


def test_a_server_that_does_not_read_makes_no_writer_wait_and_ends_the_stream(server, monkeypatch):
    monkeypatch.setattr(module, "_MOST_QUEUED", 1 << 20)
    block = threading.Event()

    async def ignore(socket):
        while not block.is_set():
            await __import__("asyncio").sleep(0.05)

    server.behave = ignore
    channel = opened(server)
    ear = Ear(channel)
    began = time.monotonic()
    for _ in range(400):
        try:
            channel.write(bytes(32_000))
        except BrokenPipeError:
            break
    assert time.monotonic() - began < 4
    assert "does not take what is sent" in ear.reason()
    with pytest.raises(BrokenPipeError, match="does not take"):
        channel.write(b"x")
    block.set()


def test_a_connection_that_breaks_says_so(server):
    async def vanish(socket):
        await socket.send_bytes(b"\x01some")
        socket._req.transport.abort()

    server.behave = vanish
    ear = Ear(opened(server))
    assert ear.reason().startswith("the connection broke")
    assert ear.data in (b"some", b"")


def test_a_close_without_a_status_says_so(server):
    async def close(socket):
        await socket.close(code=1011, message=b"going away")

    server.behave = close
    assert Ear(opened(server)).reason() == "the API server closed the stream (1011 going away)"


def test_pings_go_out_and_pings_are_answered(server, monkeypatch):
    monkeypatch.setattr(module, "PING", 0.0)

    async def ping(socket):
        await socket.ping(b"are you there")
        await server.collect(socket, lambda message: message.type is WSMsgType.PONG)
        server.got.append("answered")
        await server.collect(socket, lambda message: message.type is WSMsgType.PING)
        await socket.close()

    server.behave = ping
    Ear(opened(server)).reason()
    assert "answered" in server.got
    assert WSMsgType.PING in server.got


def test_closing_sends_what_was_written_and_says_goodbye(server):
    seen = threading.Event()

    async def take(socket):
        async for message in socket:
            server.got.append(message.data)
        server.got.append(("closed", socket.close_code))
        seen.set()

    server.behave = take
    channel = opened(server)
    ear = Ear(channel)
    channel.write(b"bye")
    channel.close()
    channel.close()
    assert seen.wait(5)
    assert server.got == [b"\0bye", ("closed", 1000)]
    assert ear.reasons == []
    with pytest.raises(BrokenPipeError):
        channel.write(b"x")


def readers():
    return {thread for thread in threading.enumerate() if thread.name == "exec reader"}


def test_one_thread_reads_for_all_channels(server):
    async def talk(socket):
        message = await socket.receive()
        await socket.send_bytes(b"\x01" + message.data[1:])
        await socket.receive()

    server.behave = talk
    before = readers()
    channels = [opened(server) for _ in range(20)]
    ears = [Ear(channel) for channel in channels]
    for number, channel in enumerate(channels):
        channel.write(struct.pack("!I", number))
    for number, ear in enumerate(ears):
        ear.wait_for(struct.pack("!I", number))
    assert len(readers() - before) <= 1  # one of an earlier test goes on
    for channel in channels:
        channel.close()


def test_a_ping_that_is_due_when_the_stream_has_been_closed_is_nothing(server, monkeypatch):
    """The runner closes a stream in one thread, and the thread that reads may be about to say that we are here."""
    monkeypatch.setattr(module, "PING", 0.0)
    channel = opened(server, "exit code 3")
    channel.close()
    channel.on_time(time.monotonic())
    with pytest.raises(BrokenPipeError):
        channel.write(b"x")
