"""The rules of a node: how its kernel translates, filters and forwards, with Services and host ports."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

from podwire_lab.kernel import conntrack, nft
from podwire_lab.linux import data_path as linux_data_path
from podwire_lab.linux import services as linux_services
from podwire_lab.linux.service_tables import Tables
from podwire_lab.model.interfaces import PortMapping, ServiceRule
from podwire_lab.network.machine import Machine
from podwire_lab.network.node_pods import NodePods
from podwire_lab.windows import data_path as windows_data_path
from podwire_lab.windows import services as windows_services
from podwire_lab.windows.load_balancers import LoadBalancers


class NodeRules:
    """Writes the rules of one node, and only those that changed.

    Faults have two places, each by the fault's name: `amended` are nft commands that run right after the base rules,
    `rewritten` are changes of the Services that the node's proxy programs.
    """

    def __init__(self, machine: Machine, pods: NodePods) -> None:
        self.amended: dict[str, str] = {}
        self.rewritten: dict[str, Callable[[Sequence[ServiceRule]], Sequence[ServiceRule]]] = {}
        self.services: Sequence[ServiceRule] = ()
        """The Services of the last sync, before any change by faults."""
        self.load_balancers = LoadBalancers()
        """Of a Windows node: what HNS holds."""
        self.keeps_backends, self.keeps_last_backends, self.keeps_untranslated = False, False, False
        """A fault's: UDP flows keep a backend that is gone; only where the Service has no other; they stay without one
        that comes later."""
        self._machine, self._pods = machine, pods
        self._tables = Tables(machine.host.netns)
        self._applied_base = self.base  # set by the build of the network
        self._applied_host_ports: Sequence[PortMapping] = ()
        self._host_ports: Sequence[PortMapping] = ()
        self._udp_backends: dict[tuple[str, int], frozenset[str]] = {}
        self._runs = True
        self._writing = threading.RLock()  # the proxy writes in threads, beside a machine that stops or starts

    @property
    def base(self) -> str:
        """Apply the rules that do not depend on Services, followed by those of faults."""
        rules = windows_data_path.base_rules if self._on_windows else linux_data_path.base_rules
        return rules(self._machine.plan, self._machine.profile) + "".join(self.amended.values())

    @property
    def _on_windows(self) -> bool:
        return self._machine.os == "windows"

    def refresh(self) -> None:
        """Apply the base rules and the Services again, after a change of `amended` or `rewritten`."""
        with self._writing:
            text = self.base
            if text != self._applied_base and self._runs:
                nft.apply(self._machine.host.netns, text)
                self._applied_base = text
            self.set_services(self.services)

    def stop(self) -> None:
        """The machine goes down: from now on calls only note what is wanted."""
        with self._writing:
            self._runs = False

    def start(self) -> None:
        """The machine has booted without any rule: write all of them, those for the Services of now included."""
        with self._writing:
            self._runs, self._applied_base, self._applied_host_ports = True, "", ()
            self._tables, self._udp_backends = Tables(self._machine.host.netns), {}
            self.load_balancers.forget()
            self.refresh()
            self.set_host_ports(self._host_ports)

    def set_services(self, services: Sequence[ServiceRule]) -> None:
        """See `interfaces.NodeNetwork`. A call with the same Services costs nothing."""
        with self._writing:
            self.services = tuple(services)
            if self._runs:
                self._write_services(services)

    def _write_services(self, services: Sequence[ServiceRule]) -> None:
        for change in self.rewritten.values():
            services = change(services)
        plan, profile = self._machine.plan, self._machine.profile
        if self._on_windows:
            held = self.load_balancers.sync(plan, profile, services)
            wanted = windows_services.service_rules(plan, profile, held)
            self._pods.lead_untranslated(windows_services.preserved_addresses(held))
        else:
            wanted = linux_services.service_rules(plan, profile, services)
        if not self._tables.apply(wanted):
            return
        before, self._udp_backends = self._udp_backends, _udp_backends(services)
        if self.keeps_last_backends:
            self._udp_backends = {key: now or before.get(key, now) for key, now in self._udp_backends.items()}
        lost = {key: before[key] - self._udp_backends.get(key, frozenset()) for key in before}
        if any(lost.values()) and not self.keeps_backends:
            # kube-proxy: without this a UDP flow keeps its lost backend as long as the client sends.
            conntrack.forget_backends(self._machine.host.netns, lost, nft.UDP_SERVICE)
        gained = [key for key, backends in self._udp_backends.items() if backends and not before.get(key)]
        if gained and not self.keeps_untranslated:
            # kube-proxy (kubernetes 48370, 98305): a UDP flow that began before the Service had a backend stays
            # untranslated as long as the client sends, and so does a later one from the same port. HNS has no such
            # table, so this keeps one of the lab's kernel from showing on Windows nodes.
            conntrack.forget_untranslated(self._machine.host.netns, gained)

    def restart_proxy(self) -> None:
        """kube-proxy starts anew: it deletes all load balancers, and makes those of all Services once it knows them
        (pkg/proxy/winkernel/proxier.go, NewProxier and OnServiceSynced; kubernetes pull request 78612)."""
        self.load_balancers.forget()
        self._tables.apply({})
        self.set_services(self.services)

    def set_host_ports(self, mappings: Sequence[PortMapping]) -> None:
        """See `interfaces.NodeNetwork`. A call with the same ports costs nothing."""
        with self._writing:
            self._host_ports = tuple(mappings)
            if self._host_ports == self._applied_host_ports or not self._runs:
                return
            rules = windows_data_path.host_port_rules if self._on_windows else linux_data_path.host_port_rules
            nft.apply(self._machine.host.netns, rules(self._machine.profile, mappings))
            self._applied_host_ports = self._host_ports


def _udp_backends(services: Sequence[ServiceRule]) -> dict[tuple[str, int], frozenset[str]]:
    """The ready backends of UDP Services, by every address and port that leads to them; a node port has no address."""
    found: dict[tuple[str, int], frozenset[str]] = {}
    for service in services:
        if service.protocol == "udp":
            backends = frozenset(endpoint.address for endpoint in service.endpoints if endpoint.ready)
            addresses = (service.address, *service.external_ips, *service.ingress_ips)
            found |= {(address, service.port): backends for address in addresses}
            if service.node_port is not None:
                found[conntrack.ANYWHERE, service.node_port] = backends
    return found
