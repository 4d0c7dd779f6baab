"""What the facts of a lab will be, known before it starts: collecting and planning start nothing."""

from __future__ import annotations

from podwire.facts import ClusterFacts, Encapsulation, ExternalHost, NodeFacts
from podwire.lab.profiles import OUTSIDE_HOST, Profile
from podwire.lab.seed import CLUSTER_DNS, DNS_NODE

OUTSIDE_NAME = "echo.outside.example"


def planned_facts(profile: Profile) -> ClusterFacts:
    """The facts of a lab of this profile, as far as a plan depends on them; a test holds them against a running lab."""
    return ClusterFacts(
        name=f"lab {profile.name}",
        nodes=tuple(
            NodeFacts(
                name=node.name,
                os=node.os,
                addresses=node.addresses,
                pod_cidrs=node.pod_cidrs,
                kernel_version=profile.build.kernel_version if node.os == "windows" else "",
            )
            for node in profile.nodes
        ),
        families=profile.families,
        windows_families=profile.windows_families,
        mode=profile.mode,
        cni=profile.cni,
        encapsulation=Encapsulation(port=profile.port, vni=profile.vni) if profile.port else None,
        dsr=profile.dsr,
        win_dsr=True,
        cluster_dns=CLUSTER_DNS,
        dns_nodes=(DNS_NODE,),
        load_balancer=True,
        external=ExternalHost(name=OUTSIDE_NAME, addresses=tuple(OUTSIDE_HOST.values()), agent=True),
        emulated=True,
    )
