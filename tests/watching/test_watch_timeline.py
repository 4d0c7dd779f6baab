"""The time line of a watch, from the API's changes of nodes, pods and events, and what it tells of absences."""

import contextlib
import json
import queue

import pytest
import urllib3
from api_objects import node
from fake_api import serving, status
from runninglab import until

from podwire.cluster.rest import RestClient
from podwire.cluster.transport import Patience, bounded
from podwire.errors import ClusterError
from podwire.records.watch import MOST_EVENTS
from podwire.watching.timeline import ClusterWatch, TimeLine

NODES, PODS, EVENTS = "/api/v1/nodes", "/api/v1/namespaces/watch-x/pods", "/api/v1/events"
SYSTEM_PODS = "/api/v1/namespaces/kube-system/pods"


class Api:
    """Lists are fixed, and changes are told one after the other; a list that is a tuple is a refusal."""

    def __init__(self, **lists):
        self.lists = {NODES: [], PODS: [], EVENTS: [], SYSTEM_PODS: []} | lists
        self.changes = {path: queue.Queue() for path in self.lists}

    def __call__(self, method, path, query, body):
        if query.get("watch") != "true":
            found = self.lists[path]
            return found if isinstance(found, tuple) else (200, {"metadata": {"resourceVersion": "1"}, "items": found})
        with contextlib.suppress(queue.Empty):
            answer = self.changes[path].get(timeout=0.5)
            if isinstance(answer, tuple):
                return answer
            return 200, json.dumps({"type": answer["type"], "object": answer["object"]}).encode() + b"\n"
        return 200, b""

    def tell(self, path, kind, obj):
        self.changes[path].put({"type": kind, "object": obj})


def a_pod(name="watch-windows-a", *, node="w1", ready=True, restarts=0, version="2", owner="", **metadata):
    return {
        "metadata": {
            "name": name,
            "namespace": "watch-x",
            "uid": f"uid-{name}",
            "resourceVersion": version,
            "labels": {"podwire.dev/slot": "watch-windows", "podwire.dev/kind": "pod"},
            **({"ownerReferences": [{"name": owner}]} if owner else {}),
            **metadata,
        },
        "spec": {
            "nodeName": node,
            "containers": [{"name": "probe", "image": "a:1", "command": ["python", "agent.pyz", "serve"]}],
        },
        "status": {
            "podIPs": [{"ip": "10.0.0.9"}],
            "conditions": [{"type": "Ready", "status": str(ready)}],
            "containerStatuses": [{"restartCount": restarts}],
        },
    }


def a_node(name="w1", *, boot="one", **spec):
    made = node(name, "windows", **spec)
    made["status"]["nodeInfo"]["bootID"] = boot
    return made


@pytest.fixture
def watching():
    with contextlib.ExitStack() as opened:

        def start(api):
            url = opened.enter_context(serving(api))
            patience = Patience(connect=1, answer=2, total=0.2, whole=3)
            rest = RestClient(url, bounded(urllib3.PoolManager()), patience=patience)
            line = TimeLine(lambda text: None)
            cluster = ClusterWatch(rest, "watch-x", {"kube-proxy": "kube-system"}, line)
            opened.callback(cluster.close)
            problems = cluster.start()
            line.open()
            return cluster, line, problems

        yield start


def texts(line, kind):
    return [f"{event.subject}: {event.text}" for event in line.events() if event.kind == kind]


