"""What the capture points saw of a stream: numbers of messages, never packets."""

from __future__ import annotations

from typing import Literal

from msgspec import Struct

from podwire.model.streams.numbers import Interval, Stream


class Copies(Struct, frozen=True, array_like=True):
    """How often a message passed a capture point that saw it more than once."""

    number: int
    count: int


class Passage(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one capture point saw of a stream in one direction.

    `seen` are the numbers of the messages that passed; `again` those that passed more than once, which over TCP may be
    retransmissions; `reordered` is how many passed first after a message with a higher number.
    """

    point: str
    way: Literal["request", "reply"]
    seen: tuple[Interval, ...] = ()
    again: tuple[Copies, ...] = ()
    reordered: int = 0


class Mark(Struct, frozen=True, kw_only=True):
    """A change of the cluster that a stream lived through: how many messages its client had sent just before it, and
    when it had shown to the clients that follow it."""

    change: str
    before: int
    shown: int


class StreamSeen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A stream of a case: the numbers of its client, and what the capture points saw of it.

    `served` is the longest time in milliseconds between a message and its answer at the server's own capture point: a
    long one shows that the server's machine was busy. `marks` are the changes of its Service, of a stream that nobody
    answers.
    """

    token: str
    numbers: Stream
    passages: tuple[Passage, ...] = ()
    served: int = 0
    marks: tuple[Mark, ...] = ()
