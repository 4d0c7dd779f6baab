"""A call to an agent and what becomes of it: a result, a capture, or one of three errors; results as values."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from podwire.model.observations import Attempt, ProbeError, Reply
from podwire.redaction import redacted


class AgentError(Exception):
    """The agent refused or could not do what it was asked for; the text is its own.

    `kind` is that of a `ProbeError`, such as `not-found` for a program, or empty for what was asked wrongly.
    """

    def __init__(self, text: str, kind: str = "") -> None:
        super().__init__(redacted(text))
        self.kind = kind


class ChannelLost(Exception):
    """The stream to the agent broke before the call was answered, or could not be opened; the text says why."""

    def __init__(self, text: str = "") -> None:
        super().__init__(redacted(text))


class NoAnswer(ChannelLost):
    """The stream stands, but the agent did not answer this call in time."""


@dataclass(frozen=True, kw_only=True)
class CaptureData:
    """What was captured since the last reading: a capture file an interface, `count` packets (None: not known).

    `dropped` packets were lost or did not fit in. `directions` has, where the agent knows them, a byte for each packet
    of an interface: 4 for those that it sent, less for those that it received (packet(7), sll_pkttype).
    """

    interfaces: Mapping[str, bytes]
    dropped: int = 0
    count: int | None = None
    directions: Mapping[str, bytes] = field(default_factory=dict)


class Call:
    """A request that waits for its answer, and the future of it. `deadline` is of the monotonic clock."""

    def __init__(self, method: str, params: Mapping[str, Any], timeout: float) -> None:
        self.method, self.timeout = method, timeout
        self.payload = json.dumps({"method": method, "params": params}, separators=(",", ":")).encode()
        self.deadline = time.monotonic() + timeout
        self.future: Future[Any] = Future()
        self.future.set_running_or_notify_cancel()

    def result(self, payload: bytes) -> bool:
        """Take the RESULT; whether the call has ended with it."""
        self.future.set_result(json.loads(payload))
        return True

    def data(self, payload: bytes) -> None:
        self.fail(ChannelLost(f"{self.method}: unexpected binary data"))

    def end(self, payload: bytes) -> None:
        self.data(payload)

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class CaptureCall(Call):
    """A call whose RESULT is followed by files, in pieces, and their digest."""

    def __init__(self, method: str, params: Mapping[str, Any], timeout: float) -> None:
        super().__init__(method, params, timeout)
        self._head: dict[str, Any] = {}
        self._pieces: list[bytes] = []
        self._digest = hashlib.sha256()

    def result(self, payload: bytes) -> bool:
        self._head = json.loads(payload)
        return False

    def data(self, payload: bytes) -> None:
        self._pieces.append(payload)
        self._digest.update(payload)
        self.deadline = max(self.deadline, time.monotonic() + 10.0)  # What makes progress is not late.

    def end(self, payload: bytes) -> None:
        whole = b"".join(self._pieces)
        parts = self._head.get("parts", [])
        wanted = sum(part["bytes"] for part in parts)
        if len(whole) != wanted or self._digest.hexdigest() != json.loads(payload)["sha256"]:
            self.fail(ChannelLost(f"the capture arrived damaged: {len(whole)} of {wanted} bytes"))
            return
        files: dict[str, bytes] = {}
        directions: dict[str, bytes] = {}
        at = 0
        for part in parts:
            into = directions if part["content"] == "directions" else files
            into[part["interface"]] = whole[at : at + part["bytes"]]
            at += part["bytes"]
        head = self._head
        self.future.set_result(
            CaptureData(interfaces=files, dropped=head["dropped"], count=head["count"], directions=directions)
        )


def attempt_of(result: Mapping[str, Any]) -> Attempt:
    """An attempt as the agent tells it, as a value. ValueError when it is none."""
    try:
        error, reply = result["error"], result["reply"]
        return Attempt(
            token=result["token"],
            started=result["started"],
            elapsed=result["elapsed"],
            local=_end(result["local"]),
            peer=_end(result["peer"]),
            resolved=tuple(result["resolved"]),
            reply=Reply(**reply) if reply else None,
            error=ProbeError(**error) if error else None,
            sent=result["sent"],
            received=result["received"],
            status=result.get("status"),
            canonical=result.get("canonical", ""),
            body=result.get("body", ""),
        )
    except (KeyError, TypeError) as problem:
        raise ValueError(f"not an attempt: {problem!r} in {str(result)[:200]}") from problem


def _end(pair: Any) -> tuple[str, int] | None:
    return (pair[0], pair[1]) if pair else None
