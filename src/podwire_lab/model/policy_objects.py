"""What a policy engine reads of the API: NetworkPolicies, and of pods and namespaces only what policies refer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from podwire.model.facts import Family, family_of

Object = dict[str, Any]
_ENDED = ("Succeeded", "Failed")


@dataclass(frozen=True, kw_only=True)
class NamedPort:
    """A port of a container that has a name; `protocol` as the API writes it."""

    name: str
    protocol: str
    number: int


@dataclass(frozen=True, kw_only=True)
class PolicyPod:
    """A pod that has addresses."""

    name: str
    namespace: str
    node: str
    labels: Mapping[str, str] = field(default_factory=dict)
    addresses: tuple[str, ...] = ()
    ports: tuple[NamedPort, ...] = ()
    on_node_network: bool = False

    def of_family(self, family: Family) -> tuple[str, ...]:
        """Its addresses of one family."""
        return tuple(address for address in self.addresses if family_of(address) == family)


@dataclass(frozen=True, kw_only=True)
class PolicyObjects:
    """Everything that decides about a packet, as one engine sees it. `policies` are objects of the API, `namespaces`
    the labels of each namespace."""

    policies: tuple[Object, ...] = ()
    pods: tuple[PolicyPod, ...] = ()
    namespaces: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def policy_objects(policies: Iterable[Object], pods: Iterable[Object], namespaces: Iterable[Object]) -> PolicyObjects:
    """The objects of the API as engines read them, in the order of their names. A pod that has ended is none: its
    address may be another pod's."""
    return PolicyObjects(
        policies=tuple(sorted(policies, key=_place)),
        pods=tuple(_pod(pod) for pod in sorted(pods, key=_place) if _counts(pod)),
        namespaces={item["metadata"]["name"]: item["metadata"].get("labels") or {} for item in namespaces},
    )


def _place(obj: Object) -> tuple[str, str]:
    return obj["metadata"].get("namespace", ""), obj["metadata"]["name"]


def _counts(pod: Object) -> bool:
    status = pod.get("status") or {}
    return bool(status.get("podIPs")) and status.get("phase") not in _ENDED


def _pod(pod: Object) -> PolicyPod:
    meta, spec = pod["metadata"], pod["spec"]
    ports = (port for container in spec.get("containers") or () for port in container.get("ports") or ())
    return PolicyPod(
        name=meta["name"],
        namespace=meta["namespace"],
        node=spec.get("nodeName", ""),
        labels=meta.get("labels") or {},
        addresses=tuple(address["ip"] for address in pod["status"]["podIPs"]),
        ports=tuple(
            NamedPort(name=port["name"], protocol=port.get("protocol", "TCP"), number=port["containerPort"])
            for port in ports
            if port.get("name")
        ),
        on_node_network=bool(spec.get("hostNetwork")),
    )
