"""Faults: named, reversible changes of a running network, which can be combined.

A fault is a function that changes a network through an `Injection`, which records how to undo each step. The nft rules
of a fault are in tables of its own, named after it, so two faults never share a table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from podwire.model.facts import OS, Mode
from podwire_lab.kernel import nft
from podwire_lab.kernel.netns import NetworkNamespace
from podwire_lab.model.interfaces import Object, ServiceRule
from podwire_lab.model.profiles import PROFILES
from podwire_lab.network.hosts import Host, Pod
from podwire_lab.network.machine import FAULT_TABLE
from podwire_lab.network.network import LabNetwork
from podwire_lab.network.node import Node


def profiles_of(mode: Mode, *cnis: str) -> tuple[str, ...]:
    """The names of the profiles with this network mode; only those of the CNIs given, if any."""
    return tuple(name for name, row in PROFILES.items() if row.mode == mode and (not cnis or row.cni in cnis))


OVERLAY, L2BRIDGE, FLANNEL = profiles_of("overlay"), profiles_of("l2bridge"), profiles_of("overlay", "flannel")
L2TUNNEL, TRANSPARENT, NAT = profiles_of("l2tunnel"), profiles_of("transparent"), profiles_of("nat")
AZURE, VPC = (*profiles_of("l2bridge", "azure-cni"), *L2TUNNEL), profiles_of("l2bridge", "vpc-cni")
ROUTED = tuple(name for name in PROFILES if name not in (*AZURE, *NAT))
"""Profiles in which nodes need routes to each other's pods: Azure's hosts deliver without them."""
CALICO = tuple(name for name, row in PROFILES.items() if row.cni == "calico")
TOLD_BY_LINUX = tuple(name for name, row in PROFILES.items() if row.cni in ("flannel", "calico"))
"""The profiles whose CNI tells what Linux nodes translate."""
SECONDARY = tuple(name for name in VPC if PROFILES[name].ipam == "vpc-secondary")
PREFIX = tuple(name for name in VPC if PROFILES[name].ipam == "vpc-prefix")
CUSTOM = tuple(name for name in VPC if PROFILES[name].custom_networking)
PROXIED = tuple(name for name, row in PROFILES.items() if row.windows.kube_proxy and name not in NAT)
SAME_NODE_INSIDE = tuple(name for name, row in PROFILES.items() if not row.all_by_fabric and name not in NAT)
REFERENCE = (*profiles_of("overlay", "win-overlay", "flannel"), *profiles_of("l2bridge", "win-bridge", "flannel"))
HYBRID = profiles_of("overlay", "ovn-kubernetes")
BRIDGED = (*L2BRIDGE, *L2TUNNEL)
DUAL_L2BRIDGE = tuple(name for name in L2BRIDGE if "ipv6" in PROFILES[name].windows.families)
SINGLE_FAMILY = tuple(name for name in (*OVERLAY, *L2BRIDGE) if name not in DUAL_L2BRIDGE)
ECHO_PORT, HOST_ECHO_PORT, DNS_PORT = 8080, 18080, 53


class FaultError(Exception):
    """A fault cannot be injected or removed: wrong profile, already injected, or not injected."""


class Injection:
    """One fault on one network, or on some nodes of it. `undo` takes the steps back in reverse order."""

    def __init__(self, name: str, network: LabNetwork, only: Sequence[str] = ()) -> None:
        self.name, self.network = name, network
        self._only, self._meets = only, False
        self._undo: list[Callable[[], None]] = []
        self._tables = 0

    def nodes(self, os: OS | None = None) -> list[Node]:
        """The nodes that the fault is on, all or those of one operating system."""
        able = [node for node in self.network.nodes.values() if not self._only or node.name in self._only]
        nodes = [node for node in able if os in (None, node.os)]
        self._meets = self._meets or bool(nodes)
        return nodes

    @property
    def misses(self) -> bool:
        """Whether the fault was to be on some nodes, and changes nothing there, or more than these nodes."""
        return bool(self._only) and not (self._meets and self._undo)

    def rules(self, host: Host, family: str, body: str) -> str:
        """Load a table of this fault in a namespace; `body` is the text in its braces. Returns the table's name."""
        self._tables += 1
        name = f"{FAULT_TABLE}{self.name}-{self._tables}"
        nft.apply(host.netns, nft.table(family, name, body))
        self.undone_by(lambda: nft.apply(host.netns, f"delete table {family} {name}"))
        return name

    def sysctl(self, namespace: NetworkNamespace, key: str, value: str) -> None:
        before = namespace.sysctl(key, value)
        self.undone_by(lambda: _restore(namespace, key, before))

    def amend(self, node: Node, text: str) -> None:
        """Change the node's own base rules: nft commands that run right after each load of these rules."""
        node.rules.amended[self.name] = text
        node.rules.refresh()

        def undo() -> None:
            del node.rules.amended[self.name]
            node.rules.refresh()

        self.undone_by(undo)

    def rewrite(self, node: Node, change: Callable[[Sequence[ServiceRule]], Sequence[ServiceRule]]) -> None:
        """Change the Services that the node's proxy programs, now and at every later sync."""
        node.rules.rewritten[self.name] = change
        node.rules.refresh()

        def undo() -> None:
            del node.rules.rewritten[self.name]
            node.rules.refresh()

        self.undone_by(undo)

    def address(self, node: Node, device: str, address: str) -> None:
        links = node.host.links
        links.address(device, address)
        links.commit()

        def undo() -> None:
            links.address(device, address, delete=True)
            links.commit()

        self.undone_by(undo)

    def for_each_pod(self, change: Callable[[Node, Pod], None]) -> None:
        """Do it to every pod, those that come later included."""
        for node in self.nodes():
            for pod in node.pods:
                change(node, pod)
            self.for_pods_to_come(node, change)

    def for_pods_to_come(self, node: Node, change: Callable[[Node, Pod], None]) -> None:
        """Do it to every pod that comes to the node later."""
        callback = partial(change, node)
        node.pods.attached.append(callback)
        self.undone_by(partial(node.pods.attached.remove, callback))

    def undone_by(self, step: Callable[[], None]) -> None:
        """Record how to undo the last step."""
        self._undo.append(step)

    def undo(self) -> None:
        """Undo all steps, even if some fail; then raise the first failure."""
        failures: list[Exception] = []
        while self._undo:
            try:
                self._undo.pop()()
            except Exception as error:
                failures.append(error)
        if failures:
            raise failures[0]


