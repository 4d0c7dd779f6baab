"""Lists of endpoints that the run writes: their pods, their slices, and what happens where they cannot be written."""

from changed import replace
from deployments import a_deployment
from fake_rest import FakeRest
from plans_for_tests import L2BRIDGE

from podwire.cluster.deployment.changes.making import make_change
from podwire.cluster.deployment.endpoint_lists import write_lists
from podwire.cluster.deployment.services import DeployedService, ServicePort
from podwire.errors import ApiError
from podwire.model.changes.endpoint_lists import AFTER, AT_FIRST, MOST

PORTS = {
    "tcp": ServicePort(port=80, protocol="tcp", target=8080),
    "udp": ServicePort(port=80, protocol="udp", target=8080),
}
BOTH = {"ipv4": "10.96.1.1", "ipv6": "fd10:96::1:1"}


def a_run(*kinds, families=BOTH):
    """A deployment with these kinds of Services, which have no endpoints yet."""
    deployment = a_deployment(L2BRIDGE)
    for kind in kinds:
        deployment.services.found[kind, ""] = DeployedService(kind=kind, name=kind, cluster_ips=families, ports=PORTS)
    return deployment


def written(deployment, lists=AT_FIRST, rest=None):
    rest = rest or FakeRest()
    members = write_lists(rest, deployment.run_id, deployment.services, deployment.probes, lists)
    return members, {obj["metadata"]["name"]: obj for obj in rest.applied}


def test_a_list_has_pods_of_both_systems_in_a_slice_for_each_family():
    members, slices = written(a_run("scaled-down"))
    assert members == {"scaled-down": {"linux-1-b", "windows-1-b", "linux-2-b"}}
    assert set(slices) == {"scaled-down-ipv4", "scaled-down-ipv6"}
    four = slices["scaled-down-ipv4"]
    assert four["metadata"]["labels"]["kubernetes.io/service-name"] == "scaled-down"
    assert [endpoint["nodeName"] for endpoint in four["endpoints"]] == ["linux-1", "windows-1", "linux-2"]
    assert four["ports"][1] == {"name": "udp", "port": 8080, "protocol": "UDP"}


def test_a_family_that_the_service_lacks_has_no_slice():
    assert set(written(a_run("replaced", families={"ipv4": "10.96.1.1"}))[1]) == {"replaced-ipv4"}


def test_an_endpoint_that_is_not_ready_stays_in_the_slice_and_is_no_member():
    members, slices = written(a_run("unready"), AFTER["endpoint-unready"])
    assert members == {"unready": {"linux-1-b"}}
    assert [endpoint["conditions"]["ready"] for endpoint in slices["unready-ipv4"]["endpoints"]] == [True, False]


def test_a_change_writes_the_new_list_and_says_who_answers_now():
    deployment, rest = a_run("emptied", "replaced"), FakeRest()
    deployment.members.update(written(deployment)[0])
    assert make_change(rest, deployment, "endpoints-gone").problem == ""
    assert deployment.members["emptied"] == frozenset()
    assert [obj["endpoints"] for obj in rest.applied] == [[], []]
    assert make_change(rest, deployment, "endpoints-back").shown
    assert deployment.members["emptied"] == {"linux-1-b", "windows-1-b"}
    assert deployment.members["replaced"] == {"linux-1-b", "windows-1-b"}


def test_too_few_pods_are_the_problem_of_the_services():
    deployment = a_run("replaced")
    few = replace(deployment, probes=tuple(probe for probe in deployment.probes if probe.node == "linux-1"))
    assert written(few) == ({}, {})
    words = f"Service replaced needs {MOST} pods as its endpoints, and 2 are ready"
    assert few.services.problems == {("replaced", ""): words}


def a_run_for(pod):
    deployment = a_run()
    service = DeployedService(kind="interrupted", name=f"interrupted-{pod}", pod=pod, cluster_ips=BOTH, ports=PORTS)
    deployment.services.found["interrupted", pod] = service
    return deployment


def test_the_list_of_a_service_for_a_pod_has_that_pod_and_shares_no_members():
    deployment = a_run_for("linux-2-a")
    members, slices = written(deployment)
    assert members == {}
    assert [endpoint["nodeName"] for endpoint in slices["interrupted-linux-2-a-ipv4"]["endpoints"]] == ["linux-2"]
    assert written(deployment, AFTER["endpoints-gone"])[1]["interrupted-linux-2-a-ipv4"]["endpoints"] == []


def test_a_service_whose_pod_never_came_has_a_problem():
    deployment = a_run_for("linux-9-a")
    assert written(deployment) == ({}, {})
    assert list(deployment.services.problems) == [("interrupted", "linux-9-a")]


def test_a_list_that_the_api_refuses_is_the_problem_of_its_service():
    error = ApiError("no", status=422, message="too many")
    rest = FakeRest(refuse=lambda obj: error if obj["metadata"]["name"].startswith("replaced") else None)
    deployment = a_run("replaced", "emptied")
    written(deployment, rest=rest)
    words = "the endpoints of Service replaced: the API server refuses them: too many"
    assert deployment.services.problems == {("replaced", ""): words}
