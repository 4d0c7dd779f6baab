"""The facts that differ between the two sides of a gate: an upgrade, or another setting. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from podwire.model.facts import OS, UNKNOWN, ClusterFacts, NodeNetwork
from podwire.records.run import RunRecord

NONE = "none"
_CALLED: tuple[tuple[OS, str], ...] = (("windows", "Windows"), ("linux", "Linux"))


@dataclass(frozen=True, kw_only=True)
class FactChange:
    """A fact by its name, with its values on both sides (several if the runs of one side differ)."""

    name: str
    before: str
    after: str


def fact_changes(baseline: Sequence[RunRecord], candidate: Sequence[RunRecord]) -> Iterator[FactChange]:
    """Every fact that differs, in the order of `named_facts`."""
    sides = (baseline, candidate)
    nodes_reported = all(any(_tells(run.facts) for run in side) for side in sides)
    engines_told = all(any(_tells_engines(run.facts) for run in side) for side in sides)
    before, after = ([_facts(run, reported=nodes_reported, engines=engines_told) for run in side] for side in sides)
    for name in dict.fromkeys(name for side in (*before, *after) for name in side):
        values = [" or ".join(dict.fromkeys(facts.get(name, NONE) for facts in side)) for side in (before, after)]
        if values[0] != values[1]:
            yield FactChange(name=name, before=values[0], after=values[1])


def _facts(record: RunRecord, *, reported: bool, engines: bool) -> dict[str, str]:
    """All facts of a run; with `reported` what its nodes report of themselves as well, with `engines` what enforces
    network policies; older versions of podwire did not ask for it."""
    return {
        **dict(named_facts(record)),
        **(dict(told_by_nodes(record.facts)) if reported else {}),
        **(dict(_of_policies(record.facts)) if engines else {}),
    }


def _tells_engines(facts: ClusterFacts) -> bool:
    return any(facts.policies.engine(os).name != UNKNOWN for os, _ in _CALLED)


def _of_policies(facts: ClusterFacts) -> Iterator[tuple[str, str]]:
    for os, called in _CALLED:
        engine = facts.policies.engine(os)
        yield f"network policies on {called} nodes", " ".join(filter(None, (engine.name, engine.version)))


def _tells(facts: ClusterFacts) -> bool:
    return any(node.told != NodeNetwork() for node in facts.nodes)


def named_facts(record: RunRecord) -> Iterator[tuple[str, str]]:
    """All facts that distinguish two runs. Nodes are counted by their versions: names change with a node pool."""
    facts = record.facts
    yield from _of_nodes(facts)
    yield "Kubernetes", facts.version
    yield "network mode", facts.network.mode
    yield "IP address management", facts.network.ipam
    yield "CNI", facts.network.cni
    tunnel = facts.network.encapsulation
    yield "encapsulation", f"{tunnel.kind}, port {tunnel.port}, VNI {_told(tunnel.vni)}" if tunnel else NONE
    yield "Direct Server Return", _told(facts.proxy.dsr)
    yield "feature gate WinDSR", _told(facts.proxy.win_dsr)
    yield "families", ", ".join(facts.network.families)
    yield "families of Windows pods", ", ".join(facts.network.windows_families)
    yield "cluster domain", facts.dns.domain
    if facts.network.linux_translation:
        yield "Linux outbound translation", " and ".join(facts.network.linux_translation)
    yield "DNS caches on Linux nodes", ", ".join(facts.dns.caches) or NONE
    yield from facts.components.items()
    yield from _of_images(record)
    for name, value in record.setup.options.items():
        yield f"option {name}", value
    yield "podwire", record.setup.version
    if again := record.setup.judged_again:
        yield "judged again", f"by podwire {again.version}"
    yield "suites", record.setup.suite[:12] or NONE


def _of_nodes(facts: ClusterFacts) -> Iterator[tuple[str, str]]:
    for os, called in _CALLED:
        nodes = [node for node in facts.nodes if node.os == os]
        builds = [node.build for node in nodes]
        if os == "windows":
            yield "Windows build", _counted(str(build[0]) if build else "unknown" for build in builds)
            revisions = (f"{build[0]}.{build[1]}" if build else "unknown" for build in builds)
            yield "Windows update revision (UBR)", _counted(revisions)
        else:
            yield "Linux kernel", _counted(node.software.kernel for node in nodes)
        yield f"{called} image", _counted(node.software.os_image for node in nodes)
        yield f"{called} kubelet", _counted(node.software.kubelet for node in nodes)
        yield f"{called} container runtime", _counted(node.software.runtime for node in nodes)
        if any(node.software.features for node in nodes):
            yield f"{called} declared features", _counted(", ".join(node.software.features) for node in nodes)


def told_by_nodes(facts: ClusterFacts) -> Iterator[tuple[str, str]]:
    """What nodes told of themselves, counted as what they run is."""
    for os, called in _CALLED:
        networks = [node.told for node in facts.nodes if node.os == os]
        for protocol in sorted({name for network in networks for name in _ports(network)}):
            yield (
                f"{called} dynamic ports, {protocol}",
                _counted(_ports(network).get(protocol, "") for network in networks),
            )
        yield f"{called} MTU of nodes", _counted(str(network.mtu or "") for network in networks)
        yield f"{called} MTU of pods", _counted(str(network.pod_mtu or "") for network in networks)
        yield f"{called} mode of kube-proxy", _counted(network.proxy_mode for network in networks)
        if os == "windows":
            yield "Windows HNS version", _counted(network.hns for network in networks)
            if any(network.translation for network in networks):
                yield "Windows outbound translation", _counted(" and ".join(n.translation) for n in networks)
            settings = [dict(text.partition("=")[::2] for text in network.overrides) for network in networks]
            for name in sorted({name for overrides in settings for name in overrides}):
                yield (
                    f"Windows feature override {name}",
                    _counted(overrides.get(name, "not set") for overrides in settings),
                )


def _ports(network: NodeNetwork) -> dict[str, str]:
    """`tcp ipv4 49152-65535` by its first two words."""
    parts = [text.split(" ", 2) for text in network.ports]
    return {f"{protocol} {family}": ranges for protocol, family, ranges in parts}


def _of_images(record: RunRecord) -> Iterator[tuple[str, str]]:
    systems = {node.name: node.os for node in record.facts.nodes}
    for os in ("windows", "linux"):
        used = [image for image in record.setup.images if systems.get(image.node) == os]
        if used:
            yield (
                f"probe image on {os} nodes",
                " and ".join(sorted({f"{image.image} {image.digest}".strip() for image in used})),
            )


def _counted(values: Iterator[str]) -> str:
    """`20348 on 2 nodes`, also for a side whose nodes differ."""
    texts = sorted(value or "unknown" for value in values)
    numbers = {value: texts.count(value) for value in texts}
    parts = (f"{value} on {number} node{'s' if number > 1 else ''}" for value, number in numbers.items())
    return ", ".join(parts) or "no node"


def _told(value: object) -> str:
    return "unknown" if value is None else {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
