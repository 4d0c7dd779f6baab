"""Network policies on a node: what its policy engine makes of them, and security groups."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeAlias

from podwire.model.facts import Family
from podwire_lab.engines.calico_windows import as_hns_takes_them
from podwire_lab.engines.rules import policy_rules
from podwire_lab.kernel import nft
from podwire_lab.kernel.netns import NetworkNamespace
from podwire_lab.linux import policy_rules as linux_rules
from podwire_lab.model.addresses import NodePlan
from podwire_lab.model.interfaces import PolicyRule
from podwire_lab.model.policy_objects import PolicyObjects
from podwire_lab.model.profile import Profile
from podwire_lab.windows.acl_policies import acl_ruleset

ObjectsChange: TypeAlias = Callable[[PolicyObjects], PolicyObjects]
RulesChange: TypeAlias = Callable[[Sequence[PolicyRule]], Sequence[PolicyRule]]
TextChange: TypeAlias = Callable[[str], str]


class NodePolicies:
    """The policy engine of one node, and its security groups. A node without an engine enforces nothing.

    Faults have four places, the first three by the fault's name: `misread` changes what the engine reads of the API,
    `misruled` the rules that it makes of that for each pod, `miswritten` the ruleset. `delay` is how long, in seconds,
    the engine waits before it applies a change.
    """

    def __init__(self, netns: NetworkNamespace, plan: NodePlan, profile: Profile) -> None:
        self.misread: dict[str, ObjectsChange] = {}
        self.misruled: dict[str, RulesChange] = {}
        self.miswritten: dict[str, TextChange] = {}
        self.delay = 0.0
        self._netns, self._plan, self._profile = netns, plan, profile
        self._engine = profile.policy_engine(plan.os)
        self._objects = PolicyObjects()
        self._applied = ""
        self._closed: tuple[str, ...] = ()

    def start(self) -> None:
        """The machine has booted without any rule: write those of now."""
        closed, self._applied, self._closed = self._closed, "", ()
        self.refresh()
        self.set_closed(closed)

    def set_objects(self, objects: PolicyObjects) -> None:
        """See `interfaces.NodeNetwork.set_policies`. A call that changes no rule costs nothing."""
        self._objects = objects
        if not self._engine:
            return
        if self.delay:
            asyncio.get_running_loop().call_later(self.delay, self._apply, objects)
        else:
            self._apply(objects)

    def refresh(self) -> None:
        """Apply the rules again, after a change of what faults have."""
        if self._engine:
            self._apply(self._objects)

    def _apply(self, objects: PolicyObjects) -> None:
        text = self._text(objects)
        if text != self._applied:
            nft.apply(self._netns, text or linux_rules.removal())
            self._applied = text

    def _text(self, objects: PolicyObjects) -> str:
        """The ruleset; empty without policies."""
        for misreading in self.misread.values():
            objects = misreading(objects)
        if not objects.policies:
            return ""
        known = [address for pod in objects.pods if pod.node == self._plan.name for address in pod.addresses]
        on_hns = self._plan.os == "windows" and self._engine == "calico"
        rules: Sequence[PolicyRule] = policy_rules(as_hns_takes_them(objects) if on_hns else objects, self._plan.name)
        for misrule in self.misruled.values():
            rules = misrule(rules)
        text = acl_ruleset(rules, self._plan, known) if on_hns else self._generic(rules, known)
        for miswriting in self.miswritten.values():
            text = miswriting(text)
        return text

    def _generic(self, rules: Sequence[PolicyRule], known: Sequence[str]) -> str:
        families = self._profile.pod_families(self._plan.os)
        networks: dict[Family, str] = {family: self._plan.pod_cidr(family) for family in families}
        return linux_rules.ruleset(rules, known=known, closed=networks)

    def set_closed(self, addresses: Sequence[str]) -> None:
        """See `interfaces.NodeNetwork`. A call with the same addresses costs nothing."""
        if tuple(addresses) != self._closed:
            rules = [PolicyRule(address=address, side="ingress") for address in addresses]
            nft.apply(self._netns, linux_rules.ruleset(rules, table="security-groups"))
            self._closed = tuple(addresses)
