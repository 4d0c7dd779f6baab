"""NetworkPolicies: what the API server fills in, and what it refuses.

As kubernetes does it: pkg/apis/networking/v1/defaults.go, pkg/apis/networking/validation/validation.go, and
apimachinery's validation of label selectors.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any, Final

from podwire_lab.kube_api.objects.status import (
    FieldError,
    forbidden_field,
    invalid_value,
    not_supported,
    required,
)
from podwire_lab.model.interfaces import Object

_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_TYPES: Final = ("Egress", "Ingress")
_PORT_TEXT: Final = "must be between 1 and 65535, inclusive"
_CIDR_TEXT: Final = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
_NAME_RULES: Final = (
    (re.compile(r".{0,15}"), "must be no more than 15 bytes"),
    (re.compile(r"[-a-z0-9]+"), "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"),
    (re.compile(r".*[a-z].*"), "must contain at least one letter (a-z)"),
    (re.compile(r"(?!.*--).*"), "must not contain consecutive hyphens"),
    (re.compile(r"(?!-)(.*[^-])?"), "must not begin or end with a hyphen"),
)
_SIDES: Final = (("ingress", "from"), ("egress", "to"))


def fill_network_policy(obj: Object) -> None:
    """Name the directions of a policy that leaves them open, and the protocol of its ports."""
    spec = obj.get("spec")
    if not isinstance(spec, dict):
        return
    spec.setdefault("podSelector", {})
    for side, _ in _SIDES:
        for rule in _maps(spec.get(side)):
            for port in _maps(rule.get("ports")):
                port.setdefault("protocol", "TCP")
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", *(["Egress"] if spec.get("egress") else [])]


def network_policy_errors(obj: Object) -> Iterator[FieldError]:
    """Everything that is wrong with the spec of a policy."""
    spec = obj.get("spec") or {}
    yield from _selector(spec.get("podSelector") or {}, "spec.podSelector")
    for side, peers in _SIDES:
        for index, rule in enumerate(_maps(spec.get(side))):
            field = f"spec.{side}[{index}]"
            for at, port in enumerate(_maps(rule.get("ports"))):
                yield from _port(port, f"{field}.ports[{at}]")
            for at, peer in enumerate(_maps(rule.get(peers))):
                yield from _peer(peer, f"{field}.{peers}[{at}]")
    types = spec.get("policyTypes") or []
    if len(types) > len(_TYPES):
        yield invalid_value("spec.policyTypes", types, "may not specify more than two policyTypes")
        return
    for index, name in enumerate(types):
        if name not in _TYPES:
            yield not_supported(f"spec.policyTypes[{index}]", name, _TYPES)


def _maps(value: Any) -> list[Object]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _port(port: Object, field: str) -> Iterator[FieldError]:
    number, end = port.get("port"), port.get("endPort")
    if port.get("protocol", "TCP") not in _PROTOCOLS:
        yield not_supported(f"{field}.protocol", port["protocol"], _PROTOCOLS)
    if number is None:
        if end is not None:
            yield invalid_value(f"{field}.endPort", end, "may not be specified when `port` is not specified")
    elif isinstance(number, int):
        if not 1 <= number <= 65535:
            yield invalid_value(f"{field}.port", number, _PORT_TEXT)
        if end is not None and end < number:
            yield invalid_value(f"{field}.endPort", end, "must be greater than or equal to `port`")
        if end is not None and not 1 <= end <= 65535:
            yield invalid_value(f"{field}.endPort", end, _PORT_TEXT)
    else:
        if end is not None:
            yield invalid_value(f"{field}.endPort", end, "may not be specified when `port` is non-numeric")
        for pattern, text in _NAME_RULES:
            if not pattern.fullmatch(str(number)):
                yield invalid_value(f"{field}.port", number, text)


def _peer(peer: Object, field: str) -> Iterator[FieldError]:
    selectors = [name for name in ("podSelector", "namespaceSelector") if peer.get(name) is not None]
    for name in selectors:
        yield from _selector(peer[name], f"{field}.{name}")
    block = peer.get("ipBlock")
    if block is not None:
        yield from _block(block, f"{field}.ipBlock")
    if block is None and not selectors:
        yield required(field, "must specify a peer")
    elif block is not None and selectors:
        yield forbidden_field(field, "may not specify both ipBlock and another peer")


def _block(block: Object, field: str) -> Iterator[FieldError]:
    if not block.get("cidr"):
        yield required(f"{field}.cidr")
        return
    network = _network(block["cidr"])
    if network is None:
        yield invalid_value(f"{field}.cidr", block["cidr"], _CIDR_TEXT)
    for index, text in enumerate(block.get("except") or ()):
        part = _network(text)
        if part is None:
            yield invalid_value(f"{field}.except[{index}]", text, _CIDR_TEXT)
        elif network is not None and not _is_inside(part, network):
            yield invalid_value(f"{field}.except[{index}]", text, "must be a strict subset of `cidr`")


def _network(text: Any) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False) if "/" in str(text) else None
    except ValueError:
        return None


def _is_inside(
    part: ipaddress.IPv4Network | ipaddress.IPv6Network, whole: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> bool:
    same = part.version == whole.version
    return same and part.network_address in whole and part.prefixlen > whole.prefixlen


def _selector(selector: Object, field: str) -> Iterator[FieldError]:
    for index, term in enumerate(_maps(selector.get("matchExpressions"))):
        place = f"{field}.matchExpressions[{index}]"
        match term.get("operator"):
            case "In" | "NotIn":
                if not term.get("values"):
                    yield required(f"{place}.values", "must be specified when `operator` is 'In' or 'NotIn'")
            case "Exists" | "DoesNotExist":
                if term.get("values"):
                    text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                    yield forbidden_field(f"{place}.values", text)
            case operator:
                yield invalid_value(f"{place}.operator", operator or "", "not a valid selector operator")
