"""The profiles of the lab, from `profiles.yaml` beside this module. Each is a row of the documentation."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from msgspec import Struct

from podwire.model.facts import Encapsulation, Family, Mode
from podwire_lab.model.addresses import JUMBO_MTU, MOST, UNDERLAY, USUAL, VPC, PodNetworks, nodes_of
from podwire_lab.model.profile import Fabric, Profile, WindowsNodes
from podwire_lab.model.table import TableError, read_table
from podwire_lab.model.variations import VARIATIONS, varied
from podwire_lab.model.windows_builds import UnknownBuild, windows_build

TABLE = Path(__file__).with_name("profiles.yaml")
DEFAULT_PROFILE = "overlay-win-overlay"


class UnknownProfile(Exception):
    """The lab has no such profile, no such Windows build, or not both options together."""


class _Tunnel(Struct, frozen=True, forbid_unknown_fields=True):
    kind: Literal["vxlan", "geneve"]
    port: int
    vni: int


class _Row(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A profile in the file."""

    name: str
    mode: Mode
    cni: str
    ipam: str
    summary: str
    source: str
    pods: str
    """The pod networks of all nodes, by their name in `pod_networks`."""
    windows_pods: str = ""
    """The pod networks of Windows nodes, if they differ."""
    tunnel: _Tunnel | None = None
    linux_tunnel: _Tunnel | None = None
    excepted: Literal["", "underlay", "vpc"] = ""
    """The networks of the nodes, to which OutboundNAT does not translate."""
    fabric: Fabric = ""
    windows: WindowsNodes = WindowsNodes()


class _Table(Struct, frozen=True, forbid_unknown_fields=True):
    pod_networks: dict[str, PodNetworks]
    profiles: list[_Row]


def read_profiles(path: Path = TABLE) -> dict[str, Profile]:
    """The profiles of a file by name, in the order of the file.

    Raises:
        TableError: the file is wrong; the text is one line with file and place.
    """
    table = read_table(path, _Table)
    try:
        profiles = list(_profiles(table))
    except ValueError as problem:
        raise TableError(f"{path}: {problem}") from problem
    return {profile.name: profile for profile in profiles}


def _profiles(table: _Table) -> Iterator[Profile]:
    known: set[str] = set()
    for row in table.profiles:
        if row.name in known:
            raise ValueError(f"profile {row.name}: is defined twice; remove one")
        known.add(row.name)
        yield _profile(row, table.pod_networks)


def _profile(row: _Row, networks: Mapping[str, PodNetworks]) -> Profile:
    def pods(name: str) -> PodNetworks:
        if name not in networks:
            raise ValueError(f"profile {row.name}: unknown pod networks {name!r}; there are: {', '.join(networks)}")
        return networks[name]

    return Profile(
        name=row.name,
        mode=row.mode,
        cni=row.cni,
        ipam=row.ipam,
        summary=row.summary,
        source=row.source,
        nodes=nodes_of(pods(row.pods), pods(row.windows_pods or row.pods)),
        tunnel=_encapsulation(row.tunnel),
        linux_tunnel=_encapsulation(row.linux_tunnel),
        excepted=_excepted(row),
        fabric=row.fabric,
        windows=row.windows,
    )


def _encapsulation(tunnel: _Tunnel | None) -> Encapsulation | None:
    return Encapsulation(kind=tunnel.kind, port=tunnel.port, vni=tunnel.vni) if tunnel else None


def _excepted(row: _Row) -> Mapping[Family, str]:
    """The pod networks that a row names, for the families of pods on its Windows nodes; a VPC has IPv4 only."""
    named: dict[str, Mapping[Family, str]] = {"": {}, "underlay": UNDERLAY, "vpc": {"ipv4": VPC}}
    return {family: network for family, network in named[row.excepted].items() if family in row.windows.families}


PROFILES: Mapping[str, Profile] = MappingProxyType(read_profiles())


def profile_named(
    name: str,
    *,
    dsr: bool | None = None,
    build: str | None = None,
    pod_mtu: int | None = None,
    nodes: int | None = None,
    ports: tuple[str, ...] | None = None,
    variations: Sequence[str] = (),
) -> Profile:
    """The profile of this name with what is given; None keeps the profile's.

    Raises:
        UnknownProfile: no such name, build or variation, a build without DSR where `dsr` is true, an MTU or a number of
            nodes out of range; the text says what is possible.
    """
    if name not in PROFILES:
        raise UnknownProfile(f"unknown lab profile {name!r}; there are: {', '.join(PROFILES)}")
    row = PROFILES[name]
    if build is not None:
        try:
            row = row.with_build(windows_build(build))
        except UnknownBuild as error:
            raise UnknownProfile(str(error)) from error
    if dsr is not None and not row.windows.kube_proxy:
        raise UnknownProfile(f"profile {name} has no kube-proxy on Windows nodes, so leave --dsr out")
    if dsr and not row.windows.build.has_dsr:
        # hcn's DSRSupported fails there, and kube-proxy with --enable-dsr does not start (winkernel/proxier.go).
        raise UnknownProfile(
            f"Windows build {row.windows.build} has no Direct Server Return; 17763.1554 is the first build with it"
        )
    if pod_mtu is not None:
        # IPv6 needs links of 1280 bytes (RFC 8200 section 5).
        if not 1280 <= pod_mtu <= JUMBO_MTU:
            raise UnknownProfile(
                f"pods of profile {name} cannot have an MTU of {pod_mtu} bytes; use 1280 to {JUMBO_MTU}"
            )
        row = replace(row, set_up=replace(row.set_up, pod_mtu=pod_mtu))
    if nodes is not None:
        if not USUAL <= nodes <= MOST:
            raise UnknownProfile(f"a lab has {USUAL} to {MOST} nodes of each OS, not {nodes}")
        networks = {node.os: node.pods for node in row.nodes}
        row = replace(row, nodes=nodes_of(networks["linux"], networks["windows"], nodes))
    if ports is not None:
        row = row.with_ports(ports)
    unknown = [name for name in variations if name not in VARIATIONS]
    if unknown:
        raise UnknownProfile(f"unknown lab variation {unknown[0]!r}; there are: {', '.join(VARIATIONS)}")
    row = varied(row, tuple(variations))
    return row if dsr is None else row.with_dsr(dsr)
