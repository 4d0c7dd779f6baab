"""Faults of DNS: the cluster's DNS server answers wrongly, or the emulated Windows client asks differently."""

from __future__ import annotations

import zlib
from collections.abc import Callable

from podwire_lab.dns.node_cache import ASKS_THE_NODE, BY_UDP
from podwire_lab.dns.server import Damage
from podwire_lab.faults.fault import DNS_PORT, Injection, chain, fault
from podwire_lab.model.addresses import OUTSIDE_HOST, OUTSIDE_ROUTER
from podwire_lab.model.planned import OUTSIDE_NAME
from podwire_lab.pods.resolvers import FILE_COUNTS, LINUX_SERVER, NO_ALIASES, NO_CONFIG, NODE_SERVER, PLAIN_ADAPTER
from podwire_lab.windows.dns_client import BACKWARDS, NO_SUFFIX, SEARCH_LIST, SILENT_ON_DOTS

NOBODY = {"A": "10.244.250.250", "AAAA": "fd10:244:0:fa::fa"}


def damaged(do: Injection, damage: Callable[[str, str, str], Damage | None]) -> None:
    """Call `damage(name, type, client)` before the cluster's DNS server answers."""
    before = do.network.quirks.dns
    do.network.quirks.dns = damage
    do.undone_by(lambda: setattr(do.network.quirks, "dns", before))


def quirk(do: Injection, name: str) -> None:
    do.network.quirks.windows_dns.add(name)
    do.undone_by(lambda: do.network.quirks.windows_dns.discard(name))


def cache_quirk(do: Injection, name: str) -> None:
    do.network.quirks.node_cache.add(name)
    do.undone_by(lambda: do.network.quirks.node_cache.discard(name))


def is_pod_name(name: str) -> bool:
    return ".pods." in name and name.endswith(".cluster.local")


def is_service_name(name: str) -> bool:
    return name.startswith(("echo-", "by-")) and name.endswith(".svc.cluster.local")


def elsewhere(kind: str) -> Damage:
    return Damage(kind="address", address=NOBODY.get(kind, NOBODY["A"]))


@fault("dns-stale-pod-address", kills=("FLOW-POD-POD-NAME",))
def stale_pod_address(do: Injection) -> None:
    """Pod names resolve to an address that no pod has."""
    damaged(do, lambda name, kind, client: elsewhere(kind) if is_pod_name(name) else None)


@fault(
    "dns-stale-service-address",
    kills=("FLOW-POD-SVC-SHORT-NAME", "FLOW-POD-SVC-FQDN", "DNS-SHORT", "DNS-FQDN", "DNS-HOST-NETWORK"),
)
def stale_service_address(do: Injection) -> None:
    """Service names resolve to an address that is not the Service's."""
    damaged(do, lambda name, kind, client: elsewhere(kind) if is_service_name(name) else None)


@fault(
    "dns-service-unknown",
    kills=("FLOW-POD-SVC-SHORT-NAME", "FLOW-POD-SVC-FQDN", "DNS-PQDN-DOT", "DNS-SHORT", "DNS-FQDN"),
)
def service_unknown(do: Injection) -> None:
    """The cluster's DNS server answers that Service names do not exist."""
    unknown = Damage(kind="rcode", rcode="NXDOMAIN")
    damaged(do, lambda name, kind, client: unknown if is_service_name(name) else None)


@fault("dns-outside-lost", kills=("FLOW-POD-EXT-DNS", "DNS-EXTERNAL"))
def outside_lost(do: Injection) -> None:
    """The DNS server does not answer queries for names outside the cluster."""
    damaged(do, lambda name, kind, client: Damage(kind="drop") if name == OUTSIDE_NAME else None)


@fault("dns-outside-wrong-address", kills=("FLOW-POD-EXT-DNS", "DNS-EXTERNAL"))
def outside_wrong_address(do: Injection) -> None:
    """The outside host's name resolves to the address of the router beside it."""
    wrong = {"A": OUTSIDE_ROUTER["ipv4"], "AAAA": OUTSIDE_ROUTER["ipv6"]}
    to_router = {kind: Damage(kind="address", address=address) for kind, address in wrong.items()}
    damaged(do, lambda name, kind, client: to_router.get(kind) if name == OUTSIDE_NAME else None)


