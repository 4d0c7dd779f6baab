"""PID 1 of the lab: builds the network, then runs API server, controllers, DNS and node agents on one loop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import podwire.probe
from podwire.lab.api.server import application, kubeconfig, serve
from podwire.lab.api.store import MemoryStore
from podwire.lab.containers import Command, LogRing, SpawnedProcess, SpawnerClient
from podwire.lab.controllers import GarbageCollector
from podwire.lab.dns import DnsServer
from podwire.lab.dns_records import outside_zone
from podwire.lab.endpoints import EndpointsController
from podwire.lab.faults import FAULTS, FaultError
from podwire.lab.health_ports import HealthPorts
from podwire.lab.host_ports import HostPorts
from podwire.lab.interfaces import Event, Namespace, Network
from podwire.lab.kubelet import NodeAgents
from podwire.lab.load_balancers import LoadBalancers
from podwire.lab.network import LabNetwork, LabUnsupported, build_network
from podwire.lab.nft import NftMissing
from podwire.lab.planned import OUTSIDE_NAME
from podwire.lab.profiles import OUTSIDE_HOST, Profile, UnknownProfile, profile_named
from podwire.lab.proxy import NameRecords, ServiceProxy
from podwire.lab.rootfs import TOOLS, RootSpec, Volume
from podwire.lab.scheduler import Scheduler
from podwire.lab.seed import CLUSTER_DNS, DNS_NODE, NAMESPACES, account, dns_pod, seeds
from podwire.lab.start import CannotBuild, Start, report

_LOG = logging.getLogger(__name__)


def run(start: Start, spawner: socket.socket) -> None:
    """Run the lab until SIGTERM, SIGINT or the loss of the spawner."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(name)s: %(message)s")
    try:
        profile = profile_named(start.profile, dsr=start.dsr, build=start.build)
    except UnknownProfile as error:
        raise CannotBuild(str(error)) from error
    unknown = [name for name in start.faults if name not in FAULTS]
    if unknown:
        raise CannotBuild(f"unknown lab fault {unknown[0]!r}; there are: {', '.join(sorted(FAULTS))}")
    asyncio.run(Cluster(start, profile).run(spawner))


