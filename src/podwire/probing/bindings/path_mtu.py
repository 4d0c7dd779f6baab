"""The bytes of a flow whose size has a relation to the MTU of its path, by what both ends tell of their interfaces."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from podwire.cluster.deployment.workloads import Deployment, Probe
from podwire.model.cases import Case
from podwire.model.facts import ClusterFacts
from podwire.model.observations import Value
from podwire.model.sizes import TooLong, bytes_of
from podwire.probing.bindings.nodes import Hello, mtu_of
from podwire.probing.targets import NoTarget, probe_of


def of_the_path(
    case: Case, deployment: Deployment, facts: ClusterFacts, hellos: Mapping[str, Hello], backends: Iterable[Probe]
) -> dict[str, Value]:
    """`path.mtu` and `flow.size` of a case whose flow has a size; nothing for any other.

    The MTU of the path is the least of its ends' (`backends` are those behind a Service), and no more than the user
    states. The MTUs of the NICs in between are no part of it: an end whose packets do not fit there was told a wrong
    MTU, and that is to show.

    Raises:
        NoTarget: an end does not tell its MTU, or no datagram is so long.
    """
    size, family = case.flow.load.size, case.flow.family
    if not size:
        return {}
    servers = backends if case.flow.server.kind == "backends" else (probe_of(case.server, deployment),)
    mtus = [_mtu(probe, hellos) for probe in (probe_of(case.client, deployment), *servers)]
    least = min((*mtus, facts.network.path_mtu or mtus[0]))
    try:
        return {"path.mtu": least, "flow.size": bytes_of(size, least, family)}
    except TooLong as problem:
        raise NoTarget(str(problem)) from None


def sized(case: Case, bindings: Mapping[str, Value]) -> Case:
    """The same case with the bytes of its requests and answers, where its size has a relation to the path's MTU."""
    found = bindings.get("flow.size")
    return replace(case, flow=case.flow.but(payload=found, answer=found)) if isinstance(found, int) else case


def _mtu(probe: Probe, hellos: Mapping[str, Hello]) -> int:
    mtu = mtu_of(set(probe.addresses.values()), hellos.get(probe.pod))
    if mtu is None:
        raise NoTarget(
            f"the flow's size follows the MTU of its path, which nobody reports: the agent of {probe.pod} on node "
            f"{probe.node} lists no MTU of an interface with the pod's address"
        )
    return mtu
