"""Which DNS server a pod must ask: what its own resolver is told, where that can be the cluster's DNS."""

import pytest
from changed import replace
from deployments import a_deployment
from plans_for_tests import L2BRIDGE, cases

from podwire.planning.prerequisites import needs_of
from podwire.probing.bindings.cases import bindings_of
from podwire.probing.targets import NoTarget, target_of

SERVICE = L2BRIDGE.dns.addresses
CACHED = replace(L2BRIDGE, dns=replace(L2BRIDGE.dns, caches=("169.254.20.10",)))
BOTH = replace(L2BRIDGE, dns=replace(L2BRIDGE.dns, caches=("169.254.20.10", SERVICE[0])))
ASKS = {"server_kind": "dns", "via": "unknown-name", "protocol": "dns", "family": "ipv4"}


def bound(told, facts=L2BRIDGE, client="linux", **axes):
    """The bindings of a pod whose resolver is told these servers; None: its agent says nothing of them."""
    (case,) = cases(facts, **{**ASKS, "client": client, **axes})
    deployment = a_deployment(facts, needs_of([case], facts))
    pod = deployment.on(case.client.node, case.client.probe).pod
    hellos = {pod: {} if told is None else {"dns": told}}
    return bindings_of(case, target_of(case, deployment, facts), deployment, facts, hellos)


@pytest.mark.parametrize(
    ("client", "told", "facts", "asked"),
    [
        ("linux", None, L2BRIDGE, SERVICE),
        ("linux", [], L2BRIDGE, SERVICE),
        ("linux", [SERVICE[0]], L2BRIDGE, SERVICE[:1]),
        ("linux", ["169.254.20.10"], CACHED, ("169.254.20.10",)),
        ("linux", ["169.254.10.11"], L2BRIDGE, ("169.254.10.11",)),  # Nobody told of it, and it can only be the node's.
        ("linux", ["fe80::53%eth0"], L2BRIDGE, ("fe80::53%eth0",)),
        ("linux", ["192.0.2.53"], CACHED, SERVICE),
        ("linux", ["192.0.2.53", SERVICE[0]], L2BRIDGE, SERVICE[:1]),
        ("linux", ["no address"], L2BRIDGE, SERVICE),
        ("windows", [SERVICE[0]], CACHED, SERVICE[:1]),
        ("windows", ["169.254.20.10"], CACHED, SERVICE),  # What Linux pods ask is not there on a Windows node.
        ("windows", ["127.0.0.53"], L2BRIDGE, SERVICE),
    ],
)
def test_a_pod_must_ask_what_its_resolver_says_if_that_can_be_the_dns_of_the_cluster(client, told, facts, asked):
    assert bound(told, facts, client)["dns.ip"] == asked


@pytest.mark.parametrize(
    ("client", "told", "facts", "cached"),
    [
        ("linux", ["169.254.20.10"], CACHED, True),
        ("linux", [SERVICE[0]], CACHED, False),
        ("linux", [SERVICE[0]], BOTH, True),
        ("linux", [SERVICE[0]], L2BRIDGE, False),
        ("windows", [SERVICE[0]], BOTH, False),
    ],
)
def test_a_cache_may_answer_at_the_address_of_the_service_too_but_on_linux_only(client, told, facts, cached):
    assert ("dns.cache" in bound(told, facts, client)) is cached


def test_a_pod_with_a_dns_config_of_its_own_asks_the_server_of_the_run():
    values = bound(["169.254.20.10"], CACHED, client_pod="custom-dns")
    assert values["dns.ip"] not in (SERVICE, ("169.254.20.10",))
    assert "dns.cache" not in values


def test_questions_are_not_followed_past_a_cache_that_the_plan_did_not_know_of():
    axes = {"placement": "cross-node", "aspect": "way"}
    with pytest.raises(NoTarget, match=r"ask a DNS cache at 169.254.10.11; state `dns_caches: \[169.254.10.11\]` in"):
        bound(["169.254.10.11"], **axes)
    with pytest.raises(NoTarget, match=r"ask the cluster.s DNS at 10\.96\.0\.10, and no cache"):
        bound(["10.96.0.10"], CACHED, **axes)
    assert bound(["169.254.20.10"], CACHED, **axes)["dns.cache"] is True
    assert bound(["169.254.10.11"], client="windows", **axes)["dns.ip"] == SERVICE


@pytest.mark.parametrize(
    ("nodes", "told", "placement"),
    [
        (lambda own: (own,), [SERVICE[0]], "same-node"),
        (lambda own: ("elsewhere",), [SERVICE[0]], "cross-node"),
        (lambda own: (own, "elsewhere"), [SERVICE[0]], "anywhere"),
        (lambda own: ("elsewhere", "there"), [SERVICE[0]], "cross-node"),
        (lambda own: (), [SERVICE[0]], "anywhere"),
        (lambda own: ("elsewhere",), ["169.254.20.10"], "same-node"),
    ],
    ids=["here", "there", "on both sides", "on two others", "unknown", "a cache"],
)
def test_where_the_dns_is_is_seen_from_the_node_of_the_client(nodes, told, placement):
    (case,) = cases(CACHED, **{**ASKS, "client": "linux"})
    facts = replace(CACHED, dns=replace(CACHED.dns, nodes=nodes(case.client.node)))
    assert bound(told, facts)["dns.placement"] == placement


def test_the_dns_of_the_run_has_no_place_in_the_cluster():
    assert "dns.placement" not in bound(None, client_pod="custom-dns")