def test_nodes_pods_and_events_come_in_one_line(watching):
    api = Api(**{NODES: [a_node()], PODS: [a_pod()]})
    cluster, line, problems = watching(api)
    assert problems == []
    assert [(pod.name, pod.os, pod.usable) for pod in cluster.members()] == [("watch-windows-a", "windows", True)]
    assert cluster.open_nodes("windows") == ["w1"]
    api.tell(NODES, "MODIFIED", a_node(unschedulable=True))
    until(lambda: "w1: cordoned" in texts(line, "node"))
    assert cluster.open_nodes("windows") == []
    api.tell(PODS, "MODIFIED", a_pod(version="3", deletionTimestamp="now"))
    until(lambda: texts(line, "pod") == ["watch-windows-a: deleted on w1"])
    assert cluster.changed.is_set()
    assert [(pod.leaving, pod.usable) for pod in cluster.members()] == [(True, False)]
    api.tell(PODS, "DELETED", a_pod(version="4"))
    until(lambda: cluster.members() == [])
    api.tell(EVENTS, "ADDED", {"metadata": {"name": "e"}, "reason": "Odd", "involvedObject": {"name": "w1"}})
    until(lambda: texts(line, "event") == ["w1: Odd: "])
    api.tell(SYSTEM_PODS, "ADDED", a_pod("kube-proxy-9", owner="kube-proxy", ready=False))
    api.tell(SYSTEM_PODS, "ADDED", a_pod("coredns-1", owner="coredns"))
    api.tell(SYSTEM_PODS, "MODIFIED", a_pod("kube-proxy-9", owner="kube-proxy", version="3"))
    until(lambda: len(texts(line, "network")) == 2)
    assert texts(line, "network") == ["kube-proxy-9: new on w1", "kube-proxy-9: ready on w1"]


def test_restarts_of_containers_and_of_nodes_are_remembered(watching):
    api = Api(**{NODES: [a_node()], PODS: [a_pod(), a_pod("watch-windows-b", node="w2")]})
    cluster, line, _ = watching(api)
    before = line.now()
    api.tell(PODS, "MODIFIED", a_pod(restarts=1, version="3"))
    until(lambda: texts(line, "pod"))
    assert cluster.downs.was_down("uid-watch-windows-a", before, line.now())
    assert not cluster.downs.was_down("uid-watch-windows-a", before + 60_000, before + 90_000)
    assert not cluster.downs.was_down("uid-watch-windows-b", before, line.now())
    api.tell(NODES, "ADDED", a_node("w2"))
    api.tell(NODES, "MODIFIED", a_node("w2", boot="two"))
    until(lambda: "w2: rebooted" in texts(line, "node"))
    assert cluster.downs.was_down("uid-watch-windows-b", before, line.now())
    api.tell(NODES, "DELETED", a_node())
    until(lambda: "w1: deleted" in texts(line, "node"))


def test_a_server_that_was_away_is_why_agents_were_lost(watching):
    api = Api(**{NODES: [a_node()], PODS: [a_pod()]})
    cluster, line, _ = watching(api)
    before = line.now()
    api.changes[NODES].put(status(503, "ServiceUnavailable", "etcd is down"))
    until(lambda: len(texts(line, "api")) == 2, 20, line.events)
    assert texts(line, "api")[0].startswith("API server: does not answer: ")
    assert texts(line, "api")[1].startswith("API server: answers again after ")
    api.tell(PODS, "MODIFIED", a_pod(restarts=1, version="3"))
    until(lambda: texts(line, "pod"))
    assert not cluster.downs.was_down("uid-watch-windows-a", before, line.now())


def test_a_right_that_is_taken_away_is_told(watching):
    api = Api(**{NODES: [a_node()], PODS: [a_pod()]})
    cluster, line, _ = watching(api)
    api.changes[PODS].put(status(403, "Forbidden", "pods is forbidden"))
    until(lambda: cluster.refused)
    assert "so what it knows of the cluster is old" in cluster.refused[0]
    assert "pods is forbidden" in texts(line, "watch")[0]


def test_without_the_right_to_see_its_own_pods_there_is_no_watch(watching):
    with pytest.raises(ClusterError, match=r"pods is forbidden.*needs the rights of manifests/rbac-watch.yaml"):
        watching(Api(**{PODS: status(403, "Forbidden", "pods is forbidden")}))


def test_without_the_right_to_see_events_there_is_one(watching):
    _, _, problems = watching(Api(**{EVENTS: status(403, "Forbidden", "events is forbidden")}))
    assert len(problems) == 1
    assert "events is forbidden" in problems[0]


def test_events_of_kubernetes_do_not_push_out_what_happened_to_nodes():
    line = TimeLine(lambda text: None)
    line.open()
    for number in range(MOST_EVENTS):
        line.add("event", "w1", str(number))
    line.add("node", "w1", "cordoned")
    assert line.events()[-1].text == "cordoned"
    assert (len(line.events()), line.left_off) == (MOST_EVENTS // 2 + 1, MOST_EVENTS // 2)
