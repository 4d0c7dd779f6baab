"""Packets made and changed by the names of their fields, whichever layer has them."""

from collections import defaultdict

from msgspec import structs

from podwire.model.packets import Fragment, Packet

LAYERS = {
    **{name: ("ip", name) for name in ("src", "dst", "protocol", "ttl", "tos", "df")},
    **{name: ("ports", name) for name in ("sport", "dport")},
    **{name: ("tcp", name) for name in ("flags", "seq", "ack", "window", "options")},
    **{f"icmp_{name}": ("icmp", name) for name in ("type", "code", "id", "seq")},
    **{name: ("icmp", name) for name in ("mtu", "quoted")},
    **{f"eth_{name}": ("link", name) for name in ("src", "dst")},
}


def a_packet_with(**fields):
    """A packet of these fields; it was captured at 0."""
    return with_fields(Packet(at=0.0), **fields)


def with_fields(packet, **fields):
    """The packet with these fields changed; `fragment` makes it one, of the packet with that `ident`."""
    changes, layers = {}, defaultdict(dict)
    if fields.pop("fragment", False) or "ident" in fields:
        layers["ip"]["fragment"] = Fragment(fields.pop("ident", None))
    for name, value in fields.items():
        layer, inside = LAYERS.get(name, (None, name))
        (layers[layer] if layer else changes)[inside] = value
    for layer, inside in layers.items():
        changes[layer] = structs.replace(getattr(packet, layer), **inside)
    return structs.replace(packet, **changes)
