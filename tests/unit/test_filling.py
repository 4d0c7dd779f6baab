"""A Windows node that a run fills with pods: how many, what of the one too many, and when an address is free again."""

import pytest

from podwire.cluster import filling
from podwire.cluster.errors import ClusterError, NotFound
from podwire.cluster.filling import calico_filled, vpc_filled
from podwire.cluster.workloads import Deployment, Filled, Probe

NODE, SPACE = "windows-1", "podwire-r1"


def pod(name, ip="", *, space=SPACE, host_process=False, host_network=False, phase="Running", **labels):
    spec = {"nodeName": NODE, "containers": [{"name": "probe", "image": "i", "imagePullPolicy": "IfNotPresent"}]}
    if host_process:
        spec["securityContext"] = {"windowsOptions": {"hostProcess": True}}
    if host_network:
        spec["hostNetwork"] = True
    status = {"phase": phase, **({"podIP": ip} if ip else {})}
    return {"metadata": {"name": name, "namespace": space, "labels": labels}, "spec": spec, "status": status}


class Cluster:
    """The pods of one node with `room` addresses; `refuse` is how it says that there is none, '' for not at all."""

    def __init__(self, *pods, room, refuse="unschedulable", rests=0):
        self.pods = {one["metadata"]["name"]: one for one in pods}
        self.room, self.refuse, self.rests = room, refuse, rests
        self.events, self.applied, self.deleted = [], [], []

    def get(self, resource, namespace, name):
        if resource == "nodes":
            return {"status": {"allocatable": {filling.VPC_ADDRESS: str(self.room)}}}
        if name not in self.pods:
            raise NotFound(name, status=404)
        return self.pods[name]

    def list(self, resource, namespace=None, *, labels="", fields=""):
        if resource == "events":
            return self.events
        if self.rests:
            self.rests -= 1
        else:
            self._give()
        found = [one for one in self.pods.values() if namespace in (None, one["metadata"]["namespace"])]
        return [one for one in found if not labels or one["metadata"]["labels"].get(filling.manifests.SLOT_LABEL)]

    def _give(self):
        held = sum(1 for one in self.pods.values() if filling._holder(one))
        for one in self.pods.values():
            if not one["status"].get("podIP") and one["metadata"]["labels"] and held < self.room:
                held += 1
                one["status"] = {"phase": "Running", "podIP": f"10.0.1.{held}{len(self.deleted)}"}

    def apply(self, obj):
        name = obj["metadata"]["name"]
        self.applied.append(obj)
        made = pod(name, phase="Pending", **obj["metadata"]["labels"])
        if self.refuse == "unschedulable":
            made["status"]["conditions"] = [{"type": "PodScheduled", "status": "False"}]
        elif self.refuse:
            self.events.append({"reason": self.refuse, "involvedObject": {"name": name}})
        self.pods[name] = made
        return made

    def delete(self, resource, namespace, name, *, grace=None):
        self.deleted.append((name, grace))
        del self.pods[name]
        self.rests = 3
        return True


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(filling, "PATIENCE", 0.3)
    monkeypatch.setattr(filling, "REST_PATIENCE", 0.3)
    monkeypatch.setattr(filling, "PAUSE", 0.01)


def a_deployment():
    probe = Probe(pod="windows-1-a", node=NODE, os="windows", slot="a")
    return Deployment(namespace=SPACE, run_id="r1", probes=(probe,), services=None)


PROBE = pod("windows-1-a", "10.0.0.1")
OTHERS = (
    pod("proxy", "172.31.0.11", space="kube-system", host_process=True, host_network=True),
    pod("asks-for-the-node", "172.31.0.11", host_network=True),
    pod("done", "10.0.0.9", phase="Succeeded"),
    pod("elsewhere", "10.0.0.2", space="prod"),
)


def test_one_pod_more_than_there_is_room_for_waits_and_says_why():
    rest, deployment = Cluster(PROBE, *OTHERS, room=6), a_deployment()
    vpc_filled(rest, deployment)
    assert len(rest.applied) == 4, "three addresses are free, and one pod is too many"
    filled = deployment.filled[NODE]
    assert (filled.addresses, filled.waiting) == (6, 1)
    assert filled.rest is not None
    assert filled.rest > 0
    assert rest.deleted == [("windows-1-filler-0", 1)]


def test_a_sandbox_without_an_address_is_a_reason_too():
    rest, deployment = Cluster(PROBE, room=60, refuse="FailedCreatePodSandBox"), a_deployment()
    calico_filled(rest, deployment)
    assert deployment.filled[NODE] == Filled(addresses=60, waiting=1)
    assert rest.deleted == []


def test_a_node_with_more_room_than_is_told_is_told_as_it_is(monkeypatch):
    rest, deployment = Cluster(PROBE, room=64), a_deployment()
    calico_filled(rest, deployment)
    assert deployment.filled[NODE] == Filled(addresses=61, waiting=0)


def test_a_pod_that_nobody_refuses_is_waited_for_and_taken_as_it_is():
    rest, deployment = Cluster(PROBE, room=60, refuse=""), a_deployment()
    calico_filled(rest, deployment)
    assert deployment.filled[NODE] == Filled(addresses=60, waiting=1)


def test_a_node_that_is_overfull_already_is_not_filled():
    with pytest.raises(ClusterError, match="node windows-1 has addresses for 2 pods, and more have one already"):
        vpc_filled(Cluster(PROBE, *OTHERS, room=2), a_deployment())


def test_what_serves_on_until_its_time_is_over_makes_room():
    leaving = pod("windows-1-leaving", "10.0.0.5")
    leaving["metadata"]["deletionTimestamp"] = "now"
    rest, deployment = Cluster(PROBE, leaving, room=60), a_deployment()
    calico_filled(rest, deployment)
    assert rest.deleted == [("windows-1-leaving", 1)]
    assert deployment.filled[NODE] == Filled(addresses=60, waiting=1)


def test_an_address_that_nobody_gets_is_said():
    rest = Cluster(PROBE, room=2)
    given = rest._give
    rest._give = lambda: None if rest.deleted else given()
    with pytest.raises(ClusterError, match=r"no pod of node windows-1 gets the address .* within 0.3 s"):
        vpc_filled(rest, a_deployment())


def test_without_a_windows_node_there_is_nothing_to_fill():
    deployment = Deployment(namespace=SPACE, run_id="r1", probes=(), services=None)
    with pytest.raises(ClusterError, match="no probe on a Windows node"):
        calico_filled(Cluster(room=1), deployment)


def test_a_filler_is_like_the_probe_and_does_nothing():
    like = pod("windows-1-a", "10.0.0.1", **{"podwire.dev/run": "r1"})
    like["spec"] |= {"os": {"name": "windows"}, "nodeSelector": {"a": "b"}, "hostname": "x", "volumes": []}
    made = filling._filler(like, "windows-1-filler-0")
    assert made["metadata"]["labels"]["podwire.dev/slot"] == "filler"
    assert made["metadata"]["labels"]["podwire.dev/run"] == "r1"
    assert not {"nodeName", "volumes", "hostname"} & made["spec"].keys()
    assert made["spec"]["nodeSelector"] == {"a": "b"}
