"""The resolver settings of a pod: dnsPolicy and dnsConfig on Linux and on Windows nodes.

Source: kubernetes.io "DNS for Services and Pods": policies; on Windows nodes no ClusterFirstWithHostNet and one suffix.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, replace

from podwire.model.facts import OS
from podwire_lab.model.interfaces import Object

NODE_SERVER, NO_CONFIG, NO_ALIASES, PLAIN_ADAPTER = "node's server", "no config", "no aliases", "plain adapter"
FILE_COUNTS, LINUX_SERVER = "file counts", "server of Linux pods"


@dataclass(frozen=True, kw_only=True)
class Resolver:
    """Servers in order, search suffixes in order, options such as `ndots:5`.

    `adapter` are the settings of a Windows pod's network adapter, if these settings lead to the DNS client instead.
    `aliases` says whether the hosts file has the pod's hostAliases.
    """

    servers: tuple[str, ...]
    search: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    adapter: Resolver | None = None
    aliases: bool = True

    def to_file(self) -> str:
        """The text of resolv.conf(5). Without a suffix the search list is the root: none comes from the host's name."""
        lines = [f"search {' '.join(self.search)}" if self.search else "search ."]
        lines += [f"nameserver {server}" for server in self.servers]
        if self.options:
            lines.append(f"options {' '.join(self.options)}")
        return "\n".join(lines) + "\n"


def resolver_of(
    pod: Object, system: OS, *, cluster_dns: Sequence[str], node_dns: Sequence[str], domain: str = "cluster.local"
) -> Resolver:
    """The resolver settings of a pod. A Windows pod has one suffix, its own namespace's, or its own list."""
    spec = pod["spec"]
    policy = spec.get("dnsPolicy", "ClusterFirst")
    if spec.get("hostNetwork") and (policy == "ClusterFirst" or system == "windows"):
        policy = "Default"
    suffix = f"{pod['metadata']['namespace']}.svc.{domain}"
    if policy in ("ClusterFirst", "ClusterFirstWithHostNet"):
        search: tuple[str, ...] = (suffix,) if system == "windows" else (suffix, f"svc.{domain}", domain)
        resolver = Resolver(servers=tuple(cluster_dns), search=search, options=("ndots:5",))
    elif policy == "None":
        resolver = Resolver(servers=())
    else:
        resolver = Resolver(servers=tuple(node_dns))
    config = spec.get("dnsConfig") or {}
    options = {option["name"]: option.get("value") for option in config.get("options") or ()}
    added = tuple(name if value is None else f"{name}:{value}" for name, value in options.items())
    defaults = tuple(option for option in resolver.options if option.split(":")[0] not in options)
    searches = () if system == "windows" and resolver.search else tuple(config.get("searches") or ())
    return Resolver(
        servers=(*resolver.servers, *(config.get("nameservers") or ())),
        search=(*resolver.search, *searches),
        options=defaults + added,
    )


def by_file(resolver: Resolver, pod: Object, config_map: Callable[[str], Object | None]) -> Resolver:
    """The settings with the servers of the pod's resolv.conf from a ConfigMap, if it has one; only a fault does
    this."""
    for volume in pod["spec"].get("volumes") or ():
        source = volume.get("configMap") or {}
        if any(item["key"] == "resolv.conf" for item in source.get("items") or ()):
            text = ((config_map(source["name"]) or {}).get("data") or {}).get("resolv.conf", "")
            words = [line.split() for line in text.splitlines()]
            return replace(resolver, servers=tuple(line[1] for line in words if line[:1] == ["nameserver"]))
    return resolver


def misled(
    resolver: Resolver,
    quirks: Set[str],
    *,
    cluster_dns: Sequence[str],
    node_dns: Sequence[str],
    linux_dns: Sequence[str] = (),
) -> Resolver:
    """The settings of a new Windows pod with faults: `node's server` (the servers of its node), `server of Linux pods`
    (theirs), `no config` (the cluster's, whatever the pod's dnsConfig) and `no aliases` (a hosts file without the pod's
    hostAliases).
    """
    if LINUX_SERVER in quirks:
        resolver = replace(resolver, servers=tuple(linux_dns))
    if NODE_SERVER in quirks:
        resolver = replace(resolver, servers=tuple(node_dns))
    if NO_CONFIG in quirks:
        resolver = replace(resolver, servers=tuple(cluster_dns))
    return replace(resolver, aliases=NO_ALIASES not in quirks)
