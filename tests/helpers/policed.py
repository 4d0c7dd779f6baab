"""Network policies in the network under test: who reaches whom, with real packets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from netlab import NetLab

from podwire_lab.model.policy_objects import NamedPort, PolicyObjects, PolicyPod

HOME, TEAMS = "home", {"home": {"team": "home"}, "blue": {"team": "blue"}, "green": {"team": "green"}}
NAMED = NamedPort(name="web", protocol="TCP", number=8080)


def policy(chosen: str | Mapping[str, str], *, name: str = "p", namespace: str = HOME, **spec: Any) -> dict[str, Any]:
    """A policy for the pod with this name, or for the pods with these labels."""
    labels = {"pod": chosen} if isinstance(chosen, str) else dict(chosen)
    return {
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"podSelector": {"matchLabels": labels}, **spec},
    }


def pods(**labels: str) -> dict[str, Any]:
    """A peer: pods of the policy's namespace with these labels."""
    return {"podSelector": {"matchLabels": labels}}


def team(name: str) -> dict[str, Any]:
    """The selector of a namespace, as a part of a peer."""
    return {"namespaceSelector": {"matchLabels": {"team": name}}}


def block(cidr: str, *excepted: str) -> dict[str, Any]:
    """A peer: an ipBlock."""
    return {"ipBlock": {"cidr": cidr, **({"except": list(excepted)} if excepted else {})}}


class Policed:
    """A lab whose engines enforce policies. Pods have the label `pod` with their place, such as `linux-1/a`."""

    def __init__(self, lab: NetLab) -> None:
        self.lab = lab
        self.addresses: Mapping[str, tuple[str, ...]] = lab.facts()["addresses"]

    def apply(
        self,
        *policies: dict[str, Any],
        places: Mapping[str, str] | None = None,
        labels: Mapping[str, Mapping[str, str]] | None = None,
        ports: Mapping[str, Sequence[NamedPort]] | None = None,
    ) -> None:
        """Replace the policies. `places` are the namespaces of pods that are not at home, `labels` more labels of pods,
        `ports` their named ports in the place of `web`, TCP 8080."""
        objects = PolicyObjects(
            policies=policies,
            namespaces=TEAMS,
            pods=tuple(
                PolicyPod(
                    name=name,
                    namespace=(places or {}).get(name, HOME),
                    node=name.partition("/")[0],
                    labels={"pod": name, **(labels or {}).get(name, {})},
                    addresses=tuple(addresses),
                    ports=tuple((ports or {}).get(name, (NAMED,))),
                )
                for name, addresses in self.addresses.items()
                if "/" in name
            ),
        )
        self.lab.policies(objects)

    def reach(self, server: str, *clients: str, **options: Any) -> list[str]:
        """The clients that get an answer of the server, over TCP at 8080 unless the options say otherwise."""
        wanted = {"proto": "tcp", **options}
        return [client for client in clients if self.lab.exchange(client, server, **wanted).ok]

    def ip(self, place: str, family: str = "ipv4") -> str:
        """The address of a place as a network of one address."""
        address = next(a for a in self.addresses[place] if (":" in a) == (family == "ipv6"))
        return f"{address}/{128 if ':' in address else 32}"
