"""The bytes of the packets that a case sends, made with scapy. Nothing here is random: the plan decides every field.

Sequence numbers of TCP count from the initial one of the exchange: `seq=0` is the number of a SYN, `seq=1` that of the
first octet of data.

Fields that a suite leaves out, and that scapy would take from this machine or leave alike for all packets, are filled
in: the source address is the client's, the source port that of the exchange, and the identification of IPv4 and of
fragments follows from that port, so that no two exchanges of a client share one. All others have scapy's value.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from scapy.contrib.geneve import GENEVE
from scapy.layers import inet, inet6
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

from podwire.agent.messages import question, wish
from podwire.model.binding import Bindings, bind
from podwire.model.patterns import Unbound
from podwire.model.recipes import Layers, Made, Recipe, RecipeError, initial_sequence, recipes

CLASSES: Mapping[str, Callable[..., Any]] = {
    **{name: getattr(inet, name) for name in ("IP", "TCP", "UDP", "ICMP")},
    **{name: getattr(inet6, name) for name in ("IPv6", "ICMPv6EchoRequest", "ICMPv6PacketTooBig")},
    **{"Raw": Raw, "VXLAN": VXLAN, "GENEVE": GENEVE},
}
UNIT = 8
"""Bytes in which fragments are counted (RFC 791 section 3.2, RFC 8200 section 4.5)."""


@dataclass(frozen=True, kw_only=True)
class Exchange:
    """What a run knows of the exchange that its packets belong to."""

    bindings: Bindings
    token: str
    source: str
    """The client's own address."""
    port: int
    """The client's own port."""
    time: int = 1
    """Which time it is that the packets are sent, 1 or 2."""

    @property
    def identification(self) -> int:
        """The number of the port; the second time it has the other highest bit, which no source port of a run has (they
        are 32768 or more)."""
        return self.port if self.time == 1 else self.port ^ 0x8000


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A packet; `when` a segment comes that it answers, empty for one that is sent at once; and how many of its last
    bytes are the place for the beginning of the packet that it answers."""

    packet: bytes
    when: str = ""
    quote: int = 0


def packets_of(text: str, exchange: Exchange) -> list[Sent]:
    """The IP packets of a flow (`Flow.load.sends`), in the order in which they are sent.

    Raises:
        RecipeError: scapy makes no packet of them, or the run has no value for one of their symbols.
    """
    return [sent for recipe in recipes(text) for sent in _packets(recipe, exchange)]


def asked_in(text: str, exchange: Exchange) -> tuple[int, int]:
    """The bytes of the question that the packets of a flow carry, and of the answer that it wishes for (0: a short
    one); no bytes without a question. Raises `RecipeError`."""
    for recipe in recipes(text):
        whole = _inside(recipe)
        for part in whole.parts if isinstance(whole, Layers) else (whole,):
            if part.name == "question":
                size, answer = (*(_bound(value, exchange) for value in part.arguments), 0)[:2]
                return int(size), int(answer)
    return 0, 0


def _inside(recipe: Recipe) -> Recipe:
    """The packet that `fragments` or `answering` is given; any other recipe is one itself."""
    if isinstance(recipe, Made) and recipe.name in ("fragments", "answering"):
        inside: Recipe = recipe.arguments[recipe.name == "answering"]
        return inside
    return recipe


def _packets(recipe: Recipe, exchange: Exchange) -> list[Sent]:
    if isinstance(recipe, Made) and recipe.name == "fragments":
        return [Sent(packet=bytes(piece)) for piece in _fragments(recipe, exchange)]
    if isinstance(recipe, Made) and recipe.name == "answering":
        when, answer = recipe.arguments
        last = answer.parts[-1] if isinstance(answer, Layers) else answer
        quote = int(_bound(last.arguments[0], exchange)) if last.name == "quoted" else 0
        return [Sent(packet=bytes(_packet(answer, exchange)), when=when, quote=quote)]
    return [Sent(packet=bytes(_packet(recipe, exchange)))]


def _packet(recipe: Recipe, exchange: Exchange) -> Any:
    made = [_layer(part, exchange) for part in (recipe.parts if isinstance(recipe, Layers) else (recipe,))]
    packet = made[0]
    for layer in made[1:]:
        packet = packet / layer
    if not isinstance(packet, (inet.IP, inet6.IPv6)):
        raise RecipeError(f"{recipe}: a packet begins with IP or IPv6")
    if "dst" not in packet.fields:
        raise RecipeError(f"{recipe}: it has no dst, so nobody says where it is sent")
    _fill(packet, exchange)
    return packet


def _layer(made: Made, exchange: Exchange) -> Any:
    arguments = [_bound(value, exchange) for value in made.arguments]
    if made.name == "question":
        size, answer = (*arguments, 0)[:2]
        return Raw(load=question(exchange.token, size, wish(answer)))
    if made.name == "quoted":
        return Raw(load=bytes(arguments[0]))
    if made.name not in CLASSES:
        raise RecipeError(f"{made}: podwire.crafting has no layer {made.name}")
    fields = {name: _bound(value, exchange) for name, value in made.fields}
    try:
        return CLASSES[made.name](*arguments, **fields)
    except (AttributeError, TypeError, ValueError) as problem:
        raise RecipeError(f"{made}: scapy makes no such layer: {problem}") from None


def _bound(value: Any, exchange: Exchange) -> Any:
    if isinstance(value, list):
        return [_bound(part, exchange) for part in value]
    try:
        return bind(value, exchange.bindings)
    except Unbound as missing:
        raise RecipeError(f"this run has no value for {missing}") from None


def _fill(packet: Any, exchange: Exchange) -> None:
    """Fill in what the recipe leaves open in the outermost headers."""
    packet.fields.setdefault("src", exchange.source)
    if isinstance(packet, inet.IP):
        packet.fields.setdefault("id", exchange.identification)
    if isinstance(packet.payload, (inet.TCP, inet.UDP)):
        packet.payload.fields.setdefault("sport", exchange.port)
    if isinstance(packet.payload, inet.TCP):
        packet.payload.seq = (packet.payload.seq + initial_sequence(exchange.token)) % (1 << 32)


def _fragments(made: Made, exchange: Exchange) -> list[Any]:
    recipe, mtu = made.arguments[0], _bound(made.arguments[1], exchange)
    whole = _packet(recipe, exchange)
    pieces = _of_ipv6(whole, mtu, exchange.identification) if isinstance(whole, inet6.IPv6) else _of_ipv4(whole, mtu)
    order = dict(made.fields).get("order") or tuple(range(1, len(pieces) + 1))
    if not all(1 <= number <= len(pieces) for number in order):
        raise RecipeError(f"{made}: the packet has {len(pieces)} fragments, and the order names another one")
    return [pieces[number - 1] for number in order]


def _of_ipv4(whole: Any, mtu: int) -> list[Any]:
    header = len(inet.IP(bytes(whole))) - len(inet.IP(bytes(whole)).payload)
    pieces: list[Any] = inet.fragment(whole, (mtu - header) // UNIT * UNIT)  # type: ignore[no-untyped-call]
    return pieces


def _of_ipv6(whole: Any, mtu: int, identification: int) -> list[Any]:
    """scapy's fragment6 counts each fragment with its headers, and takes the identification from the header that the
    packet must have."""
    inner = whole.payload
    whole.remove_payload()
    head = inet6.IPv6ExtHdrFragment(id=identification)
    pieces: list[Any] = inet6.fragment6(whole / head / inner, mtu)  # type: ignore[no-untyped-call]
    return pieces
