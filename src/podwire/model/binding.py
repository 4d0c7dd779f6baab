"""Symbols get their values: an expectation as the run makes it, with addresses in the place of their names."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

from podwire.model.addressing.port_ranges import bounds
from podwire.model.flows import Peer
from podwire.model.observations import Value
from podwire.model.patterns import Between, InNetwork, InRanges, NoValue, OneOf, Unbound, texts
from podwire.model.symbols import UNKNOWN, Symbol

Bindings = Mapping[str, Value]
_PLAIN = frozenset({str, int, float, bool, type(None)})


def bind(value: Any, bindings: Bindings) -> Any:
    """The same value with what the run knows in the place of each symbol, wherever in it.

    A symbol that stands for several texts becomes `OneOf` them. A peer becomes one whose symbols are values.

    Raises:
        Unbound: the run has no value of that name; the text is the name, and why if that is known.
    """
    kind = type(value)
    if kind in _PLAIN:
        return value
    if kind is tuple:
        return tuple([bind(part, bindings) for part in value])
    if kind is Symbol:
        return _known(value, bindings)
    if kind is OneOf:
        return OneOf(_alternatives(value, bindings))
    if kind is InNetwork:
        return OneOf(tuple(ipaddress.ip_network(cidr) for cidr in texts(_known(value.network, bindings))))
    if kind is InRanges:
        return OneOf(tuple(Between(*bounds(text)) for text in texts(_known(value.ranges, bindings))))
    if kind is Peer:
        return _BoundPeer(value, bindings)
    if not is_dataclass(kind):
        return value
    # A dataclass of any kind: its twin has the same fields, bound; it need not be made by `__init__`.
    twin = object.__new__(kind)
    fields = vars(twin)
    for name, part in vars(value).items():
        fields[name] = part if type(part) in _PLAIN else bind(part, bindings)
    return twin


def _alternatives(value: OneOf, bindings: Bindings) -> tuple[Any, ...]:
    """The values of alternatives. One without a value stays as `NoValue`; if none has one, that is `Unbound`."""
    bound: list[Any] = []
    for alternative in value.values:
        try:
            known = bind(alternative, bindings)
        except Unbound as missing:
            known = NoValue(str(missing))
        bound += known.values if isinstance(known, OneOf) else (known,)
    if bound and all(isinstance(alternative, NoValue) for alternative in bound):
        raise Unbound(bound[0].why)
    return tuple(bound)


def _known(symbol: Symbol, bindings: Bindings) -> Any:
    name = symbol.name
    if name in bindings:
        value = bindings[name]
    elif name + UNKNOWN in bindings:
        raise Unbound(f"{name}: {bindings[name + UNKNOWN]}")
    elif symbol.before is not None:
        value = bind(symbol.before, bindings)  # An observation of podwire before 0.3.
    else:
        raise Unbound(name)
    return OneOf(value) if isinstance(value, tuple) and all(isinstance(part, str) for part in value) else value


class _BoundPeer:
    """A peer as one asks it once the run is known: `.ip` is its address. What nobody asks for may be unknown."""

    def __init__(self, peer: Peer, bindings: Bindings) -> None:
        self._peer, self._bindings = peer, bindings

    def __getattr__(self, name: str) -> Any:
        value = vars(self)[name] = bind(getattr(self._peer, name), self._bindings)
        return value
