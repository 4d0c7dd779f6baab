"""The names that the lab's DNS servers know: the cluster's (Kubernetes DNS specification 1.1.0) and the outside's.

Pure: API objects in, answers out. Names are lower case and have no final dot.
"""

from __future__ import annotations

import functools
import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from podwire_lab.model.interfaces import Object

TTL = 5
Record = tuple[str, str, str]
"""Owner, type and data."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server says to a question: records as `(owner, type, data)`, and whether the name exists at all.

    `elsewhere` is a name that the server is not responsible for and has to ask another server about: the question
    itself, or the target that a CNAME leads to.
    """

    exists: bool = True
    records: tuple[Record, ...] = ()
    elsewhere: str | None = None


class Records(Protocol):
    """A server's names. `zone` is what it is responsible for."""

    zone: str

    def answer(self, name: str, kind: str) -> Answer: ...


@dataclass(kw_only=True)
class Zone:
    """Names with their records. Names above a known one exist too, without records (RFC 4592, empty non-terminals).

    A server of the zone "" is responsible for every name: what it does not know does not exist.
    """

    zone: str
    records: dict[tuple[str, str], dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    names: set[str] = field(default_factory=set)

    def add(self, name: str, kind: str, data: str) -> None:
        name = name.lower().rstrip(".")
        self.records[name, kind][data] = None  # in order, and each once
        while name and name not in self.names:
            self.names.add(name)
            name = name.partition(".")[2]

    def add_address(self, name: str, address: str) -> None:
        self.add(name, "AAAA" if ":" in address else "A", address)

    def answer(self, name: str, kind: str) -> Answer:
        name = name.lower().rstrip(".")
        if not self._is_ours(name) and (name, kind) not in self.records:
            return Answer(elsewhere=name)
        chain: list[Record] = []
        while (name, kind) not in self.records and (name, "CNAME") in self.records:
            target = next(iter(self.records[name, "CNAME"]))
            chain.append((name, "CNAME", f"{target}."))
            if any(owner == target for owner, _, _ in chain):
                return Answer(records=tuple(chain))  # The aliases go in a circle: there is nothing more to say.
            name = target
            if not self._is_ours(name):
                return Answer(records=tuple(chain), elsewhere=name)
        records = [(name, kind, data) for data in self.records.get((name, kind), ())]
        address = _pod_address(name, self.zone)
        if address and kind == ("AAAA" if ":" in address else "A"):
            records.append((name, kind, address))
        exists = bool(records or address) or name in self.names
        return Answer(exists=exists, records=(*chain, *records))

    def _is_ours(self, name: str) -> bool:
        return not self.zone or name == self.zone or name.endswith(f".{self.zone}")


def _pod_address(name: str, zone: str) -> str:
    """`10-244-1-2.<namespace>.pod.<zone>` is the address that its first label spells, or '' when it spells none."""
    label, _, rest = name.partition(".")
    if rest.endswith(f".pod.{zone}"):
        for spelled in (label.replace("-", "."), label.replace("-", ":")):
            try:
                return str(ipaddress.ip_address(spelled))
            except ValueError:
                continue
    return ""


def cluster_zone(services: Iterable[Object], slices: Iterable[Object], zone: str = "cluster.local") -> Zone:
    """The zone of a cluster: Services by cluster IP, headless ones by their ready endpoints, ExternalNames as CNAME.

    As CoreDNS has it, the endpoints of a Service with a cluster IP have names and PTR records too: an address of a pod
    leads back to a name below each Service that the pod is behind (plugin kubernetes, reverse.go).
    """
    zone_records = Zone(zone=zone)
    zone_records.add(f"dns-version.{zone}", "TXT", '"1.1.0"')
    by_service: dict[tuple[str, str], list[Object]] = defaultdict(list)
    for endpoint_slice in slices:
        meta = endpoint_slice["metadata"]
        by_service[meta["namespace"], (meta.get("labels") or {}).get("kubernetes.io/service-name", "")].append(
            endpoint_slice
        )
    for service in services:
        meta, spec = service["metadata"], service["spec"]
        name = f"{meta['name']}.{meta['namespace']}.svc.{zone}"
        addresses = [ip for ip in spec.get("clusterIPs") or [spec.get("clusterIP")] if ip and ip != "None"]
        if spec.get("type") == "ExternalName":
            zone_records.add(name, "CNAME", str(spec["externalName"]).rstrip(".").lower())
        elif addresses:
            for address in addresses:
                zone_records.add_address(name, address)
                zone_records.add(_reverse(address), "PTR", f"{name}.")
            for port in spec.get("ports") or ():
                _add_port(zone_records, name, port, name)
        if spec.get("type") != "ExternalName":
            public = bool(spec.get("publishNotReadyAddresses"))
            _add_endpoints(
                zone_records, name, by_service[meta["namespace"], meta["name"]], public, headless=not addresses
            )
    return zone_records


def _add_endpoints(zone: Zone, name: str, slices: Iterable[Object], all_of_them: bool, *, headless: bool) -> None:
    for endpoint_slice in slices:
        for endpoint in endpoint_slice.get("endpoints") or ():
            if not all_of_them and (endpoint.get("conditions") or {}).get("ready") is False:
                continue
            for address in endpoint["addresses"]:
                label = endpoint.get("hostname") or address.replace(".", "-").replace(":", "-")
                zone.add_address(f"{label}.{name}", address)
                zone.add(_reverse(address), "PTR", f"{label}.{name}.")
                if not headless:
                    continue
                zone.add_address(name, address)
                for port in endpoint_slice.get("ports") or ():
                    _add_port(zone, name, port, f"{label}.{name}")


def _add_port(zone: Zone, name: str, port: Mapping[str, object], target: str) -> None:
    if port.get("name"):
        protocol = str(port.get("protocol") or "TCP").lower()
        zone.add(f"_{port['name']}._{protocol}.{name}", "SRV", f"0 100 {port['port']} {target}.")


@functools.cache
def _reverse(address: str) -> str:
    return ipaddress.ip_address(address).reverse_pointer


def outside_zone(host: str, addresses: Iterable[str]) -> Zone:
    """All names of the outside world: those of one host. Any other name does not exist, as a root server would say."""
    zone = Zone(zone="")
    for address in addresses:
        zone.add_address(host, address)
    return zone
