"""Agents that lie, on a deployment made by hand; each with the required result."""

import struct
import threading
from dataclasses import dataclass

from podwire.agent.framing import MAX_PAYLOAD, PREAMBLE, Kind

JUDGED = "podwire ignores the extra answers and judges every case"
AGAIN = "podwire runs its cases again, judges them, and keeps the first attempts"
INCONCLUSIVE = "the cases of its pod are inconclusive and say why; all others are judged"
BLIND = "its captures prove nothing: cases that need them are inconclusive"


@dataclass(frozen=True)
class Lie:
    """`does` is what the agent does, `end` the required result, `says` a pattern that the case's problem must match.

    `tell(agent, method, request, honest)` answers for the agent, `honest()` truthfully; `hello` are its first bytes.
    """

    name: str
    does: str
    end: str
    says: str = ""
    tell: object = None
    hello: bytes = PREAMBLE


def on(wanted, speak):
    """Lie in one method only; `speak(agent, request, honest)`."""

    def tell(agent, method, request, honest):
        if method == wanted:
            speak(agent, request, honest)
        else:
            honest()

    return tell


def after_start(speak):
    """Lie about flows, but not in the first exchange, with which an agent finds its own echo."""

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
        "claims to be another pod",
        INCONCLUSIVE,
        "the agent has the identity 'other'",
        on("hello", lambda a, r, h: h(identity="other")),
    ),
    Lie(
        "no-identity",
        "does not name its pod",
        INCONCLUSIVE,
        "the agent has the identity ''",
        on("hello", lambda a, r, h: h(identity="")),
    ),
    Lie(
        "another-agent",
        "runs from another file",
        INCONCLUSIVE,
        "the agent is not the one that podwire deployed: its file has the SHA-256 0000",
        on("hello", lambda a, r, h: h(file=f"sha256:{'0' * 64}")),
    ),
    Lie(
        "earlier-agent",
        "runs from the file of an earlier podwire, and reports its length and CRC-32",
        INCONCLUSIVE,
        "the agent is not the one that podwire deployed: it reports no SHA-256",
        on("hello", lambda a, r, h: h(file="170000:1a2b3c4d")),
    ),
    Lie(
        "agent-without-a-file",
        "does not report its file",
        INCONCLUSIVE,
        "the agent is not the one that podwire deployed: it reports no SHA-256",
        on("hello", lambda a, r, h: h(file=None)),
    ),
    Lie(
        "interfaces",
        "lists malformed interfaces",
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
        "answers with the result of another exchange",
        INCONCLUSIVE,
        "the answer has other tokens than the request",
        after_start(lambda a, r, h: h(token="pw0000000000000000")),
    ),
    Lie(
        "several-answers",
        "reports one exchange twice in an answer",
        INCONCLUSIVE,
        "the answer has other tokens than the request|not an attempt",
        after_start(lambda a, r, h: h(attempts=[{"token": "a"}, {"token": "a"}])),
    ),
    Lie("duplicate-answers", "answers every request twice", JUDGED, tell=after_start(twice)),
    Lie("answers-nobody", "answers requests that nobody sent", JUDGED, tell=after_start(to_nobody)),
    Lie("never", "never answers", INCONCLUSIVE, "did not answer exchange within", after_start(lambda a, r, h: None)),
    Lie(
        "forged-number",
        "reports times as text",
        INCONCLUSIVE,
        "not an attempt: elapsed: needs a number",
        after_start(lambda a, r, h: h(elapsed="soon")),
    ),
    Lie(
        "forged-nan",
        "reports times that are not a number (NaN)",
        INCONCLUSIVE,
        "not an attempt: elapsed",
        after_start(lambda a, r, h: h(elapsed=float("nan"))),
    ),
    Lie(
        "forged-reply",
        "reports a malformed reply",
        INCONCLUSIVE,
        "not an attempt: reply",
        after_start(lambda a, r, h: h(reply={"identity": "windows-1-a"})),
    ),
    Lie(
        "forged-addresses",
        "reports malformed addresses",
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
        "refuses without a reason",
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
        "answers with bytes that are no JSON",
        INCONCLUSIVE,
        "cannot be read",
        after_start(lambda a, r, h: a.say(Kind.RESULT, r, b"\xff\xfe")),
    ),
    Lie(
        "binary",
        "sends binary data instead of a result",
        INCONCLUSIVE,
        "unexpected binary data",
        after_start(lambda a, r, h: a.say(Kind.DATA, r, b"x")),
    ),
    Lie(
        "noise",
        "writes other text into its stream",
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
        "ends at every request",
        INCONCLUSIVE,
        "the process ended",
        after_start(lambda a, r, h: a.end("the process ended with exit code 137")),
    ),
    Lie(
        "ends-once",
        "ends once during a call",
        AGAIN,
        tell=after_start(once(lambda a, r, h: a.end("the connection broke"))),
    ),
    Lie("mute", "sends nothing", INCONCLUSIVE, "the agent sent nothing|could not connect", hello=b""),
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
        "sends a damaged capture",
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
        "reports losses as text",
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
