"""What a test expects of packets, as values: conditions on fields, and how many packets must meet them.

A condition's value is a literal, a `Symbol` (bound by the run), or one of the small predicates here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from podwire.model.packet_fields import FIELDS, ICMP_ERRORS
from podwire.model.packets import FLAGS, Packet
from podwire.model.symbols import Symbol

Direction = Literal["request", "reply", "error"]
QUOTED = "quoted_"
_OF_ERRORS = frozenset({"icmp_type", "icmp_code", "mtu", "icmp_error"})
_PLAIN = frozenset({str, int, bool, type(None)})


@dataclass(frozen=True)
class OneOf:
    values: tuple[Any, ...]

    def __str__(self) -> str:
        return " or ".join(str(v) for v in self.values)


@dataclass(frozen=True)
class NoValue:
    """An alternative that this run has no value for: what no other alternative admits may or may not be this one."""

    why: str

    def __str__(self) -> str:
        return f"an unknown value ({self.why})"


class Unbound(Exception):
    """An expectation names something that this run has no value for."""


@dataclass(frozen=True)
class Between:
    """Inclusive bounds: numbers, or builds as `(build, revision)`."""

    low: Any
    high: Any

    def __str__(self) -> str:
        return f"{self.low}..{self.high}"


@dataclass(frozen=True)
class AtLeast:
    low: Any

    def __str__(self) -> str:
        return f"{self.low} or more"


@dataclass(frozen=True)
class InNetwork:
    """An address inside the network whose CIDR is bound to `network`, or inside any of several."""

    network: Symbol

    def __str__(self) -> str:
        return f"in {self.network}"


@dataclass(frozen=True)
class InRanges:
    """A port in one of the ranges that are bound to `ranges`, each a text such as `49152-65535`."""

    ranges: Symbol

    def __str__(self) -> str:
        return f"in {self.ranges}"


@dataclass(frozen=True)
class Not:
    value: Any

    def __str__(self) -> str:
        return f"not {self.value}"


def one_of(*values: Any) -> OneOf:
    """One of these values."""
    return OneOf(values)


def between(low: Any, high: Any) -> Between:
    """A number, or a build, within inclusive bounds."""
    return Between(low, high)


def at_least(low: Any) -> AtLeast:
    """This number or build, or a greater one."""
    return AtLeast(low)


def inside(network: Symbol) -> InNetwork:
    """An address of that network."""
    return InNetwork(network)


def in_ranges(ranges: Symbol) -> InRanges:
    """A port of these ranges."""
    return InRanges(ranges)


def other_than(value: Any) -> Not:
    """Anything but this value."""
    return Not(value)


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """How packets of the flow must look at one capture point.

    `quantity` is `some` (at least one packet meets the conditions), `every` (there is one, and all in `direction` meet
    them), `none` (no packet meets them; an empty set of conditions means: nothing of this flow at all), or `distinct`
    (as `every`, and the flows' source tuples are all different). ICMP errors about the flow count only where a
    condition names `icmp_type`, `icmp_code`, `icmp_error` or `mtu`: a router tells them, neither client nor server.
    """

    quantity: Literal["some", "every", "none", "distinct"]
    conditions: tuple[tuple[str, Any], ...] = ()
    direction: Direction | None = None

    def concerns(self, direction: Direction) -> bool:
        """Whether a packet that went this way is held against the conditions."""
        if direction == "error":
            return self.direction == "error" or any(name in _OF_ERRORS for name, _ in self.conditions)
        return self.direction in (None, direction)

    def __str__(self) -> str:
        noun = {"error": "ICMP error", None: "packet"}.get(self.direction, self.direction)
        lead = {"some": "a", "every": "every", "none": "no", "distinct": "every"}[self.quantity]
        tail = ", each from a source of its own" if self.quantity == "distinct" else ""
        named = ", ".join(f"{name} = {value}" for name, value in self.conditions)
        return f"{lead} {noun}{' with ' + named if named else ''}{tail}"


def _conditions(fields: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    for name, value in fields.items():
        if name not in FIELDS:
            raise TypeError(f"a packet has no field {name!r}")
        kind = FIELDS[name].kind
        if name == "flags" and isinstance(value, str) and value != (right := _in_order(value)):
            raise TypeError(f"the flags {value!r} of TCP are never seen so; write them as captures do: {right!r}")
        if type(value) in _PLAIN and value is not None and type(value) is not kind:
            raise TypeError(f"the field {name!r} of a packet is {FIELDS[name].kind_in_words}, never {value!r}")
    return tuple(fields.items())


def _in_order(flags: str) -> str:
    return "".join(letter for letter in FLAGS if letter in flags)


def seen(**fields: Any) -> Pattern:
    """At least one packet of the flow, either way, meets all of this."""
    return Pattern(quantity="some", conditions=_conditions(fields))


def request(**fields: Any) -> Pattern:
    """There are packets from client to server, and each of them meets all of this."""
    return Pattern(quantity="every", conditions=_conditions(fields), direction="request")


def reply(**fields: Any) -> Pattern:
    """There are packets from server to client, and each of them meets all of this."""
    return Pattern(quantity="every", conditions=_conditions(fields), direction="reply")


def error(**fields: Any) -> Pattern:
    """There are ICMP errors that quote a packet of the flow, whoever sent them, and each of them meets all of this."""
    return Pattern(quantity="every", conditions=_conditions(fields), direction="error")


def icmp_error(kind: str, *, quoting: Pattern | None = None, **fields: Any) -> Pattern:
    """As `error`, by the name of the error, one for both families: `packet-too-big`, `port-unreachable`,
    `time-exceeded`, ...; `quoting` says how the packet looks that each of them quotes.

    Raises TypeError for an error that has no name, and for a quoted field that an error does not show.
    """
    if kind not in ICMP_ERRORS.values():
        raise TypeError(
            f"no ICMP error has the name {kind!r}; use one of {', '.join(dict.fromkeys(ICMP_ERRORS.values()))}"
        )
    quoted = {f"{QUOTED}{name}": value for name, value in (quoting.conditions if quoting else ())}
    return error(icmp_error=kind, **fields, **quoted)


def rst(**fields: Any) -> Pattern:
    """The server answers with an RST, and with nothing else: each packet from server to client is one that meets all
    of this. One that answers a SYN acknowledges it: `ack` is the number of the SYN and one (RFC 9293 section 3.5.2)."""
    return reply(flags="AR", **fields)


def fragment(**fields: Any) -> Pattern:
    """At least one packet of the flow, either way, is a fragment that meets all of this."""
    return seen(fragment=True, **fields)


def nothing(**fields: Any) -> Pattern:
    """No packet of the flow meets all of this; without conditions: no packet of the flow passes here."""
    return Pattern(quantity="none", conditions=_conditions(fields))


def requests_from_distinct_sources(**fields: Any) -> Pattern:
    """As `request`, and no two exchanges share protocol, source address and source port towards one destination."""
    return Pattern(quantity="distinct", conditions=_conditions(fields), direction="request")


def meets(actual: Any, expected: Any) -> bool:
    """Whether a packet's field has the (bound) value that is wanted. Raises `Unbound` when that depends on a value that
    nobody knows."""
    if type(expected) in _PLAIN:
        return bool(actual == expected)
    if isinstance(expected, OneOf):
        # Most are a thousand addresses of endpoints at most: the tuple itself looks them through fastest.
        if actual in expected.values:
            return True
        predicates = [v for v in expected.values if type(v) not in _PLAIN]
        if any(meets(actual, v) for v in predicates if type(v) is not NoValue):
            return True
        unknown = next((v for v in predicates if type(v) is NoValue), None)
        if unknown is not None:
            raise Unbound(unknown.why)
        return False
    if isinstance(expected, Not):
        return not meets(actual, expected.value)
    if isinstance(expected, Between):
        return isinstance(actual, type(expected.low)) and bool(expected.low <= actual <= expected.high)
    if isinstance(expected, AtLeast):
        return isinstance(actual, type(expected.low)) and bool(actual >= expected.low)
    if isinstance(expected, (ipaddress.IPv4Network, ipaddress.IPv6Network)):
        return bool(actual) and ipaddress.ip_address(actual) in expected
    return bool(actual == expected)


def mismatch(packet: Packet, conditions: Iterable[tuple[str, Any]]) -> str | None:
    """The first field of the packet that is not as the (bound) conditions want it, in words; None when all are."""
    for name, expected in conditions:
        actual = FIELDS[name].read(packet)
        if not meets(actual, expected):
            return f"{name} = {actual}"
    return None


def texts(value: Any) -> tuple[str, ...]:
    """A bound value as texts: several where its symbol stands for several."""
    return tuple(str(text) for text in value.values) if isinstance(value, OneOf) else (str(value),)


PACKETS = (request, reply, error, icmp_error, rst, seen, fragment, nothing, requests_from_distinct_sources)
"""The words for packets, in the order of the docs."""
VALUES = (one_of, between, at_least, inside, in_ranges, other_than)
"""The words for values that are no literal."""