@fault(
    "windows-dns-search-list",
    kills=("DNS-PQDN-DOT", "FLOW-POD-SVC-FQDN", "DNS-FQDN", "DNS-EXTERNAL", "DNS-SEARCH-LIST"),
)
def windows_search_list(do: Injection) -> None:
    """Windows pods apply the search list like Linux: names with a dot resolve, and a full name costs three queries."""
    quirk(do, SEARCH_LIST)


@fault("windows-dns-silent-on-dots", kills=("DNS-PQDN-DOT", "FLOW-POD-EXT-DNS"))
def windows_silent_on_dots(do: Injection) -> None:
    """The DNS client of Windows pods times out on names with a dot, where the documented answer is NXDOMAIN."""
    quirk(do, SILENT_ON_DOTS)


@fault("windows-dns-no-suffix", kills=("DNS-SHORT", "DNS-SEARCH-LIST", "DNS-ORDER"))
def windows_no_suffix(do: Injection) -> None:
    """Windows pods query short names as they are, without the suffix of their namespace."""
    quirk(do, NO_SUFFIX)


@fault("windows-dns-suffixes-backwards", kills=("DNS-ORDER",))
def windows_suffixes_backwards(do: Injection) -> None:
    """Windows pods with several suffixes try the last one first."""
    quirk(do, BACKWARDS)


@fault("windows-dns-node-server", kills=("DNS-SERVERADDR",))
def windows_node_server(do: Injection) -> None:
    """Windows pods query the DNS server of their node instead of the cluster's."""
    quirk(do, NODE_SERVER)


@fault("windows-dns-config-ignored", kills=("DNS-CUSTOM",))
def windows_config_ignored(do: Injection) -> None:
    """Windows pods with their own dnsConfig still query the cluster's DNS server."""
    quirk(do, NO_CONFIG)


@fault("windows-hosts-aliases-missing", kills=("DNS-HOSTSFILE",))
def windows_hosts_aliases_missing(do: Injection) -> None:
    """The hosts file of Windows pods lacks their hostAliases; the pods query a DNS server, which has no such names."""
    quirk(do, NO_ALIASES)


@fault("windows-resolver-file-counts", kills=("DNS-FILE-IGNORED",))
def windows_resolver_file_counts(do: Injection) -> None:
    """New pods on Windows nodes query the servers of a resolv.conf file in the pod."""
    quirk(do, FILE_COUNTS)


@fault("windows-nslookup-plain", kills=("DNS-PQDN-NSLOOKUP",))
def windows_nslookup_plain(do: Injection) -> None:
    """nslookup in Windows pods finds no suffix at the adapter and queries names with a dot as they are."""
    quirk(do, PLAIN_ADAPTER)


@fault("dns-headless-stale", kills=("DNS-HEADLESS",))
def headless_stale(do: Injection) -> None:
    """A headless Service resolves to one address, which no pod has."""
    names = ("headless.", "by-headless-name.")
    damaged(do, lambda name, kind, client: elsewhere(kind) if name.startswith(names) else None)


@fault("dns-alias-unknown", kills=("SVC-EXTERNALNAME", "DNS-EXTERNALNAME"))
def alias_unknown(do: Injection) -> None:
    """The cluster's DNS server answers that the ExternalName Service does not exist."""
    unknown = Damage(kind="rcode", rcode="NXDOMAIN")
    damaged(do, lambda name, kind, client: unknown if name.startswith("alias.") else None)


@fault("dns-alias-flattened", kills=("DNS-EXTERNALNAME",))
def alias_flattened(do: Injection) -> None:
    """The answer for an ExternalName Service has the right address and no CNAME record."""
    addresses = {"A": OUTSIDE_HOST["ipv4"], "AAAA": OUTSIDE_HOST["ipv6"]}
    flat = {kind: Damage(kind="address", address=address) for kind, address in addresses.items()}
    damaged(do, lambda name, kind, client: flat.get(kind) if name.startswith("alias.") else None)