def _restore(namespace: NetworkNamespace, key: str, value: str) -> None:
    if namespace.fd >= 0:  # the pod may be gone
        namespace.sysctl(key, value)


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A fault of the lab."""

    name: str
    summary: str
    """The symptom on the wire, in one sentence."""
    kills: tuple[str, ...]
    """The requirements that must fail: each in some profile with cases of it, at least one in each profile that
    fits."""
    change: Callable[[Injection], None]
    """Breaks the network through an `Injection`."""
    profiles: tuple[str, ...] | None = None
    """The profiles that the fault fits; None for all that are networks for Kubernetes."""
    dsr: bool | None = None
    """The DSR setting that the Windows nodes need; None for the profile's."""
    build: str | None = None
    """The build that the Windows nodes need; None for the profile's."""
    ports: tuple[str, ...] | None = None
    """The ranges of ports that the Windows nodes need; None for the profile's."""
    variations: tuple[str, ...] = ()
    """The variations that the lab needs (`model/variations.py`)."""
    write: Callable[[str, Object], None] | None = None
    """Changes each object of the API's seed; only in a lab that starts with the fault."""

    def fits(self, profile: str) -> bool:
        """Whether a lab of this profile can have the fault."""
        return profile not in NAT if self.profiles is None else profile in self.profiles

    def inject(self, network: LabNetwork, only: Sequence[str] = ()) -> None:
        """Break the network, or `only` these nodes. Tracked connections are forgotten, so the change takes effect with
        the next packet.

        Raises:
            FaultError: the fault is already injected, or does not fit the network's profile or these nodes.
        """
        if not self.fits(network.profile.name):
            profiles = ", ".join(name for name in PROFILES if self.fits(name))
            raise FaultError(f"fault {self.name} does not fit profile {network.profile.name}; it fits {profiles}")
        if self.name in network.active_faults:
            raise FaultError(f"fault {self.name} is already injected")
        injection = Injection(self.name, network, only)
        try:
            self.change(injection)
            if injection.misses:
                where = ", ".join(only)
                raise FaultError(
                    f"fault {self.name} breaks nothing of its own on {where}; name other nodes, or leave @ out"
                )
        except BaseException:
            injection.undo()
            raise
        network.active_faults[self.name] = injection
        network.take_effect()

    def remove(self, network: LabNetwork) -> None:
        """Undo the fault.

        Raises:
            FaultError: the fault is not injected.
        """
        injection = network.active_faults.pop(self.name, None)
        if injection is None:
            raise FaultError(f"fault {self.name} is not injected")
        injection.undo()
        network.take_effect()


_REGISTERED: dict[str, Fault] = {}


def fault(
    name: str,
    *,
    kills: Sequence[str],
    profiles: tuple[str, ...] | None = None,
    dsr: bool | None = None,
    build: str | None = None,
    ports: tuple[str, ...] | None = None,
    variations: tuple[str, ...] = (),
) -> Callable[[Callable[[Injection], None]], Callable[[Injection], None]]:
    """Register a function as a fault. Its docstring is the summary: the symptom on the wire."""

    def register(change: Callable[[Injection], None]) -> Callable[[Injection], None]:
        summary = " ".join((change.__doc__ or "").split())
        if name in _REGISTERED or not summary:
            raise ValueError(
                f"fault {name}: is registered twice or has no docstring; give it its own name and one sentence"
            )
        _REGISTERED[name] = Fault(
            name=name,
            summary=summary,
            kills=tuple(kills),
            change=change,
            profiles=profiles,
            dsr=dsr,
            build=build,
            ports=ports,
            variations=variations,
        )
        return change

    return register


def api_fault(
    name: str, *, kills: Sequence[str], profiles: tuple[str, ...] | None = None
) -> Callable[[Callable[[str, Object], None]], Callable[[str, Object], None]]:
    """Register a function as a fault of the API. It gets each object of the seed, by resource, and may change it."""

    def register(write: Callable[[str, Object], None]) -> Callable[[str, Object], None]:
        fault(name, kills=kills, profiles=profiles)(_unchanged(write.__doc__))
        _REGISTERED[name] = replace(_REGISTERED[name], write=write)
        return write

    return register


def _unchanged(words: str | None) -> Callable[[Injection], None]:
    def change(_: Injection) -> None:
        pass

    change.__doc__ = words
    return change


def registered() -> dict[str, Fault]:
    """The faults of all imported modules."""
    return dict(_REGISTERED)


def chain(hook: str, priority: int, *rules: str, kind: str = "filter", device: str = "") -> str:
    """The text of a base chain."""
    where = f'hook {hook} device "{device}"' if device else f"hook {hook}"
    listed = "\n    ".join(rules)
    return f"  chain {kind}-{hook} {{\n    type {kind} {where} priority {priority};\n    {listed}\n  }}\n"
