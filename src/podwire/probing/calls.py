"""A call to an agent and what becomes of it: a result, a capture, or one of three errors; results as values."""

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


class _Part(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A piece of the data that follows a capture's RESULT: what it is, of which interface, and how many bytes."""

    content: str
    interface: str
    bytes: int


class _CaptureHead(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The RESULT of a capture that is read or ended."""

    dropped: int
    count: int | None
    parts: tuple[_Part, ...] = ()

    @property
    def size(self) -> int:
        return sum(part.bytes for part in self.parts)


MOST_LATE, QUIET, SILENT = 4, 5.0, 30.0
"""What makes progress is not late: a call to an agent that answers others goes on for so many times its time-out, or
until the agent has said nothing for so many seconds; a capture that has begun to come has so many for its next part."""
MOST_CAPTURED = 128 << 20
"""Bytes of one capture, many times what an agent keeps (32 MiB)."""


class Call:
    """A request that waits for its answer, and the future of it. `deadline` is of the monotonic clock."""

    def __init__(self, method: str, params: Mapping[str, Any], timeout: float) -> None:
        self.method, self.timeout = method, timeout
        self.payload = json.dumps({"method": method, "params": params}, separators=(",", ":")).encode()
        self.deadline = time.monotonic() + timeout
        self.future: Future[Any] = Future()
        self.future.set_running_or_notify_cancel()

    def is_late(self, now: float, heard: float) -> bool:
        """Whether it is to be given up. `heard` is when the agent last said anything but that it is there."""
        late = now - self.deadline
        return late > 0 and (now - heard > QUIET or late > (MOST_LATE - 1) * self.timeout)

    def result(self, payload: bytes) -> bool:
        """Take the RESULT; whether the call has ended with it. ValueError when it is no JSON object."""
        self.future.set_result(_object(payload))
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
            raise ValueError(f"a capture of {self._head.size} bytes; {MOST_CAPTURED} at most")
        return False

    def data(self, payload: bytes) -> None:
        self._size += len(payload)
        if self._size > self._head.size or self.future.done():
            self._pieces.clear()
            self.fail(ChannelLost(f"the capture is longer than the {self._head.size} bytes that it should be"))
            return
        self._pieces.append(payload)
        self._digest.update(payload)
        self.deadline = max(self.deadline, time.monotonic() + SILENT)  # What makes progress is not late.

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
            CaptureData(interfaces=files, dropped=head.dropped, count=head.count, directions=directions)
        )


def _object(payload: bytes) -> dict[str, Any]:
    tree = foreign_json(payload)
    if not isinstance(tree, dict):
        raise ValueError(f"no JSON object: {str(tree)[:80]}")
    return tree


class Garbled(AgentError, ValueError):
    """The agent answered with something that is no answer to what it was asked."""


def attempt_of(result: Mapping[str, Any]) -> Attempt:
    """An attempt as the agent tells it, as a value. `Garbled` when it is none."""
    try:
        return tree_as({name: result[name] for name in Attempt.__struct_fields__ if name in result}, Attempt)
    except FileError as problem:
        raise Garbled(f"not an attempt: {problem} in {str(result)[:200]}") from problem
