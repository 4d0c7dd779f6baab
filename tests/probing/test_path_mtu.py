"""A size by the path's MTU becomes bytes by what both ends report, or the case says who reports nothing."""

import pytest
from changed import replace
from deployments import a_deployment
from plans_for_tests import L2BRIDGE, cases

from podwire.planning.prerequisites import needs_of
from podwire.probing.bindings.cases import bindings_of
from podwire.probing.bindings.path_mtu import sized
from podwire.probing.requests import request_of
from podwire.probing.targets import NoTarget, target_of

FLOW = {
    "client": "windows",
    "server": "linux",
    "placement": "cross-node",
    "via": "pod-ip",
    "protocol": "udp",
    "family": "ipv4",
}


def bound(mtus, facts=L2BRIDGE, **flow):
    """The case, its target, and its bindings where the pods of nodes of an OS have these MTUs."""
    (case,) = cases(facts, **{**FLOW, "size": "one-packet", **flow})
    deployment = a_deployment(facts, needs_of([case], facts))
    hellos = {
        probe.pod: {"interfaces": [{"name": "eth0", "addresses": [*probe.addresses.values()], "mtu": mtus[probe.os]}]}
        for probe in deployment.probes
    }
    target = target_of(case, deployment, facts)
    return case, target, bindings_of(case, target, deployment, facts, hellos)


@pytest.mark.parametrize(
    ("mtus", "path"),
    [((1500, 1500), 1500), ((1400, 9001), 1400), ((9001, 1400), 1400), ((9001, 9001), 9001)],
)
def test_the_mtu_of_a_path_is_the_least_of_its_ends(mtus, path):
    case, target, values = bound(dict(zip(("windows", "linux"), mtus, strict=True)))
    assert (values["path.mtu"], values["flow.size"]) == (path, path - 28)
    _, asked, _ = request_of(sized(case, values), target, ["pw1"], [40000], 4.0)
    assert (asked["size"], asked["answer"]) == (path - 28, path - 28)


def test_a_stated_mtu_of_the_network_bounds_that_of_the_path():
    facts = replace(L2BRIDGE, network=replace(L2BRIDGE.network, path_mtu=1420))
    _, _, values = bound({"windows": 1500, "linux": 1500}, facts)
    assert (values["path.mtu"], values["flow.size"]) == (1420, 1392)
    _, _, values = bound({"windows": 1400, "linux": 1500}, facts)
    assert values["path.mtu"] == 1400


def test_the_backends_of_a_service_are_all_ends_of_its_path():
    _, _, values = bound(
        {"windows": 1450, "linux": 1500},
        client="linux",
        server=(),
        server_kind="backends",
        via="cluster-ip",
        service="spread",
        placement=("same-node", "cross-node"),
    )
    assert values["path.mtu"] == 1450


def test_a_pod_without_an_mtu_is_named():
    with pytest.raises(NoTarget, match=r"which nobody reports: the agent of \S+ on node linux-\d lists no MTU"):
        bound({"windows": 1500, "linux": None})


def test_other_flows_are_sent_as_they_were():
    (case,) = cases(L2BRIDGE, **FLOW, payload=1372)
    assert sized(case, {}) is case
    _, _, values = bound({"windows": None, "linux": None}, size="")
    assert "path.mtu" not in values
