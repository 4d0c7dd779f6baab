"""Symbols get their values: an expectation as the run makes it, with addresses in the place of their names."""

from __future__ import annotations

import copy
import ipaddress
from collections.abc import Mapping
from dataclasses import is_dataclass
from typing import Any

from podwire.model.flows import Peer
from podwire.model.observations import Value
from podwire.model.patterns import InNetwork, OneOf
from podwire.model.symbols import UNKNOWN, Symbol

Bindings = Mapping[str, Value]
_PLAIN = (str, int, float, type(None))


class Unbound(Exception):
    """An expectation names something that this run has no value for."""


def bind(value: Any, bindings: Bindings) -> Any:
    """The same value with what the run knows in the place of each symbol, wherever in it.

    A symbol that stands for several texts becomes `OneOf` them. A peer becomes one whose symbols are values.

    Raises:
        Unbound: the run has no value of that name; the text is the name, and why if that is known.
    """
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, Symbol):
        return _known(value.name, bindings)
    if isinstance(value, InNetwork):
        networks = _known(value.network.name, bindings)
        cidrs = networks.values if isinstance(networks, OneOf) else (networks,)
        return OneOf(tuple(ipaddress.ip_network(str(cidr)) for cidr in cidrs))
    if isinstance(value, Peer):
        return _BoundPeer(value, bindings)
    if isinstance(value, tuple):
        return tuple(bind(part, bindings) for part in value)
    if not is_dataclass(value):
        return value
    twin = copy.copy(value)
    vars(twin).update({name: bind(part, bindings) for name, part in vars(value).items()})
    return twin


def _known(name: str, bindings: Bindings) -> Any:
    if name not in bindings:
        why = bindings.get(name + UNKNOWN)
        raise Unbound(f"{name}: {why}" if why else name)
    value = bindings[name]
    return OneOf(value) if isinstance(value, tuple) and all(isinstance(part, str) for part in value) else value


class _BoundPeer:
    """A peer as one asks it once the run is known: `.ip` is its address. What nobody asks for may be unknown."""

    def __init__(self, peer: Peer, bindings: Bindings) -> None:
        self._peer, self._bindings = peer, bindings

    def __getattr__(self, name: str) -> Any:
        return bind(getattr(self._peer, name), self._bindings)
