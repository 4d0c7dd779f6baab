"""Security groups for pods: what the lab's EKS notes on pods, and what a node lets in."""

import pytest
from netlab import NetLab
from runninglab import Api, ready, start_lab

POLICIES = "/apis/vpcresources.k8s.aws/v1beta1/namespaces/default/securitygrouppolicies"
NOTE = "vpc.amazonaws.com/pod-eni"
SLEEP = ("python", "-c", "import signal; signal.pause()")


@pytest.fixture(scope="module")
def api():
    with start_lab("awsvpc") as lab:
        yield Api(lab)


def notes(api, name):
    return api.pod(name)["metadata"].get("annotations") or {}


def test_a_selected_pod_of_a_linux_node_gets_an_interface_and_no_other_pod_does(api):
    selector = {"matchExpressions": [{"key": "app", "operator": "In", "values": ["on-linux", "on-windows"]}]}
    spec = {"podSelector": selector, "securityGroups": {"groupIds": ["sg-1"]}}
    api("POST", POLICIES, {"metadata": {"name": "closed"}, "spec": spec})
    for name, node in (("on-linux", "linux-1"), ("on-windows", "windows-1"), ("other", "linux-1")):
        api.run(name, *SLEEP, nodeName=node)
        api.wait(name, ready)
    assert NOTE in notes(api, "on-linux")  # The plugin of the network sets no such pod up without it.
    assert NOTE not in notes(api, "on-windows")
    assert NOTE not in notes(api, "other")


def test_nobody_gets_in_to_a_closed_pod_which_still_gets_answers():
    with NetLab("awsvpc") as lab:
        closed, asking = "linux-1/a", ("linux-2/a", "linux-1/b", "windows-1/a")
        assert all(lab.exchange(one, closed).ok for one in asking)
        lab.close(closed)
        assert {lab.exchange(one, closed).error for one in asking} == {"TimeoutError"}
        assert lab.exchange(closed, "linux-2/a").ok
        lab.close()
        assert all(lab.exchange(one, closed).ok for one in asking)
