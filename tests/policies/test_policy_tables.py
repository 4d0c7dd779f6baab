"""The oracle against what Kubernetes' own tests expect (test/e2e/network/netpol): the facts of their truth tables."""

import pytest

from podwire.policies.network_policy import policy_of
from podwire.policies.oracle import decide
from podwire.policies.world import Connection, NamedPort, Pod, World

ALL = {}
NOT_X = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["x"]}]}
PORTS = tuple(
    NamedPort(name=f"serve-{number}-{protocol.lower()}", protocol=protocol, number=number)
    for number in (80, 81)
    for protocol in ("TCP", "UDP", "SCTP")
)
PODS = {
    f"{namespace}/{name}": Pod(
        name=name,
        namespace=namespace,
        node=f"node-{name}",
        labels={"pod": name},
        addresses=(f"10.0.{'xyz'.index(namespace)}.{'abc'.index(name)}",),
        ports=PORTS,
    )
    for namespace in "xyz"
    for name in "abc"
}


def pod(*names):
    return {"matchLabels": {"pod": names[0]}} if len(names) == 1 else expression("pod", "In", *names)


def expression(key, operator, *values):
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


def namespace(name):
    return {"matchLabels": {"kubernetes.io/metadata.name": name}}


def policy(selected, *, at="x", name="policy", **spec):
    return policy_of({"metadata": {"name": name, "namespace": at}, "spec": {"podSelector": selected, **spec}})


def ingress(*rules, selected=ALL, **more):
    return policy(selected, policyTypes=["Ingress"], ingress=list(rules), **more)


def egress(*rules, selected=ALL, **more):
    return policy(selected, policyTypes=["Egress"], egress=list(rules), **more)


def reachable(policies, source, target, port=80, protocol="TCP"):
    """Whether the oracle allows it."""
    ends = PODS[source], PODS[target]
    decision = decide(
        World(policies=tuple(policies)),
        Connection(
            source=ends[0],
            target=ends[1],
            source_ip=ends[0].addresses[0],
            target_ip=ends[1].addresses[0],
            protocol=protocol,
            port=port,
        ),
    )
    assert decision.outcome in ("allowed", "denied")
    return decision.outcome == "allowed"


def peers(*peers, **more):
    return {"from": list(peers), **more}


