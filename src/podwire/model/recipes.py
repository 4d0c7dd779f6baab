"""Packets as a suite writes them, before there are addresses: scapy's layers with literals and symbols in them. Pure.

`IP(dst=flow.server.ip, ttl=1) / UDP(dport=flow.server.port)` is a `Layers` of two `Made`. Its text is
`IP(dst=server.ip, ttl=1) / UDP(dport=server.port)`: a flow holds that text, so that plans, records and reports say what
is sent, and `recipes` reads it again where the packets are built (`podwire.crafting.build`).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from podwire.model.symbols import Symbol


class RecipeError(ValueError):
    """No packet can be made of this. One line that says what is wrong."""


@dataclass(frozen=True)
class Made:
    """What the layer or the function of this name makes of these arguments."""

    name: str
    arguments: tuple[Any, ...] = ()
    fields: tuple[tuple[str, Any], ...] = ()

    def __truediv__(self, inner: Made | Layers) -> Layers:
        return Layers((self,)) / inner

    def __str__(self) -> str:
        named = (f"{name}={_text(value)}" for name, value in self.fields)
        return f"{self.name}({', '.join((*map(_text, self.arguments), *named))})"


@dataclass(frozen=True)
class Layers:
    """A packet, from its outermost header in."""

    parts: tuple[Made, ...]

    def __truediv__(self, inner: Made | Layers) -> Layers:
        if not isinstance(inner, (Made, Layers)):
            raise RecipeError(f"{inner!r:.60} is no layer of a packet")
        return Layers(self.parts + (inner.parts if isinstance(inner, Layers) else (inner,)))

    def __str__(self) -> str:
        return " / ".join(map(str, self.parts))


Recipe = Made | Layers


def text_of(sent: Any) -> str:
    """The text of what a suite sends: one packet, or several in a tuple. Raises `RecipeError`."""
    packets = sent if isinstance(sent, tuple) else (sent,)
    for packet in packets:
        if not isinstance(packet, (Made, Layers)):
            raise RecipeError(f"{packet!r:.60} is no packet; write layers of podwire.crafting, joined by /")
    if not packets:
        raise RecipeError("there is no packet")
    return ", ".join(map(str, packets))


def recipes(text: str) -> tuple[Recipe, ...]:
    """The packets of a text that `text_of` made. Raises `RecipeError`."""
    try:
        tree = ast.parse(f"({text},)", mode="eval").body
    except SyntaxError:
        raise RecipeError(f"{text!r:.80} is no text of packets") from None
    packets = _value(tree)
    text_of(packets)
    return tuple(packets)


def initial_sequence(token: str) -> int:
    """The initial sequence number of the exchange with this token, where the agent speaks TCP itself."""
    return crc32(token.encode())


def _text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, tuple):
        return f"({', '.join(map(_text, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, (Symbol, Made, Layers)):
        return str(value)
    if value is None or isinstance(value, (str, bytes, int, float)):
        return repr(value)
    raise RecipeError(f"{value!r:.60} is neither a literal nor a symbol of the flow")


def _value(node: ast.expr) -> Any:
    """The value of a part of such a text: a name is a symbol, a call is a layer, a quotient is a packet."""
    match node:
        case ast.Constant(value):
            return value
        case ast.UnaryOp(ast.USub(), ast.Constant(value)) if isinstance(value, (int, float)):
            return -value
        case ast.Tuple(elements):
            return tuple(map(_value, elements))
        case ast.List(elements):
            return list(map(_value, elements))
        case ast.Name() | ast.Attribute():
            return Symbol(".".join(_names(node)))
        case ast.Call(ast.Name(name), arguments, keywords):
            fields = tuple((str(keyword.arg), _value(keyword.value)) for keyword in keywords)
            return Made(name, tuple(map(_value, arguments)), fields)
        case ast.BinOp(outer, ast.Div(), inner):
            return _value(outer) / _value(inner)
    raise RecipeError(f"{ast.unparse(node)!r:.80} is no packet, and no value of a field")


def _names(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Attribute):
        yield from _names(node.value)
        yield node.attr
    elif isinstance(node, ast.Name):
        yield node.id
    else:
        raise RecipeError(f"{ast.unparse(node)!r:.80} is no symbol of the flow")
