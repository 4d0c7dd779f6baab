"""The objects of a run, made from the files in `manifests/`: load the YAML, set the fields that differ.

The files are valid as they stand, not text templates.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import functools
import hashlib
import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from podwire.content import manifests_folder
from podwire.model.addressing.nobody import Network, Nobody, TooFew
from podwire.model.facts import FAMILIES, OS, Family, NodeFacts
from podwire.planning.assignment import CROWDS
from podwire.policies.cast import SPACES, TEAM

Object = dict[str, Any]

MANAGED_BY = "app.kubernetes.io/managed-by"
RUN_LABEL = "podwire.dev/run"
PROBE_LABEL = "podwire.dev/probe"
KIND_LABEL = "podwire.dev/kind"
SLOT_LABEL = "podwire.dev/slot"
PORT_NOTE = "podwire.dev/port"
OWNER = "podwire.dev/owner"
MANAGER = "podwire"
PREFIX = "podwire-"
AGENT_CONFIGMAP = "podwire-agent"
AGENT_KEY = "agent.pyz"
RESOLVER_FILE = "nameserver {server}\noptions timeout:1 attempts:1\n"
RESOLVER = 53
"""The number of the resolver of nobody in its network."""
EXTERNAL = {"ipv4": 11, "ipv6": 0x11}
"""The number of the first external address in its network of nobody."""
HEADLESS_SERVICE = "pods"
CONTAINER = "probe"

ORDINARY = ("a", "b", "host", "outside")
"""What plays a role without a file in `variants/`."""
_LONGEST = 40
"""Characters of a node's part in a probe's name: `<node>-custom-dns` must stay a DNS label of 63."""
_LABEL = 63


@functools.cache
def _documents(file: str) -> tuple[Object, ...]:
    with (manifests_folder() / file).open(encoding="utf-8") as stream:
        return tuple(yaml.load_all(stream, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)))


def fresh(file: str, number: int = 0) -> Object:
    """A document of a file, to be changed."""
    return copy.deepcopy(_documents(file)[number])


def namespace_name(run_id: str, space: str = "") -> str:
    """The namespace of a run, or one that it has beside that for pods of their own."""
    return f"{PREFIX}{run_id}-{space}" if space else f"{PREFIX}{run_id}"


def namespace(run_id: str, owner: str, space: str = "") -> Object:
    """The Namespace; `owner` says in words who runs it (`user@host`)."""
    obj = fresh("namespace.yaml")
    obj["metadata"]["name"] = namespace_name(run_id, space)
    obj["metadata"]["labels"][RUN_LABEL] = run_id
    if space:
        obj["metadata"]["labels"][TEAM] = space
    obj["metadata"]["annotations"] = {OWNER: owner}
    return obj


def resolver_of_nobody(nobody: Nobody) -> str:
    """The DNS server that no host is, or '' where podwire knows no address of nobody."""
    try:
        return nobody.large(RESOLVER)
    except TooFew:
        return ""


def agent_configmap(run_id: str, agent: bytes, resolver: str, space: str = "") -> Object:
    """The ConfigMap that carries the agent's file into the pods of a namespace, and for one kind of them a resolver
    file with that server ('' for a file without any)."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": AGENT_CONFIGMAP,
            "namespace": namespace_name(run_id, space),
            "labels": {MANAGED_BY: MANAGER, RUN_LABEL: run_id},
        },
        "data": {"resolv.conf": RESOLVER_FILE.format(server=resolver) if resolver else ""},
        "binaryData": {AGENT_KEY: base64.b64encode(agent).decode("ascii")},
    }


