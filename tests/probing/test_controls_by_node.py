"""The positive controls of a case: which probe must reach what, by which way."""

from changed import replace
from facts_by_row import cluster_with
from observed import a_flow

from podwire.cluster.deployment.services import DeployedService, ServicePort, Services
from podwire.cluster.deployment.workloads import Deployment, Probe
from podwire.model.cases import Case, Slot
from podwire.model.facts import ExternalHost, NodeFacts
from podwire.model.flows import Peer
from podwire.model.symbols import ServiceSymbols
from podwire.probing.controls import controls_of

NODES = (
    NodeFacts(name="l1", os="linux", addresses=("172.31.0.1",)),
    NodeFacts(name="w1", os="windows", addresses=("172.31.0.11",)),
)
OUTSIDE = ExternalHost(name="echo.example.net", addresses=("203.0.113.10",), agent=True)
FACTS = cluster_with(nodes=NODES, external=OUTSIDE)
SERVER = Probe(pod="w1-a", node="w1", os="windows", slot="a", addresses={"ipv4": "10.244.11.10"})
FLOW = a_flow(
    client=Peer(role="client", kind="outside", os="outside"),
    server=Peer(role="server", kind="pod", os="windows"),
    via="node-port",
    protocol="udp",
    placement="anywhere",
    service=ServiceSymbols("node-port"),
    enters="other-node",
    entry_os="linux",
)


def a_case(*controls, entry="l1"):
    return Case(
        id="exposure/R[x]",
        area="exposure",
        requirement="R",
        test="exposure/test_x.py::test_x",
        flow=FLOW,
        client=Slot(os="outside", node="", probe="outside"),
        server=Slot(os="windows", node="w1", probe="a"),
        points=(),
        entry=entry,
        controls=controls,
    )


def a_deployment():
    services = Services(None, "podwire-r", "r", ())
    services.found["node-port", "w1-a"] = DeployedService(
        kind="node-port",
        name="node-port-w1-a",
        pod="w1-a",
        cluster_ips={"ipv4": "10.96.0.9"},
        ports={
            "tcp": ServicePort(port=80, protocol="tcp", node_port=30080),
            "udp": ServicePort(port=80, protocol="udp", node_port=30081),
        },
    )
    return Deployment(namespace="podwire-r", run_id="r", probes=(SERVER,), services=services)


def targets(case):
    return {
        control.name: (control.pod, control.host, control.port) for control in controls_of(case, a_deployment(), FACTS)
    }


def test_both_ends_answer_themselves():
    assert targets(a_case()) == {
        "w1-a answers itself": ("w1-a", "10.244.11.10", 8080),
        "the outside host answers itself": ("outside", "203.0.113.10", 8080),
    }


def test_another_way_to_the_same_server():
    found = targets(a_case("cluster-ip"))
    assert found["outside reaches the same server by cluster ip over TCP"] == ("outside", "10.96.0.9", 80)


def test_the_same_way_by_the_node_of_the_server():
    found = targets(a_case("by-the-server-node"))
    assert found["outside reaches the same server by its own node over TCP"] == ("outside", "172.31.0.11", 30080)


def test_controls_follow_no_change():
    case = replace(a_case("by-the-server-node"), flow=FLOW.but(after="service-recreated"))
    assert targets(case) == targets(a_case("by-the-server-node"))