# A title of Kubernetes' tests in short: the policies, then pairs of pods and whether the one reaches the other. The
# port is 80 and the protocol TCP, unless a row says otherwise.
TABLES = {
    "default-deny-ingress": (
        [ingress()],
        ["x/b x/a no", "y/a x/a no", "x/a y/a yes", "y/b y/a yes"],
    ),
    "default-deny-all": (
        [policy(ALL, policyTypes=["Ingress", "Egress"])],
        ["x/b x/a no", "y/a x/a no", "x/a y/a no"],
    ),
    "pods of the own namespace by pod selector": (
        [ingress(peers({"podSelector": pod("b")}), selected=pod("a"))],
        ["x/b x/a yes", "x/c x/a no", "y/a x/a no", "y/b x/a no", "y/b x/c yes"],
    ),
    "deny all, and allow all to one pod": (
        [
            ingress(name="deny"),
            ingress(peers({"podSelector": ALL, "namespaceSelector": ALL}), selected=pod("a"), name="allow"),
        ],
        ["x/b x/a yes", "y/a x/a yes", "x/a x/b no", "y/a x/b no"],
    ),
    "pods of all namespaces": (
        [ingress(peers({"namespaceSelector": ALL}), selected=pod("a"))],
        ["x/b x/a yes", "y/a x/a yes", "z/a x/a yes"],
    ),
    "another namespace by its selector": (
        [ingress(peers({"namespaceSelector": namespace("y")}), selected=pod("a"))],
        ["x/b x/a no", "y/a x/a yes", "z/a x/a no"],
    ),
    "pod selector with expressions": (
        [ingress(peers({"podSelector": expression("pod", "In", "b")}), selected=pod("a"))],
        ["x/b x/a yes", "x/c x/a no", "y/a x/a no"],
    ),
    "one selector or the other": (
        [ingress(peers({"namespaceSelector": NOT_X}, {"podSelector": pod("b")}), selected=pod("a"))],
        ["y/a x/a yes", "x/b x/a yes", "x/c x/a no"],
    ),
    "one selector and the other": (
        [ingress(peers({"namespaceSelector": NOT_X, "podSelector": pod("b")}), selected=pod("a"))],
        ["y/b x/a yes", "z/b x/a yes", "x/b x/a no", "y/a x/a no"],
    ),
    "several pods in several namespaces": (
        [ingress(peers({"namespaceSelector": NOT_X, "podSelector": pod("b", "c")}), selected=pod("a"))],
        ["y/b x/a yes", "y/c x/a yes", "x/b x/a no", "y/a x/a no"],
    ),
    "any of several pod selectors": (
        [ingress(peers({"podSelector": pod("b")}, {"podSelector": pod("c")}), selected=pod("a"))],
        ["x/b x/a yes", "x/c x/a yes", "y/b x/a no"],
    ),
    "a port": (
        [
            ingress(
                peers({"namespaceSelector": namespace("y")}, ports=[{"port": 81, "protocol": "TCP"}]),
                selected=pod("a"),
            )
        ],
        ["y/a x/a yes 81", "x/b x/a no 81", "z/a x/a no 81", "y/a x/a no 80"],
    ),
    "policies that overlap": (
        [
            ingress(peers({"namespaceSelector": namespace("y")}, ports=[{"port": 81}]), selected=pod("a"), name="one"),
            ingress(peers({"namespaceSelector": namespace("y")}, ports=[{"port": 80}]), selected=pod("a"), name="two"),
        ],
        ["y/a x/a yes 81", "y/a x/a yes 80", "x/b x/a no 80", "z/a x/a no 81"],
    ),
    "allow-all": ([ingress({})], ["x/b x/a yes", "y/a x/a yes 81"]),
    "a named port": (
        [ingress({"ports": [{"port": "serve-81-tcp"}]})],
        ["x/b x/a yes 81", "y/a x/a yes 81", "x/b x/a no 80", "x/a y/a yes 80"],
    ),
    "a namespace on a named port": (
        [ingress(peers({"namespaceSelector": namespace("y")}, ports=[{"port": "serve-80-tcp"}]), selected=pod("a"))],
        ["y/a x/a yes 80", "x/b x/a no 80", "y/a x/a no 81"],
    ),
    "egress on a named port": (
        [egress({"ports": [{"port": "serve-80-tcp"}]})],
        ["x/a y/a yes 80", "x/a y/a no 81", "y/a x/a yes 81"],
    ),
    "egress denied to one pod": (
        [egress(selected=pod("a"))],
        ["x/a x/b no", "x/a y/a no", "x/b x/a yes", "x/b y/a yes"],
    ),
    "ingress and egress together": (
        [
            policy(
                pod("a"),
                policyTypes=["Ingress", "Egress"],
                ingress=[peers({"podSelector": pod("b")})],
                egress=[{"ports": [{"port": 80}]}],
            )
        ],
        ["x/b x/a yes 80", "x/c x/a no 80", "x/a y/a yes 80", "x/a y/a no 81", "x/b x/a yes 81"],
    ),
    "the client's side denies what the server's side allows": (
        [
            egress({"to": [{"namespaceSelector": namespace("y"), "podSelector": pod("a")}]}, selected=pod("a")),
            ingress(peers({"namespaceSelector": namespace("x"), "podSelector": pod("a")}), selected=pod("a"), at="y"),
            ingress(peers({"namespaceSelector": namespace("x"), "podSelector": pod("a")}), selected=pod("b"), at="y"),
        ],
        ["x/a y/a yes", "x/a y/b no", "x/b y/a no", "x/a x/b no"],
    ),
    "a protocol on all ports": (
        [ingress({"ports": [{"protocol": "TCP"}]}, selected=pod("a"))],
        ["y/a x/a yes 80 TCP", "y/a x/a no 80 UDP", "y/a x/a no 80 SCTP"],
    ),
    "SCTP does not open TCP": (
        [ingress({"ports": [{"protocol": "SCTP", "port": 80}]}, selected=pod("a"))],
        ["y/a x/a yes 80 SCTP", "y/a x/a no 80 TCP", "y/a x/a no 81 SCTP"],
    ),
    "a network with an exception": (
        [egress({"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.1.1/32"]}}]}, selected=pod("a"))],
        ["x/a x/b yes", "x/a y/a yes", "x/a y/b no"],
    ),
    "a network that another policy opens again": (
        [
            egress({"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.0.1.1/32"]}}]}, name="one"),
            egress({"to": [{"ipBlock": {"cidr": "10.0.1.1/32"}}]}, name="two"),
        ],
        ["x/a y/b yes", "x/a y/a yes"],
    ),
}
ROWS = [(title, policies, row) for title, (policies, rows) in TABLES.items() for row in rows]


@pytest.mark.parametrize(("title", "policies", "row"), ROWS, ids=[f"{title}: {row}" for title, _, row in ROWS])
def test_the_oracle_agrees_with_the_tables_of_kubernetes(title, policies, row):
    source, target, answer, *more = row.split()
    port, protocol = (int(more[0]) if more else 80), (more[1] if len(more) > 1 else "TCP")
    assert reachable(policies, source, target, port, protocol) is (answer == "yes")