def probe_pod(
    run_id: str, name: str, slot: str, node: NodeFacts, hostname: str, image: str, deadline: int, dns: str = ""
) -> Object:
    """A probe on that node.

    `slot` is `a`, `b`, `host`, or a special kind of pod (a file in `variants/`). `hostname` is the node's label,
    `image` what to run, `deadline` seconds of life, `dns` the address that the pod custom-dns has to ask.
    """
    kind = "host" if slot == "host" else "pod"
    obj = fresh(f"{'host' if kind == 'host' else 'probe'}-{node.os}.yaml")
    if slot not in ORDINARY:
        obj = _patched(obj, _variant(slot, node.os))
    metadata, spec = obj["metadata"], obj["spec"]
    metadata["name"] = name
    metadata["namespace"] = namespace_name(run_id, SPACES.get(slot, ""))
    metadata["labels"] |= {RUN_LABEL: run_id, PROBE_LABEL: name, KIND_LABEL: kind, SLOT_LABEL: slot}
    spec["nodeSelector"]["kubernetes.io/hostname"] = hostname
    spec["activeDeadlineSeconds"] = deadline
    for container in spec["containers"]:
        container["image"] = image
    port = (metadata.get("annotations") or {}).get(PORT_NOTE)
    if port:
        words = spec["containers"][0]["command"]
        words[words.index("--port") + 1] = port
    if kind == "pod":
        spec["hostname"] = name
    if "dnsConfig" in spec:
        spec["dnsConfig"]["nameservers"] = [dns]
    return obj


def _variant(slot: str, os: OS) -> Object:
    """What a variant says for an operating system; a file of one document says it for both."""
    documents = _documents(f"variants/{slot}.yaml")
    own = (document for document in documents if (document["spec"].get("os") or {}).get("name") == os)
    return copy.deepcopy(next(own, documents[0]))


def _patched(obj: Object, patch: Object) -> Object:
    """The object with what a variant says: maps are merged, and so are containers, each with the one that there is;
    other lists are replaced."""
    merged = dict(obj)
    for key, value in patch.items():
        if isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = _patched(merged[key], value)
        elif key == "containers":
            merged[key] = [_patched(merged[key][0], container) for container in value]
        else:
            merged[key] = value
    return merged


def changed_by(obj: Object, file: str) -> Object:
    """An object with what a file says that has only what differs."""
    return _patched(obj, fresh(file))


def searches(slot: str) -> tuple[str, ...]:
    """The search list of a special kind of pod, or nothing when it has the cluster's."""
    if slot in ORDINARY:
        return ()
    return tuple((fresh(f"variants/{slot}.yaml")["spec"].get("dnsConfig") or {}).get("searches") or ())


def hosts_alias(slot: str) -> tuple[str, str]:
    """The name that stands in a special pod's hosts file, and its address."""
    alias = fresh(f"variants/{slot}.yaml")["spec"]["hostAliases"][0]
    return alias["hostnames"][0], alias["ip"]


def host_port(slot: str) -> int:
    """The port of the node that leads to a special pod."""
    return int(fresh(f"variants/{slot}.yaml")["spec"]["containers"][0]["ports"][0]["hostPort"])


def headless_service(run_id: str) -> Object:
    """The Service that gives pods their names."""
    return service(run_id, HEADLESS_SERVICE)


def service(run_id: str, kind: str, pod: str = "", number: int = 0, nobody: Nobody | None = None) -> Object:
    """A Service of that kind (a file in `services/`), for the probe `pod` where it has one backend.

    `number` makes what must be unique among the Services of a kind: an external address. With `nobody`, addresses of
    no host are those of its networks; a family without any is left out.
    """
    obj = fresh(f"services/{kind}.yaml")
    metadata, spec = obj["metadata"], obj["spec"]
    metadata["name"] = service_name(kind, pod)
    metadata["namespace"] = namespace_name(run_id)
    metadata["labels"][RUN_LABEL] = run_id
    if pod:
        metadata["labels"][PROBE_LABEL] = pod
    selector = spec.get("selector")
    if selector:
        selector[RUN_LABEL] = run_id
        if pod:
            selector[PROBE_LABEL] = pod
    if "externalIPs" in spec:
        spec["externalIPs"] = [str(ipaddress.ip_address(ip) + number) for ip in spec["externalIPs"]]
    if nobody is not None:
        networks = _networks(nobody)
        if "externalIPs" in spec:
            spec["externalIPs"] = [str(network[EXTERNAL[family] + number]) for family, network in networks.items()]
        if "loadBalancerSourceRanges" in spec:
            spec["loadBalancerSourceRanges"] = [str(network) for network in networks.values()]
    return obj


def _networks(nobody: Nobody) -> dict[Family, Network]:
    """The network of nobody of each family that has one."""
    found: dict[Family, Network] = {}
    for family in FAMILIES:
        with contextlib.suppress(TooFew):
            found[family] = nobody.network(family)
    return found


