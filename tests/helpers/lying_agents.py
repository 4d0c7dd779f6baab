"""Agents that do not tell the truth, on a deployment made by hand; each with what must come out."""

import hashlib
import json
import struct
import threading
import time
from dataclasses import dataclass

from podwire.agent.framing import MAX_PAYLOAD, PREAMBLE, Decoder, Encoder, Kind
from podwire.cluster.deployment.agent_archive import agent_sum

JUDGED = "what it says is ignored, and every case is judged"
AGAIN = "its cases are asked again and judged; what came of them first is kept"
INCONCLUSIVE = "the cases of its pod are inconclusive and say why; all others are judged"
BLIND = "its captures prove nothing: cases that need them are inconclusive"


@dataclass(frozen=True)
class Lie:
    """`does` says what the agent does, `end` what must come out, `says` what the case's problem must hold (a pattern).

    `tell(agent, method, request, honest)` speaks instead of the honest agent, which `honest()` does; `hello` are its
    first bytes.
    """

    name: str
    does: str
    end: str
    says: str = ""
    tell: object = None
    hello: bytes = PREAMBLE


class Network:
    """Who has which address: what an exchange leads to when nobody lies."""

    def __init__(self, deployment):
        self.owners = {ip: probe.pod for probe in deployment.probes for ip in probe.addresses.values()}
        self.probes = {probe.pod: probe for probe in deployment.probes}
        self.liar_listens = False

    def attempt(self, pod, params):
        own = next(iter(self.probes[pod].addresses.values()))
        local = (own, params.get("preferred_port") or 40000)
        reply = {
            "identity": self.owners[params["host"]],
            "source": local[0],
            "source_port": local[1],
            "destination": params["host"],
            "destination_port": params["port"],
        }
        return {
            "token": params["token"],
            "started": time.time(),
            "elapsed": 0.001,
            "local": list(local),
            "peer": [params["host"], params["port"]],
            "resolved": [],
            "reply": reply,
            "error": None,
            "sent": 256,
            "received": 256,
        }


class Agent:
    """The stream to one agent; a `Lie` may speak for it."""

    def __init__(self, pod, network, lie=None):
        self.pod, self.network, self._lie = pod, network, lie
        self._encoder, self._decoder = Encoder(), Decoder()
        self._lock, self._closed = threading.Lock(), threading.Event()

    def start(self, on_data, on_end):
        self._on_data, self._on_end = on_data, on_end
        hello = self._lie.hello if self._lie else PREAMBLE
        if hello:
            on_data(hello)

    def write(self, data):
        if self._closed.is_set():
            raise BrokenPipeError("the stream has ended")
        for kind, request, payload in self._decoder.feed(data):
            if kind is Kind.REQUEST:
                threading.Thread(target=self._answer, args=(request, payload), daemon=True).start()

    def close(self):
        self._closed.set()

    def end(self, reason):
        self._closed.set()
        self._on_end(reason)

    def say(self, kind, request, tree=b""):
        payload = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
        with self._lock:
            self._on_data(self._encoder.frame(kind, request, payload))

    def noise(self, data):
        self._on_data(data)

    def _answer(self, number, payload):
        asked = json.loads(payload)
        method, params = asked["method"], asked["params"]

        def honest(**changes):
            self.say(Kind.RESULT, number, {**self.truth(method, params), **changes})
            if method in ("capture_read", "capture_stop"):
                self.say(Kind.END, number, {"sha256": hashlib.sha256(b"").hexdigest()})

        if self._lie and self._lie.tell:
            self._lie.tell(self, method, number, honest)
        else:
            honest()

    def truth(self, method, params):
        if method == "hello":
            addresses = list(self.network.probes[self.pod].addresses.values())
            interfaces = [{"name": "eth0", "mac": "02:00:00:00:00:01", "addresses": addresses}]
            return {"identity": self.pod, "interfaces": interfaces, "file": agent_sum()}
        if method == "exchange":
            return self.network.attempt(self.pod, params)
        if method == "capture_start":
            return {"interfaces": []}
        return {"dropped": 0, "count": 0, "parts": []}


