"""The values of what HNS must have: pods' endpoints, and load balancers, at the moment of a reading."""

from fake_rest import FakeRest
from plans_for_tests import L2BRIDGE, cases

from podwire.cluster.deployment.balanced import BalancedServices
from podwire.cluster.deployment.services import DeployedService, ServicePort, Services
from podwire.cluster.deployment.workloads import Deployment, Probe
from podwire.errors import ApiError
from podwire.planning.acts import acts_of
from podwire.planning.prerequisites import ServiceNeed, needs_of, shown_by
from podwire.probing.bindings.hns import of_hns

NODE = {"client": "windows", "client_kind": "host", "server": "windows", "placement": "same-node", "via": "pod-ip"}
READS = {**NODE, "protocol": "tool", "family": "ipv4"}
SERVICE = {
    "metadata": {"name": "echo", "namespace": "podwire-r1"},
    "spec": {"clusterIPs": ["10.96.0.80"], "ports": [{"name": "tcp", "port": 80}]},
}
SLICE = {
    "metadata": {"namespace": "podwire-r1", "labels": {"kubernetes.io/service-name": "echo"}},
    "addressType": "IPv4",
    "ports": [{"name": "tcp"}],
    "endpoints": [{"addresses": ["10.244.1.2"], "nodeName": "linux-1"}],
}


def reading(tool="hns-load-balancers", **axes):
    (case,) = cases(**READS, tool=tool, **axes)
    return case


def values(case, rest=None, **more):
    rest = rest or FakeRest()
    rest.objects |= {("services", "echo"): SERVICE, ("endpointslices", "echo-0"): SLICE}
    on = {"node": case.client.node, "os": "windows"}
    probes = (
        Probe(pod="w-a", slot="a", addresses={"ipv4": "10.244.11.2"}, **on),
        Probe(pod="w-b", slot="b", addresses={"ipv4": "10.244.11.3"}, **on),
        Probe(pod="w-leaving", slot="leaving", addresses={"ipv4": "10.244.11.4"}, **on),
        Probe(pod="other-a", slot="a", node="linux-1", os="linux", addresses={"ipv4": "10.244.1.2"}),
    )
    deployment = Deployment(
        namespace="podwire-r1",
        run_id="r1",
        probes=probes,
        services=Services(rest, "podwire-r1", "r1", []),
        addresses_of_others=frozenset({"10.244.11.50"}),
        balanced=BalancedServices(rest, "podwire-r1"),
        **more,
    )
    return of_hns(case, deployment, L2BRIDGE)


def test_the_pods_of_a_node_are_those_that_stay_ready():
    found = values(reading("hns-endpoints"))
    assert found == {"client.node.pods": ("10.244.11.2", "10.244.11.3"), "client.node.other_pods": ("10.244.11.50",)}


def test_load_balancers_follow_from_services_and_former_ones_may_be_there():
    former = DeployedService(
        kind="twin-first",
        name="twin-first-l-a",
        cluster_ips={"ipv4": "10.96.0.9"},
        ports={"tcp": ServicePort(port=80, protocol="tcp")},
    )
    found = values(reading(), former={("twin-first", "l-a"): former})
    assert found["client.node.frontends"] == ("10.96.0.80 tcp 80",)
    assert found["client.node.possible_frontends"] == ("10.96.0.9 tcp 80",)


def test_an_api_that_does_not_answer_leaves_them_unknown():
    class Broken(FakeRest):
        def list(self, resource, namespace=None, **_):
            raise ApiError("the API server is down", status=500)

    found = values(reading(), Broken())
    assert "client.node.frontends" not in found
    assert found["client.node.frontends.unknown"] == found["client.node.possible_frontends.unknown"] != ""


def test_a_reading_after_the_change_waits_until_a_pod_of_the_node_sees_it():
    case = reading(after="all-endpoints-not-ready")
    own = ServiceNeed(kind="no-longer-ready", node=case.server.node, probe=case.server.probe)
    assert needs_of([case], L2BRIDGE).services == (own,)
    shown = shown_by(case)
    assert (shown.id, shown.client, shown.flow.via, shown.flow.protocol) == (case.id, case.server, "cluster-ip", "tcp")
    assert (shown.flow.service.kind, shown.flow.change.settles) == ("no-longer-ready", "unanswered")
    assert [act.changes for act in acts_of([case])] == [(), ("all-endpoints-not-ready",)]


def test_a_load_balancer_that_outlives_its_pods_is_awaited_at_a_service_that_does_not():
    axes = {"client_kind": "outside", "server": "linux", "via": "node-port", "enters": "other-node"}
    kind = {"service": "no-longer-ready-balanced", "after": "all-endpoints-not-ready", "settles": "unanswered"}
    (case,) = cases(**axes, **kind, entry_os="windows", family="ipv4")
    kinds = {need.kind for need in needs_of([case], L2BRIDGE).services}
    assert kinds == {"no-longer-ready", "no-longer-ready-balanced"}
    assert shown_by(case).flow.service.kind == "no-longer-ready"
    assert shown_by(reading()) == reading()
