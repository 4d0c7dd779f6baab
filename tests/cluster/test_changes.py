"""What a run changes in the cluster: made together, awaited, and said when it cannot be made or does not show."""

import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
import yaml
from changed import replace
from fake_rest import FakeRest

from podwire.cluster.deployment import manifests
from podwire.cluster.deployment.changes import services as changes_of_services
from podwire.cluster.deployment.changes.making import MAKE, make_change
from podwire.cluster.deployment.services import Services
from podwire.cluster.deployment.workloads import Deployment, Probe
from podwire.content import manifests_folder
from podwire.errors import ApiError, Forbidden
from podwire.model.axes.matrix import matrix
from podwire.model.changes.table import CHANGES
from podwire.model.flows import LINUX


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr("podwire.cluster.deployment.changes.waits.PATIENCE", 0.2)


def a_deployment(rest, *wanted, leaving=()):
    services = Services(rest, "podwire-r1", "r1", wanted)
    with ThreadPoolExecutor(1) as threads:
        services.apply(threads)
    probes = tuple(Probe(pod=pod, node="l1", os="linux", slot="leaving", addresses={"ipv4": ip}) for pod, ip in leaving)
    return Deployment(namespace="podwire-r1", run_id="r1", probes=probes, services=services)


def make_changes(rest, deployment, names):
    """The problems of these changes, by name."""
    return {name: problem for name in names if (problem := make_change(rest, deployment, name).problem)}


def test_of_two_services_the_first_goes_and_is_waited_for():
    rest = FakeRest(lag=2)
    deployment = a_deployment(rest, ("twin-first", "l-a"), ("twin-second", "l-a"), ("twin-first", "w-a"))
    before = deployment.services.found["twin-first", "l-a"]
    assert make_changes(rest, deployment, ["first-twin-deleted"]) == {}
    assert rest.deleted == [("services", "twin-first-l-a"), ("services", "twin-first-w-a")]
    assert sorted(name for kind, name in rest.objects if kind == "services") == ["pods", "twin-second-l-a"]
    assert deployment.former["twin-first", "l-a"] == before


def test_a_service_that_does_not_go_is_said():
    rest = FakeRest(lag=10**6)
    problems = make_changes(rest, a_deployment(rest, ("twin-first", "l-a")), ["first-twin-deleted"])
    assert problems == {
        "first-twin-deleted": "podwire could not see the change 'first-twin-deleted': "
        "the API server did not show it within 0.2 s"
    }


def test_a_service_is_made_again_with_another_address_port_and_type():
    rest = FakeRest(lag=1)
    deployment = a_deployment(rest, ("recreated", "l-a"), ("echo", "l-a"))
    before = deployment.services.found["recreated", "l-a"]
    assert make_changes(rest, deployment, ["service-recreated"]) == {}
    after = deployment.services.found["recreated", "l-a"]
    assert deployment.former["recreated", "l-a"] == before
    assert set(before.cluster_ips.values()).isdisjoint(after.cluster_ips.values())
    assert after.ports["tcp"].port == before.ports["tcp"].port + 1
    assert rest.objects["services", "recreated-l-a"]["spec"]["type"] == "NodePort"
    assert rest.deleted == [("services", "recreated-l-a")]


def test_a_service_that_gets_its_old_address_again_says_nothing_of_new_ones():
    def the_same(obj):
        obj["spec"]["clusterIPs"] = ["10.96.0.1", "fd10:96::1"]
        return obj

    rest = FakeRest(on_apply=the_same)
    deployment = a_deployment(rest, ("recreated", "l-a"))
    assert make_changes(rest, deployment, ["service-recreated"]) == {}
    words = "Service recreated-l-a could not be made again: the API server gave it its former address"
    assert deployment.services.problems == {("recreated", "l-a"): words}


def an_endpoint(ip, ready, **more):
    return {"addresses": [ip], "conditions": {"ready": ready, "serving": True, "terminating": not ready}, **more}


def slice_of(*endpoints):
    return {"metadata": {}, "endpoints": list(endpoints)}


@pytest.mark.parametrize(
    ("endpoints", "shows"),
    [
        ([an_endpoint("10.0.0.5", False)], True),
        ([an_endpoint("10.0.0.5", True)], False),
        # The Service that names pods publishes them whether they are ready or not.
        ([an_endpoint("10.0.0.5", False), an_endpoint("10.0.0.5", True, hostname="l1-leaving")], True),
        # Others stay as they are.
        ([an_endpoint("10.0.0.5", False), an_endpoint("10.0.0.9", True)], True),
    ],
)
def test_pods_that_leave_are_told_to_go_and_show_as_terminating(endpoints, shows):
    rest = FakeRest()
    rest.objects["endpointslices", "x"] = slice_of(*endpoints)
    deployment = a_deployment(rest, leaving=[("l1-leaving", "10.0.0.5")])
    problems = make_changes(rest, deployment, ["pods-leaving"])
    assert rest.deleted == [("pods", "l1-leaving")]
    assert (problems == {}) is shows


