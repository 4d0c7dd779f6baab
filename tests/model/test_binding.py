"""Symbols get their values, wherever they stand in a value."""

import ipaddress
from dataclasses import dataclass
from typing import Any

import pytest

from podwire.model.binding import Unbound, bind
from podwire.model.flows import Peer
from podwire.model.patterns import OneOf, inside, meets, one_of, other_than, request
from podwire.model.symbols import Symbol

BINDINGS = {"client.ip": "10.0.0.1", "dns.ip": ("10.96.0.10", "fd00::a"), "build": (20348, 1), "net": "10.0.0.0/24"}


@pytest.mark.parametrize(
    ("value", "bound"),
    [
        ("10.0.0.1", "10.0.0.1"),
        (None, None),
        (Symbol("client.ip"), "10.0.0.1"),
        (Symbol("build"), (20348, 1)),
        (Symbol("dns.ip"), OneOf(("10.96.0.10", "fd00::a"))),
        (one_of("a", Symbol("client.ip")), one_of("a", "10.0.0.1")),
        (other_than(one_of(Symbol("client.ip"))), other_than(one_of("10.0.0.1"))),
        (inside(Symbol("net")), OneOf((ipaddress.ip_network("10.0.0.0/24"),))),
        (request(src=Symbol("client.ip"), ttl=3), request(src="10.0.0.1", ttl=3)),
    ],
)
def test_a_symbol_is_replaced_by_its_value(value, bound):
    assert bind(value, BINDINGS) == bound


def test_a_value_without_symbols_is_not_changed_and_a_bound_one_is_another():
    pattern = request(src=Symbol("client.ip"))
    bind(pattern, BINDINGS)
    assert pattern == request(src=Symbol("client.ip"))


@dataclass(frozen=True, init=False)
class Odd:
    """A value that is not made of its fields."""

    parts: tuple[Any, ...]

    def __init__(self, *parts):
        object.__setattr__(self, "parts", parts)


def test_a_value_is_bound_however_it_is_made():
    assert bind(Odd(Symbol("client.ip"), 1), BINDINGS) == Odd("10.0.0.1", 1)


def test_a_bound_peer_tells_values_and_only_what_is_asked_of_it_must_be_known():
    peer = bind(Peer(role="client", kind="pod", os="linux"), BINDINGS)
    assert (peer.ip, peer.role) == ("10.0.0.1", "client")
    with pytest.raises(Unbound, match=r"^client\.mac$"):
        _ = peer.mac


@pytest.mark.parametrize("value", [Symbol("x"), inside(Symbol("x")), one_of(Symbol("x")), request(src=Symbol("x"))])
def test_a_missing_value_is_told_by_its_name_and_why(value):
    with pytest.raises(Unbound, match=r"^x$"):
        bind(value, {})
    with pytest.raises(Unbound, match=r"^x: nobody looked$"):
        bind(value, {"x.unknown": "nobody looked"})


def test_a_field_meets_one_of_many_values_and_of_predicates_among_them():
    network = ipaddress.ip_network("10.0.0.0/24")
    assert meets("10.0.0.9", one_of("a", network))
    assert meets("a", one_of("a", network))
    assert not meets("10.0.1.9", one_of("a", network))


def test_an_alternative_without_a_value_does_not_void_the_one_that_has_one():
    bound = bind(one_of(Symbol("client.ip"), inside(Symbol("pods"))), BINDINGS)
    assert meets("10.0.0.1", bound)
    assert not meets("10.0.0.1", bind(other_than(one_of(Symbol("client.ip"), Symbol("pods"))), BINDINGS))


@pytest.mark.parametrize("wrap", [lambda one: one, other_than])
def test_a_value_that_only_an_unknown_alternative_could_admit_is_not_judged(wrap):
    bound = bind(wrap(one_of(Symbol("client.ip"), inside(Symbol("pods")))), BINDINGS)
    with pytest.raises(Unbound, match="pods"):
        meets("10.0.0.2", bound)


def test_alternatives_that_all_have_no_value_have_none():
    with pytest.raises(Unbound, match="pods"):
        bind(one_of(Symbol("pods"), Symbol("more")), BINDINGS)
