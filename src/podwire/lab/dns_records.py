"""The names that the lab's DNS servers know: the cluster's (Kubernetes DNS specification 1.1.0) and the outside's.

Pure: API objects in, answers out. Names are lower case and have no final dot.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from podwire.lab.interfaces import Object

TTL = 5


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a server says to a question: records as `(owner, type, data)`, and whether the name exists at all.

    `elsewhere` is a name that the server is not responsible for and has to ask another server about: the question
    itself, or the target that a CNAME leads to.
    """

    exists: bool = True
    records: tuple[tuple[str, str, str], ...] = ()
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
    records: dict[tuple[str, str], list[str]] = field(default_factory=lambda: defaultdict(list))
    names: set[str] = field(default_factory=set)

    def add(self, name: str, kind: str, data: str) -> None:
        name = name.lower().rstrip(".")
        if data not in self.records[name, kind]:
            self.records[name, kind].append(data)
        while name and name not in self.names:
            self.names.add(name)
            name = name.partition(".")[2]

    def add_address(self, name: str, address: str) -> None:
        self.add(name, "AAAA" if ":" in address else "A", address)

    def answer(self, name: str, kind: str) -> Answer:
        name = name.lower().rstrip(".")
        inside = not self.zone or name == self.zone or name.endswith(f".{self.zone}")
        if not inside and (name, kind) not in self.records:
            return Answer(elsewhere=name)
        found = [(name, kind, data) for data in self.records.get((name, kind), ())]
        target = next(iter(self.records.get((name, "CNAME"), ())), None)
        if not found and target is not None:
            rest = self.answer(target, kind)
            return Answer(records=((name, "CNAME", f"{target}."), *rest.records), elsewhere=rest.elsewhere)
        found += [(name, kind, data) for data in _pod_name(name, kind, self.zone)]
        return Answer(exists=bool(found) or name in self.names, records=tuple(found))


def _pod_name(name: str, kind: str, zone: str) -> Iterator[str]:
    """`10-244-1-2.<namespace>.pod.<zone>` is the address that its first label spells."""
    label, _, rest = name.partition(".")
    if not rest.endswith(f".pod.{zone}") or kind not in ("A", "AAAA"):
        return
    for spelled in (label.replace("-", "."), label.replace("-", ":")):
        try:
            address = ipaddress.ip_address(spelled)
        except ValueError:
            continue
        if (address.version == 6) == (kind == "AAAA"):
            yield str(address)


def cluster_zone(services: Iterable[Object], slices: Iterable[Object], zone: str = "cluster.local") -> Zone:
    """The zone of a cluster: Services by cluster IP, headless ones by their ready endpoints, ExternalNames as CNAME."""
    made = Zone(zone=zone)
    made.add(f"dns-version.{zone}", "TXT", '"1.1.0"')
    by_service: dict[tuple[str, str], list[Object]] = defaultdict(list)
    for each in slices:
        meta = each["metadata"]
        by_service[meta["namespace"], (meta.get("labels") or {}).get("kubernetes.io/service-name", "")].append(each)
    for service in services:
        meta, spec = service["metadata"], service["spec"]
        name = f"{meta['name']}.{meta['namespace']}.svc.{zone}"
        addresses = [ip for ip in spec.get("clusterIPs") or [spec.get("clusterIP")] if ip and ip != "None"]
        if spec.get("type") == "ExternalName":
            made.add(name, "CNAME", str(spec["externalName"]).rstrip("."))
        elif addresses:
            for address in addresses:
                made.add_address(name, address)
                made.add(_reverse(address), "PTR", f"{name}.")
            for port in spec.get("ports") or ():
                _add_port(made, name, port, name)
        else:
            _add_headless(
                made, name, by_service[meta["namespace"], meta["name"]], bool(spec.get("publishNotReadyAddresses"))
            )
    return made


def _add_headless(made: Zone, name: str, slices: Iterable[Object], all_of_them: bool) -> None:
    for each in slices:
        for endpoint in each.get("endpoints") or ():
            if not all_of_them and (endpoint.get("conditions") or {}).get("ready") is False:
                continue
            for address in endpoint["addresses"]:
                label = endpoint.get("hostname") or address.replace(".", "-").replace(":", "-")
                made.add_address(name, address)
                made.add_address(f"{label}.{name}", address)
                made.add(_reverse(address), "PTR", f"{label}.{name}.")
                for port in each.get("ports") or ():
                    _add_port(made, name, port, f"{label}.{name}")


def _add_port(made: Zone, name: str, port: Mapping[str, object], target: str) -> None:
    if port.get("name"):
        protocol = str(port.get("protocol") or "TCP").lower()
        made.add(f"_{port['name']}._{protocol}.{name}", "SRV", f"0 100 {port['port']} {target}.")


def _reverse(address: str) -> str:
    return ipaddress.ip_address(address).reverse_pointer


def outside_zone(host: str, addresses: Iterable[str]) -> Zone:
    """All names of the outside world: those of one host. Any other name does not exist, as a root server would say."""
    made = Zone(zone="")
    for address in addresses:
        made.add_address(host, address)
    return made
