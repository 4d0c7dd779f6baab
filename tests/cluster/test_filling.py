"""A Windows node that a run fills with pods: how many, what of the one too many, and when an address is free again."""

from types import SimpleNamespace

import pytest

from podwire.cluster.deployment import filling
from podwire.cluster.deployment.filled import Filled, Rest
from podwire.cluster.deployment.filling import calico_filled, vpc_filled
from podwire.cluster.deployment.workloads import Deployment, Probe
from podwire.errors import ClusterError, NotFound

NODE, SPACE = "windows-1", "podwire-r1"


def pod(name, ip="", *, space=SPACE, host_process=False, host_network=False, phase="Running", **labels):
    spec = {"nodeName": NODE, "containers": [{"name": "probe", "image": "i", "imagePullPolicy": "IfNotPresent"}]}
    if host_process:
        spec["securityContext"] = {"windowsOptions": {"hostProcess": True}}
    if host_network:
        spec["hostNetwork"] = True
    status = {"phase": phase, **({"podIP": ip} if ip else {})}
    return {"metadata": {"name": name, "namespace": space, "labels": labels}, "spec": spec, "status": status}


SANDBOX, SCHEDULING = "FailedCreatePodSandBox", "FailedScheduling"
NO_ADDRESS = 'plugin type="calico" failed (add): Assigned 0 out of 1 requested IPv4 addresses'
INSUFFICIENT = "0/4 nodes are available: 1 Insufficient vpc.amazonaws.com/PrivateIPv4Address."
ANOTHER = "0/4 nodes are available: 1 Insufficient memory."


class Cluster:
    """The pods of one node with `room` addresses, which are given at every look, `rests` looks after one came back.

    `events` are what pods are told that come from now on, reason and message; `condition` is what the scheduler notes
    on them. `offers` is what the node tells of its room.
    """

    def __init__(self, *pods, room, offers=None, condition="", events=(), rests=3):
        self.pods = {pod["metadata"]["name"]: pod for pod in pods}
        self.numbers = list(range(10, 10 + room - sum(1 for pod in pods if filling._holder(pod))))
        self.offers = room if offers is None else offers
        self.condition, self.told, self.rests = condition, events, rests
        self.noted, self.pauses, self.back = False, 0, []
        self.events, self.applied, self.deleted = [], [], []

    def get(self, resource, namespace, name):
        if resource == "nodes":
            return {"status": {"allocatable": {filling.VPC_ADDRESS: str(self.offers)} if self.offers else {}}}
        if name not in self.pods:
            raise NotFound(name, status=404)
        return self.pods[name]

    def list(self, resource, namespace=None, *, labels="", fields=""):
        if resource == "events":
            return self.events
        self.give()
        found = [one for one in self.pods.values() if namespace in (None, one["metadata"]["namespace"])]
        return [one for one in found if not labels or one["metadata"]["labels"].get(filling.manifests.SLOT_LABEL)]

    def give(self):
        if self.back and self.pauses:
            self.pauses -= 1
        else:
            self.numbers += self.back
            self.back = []
        for _, one in sorted(self.pods.items()):
            if not one["status"].get("podIP") and one["metadata"]["labels"] and self.numbers:
                address = f"10.0.1.{self.numbers.pop(0)}"
                if self.noted and self.deleted:
                    one["metadata"]["annotations"] = {filling.VPC_ADDRESS: f"{address}/24"}
                else:
                    one["status"] = {"phase": "Running", "podIP": address}

    def apply(self, obj):
        name = obj["metadata"]["name"]
        self.applied.append(obj)
        made = pod(name, phase="Pending", **obj["metadata"]["labels"])
        if self.condition:
            made["status"]["conditions"] = [{"type": "PodScheduled", "status": "False", "message": self.condition}]
        self.events += [
            {"reason": reason, "message": message, "involvedObject": {"name": name}} for reason, message in self.told
        ]
        self.pods[name] = made
        return made

    def delete(self, resource, namespace, name, *, grace=None):
        self.deleted.append((name, grace))
        address = self.pods.pop(name)["status"].get("podIP", "")
        self.back, self.pauses = [int(address.rpartition(".")[2])], self.rests
        return True


def full(*pods, room, **more):
    """Such a node, whose scheduler counts its addresses."""
    return Cluster(*pods, room=room, condition=INSUFFICIENT, **more)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(filling, "PATIENCE", 0.3)
    monkeypatch.setattr(filling, "PATIENCE_WITH_ONE", 0.3)
    monkeypatch.setattr(filling, "PAUSE", 0.01)


