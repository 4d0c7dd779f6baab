"""What a watch makes in its cluster, and what it says when it cannot."""

from types import SimpleNamespace

import pytest
import urllib3
from api_objects import daemonset, node
from changed import replace
from fake_api import FakeCluster, serving, status
from plans_for_tests import OVERLAY

from podwire.cluster.rest import RestClient
from podwire.cluster.transport import Patience, bounded
from podwire.errors import ClusterError, UsageError
from podwire.running.run_options import ProbeOptions
from podwire.watching import place

FOREIGN = {"key": "os", "value": "windows", "effect": "NoSchedule"}
UNREACHABLE = {"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}


@pytest.fixture
def cluster():
    nodes = [node(each.name, each.os) for each in OVERLAY.nodes]
    for each in nodes:
        if each["metadata"]["name"] == "windows-1":
            each["spec"]["taints"] = [FOREIGN, UNREACHABLE]
    return FakeCluster(nodes)


@pytest.fixture
def connection(cluster):
    with serving(cluster.answer) as url:
        patience = Patience(connect=1, answer=2, total=0.2, whole=3)
        rest = RestClient(url, bounded(urllib3.PoolManager()), patience=patience)
        yield SimpleNamespace(rest=rest, server=url, options=())


def make(connection, facts=OVERLAY):
    return place.make(connection, facts, "w1", ProbeOptions())


def test_each_system_has_pods_that_move_pods_that_stay_and_a_service(cluster, connection):
    made = make(connection)
    # Two of each on each system: as many as nodes, at least two.
    assert (made.count, made.replicas, made.unwatched) == (8, {"linux": 2, "windows": 2}, [])
    assert cluster.names("deployments") == ["watch-linux", "watch-windows"]
    assert cluster.names("daemonsets") == ["watch-hosts-linux", "watch-hosts-windows"]
    balancers = ["watch-outside-linux", "watch-outside-windows"]
    assert cluster.names("services") == ["watch-linux", *balancers, "watch-windows"]
    spec = made.deployments["windows"]["spec"]["template"]["spec"]
    # The taint of the pool is tolerated. One that says how a node is would keep the pod there.
    assert [each["key"] for each in spec["tolerations"]] == ["os"]
    assert "activeDeadlineSeconds" not in spec
    assert spec["restartPolicy"] == "Always"


def test_a_deployment_gets_more_pods_and_nothing_else_changes(cluster, connection):
    made = make(connection)
    before = made.deployments["windows"]
    assert place.scale(connection, made, "windows", 3)
    after = cluster.objects["deployments", before["metadata"]["namespace"], "watch-windows"]
    assert after == {**before, "spec": {**before["spec"], "replicas": 3}}
    cluster.refuse = lambda method, plural, obj: status(403, "Forbidden", "no") if plural == "deployments" else None
    assert not place.scale(connection, made, "windows", 4)


def test_a_system_without_a_ready_node_is_told(connection):
    nodes = tuple(replace(n, ready=n.os == "linux") for n in OVERLAY.nodes)
    made = make(connection, replace(OVERLAY, nodes=nodes))
    assert made.unwatched == ["no windows node was ready when the watch began, so none of their paths was watched"]
    assert list(made.replicas) == ["linux"]


def test_a_cluster_without_a_ready_node_cannot_be_watched(connection):
    nodes = tuple(replace(n, ready=False) for n in OVERLAY.nodes)
    with pytest.raises(UsageError, match="there is nothing to watch; podwire facts lists the nodes"):
        make(connection, replace(OVERLAY, nodes=nodes))


def test_a_right_that_is_missing_is_one_line_with_the_file_that_gives_it(cluster, connection):
    refusal = status(403, "Forbidden", "deployments.apps is forbidden")
    cluster.refuse = lambda method, plural, obj: refusal if plural == "deployments" else None
    with pytest.raises(
        ClusterError, match=r"deployments.apps is forbidden; .* the rights of manifests/rbac-watch.yaml"
    ):
        make(connection)


def test_an_object_that_the_cluster_refuses_is_named(cluster, connection):
    refusal = status(422, "Invalid", "no such field")
    cluster.refuse = lambda method, plural, obj: refusal if plural == "daemonsets" else None
    with pytest.raises(ClusterError, match=r"refuses DaemonSet watch-hosts-linux of the watch: .*no such field"):
        make(connection)


def test_the_daemonsets_of_kube_proxy_and_of_the_cni_are_followed(cluster, connection):
    for name, namespace in (("kube-proxy", "kube-system"), ("calico-node", "calico-system"), ("logs", "kube-system")):
        cluster.objects["daemonsets", namespace, name] = daemonset(name, namespace)
    assert place.network_pods(connection.rest) == {"kube-proxy": "kube-system", "calico-node": "calico-system"}
    cluster.refuse = lambda method, plural, obj: status(403, "Forbidden", "no")
    assert place.network_pods(connection.rest) == {}


def test_a_load_balancer_without_an_address_is_told(connection, monkeypatch):
    monkeypatch.setattr(place, "BALANCER_SECONDS", 0.0)
    make(connection)
    said = []
    where = place.places(connection, OVERLAY, "w1", said.append)
    assert set(where.services) == {"linux", "windows"}
    assert sorted(said) == [
        f"the load balancer of Service watch-outside-{os} has no address, so its paths were not watched"
        for os in ("linux", "windows")
    ]
    assert not where.outside_asks
