"""PID 1 of the lab: builds the network, then runs API server, controllers, DNS and node agents on one loop.

Every run starts a lab, so a thread imports the slowest modules meanwhile; they are imported where they are used.
"""

from __future__ import annotations

import asyncio
import gc
import importlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from podwire_lab.controllers.cascades import Cascades
from podwire_lab.controllers.endpoints import EndpointsController
from podwire_lab.controllers.garbage_collector import GarbageCollector
from podwire_lab.controllers.health_ports import HealthPorts
from podwire_lab.controllers.host_ports import HostPorts
from podwire_lab.controllers.load_balancers import LoadBalancers
from podwire_lab.controllers.name_records import NameRecords
from podwire_lab.controllers.network_policies import NetworkPolicies
from podwire_lab.controllers.node_events import NodeEvents
from podwire_lab.controllers.node_replacement import NodeReplacements
from podwire_lab.controllers.proxy import ServiceProxy
from podwire_lab.controllers.proxy_modes import ProxyModes
from podwire_lab.controllers.scheduler import Scheduler
from podwire_lab.controllers.security_groups import SecurityGroups, awaits_interface
from podwire_lab.controllers.workloads.daemon_sets import DaemonSets
from podwire_lab.controllers.workloads.deployments import Deployments
from podwire_lab.controllers.workloads.jobs import Jobs
from podwire_lab.controllers.workloads.replica_sets import ReplicaSets
from podwire_lab.controllers.workloads.stateful_sets import StatefulSets
from podwire_lab.dns.records import outside_zone
from podwire_lab.dns.thread import DnsThread
from podwire_lab.kernel.nft import NftMissing
from podwire_lab.kube_api.objects.resources import CUSTOM_GROUPS, install
from podwire_lab.kube_api.objects.store import MemoryStore
from podwire_lab.lifecycle.start import CannotBuild, Start, fault_and_nodes, report
from podwire_lab.model.addresses import OUTSIDE_HOST
from podwire_lab.model.interfaces import Event, Object
from podwire_lab.model.planned import OUTSIDE_NAME
from podwire_lab.model.profile import Profile
from podwire_lab.model.profiles import UnknownProfile, profile_named
from podwire_lab.model.seed import CLUSTER_DNS, DNS_UPSTREAM, NAMESPACES, account, dns_pod, proxy_pod, seeds
from podwire_lab.network.network import LabNetwork, LabUnsupported, build_network
from podwire_lab.pods.containers import SpawnerClient
from podwire_lab.pods.outside_host import OutsideHost

if TYPE_CHECKING:
    from podwire_lab.pods.kubelet import NodeAgents

_LOG = logging.getLogger(__name__)
_LATE = ("podwire_lab.kube_api.server", "podwire_lab.dns.server", "podwire_lab.pods.kubelet")


def _import_the_rest() -> None:
    for name in _LATE:
        importlib.import_module(name)