class Clock:
    """A clock of the module under test that goes on with its pauses only."""

    STEP = 0.25

    def __init__(self, monkeypatch):
        self.now = 0.0
        own = SimpleNamespace(monotonic=lambda: self.now, sleep=lambda _: self.pass_by(self.STEP))
        monkeypatch.setattr(filling, "time", own)
        monkeypatch.setattr(filling, "PATIENCE", 600.0)
        monkeypatch.setattr(filling, "PATIENCE_WITH_ONE", 120.0)

    def pass_by(self, seconds):
        self.now += seconds


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
    rest, deployment = full(PROBE, *OTHERS, room=6), a_deployment()
    vpc_filled(rest, deployment)
    assert len(rest.applied) == 4, "three addresses are free, and one pod is too many"
    filled = deployment.filled[NODE]
    assert (filled.addresses, filled.waiting) == (6, 1)
    assert rest.deleted == [("windows-1-filler-0", 1)]


@pytest.mark.parametrize(
    ("events", "condition", "waiting"),
    [
        ([(SANDBOX, NO_ADDRESS)], "", 1),
        ([(SCHEDULING, INSUFFICIENT)], "", 1),
        ([], INSUFFICIENT, 1),
        ([], "", 0),
        ([], ANOTHER, 0),
        ([(SCHEDULING, ANOTHER)], "", 0),
        ([(SANDBOX, "hcs::CreateComputeSystem: timeout")], "", 0),
        ([("Scheduled", "an address is looked for")], "", 0),
    ],
)
def test_only_a_pod_that_is_told_of_addresses_counts_as_without_one(events, condition, waiting):
    rest, deployment = Cluster(PROBE, room=60, events=events, condition=condition), a_deployment()
    calico_filled(rest, deployment)
    assert deployment.filled[NODE] == Filled(addresses=60, waiting=waiting)
    assert rest.deleted == []


def test_a_node_with_more_room_than_is_told_is_told_as_it_is():
    rest, deployment = Cluster(PROBE, room=64), a_deployment()
    calico_filled(rest, deployment)
    assert deployment.filled[NODE] == Filled(addresses=61, waiting=0)


def test_a_node_that_starts_pods_too_slowly_is_not_judged():
    rest = Cluster(PROBE, room=58)
    with pytest.raises(
        ClusterError, match="3 pods of node windows-1 have no address, and no event says why, though 2 of"
    ):
        calico_filled(rest, a_deployment())


def test_a_node_with_less_room_than_is_told_is_told_as_it_is():
    rest, deployment = Cluster(PROBE, room=58, events=[(SANDBOX, NO_ADDRESS)]), a_deployment()
    calico_filled(rest, deployment)
    assert deployment.filled[NODE] == Filled(addresses=58, waiting=3)


@pytest.mark.parametrize(("offers", "told"), [(2, 2), (0, 0)])
def test_a_node_that_is_overfull_already_is_told_as_it_is(offers, told):
    rest, deployment = full(PROBE, *OTHERS, room=9, offers=offers), a_deployment()
    vpc_filled(rest, deployment)
    assert rest.applied == []
    assert deployment.filled[NODE] == Filled(addresses=3, waiting=0, rest=Rest(problem="no pod waited for an address"))


def rest_of(rest):
    deployment = a_deployment()
    vpc_filled(rest, deployment)
    filled = deployment.filled[NODE]
    assert filled.waiting == 1
    return filled.rest


def test_an_address_rests_from_when_its_pod_is_gone_until_another_has_it(monkeypatch):
    clock = Clock(monkeypatch)
    seen = rest_of(full(PROBE, room=3, rests=3))
    assert seen == Rest(returned="10.0.1.10", usual=0, seconds=3 * clock.STEP)


def test_it_is_another_pods_as_soon_as_it_is_noted_on_it(monkeypatch):
    clock, rest = Clock(monkeypatch), full(PROBE, room=3, rests=3)
    rest.noted = True
    assert rest_of(rest).seconds == 3 * clock.STEP


def test_an_address_that_nobody_gets_is_said():
    seen = rest_of(full(PROBE, room=2, rests=10**6))
    assert (seen.seconds, seen.problem) == (None, "no pod got 10.0.1.10 within 0.3 s")


def test_another_address_than_the_one_that_was_given_back_tells_of_no_rest():
    rest = full(PROBE, room=2)
    delete = rest.delete
    rest.delete = lambda *names, **more: rest.numbers.append(77) or delete(*names, **more)
    seen = rest_of(rest)
    text = "the waiting pod got 10.0.1.77, not 10.0.1.10, which another pod gave back"
    assert (seen.seconds, seen.problem) == (None, text)


