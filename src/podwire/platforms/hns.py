"""Reads the listings of HNS on a Windows node: networks, endpoints, NAT policies and load balancers. Pure."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from podwire.model.facts import UNKNOWN, Mode
from podwire.model.machines import NODE_PORT

# hcsshim, hcn: NetworkType, in lower case.
_MODES: Mapping[str, Mode] = {
    "overlay": "overlay",
    "l2bridge": "l2bridge",
    "l2tunnel": "l2tunnel",
    "transparent": "transparent",
    "nat": "nat",
}
# Networks of the host itself: Docker's, the Default Switch of Hyper-V and WSL, switches without a network card.
_BESIDE = frozenset({"nat", "ics", "internal", "private"})
_STATES = {1: "Created", 2: "Attached", 3: "AttachedSharing", 4: "Detached", 5: "Degraded", 6: "Destroyed"}
"""hcsshim, hnsendpoint.go: EndpointState. Endpoints of running pods are in AttachedSharing (Azure NPM), or Attached."""
ATTACHED = ("Created", "Attached", "AttachedSharing")
"""States in which pods of working nodes were seen: AttachedSharing and Attached, and Created by a reporter whose pods
in AttachedSharing had no network (Calico issues 11203 and 12795)."""
_PROTOCOLS = {6: "tcp", 17: "udp"}  # IANA: protocol numbers, as hcn has them
_EXTERNAL = "External"  # Set-up scripts and Calico make it to bind a switch to the network card. It has no pods.


@dataclass(frozen=True, kw_only=True)
class HnsNetwork:
    """A network: its name, its type as HNS spells it, its VNI (VSID), and its subnets as CIDRs."""

    name: str
    type: str
    vni: int | None = None
    subnets: tuple[str, ...] = ()

    def has_room_for(self, address: str) -> bool:
        """Whether one of its subnets contains the address."""
        return any(ipaddress.ip_address(address) in ipaddress.ip_network(subnet) for subnet in self.subnets)


@dataclass(frozen=True, kw_only=True)
class HnsMode:
    """The network mode that the networks of a node show, and a description of them.

    `mode` is `unknown` if they show no mode, or several.
    """

    mode: Mode
    words: str


@dataclass(frozen=True, kw_only=True)
class HnsEndpoint:
    """An endpoint of HNS, usually the port of a pod."""

    name: str
    address: str
    """Empty if it has none."""
    mac: str
    """As tcpdump writes it."""
    remote: bool = False
    """It stands for a pod of another node: kube-proxy makes remote endpoints for the backends of Services."""
    mode: str = ""
    """The network mode by the type of its network; empty if the listing lacks the type."""
    state: str = ""
    """Empty if the listing lacks it."""

    def __str__(self) -> str:
        state = f", state {self.state}" if self.state else ""
        return f"{self.name} ({self.mac}{', remote' if self.remote else ''}{state})"


@dataclass(frozen=True, kw_only=True)
class Translation:
    """The NAT of Windows itself: the names of its NetNat objects, and for each HNS endpoint its address and whether it
    has an OutBoundNAT policy."""

    net_nat: tuple[str, ...]
    endpoints: tuple[tuple[str, bool], ...]

    @property
    def translated(self) -> tuple[str, ...]:
        """The addresses of endpoints with an OutBoundNAT policy."""
        return tuple(address for address, has_one in self.endpoints if has_one)


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """A load balancer of HNS: its addresses, none for a node port, and whether it uses Direct Server Return. Its port
    is None if the listing lacks it."""

    addresses: tuple[str, ...]
    dsr: bool
    port: int | None = None
    protocol: str = ""

    @property
    def frontends(self) -> tuple[str, ...]:
        """What it serves: address or `node-port`, protocol, port."""
        return tuple(f"{address} {self.protocol} {self.port}" for address in self.addresses or (NODE_PORT,))

    def __str__(self) -> str:
        return f"{', '.join(self.addresses) or 'no address'}{' with DSR' if self.dsr else ''}"


class NoListing(ValueError):
    """A tool's output is not the expected listing. The text says what it is."""


def networks_in(printed: str) -> tuple[HnsNetwork, ...]:
    """The networks in the output of the agent's tool `hns-networks`.

    The output is JSON: one object, or a list of objects, with Name, Type, VSID and Subnets (their AddressPrefix). An
    empty output means no network.

    Raises:
        NoListing: the output is something else.
    """
    return tuple(
        HnsNetwork(
            name=str(entry.get("Name") or ""), type=entry["Type"], vni=_vni(entry), subnets=tuple(_subnets(entry))
        )
        for entry in _listed(printed, "Type", "the type of a network")
    )


def endpoints_in(printed: str) -> tuple[HnsEndpoint, ...]:
    """The endpoints in the output of the agent's tool `hns-endpoints`.

    The output is JSON: one object, or a list of objects, with Name, IPAddress (null for none), MacAddress, Remote,
    State, and the Type of its network. An empty output means no endpoint.

    Raises:
        NoListing: the output is something else.
    """
    return tuple(
        HnsEndpoint(
            name=str(entry.get("Name") or "a nameless one"),
            address=entry["IPAddress"] or "",
            mac=str(entry.get("MacAddress") or "").lower().replace("-", ":"),
            remote=entry.get("Remote") is True,
            mode=_MODES.get(str(entry["Type"]).lower(), UNKNOWN) if entry.get("Type") else "",
            state=_STATES.get(entry["State"], str(entry["State"])) if isinstance(entry.get("State"), int) else "",
        )
        for entry in _listed(printed, "IPAddress", "the address of an endpoint", (str, type(None)))
    )


