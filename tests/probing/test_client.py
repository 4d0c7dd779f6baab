"""The client: every call ends, whatever the stream does. The channel is a script that plays the agent."""

import json
import threading
import time
from collections import namedtuple

import pytest

from podwire.agent.framing import PREAMBLE, Decoder, Encoder, Kind
from podwire.probing import client as module
from podwire.probing.client import AgentClient, AgentError, ChannelLost, NoAnswer

Frame = namedtuple("Frame", ("kind", "request", "payload"))


class ScriptedChannel:
    """Plays the agent in the thread that writes: `answer(channel, frame)` is called for each request."""

    def __init__(self, answer, hello=PREAMBLE):
        self._answer, self._hello = answer, hello
        self._encoder, self._decoder = Encoder(), Decoder()
        self.frames, self.closed = [], threading.Event()

    def start(self, on_data, on_end):
        self._on_data, self._on_end = on_data, on_end
        on_data(self._hello)

    def write(self, data):
        if self.closed.is_set():
            raise BrokenPipeError("the stream has ended")
        for frame in map(Frame._make, self._decoder.feed(data)):
            self.frames.append(frame)
            if frame.kind is Kind.REQUEST:
                threading.Thread(target=self._answer, args=(self, frame)).start()

    def close(self):
        self.closed.set()

    def say(self, kind, request, tree=b""):
        self._on_data(
            self._encoder.frame(kind, request, tree if isinstance(tree, bytes) else json.dumps(tree).encode())
        )

    def end(self, reason):
        self.closed.set()
        self._on_end(reason)


def echo(channel, frame):
    channel.say(Kind.RESULT, frame.request, json.loads(frame.payload))


def opener(*channels):
    left = list(channels)

    def opened():
        one = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(one, Exception):
            raise one
        return one

    return opened


def test_answers_may_come_in_any_order():
    held = []

    def answer(channel, frame):
        held.append(frame.request)
        if len(held) == 3:
            for request in (held[2], held[0], held[1]):
                channel.say(Kind.RESULT, request, {"request": request})

    client = AgentClient("a", opener(ScriptedChannel(answer)))
    calls = [client.call("m") for _ in range(3)]
    assert [call.result(5)["request"] for call in calls] == [1, 2, 3]
    client.close()


def test_what_the_agent_refuses_is_its_own_words():
    channel = ScriptedChannel(lambda channel, frame: channel.say(Kind.ERROR, frame.request, {"text": "ping: no"}))
    client = AgentClient("a", opener(channel))
    with pytest.raises(AgentError, match=r"^ping: no$"):
        client.call("ping").result(5)
    client.close()


def test_the_kind_of_a_refusal_is_told_where_the_agent_gives_one():
    error = {"stage": "run", "kind": "not-found", "number": 2, "text": "there is no nslookup here"}
    text = "tool: there is no nslookup here"
    channel = ScriptedChannel(
        lambda channel, frame: channel.say(Kind.ERROR, frame.request, {"text": text, "error": error})
    )
    client = AgentClient("a", opener(channel))
    with pytest.raises(AgentError, match=f"^{text}$") as refused:
        client.call("tool").result(5)
    assert refused.value.kind == "not-found"
    client.close()


def test_a_call_in_flight_is_lost_with_the_stream_and_not_sent_again():
    first = ScriptedChannel(lambda channel, frame: channel.end("the pod died"))
    second = ScriptedChannel(echo)
    client = AgentClient("a", opener(first, second), pause=0.01)
    with pytest.raises(ChannelLost, match=r"^the pod died$"):
        client.call("exchange", {"n": 1}).result(5)
    assert client.call("exchange", {"n": 2}).result(5)["params"] == {"n": 2}
    assert [json.loads(f.payload)["params"] for f in second.frames if f.kind is Kind.REQUEST] == [{"n": 2}]
    assert client.generation == 2
    client.close()


def test_calls_wait_while_it_connects():
    may = threading.Event()

    def opened():
        assert may.wait(5)
        return ScriptedChannel(echo)

    client = AgentClient("a", opened)
    calls = [client.call("m") for _ in range(3)]
    assert not any(call.done() for call in calls)
    may.set()
    assert all(call.result(5) for call in calls)
    client.close()


def test_it_tries_again_and_gives_up_after_some():
    tries = []

    def refuse():
        tries.append(1)
        raise OSError("connection refused")

    client = AgentClient("linux-1", refuse, tries=3, pause=0.01)
    with pytest.raises(ChannelLost, match=r"^linux-1: connection refused \(tried 3 times\)$"):
        client.call("m").result(5)
    with pytest.raises(ChannelLost, match=r"connection refused"):
        client.call("m").result(5)
    assert len(tries) == 3


def test_what_will_not_change_is_not_tried_again():
    error = OSError("pods none not found")
    error.permanent = True
    client = AgentClient("a", opener(error), tries=5)
    with pytest.raises(ChannelLost, match=r"^a: pods none not found$"):
        client.call("m").result(5)


def test_it_connects_again_to_a_pod_that_was_made_again():
    error, there = OSError("pods none not found"), []
    error.permanent = True

    def opened():
        if not there:
            raise error
        return ScriptedChannel(echo)

    client = AgentClient("a", opened, tries=5)
    with pytest.raises(ChannelLost, match="not found"):
        client.call("m").result(5)
    there.append(1)
    client.connect_again()
    assert client.call("m").result(5)
    client.connect_again()
    assert client.generation == 1
    client.close()
    client.connect_again()
    assert client.gave_up