@pytest.mark.parametrize(
    ("usual", "rests", "told"), [(14, 120, True), (16, 120, False), (16, 100, True), (29, 20, True), (14, 10, True)]
)
def test_a_node_that_is_slow_with_free_addresses_tells_of_a_rest_only_where_there_is_none(
    monkeypatch, usual, rests, told
):
    clock, rest = Clock(monkeypatch), full(PROBE, room=2, rests=rests)
    give = rest.give
    rest.give = lambda: give() if clock.now >= usual else None
    seen = rest_of(rest)
    assert (seen.seconds is not None) is told
    assert bool(seen.problem) is not told


def test_without_a_free_address_there_is_none_to_give_back():
    seen = rest_of(full(PROBE, room=1))
    assert seen == Rest(problem="the node had no address for a pod of this run, which could give it back")


def test_what_serves_on_until_its_time_is_over_makes_room():
    leaving = pod("windows-1-leaving", "10.0.0.5")
    leaving["metadata"]["deletionTimestamp"] = "now"
    rest, deployment = Cluster(PROBE, leaving, room=60, events=[(SANDBOX, NO_ADDRESS)]), a_deployment()
    calico_filled(rest, deployment)
    assert rest.deleted == [("windows-1-leaving", 1)]
    assert deployment.filled[NODE] == Filled(addresses=60, waiting=1)


def test_the_address_of_what_has_just_left_was_not_free(monkeypatch):
    """It rests, too: what waits for it does not tell how long pods wait for one that is free."""
    Clock(monkeypatch)
    leaving = pod("windows-1-leaving", "10.0.1.5")
    leaving["metadata"]["deletionTimestamp"] = "now"
    seen = rest_of(full(PROBE, leaving, room=3, rests=120))
    assert (seen.usual, seen.problem) == (0, "")


@pytest.mark.parametrize(("ready", "usual"), [("2026-01-02T03:04:09Z", 4), ("2026-01-02T03:05:05Z", 60), (None, None)])
def test_where_no_address_was_free_the_probe_tells_how_long_that_takes(monkeypatch, ready, usual):
    Clock(monkeypatch)
    leaving, probe = pod("windows-1-leaving", "10.0.1.5"), pod("windows-1-a", "10.0.0.1")
    leaving["metadata"]["deletionTimestamp"] = "now"
    probe["metadata"]["creationTimestamp"] = "2026-01-02T03:04:05Z"
    network = {"type": "PodReadyToStartContainers", "status": "True" if ready else "False", "lastTransitionTime": ready}
    probe["status"]["conditions"] = [{"type": "PodScheduled", "status": "True"}, network]
    seen = rest_of(full(probe, leaving, room=2, rests=120))
    assert (seen.usual, seen.seconds) == (usual, 30 if usual == 4 else None)
    assert {4: "", 60: "60 s for addresses that were free"}.get(usual, "nothing tells how long") in seen.problem


def test_without_a_windows_node_there_is_nothing_to_fill():
    deployment = Deployment(namespace=SPACE, run_id="r1", probes=(), services=None)
    with pytest.raises(ClusterError, match="no Windows node has a probe"):
        calico_filled(Cluster(room=1), deployment)


def test_a_filler_is_like_the_probe_and_does_nothing():
    like = pod("windows-1-a", "10.0.0.1", **{"podwire.dev/run": "r1"})
    like["spec"] |= {"os": {"name": "windows"}, "nodeSelector": {"a": "b"}, "hostname": "x", "volumes": []}
    made = filling._filler(like, "windows-1-filler-0")
    assert made["metadata"]["labels"]["podwire.dev/slot"] == "filler"
    assert made["metadata"]["labels"]["podwire.dev/run"] == "r1"
    assert not {"nodeName", "volumes", "hostname"} & made["spec"].keys()
    assert made["spec"]["nodeSelector"] == {"a": "b"}


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (NO_ADDRESS, True),
        ("failed to allocate for range 0: no IP addresses available in range set: 10.244.2.1-10.244.2.254", True),
        ("no more free affine blocks and strict affinity enabled", True),
        ("azure-vnet-ipam: No available addresses", True),
        ("hcnCreateEndpoint failed in Win32: The IP address is either invalid or not part of any subnet", False),
        ("Only one usage of each socket address is normally permitted", False),
        ("the sandbox does not start", False),
    ],
)
def test_a_sandbox_that_fails_for_want_of_an_address_says_so(message, told):
    assert filling._of_no_address({"reason": SANDBOX, "message": message}) is told
