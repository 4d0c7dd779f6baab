"""The node agents: they run the pods of their nodes, and serve exec and logs."""

from __future__ import annotations

import functools
import json
import os
import shlex
import shutil
import socket
import sys
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import podwire_lab
from podwire.model.facts import OS
from podwire_lab.dns.thread import DnsThread
from podwire_lab.model.interfaces import (
    LISTING,
    Container,
    ContainerNotFound,
    Event,
    Namespace,
    NodeNetwork,
    Object,
    PodNetwork,
    Store,
)
from podwire_lab.pods.containers import SpawnerClient
from podwire_lab.pods.dialing import dial
from podwire_lab.pods.node_services import LISTINGS, NodeServices
from podwire_lab.pods.pod_report import PodReport
from podwire_lab.pods.resolvers import FILE_COUNTS, PLAIN_ADAPTER, Resolver, by_file, misled, resolver_of
from podwire_lab.pods.worker import PodWorker
from podwire_lab.windows import programs
from podwire_lab.windows.dns_client import ADDRESS as DNS_CLIENT_ADDRESS
from podwire_lab.windows.dns_client import OPTIONS as DNS_CLIENT_OPTIONS
from podwire_lab.windows.dns_client import WindowsDnsClient
from podwire_lab.windows.programs.cni_plugin import DIRECTORY as CNI_DIRECTORY
from podwire_lab.windows.programs.cni_plugin import PLUGINS as CNI_PLUGINS

_PYTHON = os.path.realpath(sys.executable)
_NEEDED = tuple(dict.fromkeys((sys.prefix, sys.base_prefix, str(Path(podwire_lab.__file__).parents[1]))))

LOOPBACK = ("127.0.0.1", "::1")


def _scripts(node: NodeNetwork, cni_quirks: Set[str], host_process: bool) -> dict[str, str]:
    """Programs that an emulated Windows node gives to its containers: nslookup and ipconfig belong to Windows images;
    pktmon, PowerShell's HNS module and the CNI plugins belong to the node, and HostProcess containers see them.
    """
    if node.os != "windows":
        return {}
    scripts = {name: _script(f"{name}.py") for name in ("ipconfig", "nslookup")}
    if host_process:
        scripts["pktmon"] = _script("pktmon")
        scripts["powershell.exe"] = _script("powershell.py", f"{LISTINGS}/{LISTING}")
        scripts["netsh"] = _script("netsh.py", json.dumps(node.hns_listed))
        scripts |= {f"{CNI_DIRECTORY}\\{name}.exe": _script("cni_plugin.py", name, *cni_quirks) for name in CNI_PLUGINS}
    return scripts


def _script(program: str, *arguments: str) -> str:
    """A shell script that starts a file of the programs' folder, or a folder with a `__main__.py`."""
    program = str(Path(programs.__file__).with_name(program))
    return f'#!/bin/sh\nexec "{_PYTHON}" -I -S "{program}" {shlex.join(arguments)} "$@"\n'


def _allow_ping(namespace: Namespace) -> None:
    """A Windows pod has no raw sockets in the lab, and pings like Windows: with ICMP datagrams (icmp(7))."""
    with namespace.entered(), open("/proc/sys/net/ipv4/ping_group_range", "w", encoding="ascii") as file:
        file.write("0 0")


