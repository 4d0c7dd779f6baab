"""What a test expects of packets, as values: conditions on fields, and how many packets must meet them.

A condition's value is a literal, a `Symbol` (bound by the run), or one of the small predicates here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from podwire.model.observations import Value
from podwire.model.packets import Packet
from podwire.model.symbols import Symbol

Direction = Literal["request", "reply"]
Bindings = Mapping[str, Value]
UNKNOWN = ".unknown"
"""After the name of a symbol: the name of the reason why a run has no value for it, where that is known."""


class Unbound(Exception):
    """An expectation names something that this run has no value for."""


def unbound(name: str, bindings: Bindings) -> Unbound:
    """That the run has no value of that name, and why if it is known."""
    why = bindings.get(name + UNKNOWN)
    return Unbound(f"{name}: {why}" if why else name)


@dataclass(frozen=True)
class OneOf:
    values: tuple[Any, ...]

    def __str__(self) -> str:
        return " or ".join(str(v) for v in self.values)


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
class Not:
    value: Any

    def __str__(self) -> str:
        return f"not {self.value}"


def one_of(*values: Any) -> OneOf:
    """Any of these values."""
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


def other_than(value: Any) -> Not:
    """Anything but this value."""
    return Not(value)


@dataclass(frozen=True, kw_only=True)
class Pattern:
    """How packets of the flow must look at one capture point.

    `quantity` is `some` (at least one packet meets the conditions), `every` (there is one, and all in `direction` meet
    them), `none` (no packet meets them; an empty set of conditions means: nothing of this flow at all), or `distinct`
    (as `every`, and the flows' source tuples are all different).
    """

    quantity: Literal["some", "every", "none", "distinct"]
    conditions: tuple[tuple[str, Any], ...] = ()
    direction: Direction | None = None

    def __str__(self) -> str:
        what = {"request": "request", "reply": "reply", None: "packet"}[self.direction]
        lead = {"some": "a", "every": "every", "none": "no", "distinct": "every"}[self.quantity]
        tail = ", each from a source of its own" if self.quantity == "distinct" else ""
        named = ", ".join(f"{name} = {value}" for name, value in self.conditions)
        return f"{lead} {what}{' with ' + named if named else ''}{tail}"


def _conditions(fields: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    for name in fields:
        if name not in Packet.__struct_fields__ and not isinstance(getattr(Packet, name, None), property):
            raise TypeError(f"a packet has no field {name!r}")
    return tuple(fields.items())


def seen(**fields: Any) -> Pattern:
    """At least one packet of the flow, either way, meets all of this."""
    return Pattern(quantity="some", conditions=_conditions(fields))


def request(**fields: Any) -> Pattern:
    """There are packets from client to server, and each of them meets all of this."""
    return Pattern(quantity="every", conditions=_conditions(fields), direction="request")


def reply(**fields: Any) -> Pattern:
    """There are packets from server to client, and each of them meets all of this."""
    return Pattern(quantity="every", conditions=_conditions(fields), direction="reply")


def nothing(**fields: Any) -> Pattern:
    """No packet of the flow meets all of this; without conditions: no packet of the flow passes here."""
    return Pattern(quantity="none", conditions=_conditions(fields))


def requests_from_distinct_sources(**fields: Any) -> Pattern:
    """As `request`, and no two exchanges share protocol, source address and source port towards one destination."""
    return Pattern(quantity="distinct", conditions=_conditions(fields), direction="request")


def bound(value: Any, bindings: Bindings) -> Any:
    """A condition's value with its symbols replaced."""
    if isinstance(value, Symbol):
        if value.name not in bindings:
            raise unbound(value.name, bindings)
        known = bindings[value.name]
        # A symbol may stand for several addresses: any of them.
        return OneOf(known) if isinstance(known, tuple) and all(isinstance(one, str) for one in known) else known
    if isinstance(value, OneOf):
        return OneOf(tuple(bound(v, bindings) for v in value.values))
    if isinstance(value, Not):
        return Not(bound(value.value, bindings))
    if isinstance(value, InNetwork):
        networks = bound(value.network, bindings)
        several = networks.values if isinstance(networks, OneOf) else (networks,)
        return OneOf(tuple(ipaddress.ip_network(str(network)) for network in several))
    return value


def meets(actual: Any, wanted: Any) -> bool:
    """Whether a packet's field has the (bound) value that is wanted."""
    if isinstance(wanted, OneOf):
        return any(meets(actual, v) for v in wanted.values)
    if isinstance(wanted, Not):
        return not meets(actual, wanted.value)
    if isinstance(wanted, Between):
        return isinstance(actual, type(wanted.low)) and bool(wanted.low <= actual <= wanted.high)
    if isinstance(wanted, AtLeast):
        return isinstance(actual, type(wanted.low)) and bool(actual >= wanted.low)
    if isinstance(wanted, (ipaddress.IPv4Network, ipaddress.IPv6Network)):
        return bool(actual) and ipaddress.ip_address(actual) in wanted
    return bool(actual == wanted)


def mismatch(packet: Packet, conditions: Iterable[tuple[str, Any]], bindings: Bindings) -> str | None:
    """The first field of the packet that is not as wanted, in words; None when all are."""
    for name, value in conditions:
        wanted, actual = bound(value, bindings), getattr(packet, name)
        if not meets(actual, wanted):
            return f"{name} = {actual}"
    return None
