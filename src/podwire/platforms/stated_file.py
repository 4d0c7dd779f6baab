"""Reads the file of stated facts (`--facts FILE`)."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from podwire.errors import UsageError
from podwire.files.bounded import FileError
from podwire.files.kinds import Text, one_line
from podwire.files.rows import columns, row_type
from podwire.files.typed import yaml_as
from podwire.model.addressing.nobody import SMALLEST, overlapping
from podwire.model.addressing.port_ranges import in_order
from podwire.model.addressing.translation import as_words
from podwire.model.facts import FAMILIES, ClusterFacts, Encapsulation, Family
from podwire.platforms.stated import Contradiction, StatedEngines, StatedFacts, StatedNetwork, merged

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
    """The file of facts has a mistake. The text is one line: file, field, and what to write."""


class StatedEncapsulation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tunnels between nodes."""

    kind: Literal["vxlan", "geneve"]
    port: Annotated[int, Meta(ge=1, le=65535)] | None = None
    """The UDP port; without it: 4789 for VXLAN, 6081 for Geneve."""
    vni: Annotated[int, Meta(ge=1, le=2**24 - 1)] | None = None


class StatedTranslation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """For which destinations Linux nodes translate, by family: `all`, `all but 10.0.0.0/8`, or `none`."""

    ipv4: Text | None = None
    ipv6: Text | None = None

    def __post_init__(self) -> None:
        self.as_told()

    def as_told(self) -> tuple[str, ...]:
        """The words by family, as facts have them. ValueError for what says none of the three."""
        texts: dict[Family, str | None] = {"ipv4": self.ipv4, "ipv6": self.ipv6}
        told = []
        for family, text in texts.items():
            try:
                told += [f"{family} {as_words(text, family)}"] if text else []
            except ValueError as problem:
                raise ValueError(f"{family}: {problem}") from None
        return tuple(told)


class FactsOfNetwork(Struct, frozen=True, kw_only=True):
    """What a file of facts may say of the network between nodes, and of the way outside."""

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
    """The IPAM that assigns addresses to pods on Windows nodes."""
    encapsulation: StatedEncapsulation | None = None
    """For the modes overlay and transparent."""
    windows_ports: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=16)] | None = None
    """The ranges of ports that Windows nodes translate to, for nodes that do not report them: `49152-65535`."""
    linux_translation: StatedTranslation | None = None
    """For which destinations outside packets of pods leave with the address of their Linux node."""
    path_mtu: Annotated[int, Meta(ge=576, le=65535)] | None = None
    """The largest packet of a pod, in bytes, that the network between nodes carries, where that is less than the MTU of
    the pods and routers say so (packet too big)."""
    unused_networks: Annotated[tuple[Text, ...], Meta(min_length=1, max_length=16)] | None = None
    """Networks in which no host of the cluster or around it has an address: podwire takes addresses of nobody there."""


class FactsOfCluster(Struct, frozen=True, kw_only=True):
    """What a file of facts may say of the cluster itself."""

    dsr: bool | None = None
    """Direct Server Return in the kube-proxy of Windows nodes."""
    families: Families | None = None
    """IP families of pods on Linux nodes."""
    windows_families: Families | None = None
    """IP families of pods on Windows nodes."""
    cluster_domain: Text | None = None
    denied_port: bool | None = None
    """Whether a network rule blocks TCP port 18998 between pods."""
    pod_security_group: (
        Annotated[str, Meta(pattern="^sg-[0-9a-f]+$", extra={"needed": "the id of a security group (sg-...)"})] | None
    ) = None
    """The id of a VPC security group without inbound rules."""
    dns_caches: Annotated[tuple[Text, ...], Meta(min_length=1)] | None = None
    """The addresses of DNS caches on Linux nodes, where pods of these nodes ask them."""


class FactsOfPolicies(Struct, frozen=True, kw_only=True):
    """Who enforces network policies, in a file of facts."""

    linux_policies: Text | None = None
    """What enforces network policies on Linux nodes: `calico`, `cilium`, ..., or `none`."""
    windows_policies: Text | None = None
    """What enforces network policies on Windows nodes: `calico`, `antrea`, or `none`."""


