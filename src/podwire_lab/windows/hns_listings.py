"""What PowerShell of an emulated Windows node has to list: HNS' networks and endpoints, the virtual switch, and NAT.

There is no HNS in the lab; all of it follows from the profile, and `powershell.py` prints it. Each part names the
document that it was taken from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from podwire_lab.model.addresses import VPC, NodePlan
from podwire_lab.model.cni_notes import network_name
from podwire_lab.model.interfaces import ServiceRule
from podwire_lab.model.profile import Profile
from podwire_lab.windows.services import balancers

# The type of the pods' network as HNS spells it (hcsshim, hcn: NetworkType).
_TYPES: Mapping[str, str] = {
    "overlay": "Overlay",
    "l2bridge": "L2Bridge",
    "l2tunnel": "L2Tunnel",
    "transparent": "Transparent",
    "nat": "NAT",
}
EXTERNAL_VSID, EXTERNAL_SUBNET = 9999, "192.168.255.0/30"


def listed(plan: NodePlan, profile: Profile, services: Sequence[ServiceRule] = ()) -> dict[str, Any]:
    """By name: `networks`; how `endpoints` are listed (see `powershell.ENDPOINTS`), the `type` of their network and the
    types of their `policies`; `load_balancers`, and whether they tell the opposite of their DSR (`other_dsr`); the
    names of `net_nat`; the MAC of the `nic` that the pods' switch is bound to, empty for none; whether pods hang
    `apart` from that switch.
    """
    families = profile.pod_families(plan.os)
    subnets = [VPC if profile.fabric else plan.pod_cidr(family) for family in families]
    # Microsoft, "Network drivers": a NAT network has an internal switch and WinNAT, a transparent one no policy of NAT;
    # hcsshim, hcn: OutBoundNAT is what CNI plugins of the others ask for.
    return {
        "networks": networks(profile, subnets),
        "endpoints": "once",
        "type": _TYPES[profile.mode],
        "policies": [] if profile.mode in ("transparent", "nat") else ["OutBoundNAT"],
        "load_balancers": load_balancers(plan, profile, services) if profile.windows.kube_proxy else [],
        "other_dsr": False,
        "net_nat": [network_name(profile)] if profile.mode == "nat" else [],
        "nic": "" if profile.mode == "nat" else plan.mac,
        "apart": False,
    }


def load_balancers(plan: NodePlan, profile: Profile, services: Sequence[ServiceRule]) -> list[dict[str, object]]:
    """The load balancers of a node, as its data path has them: with DSR where backends see the client itself."""
    made = [
        balancer
        for service in services
        if service.family in profile.pod_families("windows")
        for balancer in balancers(plan, profile, service)
    ]
    return [{"VIPs": [balancer.head.split(" daddr ")[1].split()[0]], "IsDSR": not balancer.source} for balancer in made]


def networks(profile: Profile, subnets: Sequence[str], kind: str = "") -> list[dict[str, object]]:
    """The networks that HNS of a node has, each with Name, Type, VSID (null but for overlays) and Subnets.

    Overlays have another one beside that of the pods, which binds the switch to the network card: set-up scripts and
    Calico call it External (flannel issue 1111), ovn-kubernetes has a base network. `kind` is another type than that of
    the profile's mode.
    """
    vni = profile.tunnel.vni if profile.mode == "overlay" and profile.tunnel else None
    kind = kind or _TYPES[profile.mode]
    own: dict[str, object] = {"Name": network_name(profile), "Type": kind, "VSID": vni, "Subnets": list(subnets)}
    found = [own]
    if vni:
        base = "BaseOVNKubernetesHybridOverlayNetwork" if profile.cni == "ovn-kubernetes" else "External"
        vsid = vni if profile.cni == "ovn-kubernetes" else EXTERNAL_VSID
        found.insert(0, {"Name": base, "Type": kind, "VSID": vsid, "Subnets": [EXTERNAL_SUBNET]})
    return found
