"""What changes of nodes and pods mean, in words."""

import pytest
from api_objects import node

from podwire.watching.changes import node_changes, node_state, pod_changes, pod_state


def changes_of_node(before, after):
    return list(node_changes(node_state(before), node_state(after)))


def test_a_node_is_cordoned_lost_upgraded_and_back():
    here, cordoned = node("w1", "windows"), node("w1", "windows", unschedulable=True)
    lost = node("w1", "windows", ready=False, unschedulable=True)
    back = node("w1", "windows", unschedulable=True)
    here["status"]["nodeInfo"]["bootID"], back["status"]["nodeInfo"]["bootID"] = "a", "b"
    for each in (cordoned, lost):
        each["status"]["nodeInfo"]["bootID"] = "a"
    back["status"]["nodeInfo"] |= {"kernelVersion": "10.0.20348.3091", "kubeletVersion": "v1.34.1"}
    assert changes_of_node(here, cordoned) == ["cordoned"]
    assert changes_of_node(cordoned, lost) == [
        "not ready: container runtime network not ready: cni plugin not initialized"
    ]
    assert changes_of_node(lost, back) == [
        "rebooted",
        "build 10.0.20348.2762 became 10.0.20348.3091",
        "kubelet v1.34.0 became v1.34.1",
        "ready",
    ]
    assert changes_of_node(back, {**back, "spec": {}}) == ["uncordoned"]


def pod(*, ready=True, deleted=False, disrupted="", node="w1", restarts=0, image="a:1"):
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    if disrupted:
        conditions.append({"type": "DisruptionTarget", "status": "True", "reason": disrupted})
    return {
        "metadata": {"name": "p", "uid": "1", **({"deletionTimestamp": "now"} if deleted else {})},
        "spec": {"nodeName": node, "containers": [{"image": image}]},
        "status": {"conditions": conditions, "containerStatuses": [{"restartCount": restarts}]},
    }


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (None, pod(ready=False), ["new on w1"]),
        (None, pod(ready=False, node=""), ["new"]),
        (pod(ready=False, node=""), pod(ready=False), ["placed on w1"]),
        (pod(ready=False), pod(), ["ready on w1"]),
        (pod(), pod(deleted=True, disrupted="EvictionByEvictionAPI"), ["evicted on w1"]),
        (pod(), pod(deleted=True, disrupted="DeletionByTaintManager"), ["evicted by a taint on w1"]),
        (pod(), pod(deleted=True, disrupted="PreemptionByScheduler"), ["disrupted (PreemptionByScheduler) on w1"]),
        (pod(), pod(deleted=True), ["deleted on w1"]),
        (pod(deleted=True), pod(deleted=True, ready=False), []),
        (pod(), pod(ready=False), ["not ready on w1"]),
        (pod(ready=False), pod(restarts=1), ["restarted on w1", "ready on w1"]),
        (pod(), pod(image="a:2"), ["image a:1 became a:2"]),
        (pod(), None, ["gone"]),
        (None, None, []),
    ],
)
def test_a_pod_comes_moves_and_goes(before, after, words):
    states = [None if each is None else pod_state(each) for each in (before, after)]
    assert list(pod_changes(*states)) == words
