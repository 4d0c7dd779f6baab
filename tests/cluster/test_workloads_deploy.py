"""Deploying to an API server: what is made, what goes wrong with one pod or with all, what is left behind."""

import pytest
from api_objects import node, pod
from changed import replace
from fake_api import FakeCluster, kubeconfig, running, serving, status

from podwire.cluster.connect import connect
from podwire.cluster.deployment.removal import clean_up
from podwire.cluster.deployment.waiting import Limits, why_lost
from podwire.cluster.deployment.workloads import DeployOptions, deploy, undeploy
from podwire.cluster.discovery.discover import discover
from podwire.errors import ClusterError, UsageError
from podwire.planning.prerequisites import Needs, ServiceNeed

NODES = (node("l1"), node("l2"), node("w1", "windows"))
QUICK = Limits(ready=1.0, image=0.1, schedule=0.1, container=0.1)


@pytest.fixture
def reach(tmp_path):
    """A function that serves a fake cluster and connects to it."""
    open_servers = []

    def serve(cluster):
        server = serving(cluster.answer)
        open_servers.append(server)
        return connect(kubeconfig(tmp_path / "k", server.__enter__()))

    yield serve
    for server in open_servers:
        server.__exit__(None, None, None)


def put(connection, **options):
    return deploy(connection, discover(connection), DeployOptions(run_id="r1", limits=QUICK, **options))


def trouble(name, pod, **state):
    """The status of a pod that waits, if it is the one of that name."""
    waits = {"phase": "Pending", "containerStatuses": [{"state": {"waiting": state}}]}
    return waits if pod["metadata"]["name"] == name else running(pod)


def test_every_chosen_node_gets_two_pods_and_a_host_probe(reach):
    cluster = FakeCluster(NODES)
    deployment = put(reach(cluster), nodes_per_os=1)
    assert [probe.pod for probe in deployment.probes] == ["l1-a", "l1-b", "l1-host", "w1-a", "w1-b", "w1-host"]
    assert cluster.names("services") == ["pods"]
    assert cluster.names("configmaps") == ["podwire-agent"]
    assert deployment.problems == {}
    probe = deployment.probe("w1-a")
    assert (probe.node, probe.os, probe.kind, probe.port) == ("w1", "windows", "pod", 8080)
    assert deployment.on("l1", "host").port == 18080


def test_the_special_pods_and_the_services_of_the_plan_are_made(reach):
    cluster = FakeCluster(NODES)
    needs = Needs(
        pods=(("l1", "custom-dns"), ("l1", "dns-server"), ("l2", "leaving")),
        services=(
            ServiceNeed(kind="dns"),
            ServiceNeed(kind="echo", node="w1", probe="a"),
            ServiceNeed(kind="leaving", node="l2", probe="leaving"),
        ),
    )
    deployment = put(reach(cluster), nodes_per_os=1, needs=needs)
    # The second Linux node takes no part, and so nothing of it does.
    assert cluster.names("services") == ["dns", "echo-w1-a", "pods"]
    assert [probe.slot for probe in deployment.probes if probe.node == "l1"] == [
        *("a", "b", "host", "custom-dns", "dns-server")
    ]
    assert cluster.objects["services", "podwire-r1", "echo-w1-a"]["spec"]["selector"]["podwire.dev/probe"] == "w1-a"
    address = deployment.services.found["dns", ""].cluster_ips["ipv4"]
    asked = cluster.objects["pods", "podwire-r1", "l1-custom-dns"]["spec"]["dnsConfig"]["nameservers"]
    assert asked == [address]


def put_grouped(connection):
    facts = replace(discover(connection), pod_security_group="sg-0a")
    needs = Needs(pods=(("l1", "grouped"), ("w1", "grouped")))
    return deploy(connection, facts, DeployOptions(run_id="r1", limits=QUICK, needs=needs))


