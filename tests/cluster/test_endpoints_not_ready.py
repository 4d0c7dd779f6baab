"""The change by which all endpoints of a Service stop being ready at once."""

from concurrent.futures import ThreadPoolExecutor

from fake_rest import FakeRest

from podwire.cluster.deployment.changes.making import make_change
from podwire.cluster.deployment.services import Services
from podwire.cluster.deployment.workloads import Deployment, Probe
from podwire.errors import ApiError

PROBE = Probe(pod="l-a", node="l1", os="linux", slot="a", addresses={"ipv4": "10.244.1.2", "ipv6": "fd10:244::2"})
PLACES = {PROBE.pod: (PROBE.node, PROBE.addresses)}
KINDS = ("no-longer-ready", "no-longer-ready-balanced", "echo")


def a_deployment(rest):
    services = Services(rest, "podwire-r1", "r1", [(kind, "l-a") for kind in KINDS])
    with ThreadPoolExecutor(1) as threads:
        services.apply(threads)
    for service in rest.list("services"):
        service["status"] = {"loadBalancer": {"ingress": [{"ip": "203.0.113.5"}]}}
    assert services.complete([], [], pods=PLACES) == []
    return Deployment(namespace="podwire-r1", run_id="r1", probes=(PROBE,), services=services)


def slices(rest):
    return {
        obj["metadata"]["name"]: (
            obj["addressType"],
            obj["endpoints"][0]["addresses"],
            obj["endpoints"][0]["conditions"],
        )
        for obj in rest.list("endpointslices")
    }


def test_podwire_writes_the_endpoints_of_both_kinds_and_of_no_other():
    rest = FakeRest()
    a_deployment(rest)
    ready = {"ready": True, "serving": True, "terminating": False}
    for kind in KINDS[:2]:
        assert slices(rest)[f"{kind}-l-a-ipv4"] == ("IPv4", ["10.244.1.2"], ready)
        assert slices(rest)[f"{kind}-l-a-ipv6"] == ("IPv6", ["fd10:244::2"], ready)
    assert len(slices(rest)) == 4


def test_the_service_that_shows_the_change_loses_its_endpoints_last():
    rest = FakeRest()
    deployment = a_deployment(rest)
    before = len(rest.applied)
    assert not make_change(rest, deployment, "all-endpoints-not-ready").problem
    changed = [obj["metadata"]["labels"]["kubernetes.io/service-name"] for obj in rest.applied[before:]]
    assert changed == ["no-longer-ready-balanced-l-a"] * 2 + ["no-longer-ready-l-a"] * 2
    not_ready = {"ready": False, "serving": False, "terminating": False}
    assert {str(conditions) for _, _, conditions in slices(rest).values()} == {str(not_ready)}


def test_endpoints_that_the_api_refuses_are_the_problem_of_their_service():
    refused = ApiError("a quota", status=403)
    rest = FakeRest(refuse=lambda obj: refused if obj["metadata"]["name"].endswith("balanced-l-a-ipv4") else None)
    services = a_deployment(rest).services
    assert list(services.problems) == [("no-longer-ready-balanced", "l-a")]