def run(start: Start, spawner: socket.socket) -> None:
    """Run the lab until SIGTERM, SIGINT or the end of the spawner."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    try:
        profile = profile_named(start.profile, **asdict(start.adjusted))
    except UnknownProfile as error:
        raise CannotBuild(str(error)) from error
    if start.faults:
        from podwire_lab.faults.registry import FAULTS

        unknown = [name for name, _ in map(fault_and_nodes, start.faults) if name not in FAULTS]
        if unknown:
            raise CannotBuild(f"unknown lab fault {unknown[0]!r}; podwire mutants --list shows all")
    asyncio.run(Cluster(start, profile).run(spawner))


def _break_node(network: LabNetwork, node: str, fault: str) -> Callable[[], None]:
    """See `faults.registry.break_node`; the faults are imported when one is wanted."""
    from podwire_lab.faults.registry import break_node

    return break_node(network, node, fault)


class Cluster:
    """The parts of a lab, in the order in which they start."""

    def __init__(self, start: Start, profile: Profile) -> None:
        self._start, self._profile = start, profile
        self._store = MemoryStore()

    async def run(self, channel: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        imported = loop.run_in_executor(None, _import_the_rest)
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        try:
            network = build_network(self._profile)
        except (LabUnsupported, NftMissing, OSError) as error:
            raise CannotBuild(str(error)) from error
        self._say_step("the network is built")
        spawner = SpawnerClient(channel)
        spawner.lost.add_done_callback(lambda _: stopped.set())
        outside = OutsideHost(network.outside, spawner, self._start.agent)
        answers = loop.create_task(outside.serve(f"{self._start.work}/root"))
        for group in CUSTOM_GROUPS.get(self._profile.cni, ()):
            install(group)
        writers = self._writers()
        for resource, obj in seeds(self._profile):
            for write in writers:
                write(resource, obj)
            self._store.create(resource, obj)
        self._store.subscribe("namespaces", self._equip_namespace)
        await imported
        self._say_step("all modules are loaded")
        from podwire_lab.pods.kubelet import NodeAgents

        dns_thread = DnsThread()
        dns_thread.start()
        agents = NodeAgents(
            self._store,
            network.nodes,
            spawner,
            self._start.work,
            cluster_dns={"linux": (self._profile.set_up.dns.cache or CLUSTER_DNS[0],), "windows": CLUSTER_DNS[:1]},
            node_dns=[OUTSIDE_HOST["ipv4"]],
            windows_dns_quirks=network.quirks.windows_dns,
            windows_cni_quirks=network.quirks.windows_cni,
            dns_thread=dns_thread,
            held=lambda pod, node: awaits_interface(self._store, pod, node.os in network.quirks.grouped_systems),
        )
        await self._start_dns(network, agents, dns_thread)
        self._show_proxies(network, agents)
        proxy = ServiceProxy(self._store, network.nodes)
        controllers = (
            Scheduler(self._store, lambda: network.quirks.overcommits),
            GarbageCollector(self._store),
            Cascades(self._store),
            *(kind(self._store) for kind in (Deployments, ReplicaSets, DaemonSets, StatefulSets, Jobs)),
            EndpointsController(self._store),
            LoadBalancers(self._store, network),
            HealthPorts(self._store, network.nodes),
            HostPorts(self._store, network.nodes),
            NetworkPolicies(self._store, network.nodes),
            NodeEvents(self._store),
            SecurityGroups(self._store, network.nodes, lambda: network.quirks.grouped_systems),
            proxy,
        )
        agents.start()
        if self._profile.windows.kube_proxy:
            ProxyModes(network.nodes).start()
        for controller in controllers:
            controller.start()
        self._say_step("the controllers run")
        await asyncio.gather(proxy.settled(), answers)
        if self._profile.cni == "vpc-cni":
            from podwire_lab.network.ec2_metadata import Ec2Metadata

            await Ec2Metadata(network.router.netns, network.nodes).serve()
        self._say_step("the host outside answers")
        outside.open_door(self._start.directory)
        self._inject_faults(network)
        from podwire_lab.kube_api.server import application, serve

        machines = NodeReplacements(self._store, network, agents, partial(_break_node, network))
        app = application(self._store, agents, token=self._start.token, machines=machines)
        runner = await serve(app, socket.socket(fileno=self._start.listen))
        gc.freeze()
        gc.enable()
        self._say_ready()
        await stopped.wait()
        await runner.cleanup()
        network.close()

    def _writers(self) -> list[Callable[[str, Object], None]]:
        """The changes that faults of the API make to its objects."""
        if not self._start.faults:
            return []
        from podwire_lab.faults.registry import FAULTS

        names = (name for name, _ in map(fault_and_nodes, self._start.faults))
        return [write for name in names if (write := FAULTS[name].write)]

    def _inject_faults(self, network: LabNetwork) -> None:
        if self._start.faults:
            from podwire_lab.faults.registry import FAULTS, FaultError

            for name, only in map(fault_and_nodes, self._start.faults):
                try:
                    FAULTS[name].inject(network, only)
                except FaultError as error:
                    raise CannotBuild(str(error)) from error

    def _say_step(self, step: str) -> None:
        report(self._start.ready, {"step": step})

    def _say_ready(self) -> None:
        from podwire_lab.kube_api.server import kubeconfig

        path = Path(self._start.directory) / "kubeconfig"
        port = socket.socket(fileno=os.dup(self._start.listen)).getsockname()[1]
        text = kubeconfig(f"http://127.0.0.1:{port}", self._start.token)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
        report(self._start.ready, {"external": {"name": OUTSIDE_NAME, "addresses": list(OUTSIDE_HOST.values())}})

    def _equip_namespace(self, event: Event) -> None:
        """Give a new namespace its ServiceAccount and the ConfigMap of the API's certificate."""
        name = event.object["metadata"]["name"]
        if event.kind == "ADDED" and name not in NAMESPACES:
            for resource, obj in account(name):
                if self._store.get(resource, name, obj["metadata"]["name"]) is None:
                    self._store.create(resource, obj)

    def _show_proxies(self, network: LabNetwork, agents: NodeAgents) -> None:
        """Show kube-proxy of the Windows nodes as pods; their logs are what the nodes record."""
        for plan in self._profile.nodes if self._profile.windows.kube_proxy else ():
            if plan.os == "windows":
                pod = self._store.create("pods", proxy_pod(plan))
                lines = network.nodes[plan.name].proxy_log
                agents.adopt(pod["metadata"]["uid"], lambda: None, lambda lines=lines: "".join(lines))  # type: ignore[misc]

    async def _start_dns(self, network: LabNetwork, agents: NodeAgents, thread: DnsThread) -> None:
        from podwire_lab.dns.node_cache import NodeCache
        from podwire_lab.dns.server import DnsServer

        node_dns = (OUTSIDE_HOST["ipv4"], 53)
        dns, outside_names = self._profile.set_up.dns, outside_zone(OUTSIDE_NAME, network.outside_addresses)
        for plan in self._profile.nodes:
            node = network.nodes[plan.name]
            if plan.name in dns.nodes:
                place = node.attach_pod("cluster-dns")
                pod = self._store.create("pods", dns_pod(place.addresses, plan))
                agents.adopt(pod["metadata"]["uid"], partial(node.detach_pod, "cluster-dns"))
                server = DnsServer(forward_to=node_dns, hosts=None if dns.upstream else outside_names)
                server.fault = partial(network.quirks.of_dns, plan.name)
                await thread.run(server.serve(place.namespace, place.addresses))
                NameRecords(self._store, server.set_records).start()
            if dns.cache and plan.os == "linux":
                cache = NodeCache((DNS_UPSTREAM[0], 53), node_dns, network.quirks.node_cache)
                await thread.run(cache.serve(node.namespace, dns.cache))
        outside = DnsServer(records=outside_names)
        await thread.run(outside.serve(network.outside, network.outside_addresses))