def on(wanted, speak):
    """Lie about one method only; `speak(agent, request, honest)`."""

    def tell(agent, method, request, honest):
        if method == wanted:
            speak(agent, request, honest)
        else:
            honest()

    return tell


def after_start(speak):
    """Lie about flows, and not about the exchange with which an agent finds its own echo: that is the first one."""

    def tell(agent, method, request, honest):
        if method != "exchange":
            honest()
        elif not agent.network.liar_listens:
            agent.network.liar_listens = True
            honest()
        else:
            speak(agent, request, honest)

    return tell


def once(speak):
    done = threading.Event()

    def told(agent, request, honest):
        if done.is_set():
            honest()
        else:
            done.set()
            speak(agent, request, honest)

    return told


def with_result(tree):
    return lambda agent, request, honest: agent.say(Kind.RESULT, request, tree)


def twice(agent, request, honest):
    honest()
    agent.say(Kind.RESULT, request, {"token": "again"})


def to_nobody(agent, request, honest):
    agent.say(Kind.RESULT, 4_000_000, {"token": "pw"})
    agent.say(Kind.DATA, 4_000_001, b"x")
    honest()


def too_long(agent, request, honest):
    agent.noise(struct.pack("!HBBIII", 0x7057, Kind.RESULT, 0, 99, request, MAX_PAYLOAD + 1))


def without_end(agent, request, honest):
    part = {"interface": "eth0", "content": "packets", "bytes": 1000}
    agent.say(Kind.RESULT, request, {"dropped": 0, "count": 1, "parts": [part]})
    for _ in range(3):
        agent.say(Kind.DATA, request, bytes(800))


def damaged(agent, request, honest):
    part = {"interface": "eth0", "content": "packets", "bytes": 4}
    agent.say(Kind.RESULT, request, {"dropped": 0, "count": 1, "parts": [part]})
    agent.say(Kind.DATA, request, b"abcd")
    agent.say(Kind.END, request, {"sha256": "0" * 64})


def enormous(agent, request, honest):
    part = {"interface": "eth0", "content": "packets", "bytes": 1 << 50}
    agent.say(Kind.RESULT, request, {"dropped": 0, "count": 1, "parts": [part]})