class _Checked(Struct, frozen=True, kw_only=True):
    """Refuses what single fields do not show."""

    def __post_init__(self) -> None:
        row: Any = self
        _unused(row.unused_networks or ())
        _addresses(row.dns_caches or ())
        for name, families in (("families", row.families), ("windows_families", row.windows_families)):
            if families and len(set(families)) < len(families):
                raise ValueError(f"{name}: a family appears twice")
        try:
            in_order(row.windows_ports or ())
        except ValueError as problem:
            raise ValueError(f"windows_ports: {problem}") from None


FactsFile: Any = row_type(
    "FactsFile",
    columns(FactsOfNetwork, FactsOfCluster, FactsOfPolicies),
    order=(
        *("mode", "cni", "ipam", "encapsulation", "dsr", "families", "windows_families", "cluster_domain"),
        *("denied_port", "pod_security_group", "windows_ports", "linux_translation", "dns_caches", "path_mtu"),
    ),
    doc="Facts that the API of a cluster does not show (`--facts FILE`). Every field is optional.",
    bases=(_Checked,),
)


def load_stated_facts(path: Path) -> StatedFacts:
    """The facts of a file. Raises `FactsError`."""
    try:
        form = yaml_as(path, FactsFile)
    except FileError as problem:
        raise FactsError(str(problem)) from None
    tunnel = form.encapsulation
    network = StatedNetwork(
        mode=form.mode,
        cni=one_line(form.cni) if form.cni else None,
        ipam=form.ipam,
        encapsulation=Encapsulation(kind=tunnel.kind, port=tunnel.port or _PORTS[tunnel.kind], vni=tunnel.vni)
        if tunnel
        else None,
        path_mtu=form.path_mtu,
        unused_networks=_unused(form.unused_networks) if form.unused_networks else None,
        linux_translation=form.linux_translation.as_told() if form.linux_translation else None,
    )
    return StatedFacts(
        source=str(path),
        network=network,
        engines=StatedEngines(
            linux_policies=one_line(form.linux_policies) if form.linux_policies else None,
            windows_policies=one_line(form.windows_policies) if form.windows_policies else None,
        ),
        dsr=form.dsr,
        families=_in_order(form.families),
        windows_families=_in_order(form.windows_families),
        cluster_domain=one_line(form.cluster_domain) if form.cluster_domain else None,
        denied_port=form.denied_port,
        pod_security_group=form.pod_security_group,
        windows_ports=in_order(form.windows_ports) if form.windows_ports else None,
        dns_caches=_addresses(form.dns_caches) if form.dns_caches else None,
    )


def _unused(texts: Sequence[str]) -> tuple[str, ...]:
    """The networks as packets show them. ValueError for what is none, for a small one, and for what overlaps."""
    found: list[str] = []
    for text in texts:
        try:
            network = ipaddress.ip_network(text)
        except ValueError:
            raise ValueError(f"unused_networks: {text} is not an IP network; write it as 198.18.0.0/16") from None
        longest = SMALLEST["ipv4" if network.version == 4 else "ipv6"]
        if network.prefixlen > longest:
            raise ValueError(f"unused_networks: {text} is too small; state a network of /{longest} or larger")
        if overlapping(text, found):
            raise ValueError(f"unused_networks: {text} overlaps {overlapping(text, found)}")
        found.append(str(network))
    return tuple(found)


def _addresses(texts: Sequence[str]) -> tuple[str, ...]:
    """The addresses of caches as packets show them. ValueError for what no pod can ask and for what appears twice."""
    addresses: list[str] = []
    for text in texts:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            raise ValueError(f"dns_caches: {text} is not an IP address") from None
        if address.is_unspecified or address.is_multicast or address.is_loopback or "%" in text:
            raise ValueError(f"dns_caches: {text} is no address that a pod can ask; write that of the node's cache")
        if str(address) in addresses:
            raise ValueError(f"dns_caches: {text} appears twice")
        addresses.append(str(address))
    return tuple(addresses)


def _in_order(families: tuple[Family, ...] | None) -> tuple[Family, ...] | None:
    return tuple(family for family in FAMILIES if family in families) if families else None


def stated_in(path: Path) -> StatedFacts:
    """The facts of a file. `UsageError` names the file, the field and the mistake."""
    try:
        return load_stated_facts(path)
    except FactsError as problem:
        raise UsageError(f"--facts {problem}") from problem


def with_stated(facts: ClusterFacts, stated: StatedFacts) -> ClusterFacts:
    """The discovered facts with stated values for unknown ones. `UsageError` if they contradict each other."""
    try:
        return merged(facts, stated)
    except Contradiction as problem:
        raise UsageError(f"--facts {problem}") from problem
