"""Calls to an agent and their results: a result, a capture, or one of three errors."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from podwire.files.bounded import FileError
from podwire.files.foreign_json import foreign_json
from podwire.files.typed import tree_as
from podwire.model.observations import Attempt
from podwire.redaction import redacted


class AgentError(Exception):
    """The agent refused a call or could not do it. The text is the agent's.

    `kind` is the kind of a `ProbeError`, such as `not-found` for a program, or empty for a wrong request.
    """

    def __init__(self, text: str, kind: str = "") -> None:
        super().__init__(redacted(text))
        self.kind = kind


class ChannelLost(Exception):
    """The stream to the agent could not be opened, or broke before the answer. The text says why."""

    def __init__(self, text: str = "") -> None:
        super().__init__(redacted(text))


class NoAnswer(ChannelLost):
    """The stream is open, but the agent did not answer this call in time."""


@dataclass(frozen=True, kw_only=True)
class CaptureData:
    """The packets captured since the last read: a capture file for each interface.

    `count` is the number of packets (None: unknown). `dropped` counts packets that were lost or did not fit.
    `accepted` is how many frames the kernel or pktmon counted since the last read, by interface; None or without an
    interface where nobody counted. Frames that come while one read ends may be counted in it and arrive with the next.
    `directions` has a byte for each packet of an interface if the agent knows it: 4 for a sent packet, less for a
    received one (packet(7), sll_pkttype).
    """

    interfaces: Mapping[str, bytes]
    dropped: int = 0
    count: int | None = None
    accepted: Mapping[str, int] | None = None
    directions: Mapping[str, bytes] = field(default_factory=dict)


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the data after a capture's RESULT: its content, its interface, and its length in bytes."""

    content: str
    interface: str
    bytes: int


class _CaptureHead(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The RESULT of `capture_read` and `capture_stop`."""

    dropped: int
    count: int | None
    accepted: Mapping[str, int] | None = None
    parts: tuple[_Part, ...] = ()

    @property
    def size(self) -> int:
        return sum(part.bytes for part in self.parts)


MOST_LATE, QUIET, SILENT = 4, 5.0, 30.0
"""The limits for a late call: `MOST_LATE` times its timeout while the agent answers other calls, `QUIET` seconds
without any answer, `SILENT` seconds between two parts of a capture."""
MOST_CAPTURED = 128 << 20
"""The limit in bytes for one capture, four times what an agent keeps (32 MiB)."""


class Call:
    """A request that waits for its answer, with its future. `timeout` is in seconds; `deadline` is monotonic time."""

    def __init__(self, method: str, params: Mapping[str, Any], timeout: float) -> None:
        self.method, self.timeout = method, timeout
        self.payload = json.dumps({"method": method, "params": params}, separators=(",", ":")).encode()
        self.deadline = time.monotonic() + timeout
        self.future: Future[Any] = Future()
        self.future.set_running_or_notify_cancel()

    def is_late(self, now: float, heard: float) -> bool:
        """Whether to give up the call. `heard` is when the agent last sent anything but a heartbeat."""
        late = now - self.deadline
        return late > 0 and (now - heard > QUIET or late > (MOST_LATE - 1) * self.timeout)

    def result(self, payload: bytes) -> bool:
        """Take the RESULT. Returns whether the call has ended with it. ValueError if it is not a JSON object."""
        self.future.set_result(_object(payload))
        return True

    def data(self, payload: bytes) -> None:
        self.fail(ChannelLost(f"the agent sent unexpected binary data for {self.method}"))

    def end(self, payload: bytes) -> None:
        self.data(payload)

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)


class CaptureCall(Call):
    """A call whose RESULT is followed by capture files in pieces, and by their SHA-256."""

    def __init__(self, method: str, params: Mapping[str, Any], timeout: float) -> None:
        super().__init__(method, params, timeout)
        self._head = _CaptureHead(dropped=0, count=None)
        self._pieces: list[bytes] = []
        self._size = 0
        self._digest = hashlib.sha256()

    def result(self, payload: bytes) -> bool:
        tree = _object(payload)
        self._head = tree_as(
            {name: tree[name] for name in _CaptureHead.__struct_fields__ if name in tree}, _CaptureHead
        )
        if self._head.size > MOST_CAPTURED or any(part.bytes < 0 for part in self._head.parts):
            raise ValueError(f"a capture of {self._head.size} bytes; the limit is {MOST_CAPTURED} bytes")
        return False

    def data(self, payload: bytes) -> None:
        self._size += len(payload)
        if self._size > self._head.size or self.future.done():
            self._pieces.clear()
            self.fail(ChannelLost(f"the agent sent more than the {self._head.size} bytes of the capture"))
            return
        self._pieces.append(payload)
        self._digest.update(payload)
        self.deadline = max(self.deadline, time.monotonic() + SILENT)  # A capture that arrives is not late.

    def end(self, payload: bytes) -> None:
        whole, head = b"".join(self._pieces), self._head
        if len(whole) != head.size or self._digest.hexdigest() != _object(payload).get("sha256"):
            self.fail(ChannelLost(f"the capture arrived damaged: {len(whole)} of {head.size} bytes"))
            return
        files: dict[str, bytes] = {}
        directions: dict[str, bytes] = {}
        at = 0
        for part in head.parts:
            into = directions if part.content == "directions" else files
            into[part.interface] = whole[at : at + part.bytes]
            at += part.bytes
        self.future.set_result(
            CaptureData(
                interfaces=files,
                dropped=head.dropped,
                count=head.count,
                accepted=head.accepted,
                directions=directions,
            )
        )


def _object(payload: bytes) -> dict[str, Any]:
    tree = foreign_json(payload)
    if not isinstance(tree, dict):
        raise ValueError(f"not a JSON object: {str(tree)[:80]}")
    return tree


class Garbled(AgentError, ValueError):
    """The agent's result does not fit the request."""


def attempt_of(result: Mapping[str, Any]) -> Attempt:
    """The attempt in a result of the agent. `Garbled` if the result is not an attempt."""
    try:
        return tree_as({name: result[name] for name in Attempt.__struct_fields__ if name in result}, Attempt)
    except FileError as problem:
        raise Garbled(f"not an attempt: {problem} in {str(result)[:200]}") from problem
