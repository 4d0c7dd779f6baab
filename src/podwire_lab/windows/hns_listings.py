"""The lists of PowerShell on an emulated Windows node: HNS networks and endpoints, the virtual switch, and NAT.

The lab has no HNS: the lists follow from the profile, and `powershell.py` prints them. Each part names its document.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from podwire_lab.model.addresses import VPC, NodePlan
from podwire_lab.model.cni_notes import network_name
from podwire_lab.model.profile import Profile
from podwire_lab.windows.services import Balancer

# The type of the pods' network as HNS spells it (hcsshim, hcn: NetworkType).
_TYPES: Mapping[str, str] = {
    "overlay": "Overlay",
    "l2bridge": "L2Bridge",
    "l2tunnel": "L2Tunnel",
    "transparent": "Transparent",
    "nat": "NAT",
}
# What an image of AKS has of fixes that are off elsewhere, two of some fifty (AgentBaker: windows_settings.json).
OF_AKS, SWITCHES_OF_AKS = {"3105872524": 1, "2629306509": 1}, {"EnableCompartmentNamespace": 1}
EXTERNAL_VSID, EXTERNAL_SUBNET = 9999, "192.168.255.0/30"


def listed(plan: NodePlan, profile: Profile, balancers: Iterable[Balancer] = ()) -> dict[str, Any]:
    """The lists of a node, for `powershell.py` in its container. `balancers` are those of its data path.

    Returns:
        `networks`: see `networks`.
        `endpoints`: how they are listed, see `powershell.ENDPOINTS`; `type` of their network, types of their
        `policies`; `exceptions`, the destinations that OutBoundNAT leaves alone.
        `load_balancers`: see `load_balancers`; `other_dsr` is true if they show the opposite of their DSR, `copies` how
        often each is listed.
        `states` of the endpoints that are not in the usual one, by address; `more_ports` is how many ports of the
        switch have the MAC of the first pod beside its own.
        `net_nat`: the names of WinNAT networks.
        `own`: the addresses of the node's own endpoints; `gateways` of its networks; the version of `hns`; its
        `overrides` and `switches`; the `ports` that netsh shows.
        `nic`: the MAC of the NIC that the pods' switch is bound to, or empty; `apart` if pods are on another switch.
    """
    families = profile.pod_families(plan.os)
    subnets = [VPC if profile.fabric else plan.pod_cidr(family) for family in families]
    # Microsoft, "Network drivers": a NAT network has an internal switch and WinNAT, a transparent one no NAT policy;
    # hcsshim, hcn: CNI plugins of the other modes request OutBoundNAT.
    return {
        "networks": networks(profile, subnets),
        "endpoints": "once",
        "type": _TYPES[profile.mode],
        "policies": [] if profile.mode in ("transparent", "nat") else ["OutBoundNAT"],
        "load_balancers": load_balancers(balancers) if profile.windows.kube_proxy else [],
        "other_dsr": False,
        "copies": 1,
        "states": {},
        "more_ports": 0,
        "net_nat": [network_name(profile)] if profile.mode == "nat" else [],
        "nic": "" if profile.mode == "nat" else plan.mac,
        "apart": False,
        "exceptions": [network for family in families for network in profile.exceptions(family)],
        "own": [plan.pod_address(family, number) for family in families for number in own_numbers(profile)],
        "gateways": [str(ipaddress.ip_network(subnet)[1]) for subnet in subnets],
        "hns": profile.windows.build.kernel_version,
        "overrides": dict(OF_AKS if profile.cni == "azure-cni" else ()),
        "switches": dict(SWITCHES_OF_AKS if profile.cni == "azure-cni" else ()),
        "ports": list(profile.windows.ports),
    }


def own_numbers(profile: Profile) -> list[int]:
    """The host numbers of HNS' endpoints that are the node's own: on l2bridge of Microsoft's set-up `cbr0_ep` with the
    gateway of pods, on an overlay the source VIP (sig-windows-tools: kube-proxy's start script). Where pods have
    addresses of the nodes' network there is none."""
    if profile.windows.source_vip is not None:
        return [profile.windows.source_vip]
    return [profile.windows.gateway] if profile.mode == "l2bridge" and not profile.shares_the_underlay else []


def load_balancers(balancers: Iterable[Balancer]) -> list[dict[str, object]]:
    """The load balancers of a node, as in its data path: with DSR where backends see the client itself, and without
    VIPs for a node port (winkernel/hns.go: getLoadBalancer; protocols as numbers, IANA)."""
    return [
        {
            "VIPs": [] if balancer.is_node_port else [balancer.address],
            "IsDSR": not balancer.source,
            "Port": balancer.frontend_port,
            "Protocol": {"tcp": 6, "udp": 17}[balancer.service.protocol],
        }
        for balancer in balancers
    ]


def networks(profile: Profile, subnets: Sequence[str], kind: str = "") -> list[dict[str, object]]:
    """The HNS networks of a node, each with Name, Type, VSID (null except for overlays) and Subnets.

    An overlay node has a second network, which binds the switch to the network card: set-up scripts and Calico call it
    External (flannel issue 1111), ovn-kubernetes has a base network. `kind` replaces the type of the profile's mode.
    """
    vni = profile.tunnel.vni if profile.mode == "overlay" and profile.tunnel else None
    kind = kind or _TYPES[profile.mode]
    own: dict[str, object] = {"Name": network_name(profile), "Type": kind, "VSID": vni, "Subnets": list(subnets)}
    policies = [own]
    if vni:
        base = "BaseOVNKubernetesHybridOverlayNetwork" if profile.cni == "ovn-kubernetes" else "External"
        vsid = vni if profile.cni == "ovn-kubernetes" else EXTERNAL_VSID
        policies.insert(0, {"Name": base, "Type": kind, "VSID": vsid, "Subnets": [EXTERNAL_SUBNET]})
    return policies