@fault("dns-over-tcp-lost", kills=("DNS-TCP",))
def over_tcp_lost(do: Injection) -> None:
    """Nodes drop DNS over TCP; DNS over UDP works, and long answers are truncated."""
    for node in do.nodes():
        do.rules(node.host, "inet", chain("forward", 0, f"tcp dport {DNS_PORT} drop"))


@fault("dns-of-nodes-lost", kills=("DNS-HOST-NETWORK",))
def of_nodes_lost(do: Injection) -> None:
    """Nodes drop the DNS queries of their own processes; those of pods pass."""
    for node in do.nodes():
        do.rules(node.host, "inet", chain("output", 0, f"udp dport {DNS_PORT} drop"))


@fault("dns-some-lost", kills=("DNS-BURST",))
def some_lost(do: Injection) -> None:
    """The DNS server never answers one in fifty of the names that are asked for the first time."""
    lost = Damage(kind="drop")

    def damage(name: str, kind: str, client: str) -> Damage | None:
        return lost if ".nobody-" in name and zlib.crc32(name.encode()) % 50 == 0 else None

    damaged(do, damage)


@fault("dns-cache-asks-by-udp", kills=("DNS-NODE-CACHE",), variations=("node-local-dns",))
def cache_asks_by_udp(do: Injection) -> None:
    """The DNS caches of Linux nodes ask the cluster's DNS by datagrams, as if they were pods."""
    cache_quirk(do, BY_UDP)


@fault("dns-cache-asks-the-node", kills=("DNS-NODE-CACHE", "DNS-SHORT", "DNS-FQDN"), variations=("node-local-dns",))
def cache_asks_the_node(do: Injection) -> None:
    """The DNS caches of Linux nodes ask their node's DNS server, which knows no Service."""
    cache_quirk(do, ASKS_THE_NODE)


@fault("windows-dns-server-of-linux", kills=("DNS-SERVERADDR", "DNS-SHORT"), variations=("node-local-dns",))
def windows_server_of_linux(do: Injection) -> None:
    """Windows pods are told the DNS cache of Linux nodes as their server: on their own nodes nobody has its address."""
    quirk(do, LINUX_SERVER)


def one_pod_damaged(do: Injection, damage: Damage) -> None:
    """Damage what the second pod of the cluster's DNS says of Services."""
    node = do.network.profile.set_up.dns.nodes[1]
    do.network.quirks.dns_of_node[node] = lambda name, kind, client: damage if is_service_name(name) else None
    do.undone_by(do.network.quirks.dns_of_node.clear)


@fault("one-dns-pod-silent", kills=("DNS-EACH-POD",), variations=("two-dns-pods",))
def one_pod_silent(do: Injection) -> None:
    """One of two pods of the cluster's DNS answers no question about a Service, by UDP or TCP; it stays ready."""
    one_pod_damaged(do, Damage(kind="drop"))


@fault("one-dns-pod-stale", kills=("DNS-EACH-POD",), variations=("two-dns-pods",))
def one_pod_stale(do: Injection) -> None:
    """One of two pods of the cluster's DNS knows no Service, as if it did not follow the API; it stays ready."""
    one_pod_damaged(do, Damage(kind="rcode", rcode="NXDOMAIN"))


@fault("one-dns-pod-without-tcp", kills=("DNS-EACH-POD",), variations=("two-dns-pods",))
def one_pod_without_tcp(do: Injection) -> None:
    """Nothing gets to one of two pods of the cluster's DNS over TCP."""
    name = do.network.profile.set_up.dns.nodes[1]
    node = next(node for node in do.nodes() if node.plan.name == name)
    do.rules(node.host, "inet", chain("forward", 0, f'oifname "cbr0" tcp dport {DNS_PORT} drop'))
