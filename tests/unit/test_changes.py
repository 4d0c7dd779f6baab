"""What a run changes in the cluster between its two rounds: what is asked of the API, and when it counts as done."""

from itertools import count

import pytest
from fake_api import FakeCluster, kubeconfig, serving, status

from podwire.cluster import changes, manifests
from podwire.cluster.connect import connect
from podwire.cluster.services import Services
from podwire.cluster.workloads import Deployment, Probe

RUN, NAMESPACE = "r1", "podwire-r1"
SERVER = "linux-1-a"


class Changing(FakeCluster):
    """A store that deletes single objects, gives each Service another address, and marks pods as going."""

    def __init__(self, *, same_address=False, keeps=()):
        super().__init__()
        self.same_address, self.keeps, self.numbers = same_address, keeps, count(1)
        self.slices = []

    def _patch(self, plural, ns, name, query, body):
        number = 1 if self.same_address else next(self.numbers)
        body["spec"]["clusterIPs"] = [f"10.96.0.{number}"]
        self.objects[plural, ns, name] = body
        return 201, body

    def _get(self, plural, ns, name, query, body):
        if plural == "endpointslices":
            return 200, {"items": self.slices, "metadata": {}}
        return super()._get(plural, ns, name, query, body)

    def _delete(self, plural, ns, name, query, body):
        if (plural, ns, name) not in self.objects:
            return status(404, "NotFound", f'{plural} "{name}" not found')
        if plural in self.keeps:
            return 200, {}
        if plural == "pods":
            for end in (end for one in self.slices for end in one["endpoints"]):
                end["conditions"] = {"ready": False, "serving": True, "terminating": True}
        else:
            del self.objects[plural, ns, name]
        return 200, {}


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch):
    monkeypatch.setattr(changes, "PATIENCE", 0.2)


def changed(cluster, tmp_path, name, kinds=(), slots=()):
    """Deploy Services of these kinds and probes of these slots, make the change: the deployment and the problems."""
    with serving(cluster.answer) as server:
        rest = connect(str(kubeconfig(tmp_path / "config", server)), None).rest
        services = Services(rest, NAMESPACE, RUN, [(kind, SERVER) for kind in kinds])
        for kind in kinds:
            made = rest.apply(manifests.service(RUN, kind, SERVER))
            services.found[kind, SERVER] = changes.deployed(kind, SERVER, made)
        probes = tuple(
            Probe(pod=f"linux-1-{slot}", node="linux-1", os="linux", slot=slot, addresses={"ipv4": f"10.244.1.{at}"})
            for at, slot in enumerate(slots, 5)
        )
        for probe in probes:
            cluster.objects["pods", NAMESPACE, probe.pod] = {"metadata": {"name": probe.pod}, "spec": {}}
        deployment = Deployment(namespace=NAMESPACE, run_id=RUN, probes=probes, services=services)
        return deployment, changes.make_changes(rest, deployment, [name])


def endpoint(address, **more):
    return {"addresses": [address], "conditions": {"ready": True}, **more}


def test_of_two_services_the_first_is_deleted_and_remembered(tmp_path):
    cluster = Changing()
    deployment, problems = changed(cluster, tmp_path, "first-twin-deleted", ("twin-first", "twin-second"))
    assert problems == {}
    assert cluster.names("services") == [f"twin-second-{SERVER}"]
    assert deployment.former["twin-first", SERVER].cluster_ips == {"ipv4": "10.96.0.1"}


def test_a_deletion_that_does_not_show_is_the_problem_of_its_cases(tmp_path):
    _, problems = changed(Changing(keeps=("services",)), tmp_path, "first-twin-deleted", ("twin-first",))
    assert problems == {"first-twin-deleted": "the change 'first-twin-deleted' does not show: not within 0.2 s"}


def test_a_service_is_made_anew_with_another_address_port_and_type(tmp_path):
    cluster = Changing()
    deployment, problems = changed(cluster, tmp_path, "service-recreated", ("recreated",))
    former, now = deployment.former["recreated", SERVER], deployment.services.found["recreated", SERVER]
    assert problems == {}
    assert (former.cluster_ips, now.cluster_ips) == ({"ipv4": "10.96.0.1"}, {"ipv4": "10.96.0.2"})
    assert [(before.port, after.port) for before, after in zip(former.ports.values(), now.ports.values(), strict=True)]
    assert {port.port for port in now.ports.values()} == {port.port + 1 for port in former.ports.values()}
    assert cluster.objects["services", NAMESPACE, f"recreated-{SERVER}"]["spec"]["type"] == "NodePort"


def test_a_service_that_gets_its_old_address_again_shows_nothing(tmp_path):
    _, problems = changed(Changing(same_address=True), tmp_path, "service-recreated", ("recreated",))
    assert "got the address that it had before" in problems["service-recreated"]


def test_pods_that_are_told_to_go_count_as_going_once_their_endpoints_do(tmp_path):
    cluster = Changing()
    cluster.slices = [{"endpoints": [endpoint("10.244.1.5")]}, {"endpoints": []}]
    _, problems = changed(cluster, tmp_path, "pods-leaving", slots=("leaving", "a"))
    deleted = [path.rpartition("/")[2] for method, path, _ in cluster.requests if method == "DELETE"]
    assert (problems, deleted) == ({}, ["linux-1-leaving"])


def test_the_service_that_names_pods_may_call_them_ready(tmp_path):
    cluster = Changing(keeps=("pods",))
    cluster.slices = [{"endpoints": [endpoint("10.244.1.9"), endpoint("10.244.1.5", hostname="linux-1-leaving")]}]
    assert changed(cluster, tmp_path, "pods-leaving", slots=("leaving",))[1] == {}


def test_an_affinity_is_left_alone_for_longer_than_it_lasts(tmp_path, monkeypatch):
    monkeypatch.setattr(changes, "PATIENCE", 30)
    clock = count(100.0, 0.5)
    monkeypatch.setattr(changes.time, "monotonic", lambda: next(clock))
    monkeypatch.setattr(changes.time, "sleep", lambda seconds: None)
    lasts = manifests.service(RUN, "affinity-short")["spec"]["sessionAffinityConfig"]["clientIP"]["timeoutSeconds"]
    (over,) = changes.affinity_idle(None, Deployment(namespace=NAMESPACE, run_id=RUN, probes=(), services=None))
    asked = 0
    while not over():
        asked += 1
    assert asked * 0.5 > lasts
