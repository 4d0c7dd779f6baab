"""What a run changes in the cluster: made together, awaited, and said when it cannot be made or does not show."""

from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest
from changed import replace
from fake_rest import FakeRest

from podwire.catalogue.load import load
from podwire.cluster.deployment import changes, manifests
from podwire.cluster.deployment.changes import CHANGES, make_changes
from podwire.cluster.deployment.services import Services
from podwire.cluster.deployment.workloads import Deployment, Probe
from podwire.content import suites_folder
from podwire.errors import ApiError, Forbidden
from podwire.model.axes import matrix
from podwire.model.flows import LINUX
from podwire.planning.plan import Selection, make_plan
from podwire_lab.model.planned import planned_facts
from podwire_lab.model.profiles import PROFILES


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr("podwire.cluster.deployment.changes.PATIENCE", 0.2)


def a_deployment(rest, *wanted, leaving=()):
    services = Services(rest, "podwire-r1", "r1", wanted)
    with ThreadPoolExecutor(1) as threads:
        services.apply(threads)
    probes = tuple(Probe(pod=pod, node="l1", os="linux", slot="leaving", addresses={"ipv4": ip}) for pod, ip in leaving)
    return Deployment(namespace="podwire-r1", run_id="r1", probes=probes, services=services)


def test_nothing_is_changed_when_nothing_is_asked_for():
    rest = FakeRest()
    assert make_changes(rest, a_deployment(rest, ("twin-first", "l-a")), []) == {}
    assert rest.deleted == []


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


def test_every_change_has_a_docstring_and_a_name_that_a_matrix_may_bear():
    for name, change in CHANGES.items():
        assert change.__doc__
        assert matrix(client=LINUX, server=LINUX, via="pod-ip", after=name).after == name


def test_an_affinity_is_left_alone_for_longer_than_it_lasts(monkeypatch):
    clock = count(100.0, 0.5)
    monkeypatch.setattr(changes.time, "monotonic", lambda: next(clock))
    lasts = manifests.service("r1", "affinity-short")["spec"]["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"]
    (over,) = changes.affinity_idle(None, a_deployment(FakeRest()))
    asked = 0
    while not over():
        asked += 1
    assert asked * 0.5 > lasts


@pytest.mark.parametrize("profile", [name for name in PROFILES if name != "nat"])
def test_no_flow_of_the_cluster_as_it_was_asks_for_what_a_change_touches(profile):
    """Such flows may still be silent, and wait for their time-out, while the changes are made."""
    touched = {"twin-first", "recreated", "leaving", "leaving-load-balancer", "affinity-short"}
    cases = make_plan(*load(suites_folder()), planned_facts(PROFILES[profile]), Selection()).cases.values()
    early = [case for case in cases if not case.flow.change.after]
    assert {case.flow.service.kind for case in cases} >= {"twin-first", "recreated", "affinity-short"}
    assert not [case.id for case in early if case.flow.service.kind in touched]
    assert not [case.id for case in early if "leaving" in (case.client.probe, case.server.probe)]
