"""What a run puts into the cluster: a namespace, the agent, two probe pods and a host probe a node, their Services."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from podwire.cluster.connect import Connection
from podwire.cluster.deployment import manifests
from podwire.cluster.deployment.agent_archive import agent_archive
from podwire.cluster.deployment.balanced import BalancedServices
from podwire.cluster.deployment.claim import claim, nothing_left
from podwire.cluster.deployment.endpoint_lists import write_lists
from podwire.cluster.deployment.filled import Filled
from podwire.cluster.deployment.guest import be_guest
from podwire.cluster.deployment.images import image_for
from podwire.cluster.deployment.manifests import CONTAINER, HEADLESS_SERVICE
from podwire.cluster.deployment.removal import undeploy
from podwire.cluster.deployment.services import DeployedService, Services
from podwire.cluster.deployment.waiting import Limits, PodWait, image_of
from podwire.cluster.discovery.other_pods import addresses_of_others
from podwire.cluster.discovery.vpc import has_branch, vpc_address, vpc_subnet
from podwire.cluster.discovery.warm_addresses import wanted_addresses
from podwire.cluster.malformed import understood
from podwire.cluster.rest import RestClient
from podwire.cluster.threads import workers
from podwire.errors import ApiError, ClusterError, Forbidden, Unauthorized, UsageError, concerns_the_run
from podwire.model.addressing.nobody import nobody_of
from podwire.model.changes.endpoint_lists import AT_FIRST
from podwire.model.facts import OS, ClusterFacts, Family, NodeFacts, family_of
from podwire.model.flows import ANY_OS
from podwire.model.node_notes import not_ready
from podwire.planning.prerequisites import GROUPED, Needs
from podwire.policies.cast import SPACES

Object = dict[str, Any]

ECHO_PORT = 8080
SECOND_PORT = 8081
HOST_ECHO_PORT = 18080
HOST_NETWORK_PORT = 18082
SERVICE_PORT = 80
SLOTS = ("a", "b", "host")
_THREADS = 8
_RUN_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")

__all__ = [
    "CONTAINER",
    "ECHO_PORT",
    "HEADLESS_SERVICE",
    "HOST_ECHO_PORT",
    "HOST_NETWORK_PORT",
    "SECOND_PORT",
    "SERVICE_PORT",
    "DeployOptions",
    "Deployment",
    "Probe",
    "deploy",
    "undeploy",
]


@dataclass(frozen=True, kw_only=True)
class DeployOptions:
    """How to deploy. `deadline` is the seconds after which the pods end by themselves, whatever happens to the runner.

    `needs` are the special pods and Services of the plan. `keep` leaves what was made when the deployment itself fails.
    `namespace` is one that exists and stays; '' makes one for the run.
    """

    run_id: str
    needs: Needs = field(default_factory=Needs)
    nodes_per_os: int = 2
    linux_image: str | None = None
    windows_image: str | None = None
    deadline: int = 3600
    limits: Limits = field(default_factory=Limits)
    keep: bool = False
    namespace: str = ""
    say: Callable[[str], object] = lambda line: None


@dataclass(frozen=True, kw_only=True)
class Probe:
    """A probe pod, or a node's host probe. `pod` is its name, which is also the identity that its echo answers with.

    `slot` is its place on the node, or the kind of special pod that it is. `addresses` are by family, and empty for
    a probe that is not available; `port` is where its echo listens, TCP and UDP. `command` is what to exec for the
    agent's RPC, in the container `probe`. `image` is what the pod asks for, `image_id` what its status says it got.
    `vpc_address` is what the VPC resource controller noted on it, `vpc_subnet` the subnet of that; '' elsewhere.
    `has_branch` tells whether that controller gave it an interface of its own, for security groups. `namespace` is its
    own where it is not that of the run.
    """

    pod: str
    node: str
    os: OS
    slot: str
    addresses: Mapping[Family, str] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    port: int = ECHO_PORT
    image: str = ""
    image_id: str = ""
    vpc_address: str = ""
    vpc_subnet: str = ""
    has_branch: bool = False
    namespace: str = ""

    @property
    def kind(self) -> Literal["pod", "host"]:
        return "host" if self.slot == "host" else "pod"

    @property
    def container(self) -> str:
        """The container to exec in."""
        return CONTAINER

    @property
    def identity(self) -> str:
        return self.pod


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """What stands in the cluster.

    `problems` says by pod why it is not available; the rest of the run goes on. `former` are Services as they were
    before the run changed them, `filled` the nodes that it filled with pods, `members` the pods behind each kind of
    Service whose endpoints the run changes, as they are to be now, and `wanted_addresses` what network cards of nodes
    must have for pods, where somebody is told to keep some ready. `addresses_of_others` are those of pods on its nodes
    that are not of the run; `balanced` reads which load balancers nodes must have. `renewed` are, by pod, the probes
    that the run has made again, as they are now.
    """

    namespace: str
    run_id: str
    probes: tuple[Probe, ...]
    services: Services
    problems: dict[str, str] = field(default_factory=dict)
    former: dict[tuple[str, str], DeployedService] = field(default_factory=dict)
    filled: dict[str, Filled] = field(default_factory=dict)
    members: dict[str, frozenset[str]] = field(default_factory=dict)
    wanted_addresses: dict[str, int] = field(default_factory=dict)
    addresses_of_others: frozenset[str] = frozenset()
    balanced: BalancedServices | None = None
    renewed: dict[str, Probe] = field(default_factory=dict)

    def probe(self, pod: str) -> Probe:
        """The probe of that name. Raises KeyError."""
        for probe in self.probes:
            if probe.pod == pod:
                return self.renewed.get(pod, probe)
        raise KeyError(pod)

    def on(self, node: str, slot: str) -> Probe | None:
        """The probe in that place of a node."""
        probe = next((probe for probe in self.probes if probe.node == node and probe.slot == slot), None)
        return self.renewed.get(probe.pod, probe) if probe else None

    def namespace_of(self, pod: str) -> str:
        """The namespace of the pod of that name."""
        return next((probe.namespace for probe in self.probes if probe.pod == pod), "") or self.namespace

    @property
    def spaces(self) -> tuple[str, ...]:
        """The namespaces of the run beside the first."""
        return tuple(sorted({probe.namespace for probe in self.probes if probe.namespace}))

    def available(self) -> Iterator[Probe]:
        """The probes that were ready."""
        return (self.renewed.get(probe.pod, probe) for probe in self.probes if probe.pod not in self.problems)


def deploy(connection: Connection, facts: ClusterFacts, options: DeployOptions) -> Deployment:
    """Put everything there and wait until it is ready or known not to be. Nodes that are not ready get nothing.

    Raises `UsageError` for a bad run id or a namespace that is not ours, `ClusterError` when nothing can be put there
    or no probe becomes ready. Whatever ends it early, Ctrl-C too, what was made is removed first (unless `keep`).
    """
    if not _RUN_ID.fullmatch(options.run_id):
        raise UsageError(f"run id {options.run_id!r}: use 1 to 40 lower-case letters, digits and dashes")
    chosen = [node for os in ANY_OS for node in facts.taking_part(os, options.nodes_per_os)]
    nodes = [node for node in chosen if node.ready]
    if not nodes:
        reasons = "".join(f"; {not_ready(node, facts)}" for node in chosen[:1])
        raise ClusterError(f"context {connection.name}: no node is ready and schedulable{reasons}")
    guest_of, run_id = options.namespace, options.run_id
    spaces = [] if guest_of else sorted({SPACES[slot] for _, slot in options.needs.pods if slot in SPACES})
    if guest_of:
        be_guest(connection, guest_of)
    else:
        claim(connection, run_id, spaces, keep=options.keep)
    rest = connection.rest.placing_in(guest_of) if guest_of else connection.rest
    filled = nothing_left(connection, run_id, spaces, keep=options.keep, guest_of=guest_of)
    with filled, understood("deployment of the probes"):
        return _Deploying(rest, facts, options, guest_of or manifests.namespace_name(run_id), nodes).run()
    raise AssertionError("not reached")


class _Deploying:
    """One deployment on its way. The lists below are in the order of nodes and slots."""

    def __init__(
        self, rest: RestClient, facts: ClusterFacts, options: DeployOptions, namespace: str, nodes: list[NodeFacts]
    ) -> None:
        self._rest, self._facts, self._options, self._namespace = rest, facts, options, namespace
        self._short = manifests.short_names(tuple(node.name for node in nodes))
        special = {node.name: [slot for name, slot in options.needs.pods if name == node.name] for node in nodes}
        self._places = [
            (node, slot, f"{self._short[node.name]}-{slot}") for node in nodes for slot in (*SLOTS, *special[node.name])
        ]
        wanted = [
            (service.kind, f"{self._short[service.node]}-{service.probe}" if service.node else "")
            for service in options.needs.services
            if not service.node or service.node in self._short
        ]
        self._services = Services(rest, namespace, options.run_id, wanted, nobody=nobody_of(facts))
        self._problems: dict[str, str] = {}
        self._lock = threading.Lock()

    def run(self) -> Deployment:
        options = self._options
        with workers(_THREADS, "deploy") as threads:
            hostnames = threads.submit(self._hostnames)
            for space in sorted({SPACES.get(slot, "") for _, slot, _ in self._places}):
                agent = manifests.agent_configmap(options.run_id, agent_archive(), self._services.resolver, space)
                self._rest.apply(agent)
            # A pod may need the address of a Service, no Service that of a pod.
            external = self._facts.outside.host.name if self._facts.outside.host else ""
            self._services.apply(threads, external)
            pods = self._grouped(self._pods(hostnames.result()))
            for future in [threads.submit(self._apply_pod, pod) for pod in pods]:
                future.result()
        ready_pods = self._waited()
        if not ready_pods:
            first = next((f"{name}: {text}" for name, text in self._problems.items()), "nothing was deployed")
            raise ClusterError(f"no probe became ready; {first}")
        commands = {pod["metadata"]["name"]: manifests.command_of(pod) for pod in pods}
        probes = tuple(
            self._probe(node, slot, pod, ready_pods.get(pod), commands.get(pod, ())) for node, slot, pod in self._places
        )
        usual = [
            (probe.addresses["ipv4"], probe.node)
            for probe in probes
            if probe.slot in ("a", "b") and probe.os == "linux" and "ipv4" in probe.addresses
        ]
        ready = {probe.pod for probe in probes if probe.pod in ready_pods and probe.slot != "never-ready"}
        places = {probe.pod: (probe.node, probe.addresses) for probe in probes}
        for line in self._services.complete(usual, ready, pods=places):
            options.say(line)
        members = write_lists(self._rest, options.run_id, self._services, probes, AT_FIRST)
        return Deployment(
            namespace=self._namespace,
            run_id=options.run_id,
            probes=probes,
            members=members,
            services=self._services,
            problems=self._problems,
            wanted_addresses=wanted_addresses(self._rest, self._facts),
            addresses_of_others=addresses_of_others(
                self._rest, sorted({probe.node for probe in probes}), self._namespace
            ),
            balanced=BalancedServices(self._rest, self._namespace),
        )

    def _waited(self) -> dict[str, Object]:
        """The pods that became ready, by name, once all did or are known not to."""
        options, ready = self._options, dict[str, Object]()
        for space in sorted({SPACES.get(slot, "") for _, slot, _ in self._places}):
            namespace = manifests.namespace_name(options.run_id, space) if space else self._namespace
            waiting = PodWait(self._rest, namespace, options.run_id, options.limits, options.say)
            there = ((node, pod) for node, slot, pod in self._places if SPACES.get(slot, "") == space)
            waiting.wait({pod: node.name for node, pod in there if pod not in self._problems})
            self._problems |= waiting.problems
            ready |= waiting.ready
        return ready

    def _hostnames(self) -> dict[str, str]:
        """Nodes' `kubernetes.io/hostname` labels, which need not be their names."""
        nodes = self._rest.list("nodes")
        key = "kubernetes.io/hostname"
        return {
            node["metadata"]["name"]: str((node["metadata"].get("labels") or {}).get(key) or node["metadata"]["name"])
            for node in nodes
        }

    def _pods(self, hostnames: Mapping[str, str]) -> list[Object]:
        options, pods = self._options, []
        for node, slot, name in self._places:
            try:
                image = image_for(node, options.linux_image, options.windows_image)
            except ValueError as error:
                self._problems[name] = f"node {node.name}: {error}"
                continue
            hostname = hostnames.get(node.name, node.name)
            dns = self._services.found.get(("dns", ""))
            address = dns.cluster_ips.get("ipv4", "") if dns else ""
            if manifests.searches(slot) and not address:
                why = self._services.problems.get(("dns", ""), "Service dns has no IPv4 address")
                self._problems[name] = f"it has no name server: {why}"
                continue
            pods.append(
                manifests.probe_pod(options.run_id, name, slot, node, hostname, image, options.deadline, address)
            )
        return pods

    def _grouped(self, pods: list[Object]) -> list[Object]:
        """The pods, once the security group of those that are to be in one is told: it counts when a pod is made."""
        chosen = {f"{self._short[node]}-{GROUPED}" for node, slot in self._options.needs.pods if slot == GROUPED}
        if not chosen:
            return pods
        policy = manifests.security_group_policy(self._options.run_id, self._facts.security.pod_security_group or "")
        try:
            self._rest.apply(policy)
        except ApiError as error:
            if isinstance(error, Unauthorized):
                raise
            words = f"podwire could not make its SecurityGroupPolicy: {error.message or error}"
            self._problems |= dict.fromkeys(chosen, words)
            return [pod for pod in pods if pod["metadata"]["name"] not in chosen]
        return pods

    def _apply_pod(self, pod: Object) -> None:
        """A refusal (Pod Security, a quota, a webhook) is this pod's problem; having no rights is the whole run's."""
        end = time.monotonic() + 15.0
        while True:
            try:
                self._made(pod, self._rest.apply(pod))
            except Forbidden as error:
                # A new namespace gets its default service account a moment later, and refuses pods until then.
                if "serviceaccount" in error.message.lower() and time.monotonic() < end:
                    time.sleep(0.1)
                    continue
                self._refused(pod, error)
            except ApiError as error:
                self._refused(pod, error)  # A webhook that cannot be asked is an error 500, after all tries.
            return

    def _made(self, pod: Object, answer: Object) -> None:
        """A webhook may make another pod of it."""
        requested, created = pod["metadata"]["name"], answer["metadata"]["name"]
        if requested != created:
            with self._lock:
                self._problems[requested] = f"the API server created a pod with another name, {created}"

    def _refused(self, pod: Object, error: ApiError) -> None:
        if concerns_the_run(error):
            raise error
        with self._lock:
            self._problems[pod["metadata"]["name"]] = f"the API server refuses it: {error.message}"

    def _probe(
        self,
        node: NodeFacts,
        slot: str,
        pod: str,
        state: Object | None,
        command: tuple[str, ...],
    ) -> Probe:
        addresses: dict[Family, str] = {}
        for entry in (state or {}).get("status", {}).get("podIPs") or []:
            addresses.setdefault(family_of(entry["ip"]), entry["ip"])
        if slot == "host" and set(addresses.values()) & set(node.addresses):
            # A kubelet without dual-stack node addresses lists one family only, but the probe has all of its node's.
            for address in node.addresses:
                addresses.setdefault(family_of(address), address)
        ports = {"host": HOST_ECHO_PORT, "host-network": HOST_NETWORK_PORT, "port-second": SECOND_PORT}
        image, image_id = image_of(state or {})
        return Probe(
            pod=pod,
            node=node.name,
            os=node.os,
            slot=slot,
            addresses=addresses,
            command=command,
            port=ports.get(slot, ECHO_PORT),
            image=image,
            image_id=image_id,
            vpc_address=vpc_address(state or {}),
            vpc_subnet=vpc_subnet(state or {}),
            has_branch=has_branch(state or {}),
            namespace=manifests.namespace_name(self._options.run_id, SPACES[slot]) if slot in SPACES else "",
        )