def test_a_stream_that_breaks_again_and_again_is_given_up():
    def opened():
        return ScriptedChannel(lambda channel, frame: channel.end("exit code 1"))

    client = AgentClient("a", opened, tries=3, pause=0.01)
    reasons = set()
    for _ in range(6):
        with pytest.raises(ChannelLost) as lost:
            client.call("m").result(5)
        reasons.add(str(lost.value))
    assert "a: exit code 1 (3 times)" in reasons


def test_a_banner_instead_of_an_agent_is_told():
    client = AgentClient("a", lambda: ScriptedChannel(echo, b"Welcome to Windows\r\n"), tries=1)
    with pytest.raises(ChannelLost, match=r"does not speak podwire's protocol; it sent 'Welcome to Windows'"):
        client.call("m").result(5)


def test_an_agent_that_says_nothing_is_given_up():
    client = AgentClient("a", lambda: ScriptedChannel(echo, b""), tries=1, start=0.1)
    with pytest.raises(ChannelLost, match=r"sent nothing within 0.1 s"):
        client.call("m").result(5)


def test_a_call_that_is_not_answered_ends_in_time_and_a_late_answer_does_no_harm():
    late = []
    channel = ScriptedChannel(
        lambda channel, frame: late.append(frame.request) if len(late) < 1 else echo(channel, frame)
    )
    client = AgentClient("a", opener(channel))
    with pytest.raises(NoAnswer, match=r"did not answer slow within 0.2 s"):
        client.call("slow", timeout=0.2).result(5)
    channel.say(Kind.RESULT, late[0], {})
    assert client.call("quick").result(5)
    client.close()


def test_silence_ends_the_stream(monkeypatch):
    monkeypatch.setattr(module, "SILENCE", 0.1)
    client = AgentClient("a", opener(ScriptedChannel(lambda *_: None)), tries=1)
    with pytest.raises(ChannelLost, match=r"has sent nothing for 0.1 s"):
        client.call("m").result(5)


def test_it_beats_when_it_has_nothing_to_say(monkeypatch):
    monkeypatch.setattr(module, "HEARTBEAT", 0.01)
    beaten = threading.Event()

    class Heart(ScriptedChannel):
        def write(self, data):
            super().write(data)
            if self.frames and self.frames[-1].kind is Kind.HEARTBEAT:
                beaten.set()

    client = AgentClient("a", opener(Heart(echo)))
    assert beaten.wait(5)
    client.close()


def test_closing_says_goodbye_and_ends_what_waits():
    channel = ScriptedChannel(lambda *_: None)
    client = AgentClient("a", opener(channel))
    call = client.call("m")
    until = time.monotonic() + 5
    while not channel.frames and time.monotonic() < until:
        time.sleep(0.01)
    client.close()
    client.close()
    with pytest.raises(ChannelLost, match=r"closed by the runner"):
        call.result(5)
    assert channel.frames[-1].kind is Kind.BYE
    assert channel.closed.is_set()
    with pytest.raises(ChannelLost, match=r"closed by the runner"):
        client.call("m").result(5)


def test_noise_in_mid_stream_ends_it_with_what_was_said():
    def answer(channel, frame):
        channel._on_data(b"Segmentation fault (core dumped)")

    client = AgentClient("a", opener(ScriptedChannel(answer)), tries=1)
    with pytest.raises(ChannelLost, match=r"data outside of frames: 'Segmentation fault"):
        client.call("m").result(5)


def test_an_answer_that_stops_in_the_middle_is_said_to():
    def answer(channel, frame):
        channel._on_data(channel._encoder.frame(Kind.RESULT, frame.request, b"{}" * 9)[:-1])
        channel.end("cut")

    client = AgentClient("a", opener(ScriptedChannel(answer)), tries=1)
    with pytest.raises(ChannelLost, match=r"cut \(in the middle of an answer\)"):
        client.call("m").result(5)


def captured(parts, data, digest):
    def answer(channel, frame):
        head = {"dropped": 2, "count": 3, "parts": parts}
        channel.say(Kind.RESULT, frame.request, head)
        for at in range(0, len(data), 4):
            channel.say(Kind.DATA, frame.request, data[at : at + 4])
        channel.say(Kind.END, frame.request, {"sha256": digest})

    return AgentClient("a", opener(ScriptedChannel(answer)))


PARTS = [
    {"interface": "eth0", "content": "pcap", "bytes": 6},
    {"interface": "eth1", "content": "pcap", "bytes": 3},
    {"interface": "eth0", "content": "directions", "bytes": 1},
]


def test_a_capture_is_put_together_from_its_pieces():
    import hashlib

    client = captured(PARTS, b"abcdefghi\x04", hashlib.sha256(b"abcdefghi\x04").hexdigest())
    data = client.capture_stop("c").result(5)
    assert data.interfaces == {"eth0": b"abcdef", "eth1": b"ghi"}
    assert data.directions == {"eth0": b"\x04"}
    assert (data.dropped, data.count) == (2, 3)
    client.close()


@pytest.mark.parametrize(("data", "text"), [(b"abcdefgh", "8 of 10 bytes"), (b"abcdefghij", "10 of 10 bytes")])
def test_a_capture_that_is_cut_or_changed_is_lost(data, text):
    client = captured(PARTS, data, "0" * 64)
    with pytest.raises(ChannelLost, match=f"the capture arrived damaged: {text}"):
        client.capture_stop("c").result(5)
    client.close()


def test_many_threads_may_call_at_once():
    client = AgentClient("a", opener(ScriptedChannel(echo)))
    answers = []

    def ask(n):
        answers.extend(client.call("m", {"n": n}).result(10)["params"]["n"] == n for _ in range(50))

    threads = [threading.Thread(target=ask, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(answers) == 400
    assert all(answers)
    client.close()
