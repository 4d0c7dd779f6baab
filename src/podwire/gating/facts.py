"""The facts that differ between the two sides of a gate: an upgrade, or another setting. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from podwire.model.facts import ClusterFacts
from podwire.records.run import RunRecord

NONE = "none"


@dataclass(frozen=True, kw_only=True)
class FactChange:
    """A fact by its name, with its values on both sides (several if the runs of one side differ)."""

    name: str
    before: str
    after: str


def fact_changes(baseline: Sequence[RunRecord], candidate: Sequence[RunRecord]) -> Iterator[FactChange]:
    """Every fact that differs, in the order of `named_facts`."""
    before, after = [dict(named_facts(run)) for run in baseline], [dict(named_facts(run)) for run in candidate]
    for name in dict.fromkeys(name for side in (*before, *after) for name in side):
        values = [" or ".join(dict.fromkeys(facts.get(name, NONE) for facts in side)) for side in (before, after)]
        if values[0] != values[1]:
            yield FactChange(name=name, before=values[0], after=values[1])


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
    yield "DNS caches on Linux nodes", ", ".join(facts.dns.caches) or NONE
    yield from facts.components.items()
    yield from _of_images(record)
    for name, value in record.setup.options.items():
        yield f"option {name}", value
    yield "podwire", record.setup.version
    yield "suites", record.setup.suite[:12] or NONE


def _of_nodes(facts: ClusterFacts) -> Iterator[tuple[str, str]]:
    for os, called in (("windows", "Windows"), ("linux", "Linux")):
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
    found = sorted(value or "unknown" for value in values)
    numbers = {value: found.count(value) for value in found}
    parts = (f"{value} on {number} node{'s' if number > 1 else ''}" for value, number in numbers.items())
    return ", ".join(parts) or "no node"


def _told(value: object) -> str:
    return "unknown" if value is None else {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)