def translation_in(printed: str) -> Translation:
    """The translation in the output of the agent's tool `windows-nat`.

    The output is a JSON object with NetNat (names) and Endpoints, each with IPAddress, Policies (names of types) and
    Told (whether HNS listed its policies).

    Raises:
        NoListing: the output is something else, is empty, or lacks the policies of an endpoint.
    """
    listing = _object(printed, "NetNat", "Endpoints")
    # HNS also lists endpoints without an address. It translates nothing for them.
    endpoints = [
        endpoint
        for endpoint in listing["Endpoints"]
        if not isinstance(endpoint, dict) or endpoint.get("IPAddress") is not None
    ]
    if not all(isinstance(endpoint, dict) and endpoint.get("Told") is True for endpoint in endpoints):
        raise NoListing("JSON with an endpoint that has no policies told")
    return Translation(
        net_nat=tuple(map(str, listing["NetNat"])),
        endpoints=tuple(
            (
                str(endpoint.get("IPAddress")),
                "outboundnat" in [str(kind).lower() for kind in endpoint.get("Policies") or ()],
            )
            for endpoint in endpoints
        ),
    )


def load_balancers_in(printed: str) -> tuple[LoadBalancer, ...]:
    """The load balancers in the output of the agent's tool `hns-load-balancers`.

    The output is a JSON object with LoadBalancers, each with VIPs (none for a node port), IsDSR, Port and Protocol.

    Raises:
        NoListing: the output is something else, or empty.
    """
    balancers = _object(printed, "LoadBalancers")["LoadBalancers"]
    if not all(isinstance(balancer, dict) and isinstance(balancer.get("IsDSR"), bool) for balancer in balancers):
        raise NoListing("JSON with a load balancer that does not tell of DSR")
    return tuple(
        LoadBalancer(
            addresses=tuple(str(vip) for vip in balancer.get("VIPs") or () if vip),
            dsr=balancer["IsDSR"],
            port=balancer["Port"] if isinstance(balancer.get("Port"), int) else None,
            protocol=_PROTOCOLS.get(balancer.get("Protocol"), str(balancer.get("Protocol") or "")),
        )
        for balancer in balancers
    )


@dataclass(frozen=True, kw_only=True)
class HnsDsr:
    """Whether load balancers use Direct Server Return, and a description; None if there are none, or both kinds."""

    dsr: bool | None
    words: str


def dsr_told_by(load_balancers: tuple[LoadBalancer, ...], addresses: Sequence[str]) -> HnsDsr:
    """Whether the load balancers of these cluster IPs use Direct Server Return.

    Only cluster IPs count: kube-proxy may leave DSR out for node ports and other addresses even if its setting is on
    (kube-proxy: winkernel, proxier.go).
    """
    settings = {balancer.dsr for balancer in load_balancers if set(balancer.addresses) & set(addresses)}
    of = " and ".join(addresses) or "cluster DNS"
    if len(settings) != 1:
        return HnsDsr(dsr=None, words=f"HNS has {'two kinds of' if settings else 'no'} load balancers for {of}")
    (dsr,) = settings
    return HnsDsr(dsr=dsr, words=f"load balancers for {of} {'use' if dsr else 'do not use'} Direct Server Return")


def _object(printed: str, *lists: str) -> Mapping[str, Any]:
    tree = _json(printed)
    if not isinstance(tree, dict) or not all(isinstance(tree.get(name), list) for name in lists):
        raise NoListing(f"JSON without {' and '.join(lists)}")
    return tree


def _listed(printed: str, field: str, described: str, kinds: tuple[type, ...] = (str,)) -> list[Mapping[str, Any]]:
    if not printed.strip():
        return []
    tree = _json(printed)
    entries = tree if isinstance(tree, list) else [tree]
    if not all(isinstance(entry, dict) and field in entry and isinstance(entry[field], kinds) for entry in entries):
        raise NoListing(f"JSON without {described}")
    return entries


def _json(printed: str) -> Any:
    try:
        return json.loads(printed)
    except ValueError:
        raise NoListing(f"no JSON: {' '.join(printed.split())[:80] or 'nothing'}") from None


def _vni(network: Mapping[str, Any]) -> int | None:
    vni = network.get("VSID")
    return vni if isinstance(vni, int) and not isinstance(vni, bool) else None


def _subnets(network: Mapping[str, Any]) -> Iterator[str]:
    """The subnets of a network as CIDRs. PowerShell writes null for a network without subnets."""
    for text in network.get("Subnets") or ():
        try:
            yield str(ipaddress.ip_network(text, strict=False))
        except (ValueError, TypeError):
            continue


def mode_told_by(networks: tuple[HnsNetwork, ...]) -> HnsMode:
    """The network mode of a node by its networks.

    Networks of the types NAT, ICS, Internal and Private come from Docker, Hyper-V or WSL. They count only if there are
    no others.
    """
    of_pods = [network for network in networks if network.name != _EXTERNAL] or list(networks)
    of_pods = [network for network in of_pods if network.type.lower() not in _BESIDE] or of_pods
    words = ", ".join(
        f"{network.name} ({network.type}{f', VNI {network.vni}' if network.vni else ''})" for network in of_pods
    )
    modes = {_MODES.get(network.type.lower(), UNKNOWN) for network in of_pods}
    mode: Mode = modes.pop() if len(modes) == 1 else UNKNOWN  # type: ignore[assignment]
    return HnsMode(mode=mode, words=f"HNS has {words}" if words else "HNS has no network")
