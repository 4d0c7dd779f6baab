"""Nodes of the lab: a machine with pods, rules and policies."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from podwire.model.facts import OS
from podwire_lab.model import cni_notes
from podwire_lab.model.addresses import NodePlan
from podwire_lab.model.interfaces import LISTING, NO_NOTES, PodNetwork, PortMapping, ServiceRule
from podwire_lab.model.network_card import NetworkCard
from podwire_lab.model.policy_objects import PolicyObjects
from podwire_lab.model.profile import Profile
from podwire_lab.network.address_pool import AddressPool
from podwire_lab.network.machine import Machine
from podwire_lab.network.node_pods import NodePods
from podwire_lab.network.node_rules import NodeRules
from podwire_lab.network.policies import NodePolicies
from podwire_lab.windows import hns_listings, service_control
from podwire_lab.windows.processes import Processes

Notes = Callable[[OS, Profile, Sequence[str]], Mapping[str, str]]
"""The annotations of a pod, from the node's operating system, the profile and the pod's addresses."""


class Node(Machine):
    """A node (`interfaces.NodeNetwork`): its `pods`, its `rules` and its `policies`.

    Faults change three attributes: `pod_notes` and `containers_apart` as in the interface, and `hns_changes`, entries
    that replace those of the HNS lists.
    """

    def __init__(self, plan: NodePlan, profile: Profile) -> None:
        super().__init__(plan, profile)
        self.pods = NodePods(self, _address_pool(plan, profile))
        self.rules = NodeRules(self, self.pods)
        self.policies = NodePolicies(self.host.netns, plan, profile)
        self.containers_apart = False
        self.proxy_log: list[str] = []
        self.pod_notes: Notes = cni_notes.pod_notes
        self.hns_changes: dict[str, Any] = {}
        self.processes = Processes(proxies=profile.windows.kube_proxy)
        self._listing = ""
        self._listing_now = threading.Lock()
        self.rules.programmed = self.list_now

    def attach_pod(self, uid: str, notes: Mapping[str, str] = NO_NOTES) -> PodNetwork:
        pod = self.pods.attach(uid, cni_notes.wished_address(self.profile, notes))
        self.list_now()
        return pod

    def detach_pod(self, uid: str) -> None:
        self.pods.detach(uid)

    def notes_of(self, pod: PodNetwork) -> Mapping[str, str]:
        return self.pod_notes(self.os, self.profile, pod.addresses)

    def set_services(self, services: Sequence[ServiceRule]) -> None:
        self.rules.set_services(services)

    def restart(self, program: str) -> str:
        """Restart `hns` or `kube-proxy` of a Windows node. Returns why it cannot, or ''.

        HNS has its load balancers again when it is back: it restores what it has stored (kubernetes issue 139519). What
        becomes of connections in the meantime is not documented; here they go on.
        """
        if program == "hns":
            self.processes.restart_hns()
            self.processes.follow(program)
            self.rules.refresh()
        elif program == "kube-proxy" and self.processes.began["proxy"]:
            self.processes.restart_proxy()
            self.processes.follow(program)
            self.rules.restart_proxy()
        else:
            return f"there is no {program}"
        return ""

    def set_host_ports(self, mappings: Sequence[PortMapping]) -> None:
        self.rules.set_host_ports(mappings)

    def set_policies(self, objects: PolicyObjects) -> None:
        self.policies.set_objects(objects)

    def set_closed(self, addresses: Sequence[str]) -> None:
        self.policies.set_closed(addresses)

    @property
    def hns_listed(self) -> Mapping[str, Any]:
        if self.os != "windows":
            return dict(self.hns_changes)
        made = [balancer for held in self.rules.load_balancers.held.values() for balancer in held]
        listed = hns_listings.listed(self.plan, self.profile, made) | {"began": self.processes.began}
        return {**listed, **self.hns_changes}

    def list_in(self, directory: str) -> None:
        if not self._listing and self.os == "windows":
            service_control.serve(directory, self.restart)
        self._listing = f"{directory}/{LISTING}"
        self.list_now()

    def list_now(self) -> None:
        """Write the file of `list_in` again. Readers see the old file or the new one, and no part of either."""
        if not self._listing:
            return
        with self._listing_now:  # Else an older list could come last.
            fd, name = tempfile.mkstemp(dir=os.path.dirname(self._listing))
            with open(fd, "w", encoding="utf-8") as file:
                json.dump(self.hns_listed, file)
            os.chmod(name, 0o644)
            os.replace(name, self._listing)

    @property
    def card(self) -> Mapping[str, Any]:
        """See `ec2_metadata.Instance`. A Linux node shows its own address only."""
        address, card = self.plan.address("ipv4"), self.pods.addresses.card
        for_pods = card.addresses if card else []
        prefixes = [f"{first}/28" for first in for_pods] if card and card.prefixes else []
        single = [address] if prefixes else [address, *for_pods]
        macs = [self.plan.mac, *(card.others if card else ())]
        return {
            "mac": self.plan.mac,
            "macs": macs,
            "local-ipv4": address,
            "local-ipv4s": single,
            "ipv4-prefix": prefixes,
        }

    def close(self) -> None:
        """Release all its namespaces."""
        self.pods.close()
        self.host.close()


def _address_pool(plan: NodePlan, profile: Profile) -> AddressPool:
    windows = plan.os == "windows"
    on_a_card = windows and profile.cni == "vpc-cni"
    card = NetworkCard(plan, prefixes=profile.ipam == "vpc-prefix") if on_a_card else None
    rest = profile.address_rest if windows else 0.0
    return AddressPool(plan.pods, rest=rest, refusal=f"node {plan.name} has no free pod address", card=card)
