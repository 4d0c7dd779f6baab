"""Networks and endpoints of HNS on a Windows node, as its own cmdlets tell them: the network mode that follows, where
HNS gives addresses, which pods it knows, and what it translates and balances. Pure."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from podwire.model.facts import UNKNOWN, Mode

# hcsshim, hcn: NetworkType; HNS spells them so.
_MODES: Mapping[str, Mode] = {
    "overlay": "overlay",
    "l2bridge": "l2bridge",
    "l2tunnel": "l2tunnel",
    "transparent": "transparent",
    "nat": "nat",
}
# Other networks of the host's own: Docker's, the Default Switch of Hyper-V and WSL, switches without a network card.
_BESIDE = frozenset({"nat", "ics", "internal", "private"})
_STATES = {1: "Created", 2: "Attached", 3: "AttachedSharing", 4: "Detached", 5: "Degraded", 6: "Destroyed"}
"""hcsshim, hnsendpoint.go: EndpointState. Endpoints of running pods are in AttachedSharing (Azure NPM), or Attached."""
_EXTERNAL = "External"  # Made by set-up scripts and by Calico, to bind a switch to the network card; it has no pods.


@dataclass(frozen=True, kw_only=True)
class HnsNetwork:
    """A network: its name, its type as HNS spells it, the VNI (VSID) of its subnets, and these as CIDRs."""

    name: str
    type: str
    vni: int | None = None
    subnets: tuple[str, ...] = ()

    def has_room_for(self, address: str) -> bool:
        """Whether an address is of one of its subnets."""
        return any(ipaddress.ip_address(address) in ipaddress.ip_network(subnet) for subnet in self.subnets)


@dataclass(frozen=True, kw_only=True)
class HnsMode:
    """What the networks of a node tell, in words too; `mode` is unknown where they tell none, or several."""

    mode: Mode
    words: str


@dataclass(frozen=True, kw_only=True)
class HnsEndpoint:
    """A port of a network, of a pod as a rule: its address, its MAC as tcpdump writes it, and the mode of the network
    by its type, empty where it is not told. A remote one stands for a pod of another node: kube-proxy makes them for
    the backends of Services. `address` is empty where it has none, `state` where HNS does not tell it."""

    name: str
    address: str
    mac: str
    remote: bool = False
    mode: str = ""
    state: str = ""

    def __str__(self) -> str:
        state = f", state {self.state}" if self.state else ""
        return f"{self.name} ({self.mac}{', remote' if self.remote else ''}{state})"


@dataclass(frozen=True, kw_only=True)
class Translation:
    """What Windows translates by itself: the names of its NATs, and of each endpoint of HNS, by its address, whether it
    has an OutBoundNAT policy."""

    net_nat: tuple[str, ...]
    endpoints: tuple[tuple[str, bool], ...]

    @property
    def translated(self) -> tuple[str, ...]:
        """The addresses of endpoints that have one."""
        return tuple(address for address, has_one in self.endpoints if has_one)


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """One of HNS: the addresses that it takes, and whether it uses Direct Server Return."""

    addresses: tuple[str, ...]
    dsr: bool

    def __str__(self) -> str:
        return f"{', '.join(self.addresses) or 'no address'}{' with DSR' if self.dsr else ''}"


class NoListing(ValueError):
    """What a command printed is no list of what it was asked for; the text says what it is."""


def networks_in(printed: str) -> tuple[HnsNetwork, ...]:
    """The networks of a listing, as the agent's tool `hns-networks` prints it: JSON, one object or a list of them with
    Name, Type, VSID and Subnets (their AddressPrefix); nothing at all is no network.

    Raises:
        NoListing: it is something else.
    """
    return tuple(
        HnsNetwork(name=str(one.get("Name") or ""), type=one["Type"], vni=_vni(one), subnets=tuple(_subnets(one)))
        for one in _listed(printed, "Type", "the type of a network")
    )


def endpoints_in(printed: str) -> tuple[HnsEndpoint, ...]:
    """The endpoints in a listing, as the agent's tool `hns-endpoints` prints it: JSON, one object or a list of them
    with Name, IPAddress (null of one that has none), MacAddress, Remote, State, and Type, that of its network.

    Raises:
        NoListing: it is something else.
    """
    return tuple(
        HnsEndpoint(
            name=str(one.get("Name") or "a nameless one"),
            address=one["IPAddress"] or "",
            mac=str(one.get("MacAddress") or "").lower().replace("-", ":"),
            remote=one.get("Remote") is True,
            mode=_MODES.get(str(one["Type"]).lower(), UNKNOWN) if one.get("Type") else "",
            state=_STATES.get(one["State"], str(one["State"])) if isinstance(one.get("State"), int) else "",
        )
        for one in _listed(printed, "IPAddress", "the address of an endpoint", (str, type(None)))
    )


def translation_in(printed: str) -> Translation:
    """What the agent's tool `windows-nat` prints: a JSON object with NetNat, names, and Endpoints, each with IPAddress,
    Policies, the names of their types, and whether it was told of them at all.

    Raises:
        NoListing: it is something else; nothing at all is no answer, and an endpoint without any word of its policies
            is none.
    """
    told = _object(printed, "NetNat", "Endpoints")
    # HNS lists endpoints that have no address (yet): nothing of them is translated.
    endpoints = [one for one in told["Endpoints"] if not isinstance(one, dict) or one.get("IPAddress") is not None]
    if not all(isinstance(one, dict) and one.get("Told") is True for one in endpoints):
        raise NoListing("JSON with an endpoint that has no policies told")
    return Translation(
        net_nat=tuple(map(str, told["NetNat"])),
        endpoints=tuple(
            (str(one.get("IPAddress")), "outboundnat" in [str(kind).lower() for kind in one.get("Policies") or ()])
            for one in endpoints
        ),
    )


def load_balancers_in(printed: str) -> tuple[LoadBalancer, ...]:
    """What the agent's tool `hns-load-balancers` prints: a JSON object with LoadBalancers, each with VIPs and IsDSR.

    Raises:
        NoListing: it is something else; nothing at all is no answer.
    """
    told = _object(printed, "LoadBalancers")["LoadBalancers"]
    if not all(isinstance(one, dict) and isinstance(one.get("IsDSR"), bool) for one in told):
        raise NoListing("JSON with a load balancer that does not tell of DSR")
    return tuple(
        LoadBalancer(addresses=tuple(str(vip) for vip in one.get("VIPs") or () if vip), dsr=one["IsDSR"])
        for one in told
    )


@dataclass(frozen=True, kw_only=True)
class HnsDsr:
    """Whether load balancers use Direct Server Return, in words too; None where there are none, or both kinds."""

    dsr: bool | None
    words: str


def dsr_told_by(load_balancers: tuple[LoadBalancer, ...], addresses: Sequence[str]) -> HnsDsr:
    """What the load balancers of these addresses tell, which must be cluster addresses: those of node ports and of
    other addresses may be without it where kube-proxy is told to use it (kube-proxy: winkernel, proxier.go)."""
    told = {one.dsr for one in load_balancers if set(one.addresses) & set(addresses)}
    of = " and ".join(addresses) or "cluster DNS"
    if len(told) != 1:
        return HnsDsr(dsr=None, words=f"HNS has {'two kinds of' if told else 'no'} load balancers for {of}")
    (dsr,) = told
    return HnsDsr(dsr=dsr, words=f"load balancers for {of} {'use' if dsr else 'do not use'} Direct Server Return")


def _object(printed: str, *lists: str) -> Mapping[str, Any]:
    told = _json(printed)
    if not isinstance(told, dict) or not all(isinstance(told.get(name), list) for name in lists):
        raise NoListing(f"JSON without {' and '.join(lists)}")
    return told


def _listed(printed: str, field: str, what: str, kinds: tuple[type, ...] = (str,)) -> list[Mapping[str, Any]]:
    if not printed.strip():
        return []
    tree = _json(printed)
    several = tree if isinstance(tree, list) else [tree]
    if not all(isinstance(one, dict) and field in one and isinstance(one[field], kinds) for one in several):
        raise NoListing(f"JSON without {what}")
    return several


def _json(printed: str) -> Any:
    try:
        return json.loads(printed)
    except ValueError:
        raise NoListing(f"no JSON: {' '.join(printed.split())[:80] or 'nothing'}") from None


def _vni(network: Mapping[str, Any]) -> int | None:
    found = network.get("VSID")
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _subnets(network: Mapping[str, Any]) -> Iterator[str]:
    """PowerShell writes null for what a network does not have."""
    for text in network.get("Subnets") or ():
        try:
            yield str(ipaddress.ip_network(text, strict=False))
        except (ValueError, TypeError):
            continue


def mode_told_by(networks: tuple[HnsNetwork, ...]) -> HnsMode:
    """The mode of a node by its networks.

    Networks of the types NAT, ICS, Internal and Private are there beside others, where Docker, Hyper-V or WSL was: they
    count alone only.
    """
    of_pods = [one for one in networks if one.name != _EXTERNAL] or list(networks)
    of_pods = [one for one in of_pods if one.type.lower() not in _BESIDE] or of_pods
    words = ", ".join(f"{one.name} ({one.type}{f', VNI {one.vni}' if one.vni else ''})" for one in of_pods)
    modes = {_MODES.get(one.type.lower(), UNKNOWN) for one in of_pods}
    mode: Mode = modes.pop() if len(modes) == 1 else UNKNOWN  # type: ignore[assignment]
    return HnsMode(mode=mode, words=f"HNS has {words}" if words else "HNS has no network")