class NodeAgents:
    """The agents of all nodes in one object: `podwire_lab.model.interfaces.Runtime`.

    `cluster_dns` (by OS) and `node_dns` are server addresses for pods with and without the cluster's names. Windows
    pods query an emulated DNS client, by uid in `windows_dns_clients`; it runs on `dns_thread` like the servers.
    HostProcess containers have no DNS client of their own.
    """

    def __init__(
        self,
        store: Store,
        nodes: Mapping[str, NodeNetwork],
        spawner: SpawnerClient,
        work: str,
        *,
        dns_thread: DnsThread,
        cluster_dns: Mapping[OS, Sequence[str]] = MappingProxyType({}),
        node_dns: Sequence[str] = (),
        windows_dns_quirks: Set[str] = frozenset(),
        windows_cni_quirks: Set[str] = frozenset(),
        held: Callable[[Object, NodeNetwork], bool] = lambda pod, node: False,
    ) -> None:
        """`held` says whether a pod cannot start yet on its node; it is asked again with each change of the pod."""
        self._store = store
        self._cluster_dns, self._node_dns = dict(cluster_dns), tuple(node_dns)
        self._work, self._dns_thread = work, dns_thread
        self._workers: dict[str, PodWorker] = {}
        self._windows_dns_quirks, self._windows_cni_quirks = windows_dns_quirks, windows_cni_quirks
        self.windows_dns_clients: dict[str, WindowsDnsClient] = {}
        self._adopted: dict[str, Callable[[], None]] = {}
        self._adopted_logs: dict[str, Callable[[], str]] = {}
        self._services = {name: self._node_services(node, spawner) for name, node in nodes.items()}
        self._down: set[str] = set()
        self._held = held

    def _node_services(self, node: NodeNetwork, spawner: SpawnerClient) -> NodeServices:
        async def resolver(pod: Object, network: PodNetwork | None) -> Resolver:
            return await self._resolver(node, pod, network)

        return NodeServices(
            node=node,
            store=self._store,
            spawner=spawner,
            work=self._work,
            resolver=resolver,
            release=self._release,
            links={"python": _PYTHON, "python3": _PYTHON},
            scripts=functools.partial(_scripts, node, self._windows_cni_quirks),
            needed=_NEEDED,
        )

    async def _resolver(self, node: NodeNetwork, pod: Object, network: PodNetwork | None) -> Resolver:
        cluster_dns = tuple(self._cluster_dns.get(node.os, ()))
        resolver = resolver_of(pod, node.os, cluster_dns=cluster_dns, node_dns=self._node_dns)
        if node.os == "windows" and network is not None:
            _allow_ping(network.namespace)
            quirks = self._windows_dns_quirks
            if FILE_COUNTS in quirks:
                space = pod["metadata"]["namespace"]
                resolver = by_file(resolver, pod, lambda name: self._store.get("configmaps", space, name))
            linux_dns = tuple(self._cluster_dns.get("linux", ()))
            resolver = misled(resolver, quirks, cluster_dns=cluster_dns, node_dns=self._node_dns, linux_dns=linux_dns)
            client = WindowsDnsClient(resolver.search, resolver.servers, quirks)
            await self._dns_thread.run(client.serve(network.namespace))
            self.windows_dns_clients[pod["metadata"]["uid"]] = client
            adapter = replace(resolver, search=()) if PLAIN_ADAPTER in quirks else resolver
            own = (DNS_CLIENT_ADDRESS,)
            return Resolver(servers=own, options=DNS_CLIENT_OPTIONS, adapter=adapter, aliases=resolver.aliases)
        return resolver

    def adopt(self, uid: str, release: Callable[[], None], log: Callable[[], str] | None = None) -> None:
        """Register a pod that the lab itself runs (its DNS server): nothing starts; its deletion calls `release`."""
        self._adopted[uid] = release
        if log is not None:
            self._adopted_logs[uid] = log

    def plays(self, uid: str) -> bool:
        """Whether the lab itself is the pod with this uid."""
        return uid in self._adopted

    def start(self) -> None:
        """Start to run pods, existing ones included."""
        self._store.subscribe("pods", self._on_event)
        for pod in self._store.list("pods"):
            self._on_event(Event(kind="ADDED", object=pod))

    def stop_node(self, name: str) -> None:
        """The machine goes down with all that runs on it. Nobody tells the API: its pods stay as they were."""
        self._down.add(name)
        for uid, worker in list(self._workers.items()):
            if worker.report.services.node.name == name:
                del self._workers[uid]
                worker.fall()

    def start_node(self, name: str) -> None:
        """The machine has booted. Its pods start again, as far as their restart policy and the API want them to."""
        self._down.discard(name)
        for pod in self._store.list("pods"):
            if pod["spec"].get("nodeName") != name or pod["metadata"]["uid"] in self._adopted:
                continue
            if pod["spec"].get("restartPolicy") == "Never" and not pod["metadata"].get("deletionTimestamp"):
                PodReport(self._services[name], pod).fail_after_boot()
                continue
            self._on_event(Event(kind="MODIFIED", object=pod))
            worker = self._workers.get(pod["metadata"]["uid"])
            if worker is not None:
                worker.report.take_over_after_boot()

    def _on_event(self, event: Event) -> None:
        pod = event.object
        uid = pod["metadata"]["uid"]
        if uid in self._adopted:
            if event.kind == "DELETED":
                self._adopted.pop(uid)()
            elif pod["metadata"].get("deletionTimestamp"):
                self._store.delete("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])
            return
        worker = self._workers.get(uid)
        if event.kind == "DELETED":
            if worker is not None:
                del self._workers[uid]
                worker.task.cancel()
                worker.let_go()
            return
        services = self._services.get(pod["spec"].get("nodeName", ""))
        if services is None or services.node.name in self._down:
            return
        deleting = bool(pod["metadata"].get("deletionTimestamp"))
        if worker is None and (pod.get("status") or {}).get("phase") not in ("Succeeded", "Failed"):
            if deleting:
                self._store.delete("pods", pod["metadata"]["namespace"], pod["metadata"]["name"])
            elif not self._held(pod, services.node):
                self._workers[uid] = PodWorker(services, pod)
        elif worker is not None and deleting and worker.grace != pod["metadata"].get("deletionGracePeriodSeconds"):
            worker.terminate(pod)
        elif worker is not None and pod["spec"].get("readinessGates"):
            worker.report.publish()  # The pod's readiness may wait for a condition that another component writes.

    def _release(self, uid: str) -> None:
        client = self.windows_dns_clients.pop(uid, None)
        if client is not None:
            self._dns_thread.soon(client.close)
        shutil.rmtree(f"{self._work}/pods/{uid}", ignore_errors=True)

    def _worker(self, pod: Object, container: str) -> PodWorker:
        worker = self._workers.get(pod["metadata"]["uid"])
        if worker is None or container not in worker.containers:
            raise ContainerNotFound(container)
        return worker

    async def exec(self, pod: Object, container: str, command: Sequence[str], *, stdin: bool, tty: bool) -> Container:
        """Run a command in a running container.

        Raises:
            ContainerNotFound: the pod has no such running container.
            CannotStart: the command cannot run.
        """
        try:
            return await self._worker(pod, container).exec(container, command, stdin=stdin, tty=tty)
        except KeyError as error:
            raise ContainerNotFound(container) from error

    async def logs(self, pod: Object, container: str, *, tail_lines: int | None) -> bytes:
        """The output of the container, as long as the node has its pod."""
        adopted = self._adopted_logs.get(pod["metadata"]["uid"])
        if adopted is not None:
            lines = adopted().splitlines(keepends=True)
            return "".join(lines if tail_lines is None else lines[len(lines) - tail_lines :]).encode()
        return self._worker(pod, container).containers[container].log.read(tail_lines)

    async def connect(self, pod: Object, port: int) -> socket.socket:
        """To the loopback of the pod, or of its node, as a runtime does it; on Windows by IPv4 alone (containerd:
        sandbox_portforward of either system)."""
        worker = self._workers.get(pod["metadata"]["uid"])
        if worker is None:
            raise ContainerNotFound(f"the lab itself is pod {pod['metadata']['name']}: no port of it can be forwarded")
        report = worker.report
        place = report.network if report.network is not None else report.services.node
        return await dial(place.namespace, LOOPBACK[:1] if report.services.node.os == "windows" else LOOPBACK, port)
