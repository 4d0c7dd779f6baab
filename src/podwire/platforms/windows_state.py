"""What the host probe of a Windows node reads of HNS and of the registry: the list `windows-state`. Pure."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any


class NoState(ValueError):
    """What was printed is not the list; the text says so in a few words."""


@dataclass(frozen=True, kw_only=True)
class WindowsState:
    """Of one node: the version of HNS' service, the addresses of its endpoints and gateways, and settings by which
    Microsoft ships fixes that are off: `overrides` of FeatureManagement and `switches` of HNS, each `NAME=VALUE`."""

    hns: str = ""
    endpoints: tuple[str, ...] = ()
    gateways: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()
    switches: tuple[str, ...] = ()
    translation: tuple[str, ...] = ()
    """What HNS makes of packets that leave its endpoints, see `_translation`."""


def state_in(text: str) -> WindowsState:
    """The state in what the agent's list prints, an object of JSON.

    Raises:
        NoState: it is none.
    """
    try:
        tree = json.loads(text)
    except (RecursionError, ValueError):
        raise NoState("PowerShell printed no list of HNS' addresses and settings") from None
    if not isinstance(tree, dict):
        raise NoState("PowerShell printed no list of HNS' addresses and settings")
    return WindowsState(
        hns=str(tree.get("Hns") or ""),
        endpoints=tuple(_addresses(tree, "Endpoints")),
        gateways=tuple(_addresses(tree, "Gateways")),
        overrides=tuple(sorted(_texts(tree, "Overrides"))),
        switches=tuple(sorted(_texts(tree, "Switches"))),
        translation=tuple(_translation(tree)),
    )


def _translation(tree: dict[str, Any]) -> Iterator[str]:
    """Each distinct OutBoundNAT policy of a node's endpoints, as `all but 10.96.0.0/12`; `none` where endpoints have
    other policies only; nothing where HNS tells no policies. Endpoints of the node itself, beside those of pods, never
    have one, so `none` is no news where another endpoint has one (hcsshim: hcn, OutboundNatPolicySetting)."""
    lists = {text.removeprefix("except ") for text in _texts(tree, "Translation") if text.startswith("except ")}
    if not lists:
        yield from {"none"} & set(_texts(tree, "Translation"))
    for networks in sorted(lists):
        names = sorted(name for name in networks.split(",") if name)
        yield f"all but {', '.join(names)}" if names else "all"


def _texts(tree: dict[str, Any], name: str) -> list[str]:
    """PowerShell writes a list of one, and an empty one in an object, as it likes: alone, or as nothing."""
    value = tree.get(name)
    values = value if isinstance(value, list) else [value]
    return [str(item) for item in values if item not in (None, "", {})]


def _addresses(tree: dict[str, Any], name: str) -> list[str]:
    addresses = []
    for text in _texts(tree, name):
        try:
            addresses.append(str(ipaddress.ip_address(text)))
        except ValueError:
            continue  # An endpoint that has no address yet.
    return addresses