def test_a_security_group_is_told_before_the_pods_that_are_to_be_in_it(reach):
    cluster = FakeCluster(NODES)
    assert put_grouped(reach(cluster)).problems == {}
    policy = cluster.objects["securitygrouppolicies", "podwire-r1", "grouped"]["spec"]
    chosen = cluster.objects["pods", "podwire-r1", "w1-grouped"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= chosen.items()
    assert policy["securityGroups"]["groupIds"] == ["sg-0a"]
    made = [path.rsplit("/", 2)[1] for method, path, _ in cluster.requests if method == "PATCH"]
    assert made.index("securitygrouppolicies") < made.index("pods")


def test_where_that_cannot_be_told_there_are_no_such_pods_and_all_others(reach):
    missing = status(404, "NotFound", "the server could not find the requested resource")
    cluster = FakeCluster(
        NODES, refuse=lambda method, plural, _: missing if plural == "securitygrouppolicies" else None
    )
    deployment = put_grouped(reach(cluster))
    assert set(deployment.problems) == {"l1-grouped", "w1-grouped"}
    assert "podwire could not make its SecurityGroupPolicy" in deployment.problems["w1-grouped"]
    assert "l1-grouped" not in cluster.names("pods")
    assert len(list(deployment.available())) == 9


def test_the_namespace_says_who_made_it(reach):
    cluster = FakeCluster(NODES)
    put(reach(cluster))
    namespace = cluster.objects["namespaces", None, "podwire-r1"]
    assert namespace["metadata"]["labels"]["podwire.dev/run"] == "r1"
    assert "@" in namespace["metadata"]["annotations"]["podwire.dev/owner"]


def test_an_image_that_cannot_be_pulled_is_one_pods_problem(reach):
    why = {"reason": "ErrImagePull", "message": "not found"}
    cluster = FakeCluster(NODES, pod_status=lambda pod: trouble("w1-b", pod, **why))
    deployment = put(reach(cluster), windows_image="python:none")
    assert deployment.problems == {"w1-b": "image python:none cannot be pulled on node w1: not found"}
    assert deployment.probe("w1-b").addresses == {}
    assert len(list(deployment.available())) == 8


def test_a_pod_that_never_starts_is_given_up_after_a_bounded_wait(reach):
    cluster = FakeCluster(NODES, pod_status=lambda pod: trouble("l2-a", pod, reason="ContainerCreating"))
    problem = put(reach(cluster)).problems["l2-a"]
    assert problem == "not ready after 1 s: ContainerCreating"


def test_a_pod_whose_name_server_is_refused_is_not_made(reach):
    def refuse(method, plural, obj):
        name = (obj or {}).get("metadata", {}).get("name")
        return status(403, "Forbidden", "exceeded quota: q") if (plural, name) == ("services", "dns") else None

    cluster = FakeCluster(NODES, refuse=refuse)
    needs = Needs(pods=(("l1", "custom-dns"), ("l1", "dns-server")), services=(ServiceNeed(kind="dns"),))
    deployment = put(reach(cluster), needs=needs)
    words = "it has no name server: Service dns: the API server refuses it: exceeded quota: q"
    assert deployment.problems == {"l1-custom-dns": words}
    assert "l1-custom-dns" not in cluster.names("pods")


def test_a_pod_that_the_server_refuses_is_its_own_problem(reach):
    def refuse(method, plural, obj):
        if method == "PATCH" and obj["metadata"]["name"] == "l1-host":
            return status(403, "Forbidden", 'pods "l1-host" is forbidden: exceeded quota: q')
        return None

    deployment = put(reach(FakeCluster(NODES, refuse=refuse)))
    assert deployment.problems == {
        "l1-host": 'the API server refuses it: pods "l1-host" is forbidden: exceeded quota: q'
    }


def test_pods_wait_for_the_default_service_account_of_a_new_namespace(reach):
    late = [
        status(
            403, "Forbidden", 'error looking up service account podwire-r1/default: serviceaccount "default" not found'
        )
    ]
    cluster = FakeCluster(
        NODES, refuse=lambda method, plural, _: late.pop() if late and (method, plural) == ("PATCH", "pods") else None
    )
    assert put(reach(cluster)).problems == {}
    assert not late


@pytest.mark.parametrize(
    ("forbidden", "said"),
    [
        (("POST", "namespaces"), "not allowed to create namespaces: .*manifests/rbac.yaml"),
        (("PATCH", "pods"), "not allowed to patch pods l1-a in namespace podwire-r1: .*manifests/rbac.yaml"),
    ],
)
def test_missing_rights_end_the_run_and_leave_nothing(reach, forbidden, said):
    words = 'User "weak" cannot patch resource "pods" in API group ""'
    cluster = FakeCluster(
        NODES, refuse=lambda *call: status(403, "Forbidden", words) if call[:2] == forbidden else None
    )
    with pytest.raises(ClusterError, match=said):
        put(reach(cluster), nodes_per_os=1)
    assert cluster.names("namespaces") == []


def test_when_no_probe_is_ready_the_cluster_cannot_be_used(reach):
    cluster = FakeCluster(NODES, pod_status=lambda pod: {"phase": "Failed", "reason": "NodeLost"})
    with pytest.raises(ClusterError, match="no probe became ready; l1-a: it has ended: NodeLost"):
        put(reach(cluster))
    assert cluster.names("namespaces") == []


def test_a_namespace_of_somebody_else_is_left_alone(reach):
    cluster = FakeCluster(NODES)
    cluster.objects["namespaces", None, "podwire-r1"] = {"metadata": {"name": "podwire-r1", "labels": {}}}
    connection = reach(cluster)
    with pytest.raises(UsageError, match="namespace podwire-r1 exists and is not podwire's"):
        put(connection)
    with pytest.raises(UsageError, match="is not podwire's"):
        undeploy(connection, "podwire-r1")
    assert cluster.names("namespaces") == ["podwire-r1"]


@pytest.mark.parametrize("run_id", ["", "A", "a_b", "-a", "a" * 41])
def test_a_run_id_must_be_a_label(reach, run_id):
    connection = reach(FakeCluster(NODES))
    with pytest.raises(UsageError, match="run id"):
        deploy(connection, discover(connection), DeployOptions(run_id=run_id))


def test_without_a_usable_node_nothing_is_made(reach):
    cluster = FakeCluster([node("l1", ready=False)])
    with pytest.raises(ClusterError, match="no node is ready and schedulable; node l1 is not ready: container runt"):
        put(reach(cluster))
    assert cluster.names("namespaces") == []


def test_a_node_that_is_not_ready_gets_nothing_and_is_not_waited_for(reach):
    cluster = FakeCluster([*NODES, node("w2", "windows", ready=False)])
    deployment = put(reach(cluster), needs=Needs(pods=(("w2", "leaving"), ("w1", "leaving"))))
    assert deployment.problems == {}
    assert {probe.node for probe in deployment.probes} == {"l1", "l2", "w1"}
    assert not [name for name in cluster.names("pods") if name.startswith("w2")]


def lost(cluster, name):
    """A pod's status for a node that the cluster loses when its first probe is asked for."""

    def of(pod):
        if not pod["metadata"]["name"].startswith(name):
            return running(pod)
        condition = cluster.objects["nodes", None, name]["status"]["conditions"][0]
        condition |= {"status": "Unknown", "message": "Kubelet stopped posting node status."}
        return running(pod) if pod["metadata"]["name"].endswith("-a") else {"phase": "Pending"}

    return of


def test_a_node_that_is_lost_while_probes_start_is_the_problem_of_its_own_pods(reach, monkeypatch):
    monkeypatch.setattr("podwire.cluster.deployment.waiting.LOOKS_AT_NODES", 0.0)
    cluster = FakeCluster(NODES)
    cluster.pod_status = lost(cluster, "w1")
    limits = replace(QUICK, ready=600.0, node=0.1)
    connection = reach(cluster)
    deployment = deploy(connection, discover(connection), DeployOptions(run_id="r1", limits=limits))
    why = "node w1 is not ready: Kubelet stopped posting node status."
    assert deployment.problems == dict.fromkeys(("w1-a", "w1-b", "w1-host"), why)
    assert len(list(deployment.available())) == 6


def test_a_node_that_comes_back_in_time_costs_nothing(reach, monkeypatch):
    monkeypatch.setattr("podwire.cluster.deployment.waiting.LOOKS_AT_NODES", 0.0)
    cluster = FakeCluster(NODES)
    looks = []

    def status_of(pod):
        if pod["metadata"]["name"] != "w1-b":
            return running(pod)
        looks.append(pod)
        ready = cluster.objects["nodes", None, "w1"]["status"]["conditions"][0]
        ready["status"] = "Unknown" if len(looks) < 4 else "True"
        return running(pod) if len(looks) > 6 else {"phase": "Pending"}

    cluster.pod_status = status_of
    connection = reach(cluster)
    limits = replace(QUICK, ready=600.0, node=300.0)
    assert deploy(connection, discover(connection), DeployOptions(run_id="r1", limits=limits)).problems == {}


def test_an_interrupt_in_the_middle_leaves_nothing(reach, monkeypatch):
    cluster = FakeCluster(NODES)
    connection = reach(cluster)

    def interrupted(*_):
        assert cluster.names("pods")
        raise KeyboardInterrupt

    monkeypatch.setattr("podwire.cluster.deployment.waiting.PodWait.wait", interrupted)
    with pytest.raises(KeyboardInterrupt):
        put(connection, needs=BESIDE)
    assert cluster.names("namespaces") == cluster.names("pods") == []


BESIDE = Needs(pods=(("l1", "np-blue"), ("w1", "np-closed")))


def test_a_pod_in_a_namespace_of_its_own_gets_one_with_an_agent(reach):
    cluster = FakeCluster(NODES)
    connection = reach(cluster)
    deployment = put(connection, needs=BESIDE)
    assert cluster.names("namespaces") == ["podwire-r1", "podwire-r1-blue"]
    assert cluster.objects["namespaces", None, "podwire-r1-blue"]["metadata"]["labels"]["podwire.dev/team"] == "blue"
    assert [space for kind, space, _ in cluster.objects if kind == "configmaps"] == ["podwire-r1", "podwire-r1-blue"]
    assert ("pods", "podwire-r1-blue", "l1-np-blue") in cluster.objects
    assert deployment.problems == {}
    assert deployment.spaces == ("podwire-r1-blue",)
    assert deployment.namespace_of("l1-np-blue") == "podwire-r1-blue"
    assert deployment.namespace_of("w1-np-closed") == deployment.namespace_of("l1-a") == "podwire-r1"
    assert clean_up(connection, deployment.namespace, *deployment.spaces) == []
    assert cluster.names("namespaces") == cluster.names("pods") == []


@pytest.mark.parametrize("labels", [{}, {"app.kubernetes.io/managed-by": "podwire", "podwire.dev/run": "r1-blue"}])
def test_a_namespace_of_somebody_else_beside_the_run_is_left_alone(reach, labels):
    cluster = FakeCluster(NODES)
    theirs = {"metadata": {"name": "podwire-r1-blue", "labels": labels}}
    cluster.objects["namespaces", None, "podwire-r1-blue"] = theirs
    connection = reach(cluster)
    with pytest.raises(UsageError, match="podwire-r1-blue exists and is not podwire's"):
        put(connection, needs=BESIDE)
    assert cluster.names("namespaces") == ["podwire-r1-blue"]
    left = clean_up(connection, "podwire-r1-blue", run_id="r1", seconds=0.1)
    assert any("podwire does not remove it" in line for line in left)
    assert cluster.names("namespaces") == ["podwire-r1-blue"]


def test_what_stays_is_said(reach):
    cluster = FakeCluster(NODES)
    connection = reach(cluster)
    put(connection)
    cluster.endless = True
    assert undeploy(connection, "podwire-r1", seconds=0.1) == [
        "namespace podwire-r1 is still being deleted after 0 s",
        "namespace podwire-r1: pods. has 1 resource",
    ]


def test_undeploying_what_is_gone_is_fine(reach):
    assert undeploy(reach(FakeCluster(NODES)), "podwire-r1") == []


@pytest.mark.parametrize(
    ("seen", "ready", "why"),
    [
        (None, True, "pod p was deleted"),
        (pod("p", phase="Failed", reason="Evicted"), True, "pod p: it has ended: Evicted"),
        (
            pod("p", ready=True, ips=("10.0.0.1",)),
            *(False, "node w is not ready: container runtime network not ready: cni plugin not initialized"),
        ),
        (pod("p", ready=True, ips=("10.0.0.1",)), True, ""),
    ],
)
def test_why_a_probe_was_lost_in_mid_run(reach, seen, ready, why):
    cluster = FakeCluster([node("w", "windows", ready=ready)])
    if seen:
        cluster.objects["pods", "podwire-r", "p"] = seen
    assert why_lost(reach(cluster).rest, "podwire-r", "p") == why