class Cluster:
    """The parts of a lab, in the order in which they start."""

    def __init__(self, start: Start, profile: Profile) -> None:
        self._start, self._profile = start, profile
        self._store = MemoryStore()
        self._background: list[SpawnedProcess] = []

    async def run(self, channel: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        stopped = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopped.set)
        try:
            network = build_network(self._profile)
        except (LabUnsupported, NftMissing, OSError) as error:
            raise CannotBuild(str(error)) from error
        spawner = SpawnerClient(channel)
        spawner.lost.add_done_callback(lambda _: stopped.set())
        for resource, obj in seeds(self._profile):
            self._store.create(resource, obj)
        self._store.subscribe("namespaces", self._equip_namespace)
        agents = NodeAgents(
            self._store,
            network.nodes,
            spawner,
            self._start.work,
            cluster_dns=CLUSTER_DNS[:1],
            node_dns=[OUTSIDE_HOST["ipv4"]],
            windows_dns_quirks=network.windows_dns_quirks,
        )
        await self._start_dns(network, agents)
        await self._start_outside(network, spawner)
        proxy = ServiceProxy(self._store, network.nodes)
        controllers = (
            Scheduler(self._store),
            GarbageCollector(self._store),
            EndpointsController(self._store),
            LoadBalancers(self._store, network),
            HealthPorts(self._store, network.nodes),
            HostPorts(self._store, network.nodes),
            proxy,
        )
        agents.start()
        for controller in controllers:
            controller.start()
        await proxy.settled()
        for name in self._start.faults:
            try:
                FAULTS[name].inject(network)
            except FaultError as error:
                raise CannotBuild(str(error)) from error
        app = application(self._store, agents, token=self._start.token)
        runner = await serve(app, socket.socket(fileno=self._start.listen))
        self._say_ready()
        await stopped.wait()
        await runner.cleanup()
        network.close()

    def _say_ready(self) -> None:
        path = Path(self._start.directory) / "kubeconfig"
        port = socket.socket(fileno=os.dup(self._start.listen)).getsockname()[1]
        text = kubeconfig(f"http://127.0.0.1:{port}", self._start.token)
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
        report(self._start.ready, {"external": {"name": OUTSIDE_NAME, "addresses": list(OUTSIDE_HOST.values())}})

    def _equip_namespace(self, event: Event) -> None:
        """A new namespace gets its ServiceAccount and the ConfigMap of the API's certificate."""
        name = event.object["metadata"]["name"]
        if event.kind == "ADDED" and name not in NAMESPACES:
            for resource, obj in account(name):
                if self._store.get(resource, name, obj["metadata"]["name"]) is None:
                    self._store.create(resource, obj)

    async def _start_dns(self, network: LabNetwork, agents: NodeAgents) -> None:
        plan = next(node for node in self._profile.nodes if node.name == DNS_NODE)
        node = network.nodes[DNS_NODE]
        place = node.attach_pod("cluster-dns")
        pod = self._store.create("pods", dns_pod(place.addresses, plan))
        agents.adopt(pod["metadata"]["uid"], lambda: node.detach_pod("cluster-dns"))
        server = DnsServer(forward_to=(OUTSIDE_HOST["ipv4"], 53))
        server.fault = lambda *question: network.dns_fault(*question) if network.dns_fault is not None else None
        await server.serve(place.namespace, place.addresses)
        NameRecords(self._store, server.set_records).start()
        outside = DnsServer(records=outside_zone(OUTSIDE_NAME, network.outside_addresses))
        await outside.serve(network.outside, network.outside_addresses)

    async def _start_outside(self, network: Network, spawner: SpawnerClient) -> None:
        """The host outside the cluster runs the same agent as the pods, as an echo and HTTP server."""
        agent = str(Path(podwire.probe.__file__).parent)
        needed: Sequence[str] = (sys.prefix, sys.base_prefix)
        root = RootSpec(
            volumes=[Volume(source=agent, target="/podwire", read_only=True)],
            etc={"hosts": "127.0.0.1 localhost\n", "resolv.conf": f"nameserver {OUTSIDE_HOST['ipv4']}\n"},
            links={"python": os.path.realpath(sys.executable)},
            scripts={},
            needed=list(needed),
        )
        serve_echo = ["python", "-I", "-S", "/podwire/agent.py", "serve", "--port", "8080", "--http-port", "80"]
        command = Command(
            argv=serve_echo,
            env={"PATH": f"{TOOLS}:/usr/bin:/bin", "PODWIRE_IDENTITY": "outside"},
            capabilities=("NET_BIND_SERVICE", "NET_RAW"),
        )
        log = LogRing()
        process = await spawner.start(
            network.outside.fd, command, root=root, root_at=f"{self._start.work}/root", hostname="outside", log=log
        )
        process.exited.add_done_callback(_say_end("the outside host's server", log))
        self._background.append(process)
        for port in (8080, 80):
            if not await _listening(network.outside, (OUTSIDE_HOST["ipv4"], port)):
                said = log.read(1).decode(errors="replace").strip() or "it says nothing"
                raise CannotBuild(f"the server of the host outside does not answer on port {port}: {said}")


async def _listening(namespace: Namespace, address: tuple[str, int], seconds: float = 5.0) -> bool:
    """Wait until a TCP connection to `address` succeeds inside the namespace; False when it does not in that time."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        with namespace.entered():
            connection = socket.socket()
        with connection:
            connection.setblocking(False)
            try:
                await loop.sock_connect(connection, address)
            except ConnectionError:
                await asyncio.sleep(0.005)
            else:
                return True
    return False


def _say_end(what: str, log: LogRing) -> Callable[[asyncio.Future[int]], None]:
    def say(ended: asyncio.Future[int]) -> None:
        _LOG.error("%s ended with %d: %s", what, ended.result(), log.read(5).decode(errors="replace"))

    return say
