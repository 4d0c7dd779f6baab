"""The profiles of the documentation, each a network mode with its plugin, and the profile of some facts. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from podwire.model.facts import UNKNOWN, ClusterFacts, Mode


@dataclass(frozen=True, kw_only=True)
class KnownProfile:
    """The facts that identify a profile. `ipam` separates profiles with the same mode and CNI."""

    name: str
    mode: Mode
    cni: tuple[str, ...]
    ipam: str = ""


KNOWN = (
    KnownProfile(name="l2bridge-win-bridge", mode="l2bridge", cni=("win-bridge", "sdnbridge")),
    KnownProfile(name="l2bridge-azure-cni", mode="l2bridge", cni=("azure-cni",)),
    KnownProfile(name="l2bridge-flannel-host-gw", mode="l2bridge", cni=("flannel",)),
    KnownProfile(name="l2tunnel-azure-cni", mode="l2tunnel", cni=("azure-cni",)),
    KnownProfile(name="overlay-win-overlay", mode="overlay", cni=("win-overlay", "sdnoverlay")),
    KnownProfile(name="overlay-flannel-vxlan", mode="overlay", cni=("flannel",)),
    KnownProfile(name="overlay-calico-vxlan", mode="overlay", cni=("calico",)),
    KnownProfile(name="l2bridge-calico-bgp", mode="l2bridge", cni=("calico",)),
    KnownProfile(name="overlay-ovn-hybrid", mode="overlay", cni=("ovn-kubernetes",)),
    KnownProfile(name="transparent-ovn", mode="transparent", cni=("ovn-kubernetes",)),
    KnownProfile(name="awsvpc", mode="l2bridge", cni=("vpc-cni",), ipam="vpc-secondary"),
    KnownProfile(name="awsvpc-prefix", mode="l2bridge", cni=("vpc-cni",), ipam="vpc-prefix"),
    KnownProfile(name="nat", mode="nat", cni=("nat",)),
)


def profile_of(facts: ClusterFacts) -> str:
    """The name of the profile of these facts, or `unknown`."""
    for profile in KNOWN:
        if (
            facts.network.mode == profile.mode
            and facts.network.cni in profile.cni
            and profile.ipam in ("", facts.network.ipam)
        ):
            return profile.name
    return UNKNOWN
