"""What the resolver of a pod is told, by policy and by node."""

import pytest

from podwire_lab.pods.resolvers import NO_ALIASES, NO_CONFIG, NODE_SERVER, Resolver, misled, resolver_of

CLUSTER, NODE = ("10.96.0.10",), ("203.0.113.10",)
OWN = "ns.svc.cluster.local"
EVERYWHERE = (OWN, "svc.cluster.local", "cluster.local")
CONFIG = {
    "nameservers": ["198.51.100.1"],
    "searches": ["one.example", "two.example"],
    "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}],
}


def told(system, **spec):
    pod = {"metadata": {"name": "p", "namespace": "ns"}, "spec": spec}
    found = resolver_of(pod, system, cluster_dns=CLUSTER, node_dns=NODE)
    return found.servers, found.search, found.options


@pytest.mark.parametrize(
    ("system", "spec", "servers", "search"),
    [
        ("linux", {}, CLUSTER, EVERYWHERE),
        ("windows", {}, CLUSTER, (OWN,)),
        ("linux", {"dnsPolicy": "Default"}, NODE, ()),
        ("windows", {"dnsPolicy": "Default"}, NODE, ()),
        ("linux", {"hostNetwork": True}, NODE, ()),
        ("linux", {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}, CLUSTER, EVERYWHERE),
        ("windows", {"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}, NODE, ()),
        ("linux", {"dnsPolicy": "None", "dnsConfig": CONFIG}, ("198.51.100.1",), ("one.example", "two.example")),
        ("windows", {"dnsPolicy": "None", "dnsConfig": CONFIG}, ("198.51.100.1",), ("one.example", "two.example")),
        ("linux", {"dnsConfig": CONFIG}, (*CLUSTER, "198.51.100.1"), (*EVERYWHERE, "one.example", "two.example")),
        ("windows", {"dnsConfig": CONFIG}, (*CLUSTER, "198.51.100.1"), (OWN,)),
    ],
)
def test_servers_and_suffixes_follow_the_policy(system, spec, servers, search):
    assert told(system, **spec)[:2] == (servers, search)


def test_options_of_the_pod_come_instead_of_those_of_the_policy():
    assert told("linux", dnsConfig=CONFIG)[2] == ("ndots:2", "edns0")
    assert told("linux")[2] == ("ndots:5",)


@pytest.mark.parametrize(
    ("quirks", "servers", "aliases"),
    [
        ((), ("198.51.100.1",), True),
        ((NODE_SERVER,), NODE, True),
        ((NO_CONFIG,), CLUSTER, True),
        ((NO_ALIASES,), ("198.51.100.1",), False),
    ],
)
def test_faults_mislead_a_windows_pod(quirks, servers, aliases):
    own = Resolver(servers=("198.51.100.1",), search=("one.example",))
    found = misled(own, frozenset(quirks), cluster_dns=CLUSTER, node_dns=NODE)
    assert (found.servers, found.search, found.aliases) == (servers, own.search, aliases)
