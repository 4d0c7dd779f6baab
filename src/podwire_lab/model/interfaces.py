"""The interfaces between the parts of the lab: network, container runtime, API server. Parts know each other by them
only.

Everything runs in one process and, apart from the build of the network, on one asyncio loop.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence, Set
from contextlib import AbstractContextManager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal, Protocol

from podwire.model.facts import OS, Family, family_of
from podwire_lab.model.policy_objects import PolicyObjects
from podwire_lab.model.profile import Profile
from podwire_lab.model.windows_builds import WindowsBuild

Object = dict[str, Any]


class Namespace(Protocol):
    """A network namespace without a name, held by a descriptor: it ends with the process."""

    name: str
    fd: int

    def entered(self) -> AbstractContextManager[None]:
        """Run the block inside the namespace; sockets made there stay in it. Never await inside."""


class PodNetwork(Protocol):
    """A pod's place in the network. `addresses` are text, IPv4 first; `host_interface` is the node's end of its
    cable."""

    namespace: Namespace
    addresses: tuple[str, ...]
    mac: str
    host_interface: str


NO_NOTES: Mapping[str, str] = MappingProxyType({})


class NoAddressLeft(ValueError):
    """A node has no address for another pod at the moment."""


class NodeNetwork(Protocol):
    """A node's place in the network, and its part of the Service data path."""

    @property
    def name(self) -> str: ...

    @property
    def os(self) -> OS: ...

    @property
    def namespace(self) -> Namespace: ...

    @property
    def addresses(self) -> tuple[str, ...]:
        """The node's addresses in the underlay, as text, IPv4 first."""

    @property
    def families(self) -> tuple[Family, ...]:
        """The families of its pods, which its proxy serves."""

    proxy_log: list[str]
    """The lines that kube-proxy on a Windows node has logged."""

    @property
    def hns_listed(self) -> Mapping[str, Any]:
        """What PowerShell on a Windows node lists of HNS and the virtual switch (`hns_listings.listed`)."""

    def list_in(self, directory: str) -> None:
        """Keep `hns_listed` in the file `LISTING` of this directory from now on, as JSON; a Windows node takes requests
        to restart its programs there too (`windows.service_control`)."""

    containers_apart: bool
    """Whether only the first container of a pod gets the pod's namespace; true only with a fault."""

    def attach_pod(self, uid: str, notes: Mapping[str, str] = NO_NOTES) -> PodNetwork:
        """Make a namespace with a cable, addresses and routes, ready for traffic when the call returns. `notes` are
        the pod's annotations, in which some CNIs take a wish for an address."""

    def detach_pod(self, uid: str) -> None: ...

    def set_services(self, services: Sequence[ServiceRule]) -> None:
        """Replace the whole Service data path of this node (as kube-proxy's sync does), in one transaction."""

    def notes_of(self, pod: PodNetwork) -> Mapping[str, str]:
        """The annotations that the CNI puts on a pod."""

    def set_host_ports(self, mappings: Sequence[PortMapping]) -> None:
        """Replace the host ports of the node's pods."""

    def set_policies(self, objects: PolicyObjects) -> None:
        """Replace the network policies and what they refer to; a node without a policy engine ignores them."""

    def set_closed(self, addresses: Sequence[str]) -> None:
        """Replace the addresses of pods to which a security group admits nobody."""


LISTING = "hns.json"
"""The file in which a Windows node keeps what it lists."""


@dataclass(frozen=True, kw_only=True)
class TimedFault:
    """A fault that a node comes back with, by name; `seconds` until it ends by itself, None for never."""

    name: str
    seconds: float | None = None


@dataclass(frozen=True, kw_only=True)
class NodeReplaced:
    """What a node is replaced with: `away` are the seconds in which it is down."""

    build: WindowsBuild
    kubelet: str
    away: float
    faults: tuple[TimedFault, ...] = ()