def network_policy(run_id: str, kind: str) -> Object:
    """The NetworkPolicy of that kind (a file in `policies/`), as it stands there but for the label of the run and, in
    a file without any, the namespace."""
    obj = fresh(f"policies/{kind}.yaml")
    obj["metadata"].setdefault("namespace", namespace_name(run_id))
    obj["metadata"]["labels"][RUN_LABEL] = run_id
    return obj


def security_group_policy(run_id: str, group: str) -> Object:
    """The SecurityGroupPolicy that puts pods of the kind grouped into a security group."""
    obj = network_policy(run_id, "grouped")
    obj["spec"]["securityGroups"]["groupIds"] = [group]
    return obj


def service_name(kind: str, pod: str = "") -> str:
    """The name of a Service: its kind, and the probe behind it."""
    name = f"{kind}-{pod}" if pod else kind
    if len(name) <= _LABEL:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:8]
    return f"{name[: _LABEL - 9].rstrip('-')}-{digest}"


def crowd_size(kind: str) -> int:
    """How many endpoints a Service of that kind is given by hand; 0 when it has a selector."""
    return CROWDS.get(kind, 0)


def endpoint_slices(run_id: str, kind: str, addresses: Sequence[tuple[str, str]], nobody: Nobody) -> Iterator[Object]:
    """The EndpointSlices of a crowd: the given `(address, node)`, made up to its number with addresses of nobody.

    At most 1000 endpoints go into one slice (kubernetes.io: "EndpointSlices"). Raises `TooFew` before the first slice.
    """
    size = crowd_size(kind)
    fillers = nobody.addresses(max(0, size - len(addresses)))
    endpoints = [{"addresses": [ip], "nodeName": node, "conditions": {"ready": True}} for ip, node in addresses[:size]]
    endpoints += [{"addresses": [ip], "conditions": {"ready": True}} for ip in fillers]
    ports = [{"name": p["name"], "port": p["targetPort"], "protocol": p["protocol"]} for p in _ports_of(kind)]
    for at in range(0, size, 1000):
        yield {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{kind}-{at // 1000}",
                "namespace": namespace_name(run_id),
                "labels": {MANAGED_BY: MANAGER, RUN_LABEL: run_id, "kubernetes.io/service-name": kind},
            },
            "addressType": "IPv4",
            "endpoints": endpoints[at : at + 1000],
            "ports": ports,
        }


def own_slices(
    run_id: str,
    kind: str,
    pod: str,
    node: str,
    cluster_ips: Mapping[Family, str],
    addresses: Mapping[Family, str],
    *,
    ready: bool,
) -> Iterator[Object]:
    """The EndpointSlices of a Service of one pod, one for each family that both have an address of."""
    name = service_name(kind, pod)
    ports = [{"name": p["name"], "port": p["targetPort"], "protocol": p["protocol"]} for p in _ports_of(kind)]
    conditions = {"ready": ready, "serving": ready, "terminating": False}
    for family in cluster_ips.keys() & addresses.keys():
        yield {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{name}-{family}",
                "namespace": namespace_name(run_id),
                "labels": {MANAGED_BY: MANAGER, RUN_LABEL: run_id, "kubernetes.io/service-name": name},
            },
            "addressType": {"ipv4": "IPv4", "ipv6": "IPv6"}[family],
            "endpoints": [{"addresses": [addresses[family]], "nodeName": node, "conditions": conditions}],
            "ports": ports,
        }


def _ports_of(kind: str) -> list[Object]:
    ports: list[Object] = _documents(f"services/{kind}.yaml")[0]["spec"]["ports"]
    return ports


def command_of(pod: Object) -> tuple[str, ...]:
    """What to exec in a probe for the agent's RPC: the same interpreter and file as the pod's own process."""
    words: list[str] = pod["spec"]["containers"][0]["command"]
    return (*words[: words.index("serve")], "rpc")


def short_names(nodes: tuple[str, ...]) -> dict[str, str]:
    """For each node's name a DNS label that is different from all others; a plain name stays as it is."""
    short: dict[str, str] = {}
    for node in nodes:
        label = re.sub(r"[^a-z0-9-]+", "-", node.lower().split(".")[0]).strip("-")
        if not label or len(label) > _LONGEST or label in short.values():
            digest = hashlib.sha256(node.encode()).hexdigest()[:8]
            label = f"{label[: _LONGEST - 9].rstrip('-') or 'node'}-{digest}"
        short[node] = label
    return short