LIES = (
    Lie(
        "identity",
        "takes itself for another pod",
        INCONCLUSIVE,
        "the agent has the identity 'other'",
        on("hello", lambda a, r, h: h(identity="other")),
    ),
    Lie(
        "no-identity",
        "does not know its pod",
        INCONCLUSIVE,
        "the agent has the identity ''",
        on("hello", lambda a, r, h: h(identity="")),
    ),
    Lie(
        "another-agent",
        "is started from another file",
        INCONCLUSIVE,
        "the agent is not the one that podwire deployed",
        on("hello", lambda a, r, h: h(file="170000:00000000")),
    ),
    Lie(
        "interfaces",
        "lists interfaces that are none",
        INCONCLUSIVE,
        "another program than podwire's agent answers",
        on("hello", lambda a, r, h: h(interfaces=[{"name": 7}])),
    ),
    Lie(
        "hello-list",
        "answers with a list",
        INCONCLUSIVE,
        "cannot be read: not a JSON object",
        on("hello", with_result([1, 2])),
    ),
    Lie(
        "answers-for-others",
        "answers with what became of another exchange",
        INCONCLUSIVE,
        "the answer has other tokens than the request",
        after_start(lambda a, r, h: h(token="pw0000000000000000")),
    ),
    Lie(
        "several-answers",
        "tells of one exchange twice in an answer",
        INCONCLUSIVE,
        "the answer has other tokens than the request|not an attempt",
        after_start(lambda a, r, h: h(attempts=[{"token": "a"}, {"token": "a"}])),
    ),
    Lie("duplicate-answers", "answers every question twice", JUDGED, tell=after_start(twice)),
    Lie("answers-nobody", "answers questions that nobody asked", JUDGED, tell=after_start(to_nobody)),
    Lie("never", "never answers", INCONCLUSIVE, "did not answer exchange within", after_start(lambda a, r, h: None)),
    Lie(
        "forged-number",
        "tells times that are texts",
        INCONCLUSIVE,
        "not an attempt: elapsed: needs a number",
        after_start(lambda a, r, h: h(elapsed="soon")),
    ),
    Lie(
        "forged-nan",
        "tells times that are no numbers",
        INCONCLUSIVE,
        "not an attempt: elapsed",
        after_start(lambda a, r, h: h(elapsed=float("nan"))),
    ),
    Lie(
        "forged-reply",
        "tells a reply of another form",
        INCONCLUSIVE,
        "not an attempt: reply",
        after_start(lambda a, r, h: h(reply={"identity": "windows-1-a"})),
    ),
    Lie(
        "forged-addresses",
        "tells addresses of another form",
        INCONCLUSIVE,
        "not an attempt: local",
        after_start(lambda a, r, h: h(local="10.0.0.1")),
    ),
    Lie(
        "error",
        "refuses everything",
        INCONCLUSIVE,
        "no permission",
        after_start(lambda a, r, h: a.say(Kind.ERROR, r, {"text": "no permission"})),
    ),
    Lie(
        "error-without-text",
        "refuses without a word",
        INCONCLUSIVE,
        "cannot be read",
        after_start(lambda a, r, h: a.say(Kind.ERROR, r, {"error": []})),
    ),
    Lie(
        "deep-json",
        "answers with JSON of a hundred thousand levels",
        INCONCLUSIVE,
        "cannot be read",
        after_start(lambda a, r, h: a.say(Kind.RESULT, r, b"[" * 100_000)),
    ),
    Lie(
        "no-json",
        "answers with bytes",
        INCONCLUSIVE,
        "cannot be read",
        after_start(lambda a, r, h: a.say(Kind.RESULT, r, b"\xff\xfe")),
    ),
    Lie(
        "binary",
        "sends a file where a result is due",
        INCONCLUSIVE,
        "unexpected binary data",
        after_start(lambda a, r, h: a.say(Kind.DATA, r, b"x")),
    ),
    Lie(
        "noise",
        "writes something else into its stream",
        INCONCLUSIVE,
        "the stream has data outside of frames",
        after_start(lambda a, r, h: a.noise(b"bash: warning: setlocale\n")),
    ),
    Lie(
        "too-long",
        "sends a message that is too long",
        INCONCLUSIVE,
        "the stream has data outside of frames",
        after_start(too_long),
    ),
    Lie(
        "ends",
        "ends whenever it is asked",
        INCONCLUSIVE,
        "the process ended",
        after_start(lambda a, r, h: a.end("the process ended with exit code 137")),
    ),
    Lie(
        "ends-once",
        "ends once in the middle of a call",
        AGAIN,
        tell=after_start(once(lambda a, r, h: a.end("the connection broke"))),
    ),
    Lie("mute", "says nothing at all", INCONCLUSIVE, "the agent sent nothing|could not connect", hello=b""),
    Lie(
        "another-protocol",
        "speaks another version of the protocol",
        INCONCLUSIVE,
        "speaks version 9",
        hello=PREAMBLE[:-1] + b"\x09",
    ),
    Lie(
        "another-program",
        "is another program",
        INCONCLUSIVE,
        "does not speak podwire's protocol",
        hello=b"Python 3.12.1\n",
    ),
    Lie(
        "captures-without-end",
        "sends more of a capture than it announced",
        BLIND,
        "more than the 1000 bytes",
        on("capture_stop", without_end),
    ),
    Lie(
        "captures-damaged",
        "sends a capture that was changed on the way",
        BLIND,
        "the capture arrived damaged",
        on("capture_stop", damaged),
    ),
    Lie(
        "captures-enormous",
        "announces a capture of a million gigabytes",
        BLIND,
        "cannot be read: a capture of",
        on("capture_stop", enormous),
    ),
    Lie(
        "captures-forged",
        "tells losses that are texts",
        BLIND,
        "cannot be read: dropped",
        on("capture_stop", lambda a, r, h: h(dropped="none")),
    ),
    Lie(
        "captures-refused",
        "does not capture",
        BLIND,
        "the capture did not start",
        on("capture_start", lambda a, r, h: a.say(Kind.ERROR, r, {"text": "not permitted"})),
    ),
)
