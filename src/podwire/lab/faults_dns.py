"""Faults of names: the cluster's DNS server says something else, or the emulated Windows client asks otherwise."""

from __future__ import annotations

from collections.abc import Callable

from podwire.lab.dns import Damage
from podwire.lab.faulting import Injection, fault
from podwire.lab.planned import OUTSIDE_NAME
from podwire.lab.profiles import OUTSIDE_ROUTER
from podwire.lab.windows_dns_client import SEARCH_LIST, SILENT_ON_DOTS

NOBODY = {"A": "10.244.250.250", "AAAA": "fd10:244:0:fa::fa"}


def damaged(do: Injection, damage: Callable[[str, str, str], Damage | None]) -> None:
    """Let the cluster's DNS server ask `damage(name, type, client)` before it answers."""
    before = do.network.dns_fault
    do.network.dns_fault = damage
    do.undone_by(lambda: setattr(do.network, "dns_fault", before))


def quirk(do: Injection, name: str) -> None:
    do.network.windows_dns_quirks.add(name)
    do.undone_by(lambda: do.network.windows_dns_quirks.discard(name))


def is_pod_name(name: str) -> bool:
    return ".pods." in name and name.endswith(".cluster.local")


def is_service_name(name: str) -> bool:
    return name.startswith("echo-") and name.endswith(".svc.cluster.local")


def elsewhere(kind: str) -> Damage:
    return Damage(kind="address", address=NOBODY.get(kind, NOBODY["A"]))


@fault("dns-stale-pod-address", kills=("FLOW-POD-POD-NAME",))
def stale_pod_address(do: Injection) -> None:
    """Pod names resolve to an address that no pod has any more."""
    damaged(do, lambda name, kind, client: elsewhere(kind) if is_pod_name(name) else None)


@fault("dns-stale-service-address", kills=("FLOW-POD-SVC-SHORT-NAME", "FLOW-POD-SVC-FQDN"))
def stale_service_address(do: Injection) -> None:
    """Service names resolve to an address that is not the Service's."""
    damaged(do, lambda name, kind, client: elsewhere(kind) if is_service_name(name) else None)


@fault("dns-service-unknown", kills=("FLOW-POD-SVC-SHORT-NAME", "FLOW-POD-SVC-FQDN", "DNS-PQDN-DOT"))
def service_unknown(do: Injection) -> None:
    """The cluster's DNS says that there are no such Services."""
    unknown = Damage(kind="rcode", rcode="NXDOMAIN")
    damaged(do, lambda name, kind, client: unknown if is_service_name(name) else None)


@fault("dns-outside-lost", kills=("FLOW-POD-EXT-DNS",))
def outside_lost(do: Injection) -> None:
    """Questions for names outside the cluster get no answer."""
    damaged(do, lambda name, kind, client: Damage(kind="drop") if name == OUTSIDE_NAME else None)


@fault("dns-outside-wrong-address", kills=("FLOW-POD-EXT-DNS",))
def outside_wrong_address(do: Injection) -> None:
    """The outside host's name resolves to the router beside it."""
    wrong = {"A": OUTSIDE_ROUTER["ipv4"], "AAAA": OUTSIDE_ROUTER["ipv6"]}
    to_router = {kind: Damage(kind="address", address=address) for kind, address in wrong.items()}
    damaged(do, lambda name, kind, client: to_router.get(kind) if name == OUTSIDE_NAME else None)


@fault("windows-dns-search-list", kills=("DNS-PQDN-DOT", "FLOW-POD-SVC-FQDN"))
def windows_search_list(do: Injection) -> None:
    """Windows pods append a search list as Linux does: names with a dot resolve, and full names are asked thrice."""
    quirk(do, SEARCH_LIST)


@fault("windows-dns-silent-on-dots", kills=("DNS-PQDN-DOT", "FLOW-POD-EXT-DNS"))
def windows_silent_on_dots(do: Injection) -> None:
    """The DNS client of Windows pods never answers for names with a dot: a time-out where a clean no is documented."""
    quirk(do, SILENT_ON_DOTS)