class Network(Protocol):
    """The whole network of a profile, built."""

    profile: Profile
    outside: Namespace
    outside_addresses: tuple[str, ...]

    @property
    def nodes(self) -> Mapping[str, NodeNetwork]: ...

    def take_down(self, name: str) -> None:
        """Cut a node off: its machine boots. Its pods must be detached."""

    def rebuild(self, name: str, build: WindowsBuild) -> None:
        """Build the data path of a node that was taken down from nothing, with the Services of now. A Windows node has
        this build from then on."""

    def set_external_routes(self, routes: Mapping[str, str]) -> None:
        """Replace the router's routes to addresses of Services: address to name of node."""

    def close(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class EndpointRule:
    """One backend of a Service: its address in the rule's family, its node, and its conditions.

    `port` is None for the Service's own target port. `node` is empty for an address that belongs to no pod.
    """

    address: str
    node: str
    port: int | None = None
    ready: bool = True
    serving: bool = True
    terminating: bool = False


@dataclass(frozen=True, kw_only=True)
class ServiceRule:
    """One port of a Service in one family: what a node's proxy does with packets for `address:port`."""

    name: str
    address: str
    protocol: Literal["tcp", "udp"]
    port: int
    target_port: int
    endpoints: tuple[EndpointRule, ...] = ()
    """All endpoints, ready or not; each proxy decides which it uses."""
    node_port: int | None = None
    external_ips: tuple[str, ...] = ()
    ingress_ips: tuple[str, ...] = ()
    source_ranges: tuple[str, ...] = ()
    """The clients that may use `ingress_ips`."""
    affinity_seconds: int | None = None
    """How long a silent client keeps its backend; None without session affinity."""
    external_local: bool = False
    internal_local: bool = False
    preserve_destination: bool = False

    @property
    def family(self) -> Family:
        return family_of(self.address)

    def target(self, endpoint: EndpointRule) -> int:
        """The port that an endpoint listens on."""
        return endpoint.port if endpoint.port is not None else self.target_port


@dataclass(frozen=True, kw_only=True)
class PortMapping:
    """A `hostPort` of a pod's container: `port` of the node leads to the pod, at `host_address` or at every address."""

    protocol: Literal["tcp", "udp"]
    port: int
    pod: str
    pod_port: int
    host_address: str | None = None


@dataclass(frozen=True, kw_only=True, order=True)
class Allowance:
    """Traffic that a network policy allows; '' means any."""

    network: str = ""
    """The peers."""
    excepted: tuple[str, ...] = ()
    """Parts of `network` that are not allowed."""
    protocol: str = ""
    port: str = ""
    """One port, or a range such as `80-90`."""


@dataclass(frozen=True, kw_only=True)
class PolicyRule:
    """All traffic that a pod's address may receive (`ingress`) or send (`egress`)."""

    address: str
    side: Literal["ingress", "egress"]
    allowed: tuple[Allowance, ...] = ()


class Container(Protocol):
    """A running process in a pod; the exec endpoint of the API carries its bytes."""

    async def write(self, data: bytes) -> None: ...

    async def close_stdin(self) -> None: ...

    async def read(self) -> tuple[Literal["stdout", "stderr"], bytes] | None:
        """The next bytes of output (at most 32 KiB), or None when both streams have ended."""

    async def wait(self) -> int:
        """The exit code; 128 + n when signal n ended it."""

    def kill(self) -> None: ...


class ContainerNotFound(Exception):
    """The pod has no such running container; the API answers as a kubelet does, `container not found ("NAME")`."""


class CannotStart(Exception):
    """The runtime could not start the command; the exec status carries the text as the runtime's message."""


class Machines(Protocol):
    """What the lab does to machines beside the Kubernetes API."""

    async def replace(self, name: str, asked: NodeReplaced) -> Object:
        """Replace a node; the Node when it is ready. ValueError with one line for a request that makes no sense."""


class Runtime(Protocol):
    """What the API server asks of the node agents."""

    async def exec(
        self, pod: Object, container: str, command: Sequence[str], *, stdin: bool, tty: bool
    ) -> Container: ...

    async def logs(self, pod: Object, container: str, *, tail_lines: int | None) -> bytes: ...

    async def connect(self, pod: Object, port: int) -> socket.socket:
        """A connection to a TCP port of a running pod, without blocking. `ContainerNotFound`, or OSError with why."""


EventKind = Literal["ADDED", "MODIFIED", "DELETED"]
EVERY_KIND: Set[EventKind] = frozenset({"ADDED", "MODIFIED", "DELETED"})


@dataclass(frozen=True, kw_only=True)
class Event:
    """A change in the store; `object` is the whole object after it; for a deletion, before it."""

    kind: EventKind
    object: Object


class Store(Protocol):
    """The objects of the cluster, by plural resource name (`pods`, `services`, `endpointslices`, ...).

    The store copies objects that go in and come out. `update` sets a new resourceVersion; it raises `Conflict` if the
    given object has a stale one. An update that changes nothing is no event.
    """

    def get(self, resource: str, namespace: str | None, name: str) -> Object | None: ...

    def list(
        self, resource: str, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> list[Object]: ...

    def view(self, resource: str, namespace: str | None = None) -> Sequence[Object]:
        """Like `list`, but without copies: never change the objects."""

    def create(self, resource: str, obj: Object) -> Object: ...

    def update(self, resource: str, obj: Object) -> Object: ...

    def delete(self, resource: str, namespace: str | None, name: str) -> Object | None:
        """Remove the object at once, whatever its finalizers and grace period."""

    def subscribe(self, resource: str, callback: Callable[[Event], None]) -> Callable[[], None]:
        """Call `callback` on the loop for every later change; the returned function ends the subscription."""

    def on_change(
        self, resource: str, callback: Callable[[], None], kinds: Set[EventKind] = EVERY_KIND
    ) -> Callable[[], None]:
        """Like `subscribe`, for callers that read the whole store anyway and need no copy of the object."""