@pytest.mark.parametrize(("address", "shows"), [("10.0.0.5", False), ("10.0.0.6", True)])
def test_a_backend_is_gone_when_no_slice_has_its_address(address, shows):
    rest = FakeRest()
    rest.objects["endpointslices", "x"] = slice_of({"addresses": [address], "conditions": {"ready": True}})
    probes = tuple(
        Probe(pod=f"l1-{slot}", node="l1", os="linux", slot=slot, addresses={"ipv4": ip})
        for slot, ip in (("outlived-gone", "10.0.0.5"), ("outlived-left", "10.0.0.6"))
    )
    deployment = replace(a_deployment(rest), probes=probes)
    problems = make_changes(rest, deployment, ["backend-gone"])
    assert rest.deleted == [("pods", "l1-outlived-gone")]
    assert (problems == {}) is shows


def refusing(*names, text="not allowed to delete it"):
    """An API that does not delete these."""

    class Refusing(FakeRest):
        def delete(self, resource, namespace, name, **more):
            if name in names:
                raise ApiError(text, status=403, message=text)
            return super().delete(resource, namespace, name, **more)

    return Refusing()


def test_one_change_that_fails_does_not_keep_the_others_back():
    rest = refusing("l1-leaving")
    deployment = a_deployment(rest, ("recreated", "l-a"), leaving=[("l1-leaving", "10.0.0.5")])
    problems = make_changes(rest, deployment, ["pods-leaving", "service-recreated"])
    assert problems == {"pods-leaving": "podwire could not make the change 'pods-leaving': not allowed to delete it"}
    assert ("recreated", "l-a") in deployment.former


@pytest.mark.parametrize(
    ("kind", "change", "what"),
    [("twin-first", "first-twin-deleted", "be deleted"), ("recreated", "service-recreated", "be made again")],
)
def test_one_service_that_is_not_changed_costs_its_own_cases(kind, change, what):
    rest = refusing(f"{kind}-l-a")
    deployment = a_deployment(rest, (kind, "l-a"), (kind, "w-a"))
    assert make_changes(rest, deployment, [change]) == {}
    words = f"Service {kind}-l-a could not {what}: not allowed to delete it"
    assert deployment.services.problems == {(kind, "l-a"): words}
    assert rest.deleted == [("services", f"{kind}-w-a")]


def test_missing_rights_are_the_problem_of_the_whole_change():
    class Weak(FakeRest):
        def delete(self, *_, **more):
            message = 'User "weak" cannot delete resource "services" in API group ""'
            raise Forbidden("not allowed to delete services", status=403, message=message)

    rest = Weak()
    deployment = a_deployment(rest, ("twin-first", "l-a"))
    problems = make_changes(rest, deployment, ["first-twin-deleted"])
    assert problems == {
        "first-twin-deleted": "podwire could not make the change 'first-twin-deleted': not allowed to delete services"
    }
    assert deployment.services.problems == {}


def test_every_row_has_a_function_and_a_name_that_a_matrix_may_bear():
    assert MAKE.keys() == {name for name, row in CHANGES.items() if not row.restarts}
    for name in CHANGES:
        assert matrix(client=LINUX, server=LINUX, via="pod-ip", after=name).after == name


def test_a_change_that_was_made_says_when_the_api_showed_it():
    rest = FakeRest(lag=2)
    before = time.monotonic()
    made = make_change(rest, a_deployment(rest, ("twin-first", "l-a")), "first-twin-deleted")
    assert before < made.shown <= time.monotonic()


def test_load_balancers_count_from_the_moment_in_which_they_had_their_addresses():
    deployment = a_deployment(FakeRest())
    deployment.services.addressed = 4711.0
    assert make_change(None, deployment, "load-balancers-made").shown == 4711.0


def test_an_affinity_is_left_alone_for_longer_than_it_lasts(monkeypatch):
    clock = count(100.0, 0.5)
    monkeypatch.setattr(changes_of_services.time, "monotonic", lambda: next(clock))
    lasts = manifests.service("r1", "affinity-short")["spec"]["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"]
    (over,) = changes_of_services.affinity_idle(None, a_deployment(FakeRest()))
    asked = 0
    while not over():
        asked += 1
    assert asked * 0.5 > lasts


@pytest.mark.parametrize("file", ["rbac.yaml", "rbac-namespace.yaml"])
def test_a_run_is_given_the_rights_that_its_changes_need(file):
    documents = [one for one in yaml.safe_load_all((manifests_folder() / file).read_text()) if one]
    given = {
        f"{verb} {resource}"
        for one in documents
        if one["kind"] in ("Role", "ClusterRole")
        for rule in one["rules"]
        for verb in rule["verbs"]
        for resource in rule["resources"]
    }
    assert {right for row in CHANGES.values() for right in row.rights} <= given
