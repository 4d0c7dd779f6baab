"""The file of stated facts, read strictly."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from podwire.errors import UsageError
from podwire.files.bounded import FileError
from podwire.files.kinds import Text, one_line
from podwire.files.typed import yaml_as
from podwire.model.facts import FAMILIES, ClusterFacts, Encapsulation, Family
from podwire.platforms.stated import Contradiction, StatedFacts, merged

_PORTS = {"vxlan": 4789, "geneve": 6081}
Families = Annotated[
    tuple[Family, ...],
    Meta(
        min_length=1,
        max_length=2,
        extra={"needed": "a list of ipv4, ipv6 or both"},
        extra_json_schema={"uniqueItems": True},
    ),
]


class FactsError(FileError):
    """The file of facts is not as it must be; the text is one line for its author."""


class StatedEncapsulation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tunnels between nodes."""

    kind: Literal["vxlan", "geneve"]
    port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    """UDP; 4789 for VXLAN and 6081 for Geneve, where none is given."""
    vni: Annotated[int, Meta(ge=1, le=2**24 - 1)] | None = None


class FactsFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the API of a cluster does not tell (`--facts FILE`). Every field may be left out."""

    mode: Literal["overlay", "l2bridge", "l2tunnel", "transparent", "nat"] | None = None
    """The network mode of the Windows nodes."""
    cni: Text | None = None
    ipam: (
        Literal[
            "host-local",
            "calico-ipam",
            "azure-vnet-ipam",
            "azure-cns",
            "ovn",
            "vpc-secondary",
            "vpc-prefix",
            "hns",
        ]
        | None
    ) = None
    """What gives pods on Windows nodes their addresses."""
    encapsulation: StatedEncapsulation | None = None
    """For the modes overlay and transparent."""
    dsr: bool | None = None
    """Direct Server Return in the kube-proxy of Windows nodes."""
    families: Families | None = None
    """IP families of pods on Linux nodes."""
    windows_families: Families | None = None
    """IP families of pods on Windows nodes."""
    cluster_domain: Text | None = None
    denied_port: bool | None = None
    """Whether a rule of the network denies TCP port 18998 from pod to pod."""
    pod_security_group: (
        Annotated[str, Meta(pattern="^sg-[0-9a-f]+$", extra={"needed": "the id of a security group (sg-...)"})] | None
    ) = None
    """A security group of the VPC that lets nobody in."""
    dns_caches: Annotated[tuple[Text, ...], Meta(min_length=1)] | None = None
    """The addresses of DNS caches on Linux nodes, where pods of these nodes ask them."""

    def __post_init__(self) -> None:
        for address in self.dns_caches or ():
            try:
                ipaddress.ip_address(address)
            except ValueError:
                raise ValueError(f"dns_caches: {address} is no IP address") from None
        for name, given in (("families", self.families), ("windows_families", self.windows_families)):
            if given and len(set(given)) < len(given):
                raise ValueError(f"{name}: a family is there twice")


def load_stated_facts(path: Path) -> StatedFacts:
    """The facts of a file. Raises `FactsError`."""
    try:
        given = yaml_as(path, FactsFile)
    except FileError as problem:
        raise FactsError(str(problem)) from None
    tunnel = given.encapsulation
    return StatedFacts(
        source=str(path),
        mode=given.mode,
        cni=one_line(given.cni) if given.cni else None,
        ipam=given.ipam,
        encapsulation=Encapsulation(kind=tunnel.kind, port=tunnel.port or _PORTS[tunnel.kind], vni=tunnel.vni)
        if tunnel
        else None,
        dsr=given.dsr,
        families=_in_order(given.families),
        windows_families=_in_order(given.windows_families),
        cluster_domain=one_line(given.cluster_domain) if given.cluster_domain else None,
        denied_port=given.denied_port,
        pod_security_group=given.pod_security_group,
        dns_caches=given.dns_caches,
    )


def _in_order(given: tuple[Family, ...] | None) -> tuple[Family, ...] | None:
    return tuple(family for family in FAMILIES if family in given) if given else None


def stated_in(path: Path) -> StatedFacts:
    """The facts that a file states. `UsageError` tells what is wrong with it."""
    try:
        return load_stated_facts(path)
    except FactsError as problem:
        raise UsageError(f"--facts {problem}") from problem


def with_stated(facts: ClusterFacts, stated: StatedFacts) -> ClusterFacts:
    """Discovered facts with stated ones in their gaps. `UsageError` where they contradict each other."""
    try:
        return merged(facts, stated)
    except Contradiction as problem:
        raise UsageError(f"--facts {problem}") from problem
