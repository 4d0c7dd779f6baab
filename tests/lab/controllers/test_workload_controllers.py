"""Workloads in a store, with a node agent that makes every pod ready at once."""

import asyncio

import pytest

from podwire_lab.controllers.cascades import Cascades
from podwire_lab.controllers.garbage_collector import GarbageCollector
from podwire_lab.controllers.workloads.daemon_sets import DaemonSets
from podwire_lab.controllers.workloads.deployments import Deployments
from podwire_lab.controllers.workloads.jobs import Jobs
from podwire_lab.controllers.workloads.replica_sets import ReplicaSets
from podwire_lab.controllers.workloads.stateful_sets import StatefulSets
from podwire_lab.kube_api.objects.store import MemoryStore
from podwire_lab.model.pod_status import now

EVERY = (GarbageCollector, Cascades, Deployments, ReplicaSets, DaemonSets, StatefulSets, Jobs)


class Cluster:
    """The store with its controllers; pods whose image is `broken` never get ready, those of `ends-N` end with N."""

    def __init__(self):
        self.store = MemoryStore()
        self.most = 0
        self.store.create("namespaces", {"metadata": {"name": "x"}})
        for name, system in (("n1", "linux"), ("n2", "linux"), ("w1", "windows")):
            labels = {"kubernetes.io/os": system}
            self.store.create("nodes", {"metadata": {"name": name, "labels": labels}, "status": {}})
        self.store.subscribe("pods", self._run)
        for kind in EVERY:
            kind(self.store).start()

    def _run(self, event):
        pod = event.object
        if event.kind == "ADDED":
            self.most = max(self.most, len(self.store.view("pods")))
            image = pod["spec"]["containers"][0]["image"]
            status = {"phase": "Running", "startTime": now()}
            if image.startswith("ends-"):
                status["phase"] = "Succeeded" if image == "ends-0" else "Failed"
            elif image != "broken":
                status["conditions"] = [{"type": "Ready", "status": "True", "lastTransitionTime": now()}]
            self.store.update("pods", {**pod, "status": status})
        elif event.kind == "MODIFIED" and pod["metadata"].get("deletionTimestamp"):
            self.store.delete("pods", "x", pod["metadata"]["name"])

    def make(self, resource, name, image="a", **spec):
        labels = {"app": name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": image}]}}
        if resource == "jobs":
            template["spec"]["restartPolicy"] = "Never"
        else:
            spec["selector"] = {"matchLabels": labels}
        body = {"metadata": {"name": name, "namespace": "x"}, "spec": {"template": template, **spec}}
        return self.store.create(resource, body)

    def change(self, resource, name, **spec):
        """Change the spec; `image` is that of the template."""
        obj = self.store.get(resource, "x", name)
        if "image" in spec:
            obj["spec"]["template"]["spec"]["containers"][0]["image"] = spec.pop("image")
        self.store.update(resource, {**obj, "spec": {**obj["spec"], **spec}})

    def images(self):
        return sorted(pod["spec"]["containers"][0]["image"] for pod in self.store.view("pods"))

    def status(self, resource, name):
        return self.store.get(resource, "x", name)["status"]

    def condition(self, resource, name, kind):
        found = self.status(resource, name).get("conditions", [])
        return next((each for each in found if each["type"] == kind), None)

    async def until(self, met):
        """Wait for a fact of the store, which changes within milliseconds."""
        async with asyncio.timeout(10):
            while not met():
                changed = asyncio.Event()
                ends = [self.store.on_change(name, changed.set) for name in ("pods", *WATCHED)]
                if not met():
                    await changed.wait()
                for end in ends:
                    end()


WATCHED = ("deployments", "replicasets", "daemonsets", "statefulsets", "jobs")


def run(scenario):
    async def whole():
        await scenario(Cluster())

    asyncio.run(whole())


def test_a_deployment_makes_pods_that_belong_to_its_replica_set():
    async def scenario(cluster):
        cluster.make("deployments", "web", replicas=2)
        await cluster.until(lambda: cluster.status("deployments", "web").get("availableReplicas") == 2)
        (replica_set,) = cluster.store.view("replicasets")
        assert replica_set["metadata"]["ownerReferences"][0]["kind"] == "Deployment"
        for pod in cluster.store.view("pods"):
            assert pod["metadata"]["name"].startswith(replica_set["metadata"]["name"])
            assert pod["metadata"]["ownerReferences"][0]["uid"] == replica_set["metadata"]["uid"]
        assert cluster.condition("deployments", "web", "Progressing")["reason"] == "NewReplicaSetAvailable"
        cluster.store.delete("deployments", "x", "web")
        await cluster.until(lambda: not cluster.store.view("pods"))
        assert not cluster.store.view("replicasets")

    run(scenario)


def test_a_new_template_replaces_pods_within_the_bounds_and_the_old_one_can_come_back():
    async def scenario(cluster):
        cluster.make("deployments", "web", replicas=4)
        await cluster.until(lambda: cluster.status("deployments", "web").get("availableReplicas") == 4)
        cluster.change("deployments", "web", image="b")
        await cluster.until(lambda: cluster.images() == ["b"] * 4)
        assert cluster.most <= 5
        cluster.change("deployments", "web", image="a")
        await cluster.until(lambda: cluster.images() == ["a"] * 4)
        notes = [each["metadata"]["annotations"] for each in cluster.store.view("replicasets")]
        assert sorted(each["deployment.kubernetes.io/revision"] for each in notes) == ["2", "3"]

    run(scenario)


def test_replica_sets_that_change_together_shrink_before_they_grow():
    async def scenario(cluster):
        cluster.make("replicasets", "new", image="b", replicas=1)
        cluster.make("replicasets", "old", replicas=4)
        await cluster.until(lambda: cluster.images() == ["a"] * 4 + ["b"])
        cluster.change("replicasets", "new", replicas=4)
        cluster.change("replicasets", "old", replicas=1)
        await cluster.until(lambda: cluster.images() == ["a"] + ["b"] * 4)
        assert cluster.most == 5

    run(scenario)


def test_pods_that_do_not_work_stop_an_update():
    async def scenario(cluster):
        cluster.make("deployments", "web", replicas=4, progressDeadlineSeconds=1)
        await cluster.until(lambda: cluster.status("deployments", "web").get("availableReplicas") == 4)
        cluster.change("deployments", "web", image="broken")
        late = "ProgressDeadlineExceeded"
        await cluster.until(lambda: cluster.condition("deployments", "web", "Progressing")["reason"] == late)
        assert cluster.images().count("a") == 3
        assert cluster.condition("deployments", "web", "Available")["status"] == "True"

    run(scenario)


def test_recreate_has_no_pods_of_two_templates():
    async def scenario(cluster):
        cluster.make("deployments", "web", replicas=2, strategy={"type": "Recreate"})
        await cluster.until(lambda: cluster.status("deployments", "web").get("availableReplicas") == 2)
        cluster.change("deployments", "web", image="b")
        await cluster.until(lambda: cluster.images() == ["b", "b"])
        assert cluster.most == 2

    run(scenario)


def test_a_paused_deployment_changes_its_size_and_no_template():
    async def scenario(cluster):
        cluster.make("deployments", "web", replicas=1)
        await cluster.until(lambda: cluster.images() == ["a"])
        cluster.change("deployments", "web", image="b", paused=True, replicas=2)
        await cluster.until(lambda: cluster.images() == ["a", "a"])
        cluster.change("deployments", "web", paused=False)
        await cluster.until(lambda: cluster.images() == ["b", "b"])

    run(scenario)


def test_a_pod_that_loses_its_label_is_let_go_and_replaced():
    async def scenario(cluster):
        cluster.make("replicasets", "web", replicas=1)
        await cluster.until(lambda: len(cluster.store.view("pods")) == 1)
        pod = cluster.store.list("pods")[0]
        pod["metadata"]["labels"] = {"app": "apart"}
        cluster.store.update("pods", pod)
        await cluster.until(lambda: len(cluster.store.view("pods")) == 2)
        assert "ownerReferences" not in cluster.store.get("pods", "x", pod["metadata"]["name"])["metadata"]

    run(scenario)


def test_what_a_quota_refuses_is_told_once():
    async def scenario(cluster):
        quota = {"metadata": {"name": "q", "namespace": "x"}, "spec": {"hard": {"pods": "1"}}}
        cluster.store.create("resourcequotas", quota)
        cluster.make("replicasets", "web", replicas=3)
        await cluster.until(lambda: cluster.condition("replicasets", "web", "ReplicaFailure") is not None)
        assert "exceeded quota: q" in cluster.condition("replicasets", "web", "ReplicaFailure")["message"]
        reasons = [each["reason"] for each in cluster.store.view("events")]
        assert (len(cluster.store.view("pods")), reasons.count("FailedCreate")) == (1, 1)

    run(scenario)


def test_a_daemon_set_has_a_pod_on_each_node_that_it_chooses():
    async def scenario(cluster):
        cluster.make("daemonsets", "every")
        await cluster.until(lambda: cluster.status("daemonsets", "every").get("numberAvailable") == 3)
        assert {pod["spec"]["nodeName"] for pod in cluster.store.view("pods")} == {"n1", "n2", "w1"}
        daemon_set = cluster.store.get("daemonsets", "x", "every")
        daemon_set["spec"]["template"]["spec"]["nodeSelector"] = {"kubernetes.io/os": "linux"}
        cluster.store.update("daemonsets", daemon_set)
        await cluster.until(lambda: cluster.status("daemonsets", "every").get("updatedNumberScheduled") == 2)
        assert {pod["spec"]["nodeName"] for pod in cluster.store.view("pods")} == {"n1", "n2"}
        revisions = cluster.store.view("controllerrevisions")
        assert sorted(each["revision"] for each in revisions) == [1, 2]

    run(scenario)


def test_a_daemon_set_that_stands_for_the_lab_makes_no_pods():
    async def scenario(cluster):
        template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "a"}]}}
        meta = {"name": "kube-proxy", "namespace": "x", "annotations": {"podwire.dev/emulated": "true"}}
        spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
        cluster.store.create("daemonsets", {"metadata": meta, "spec": spec})
        cluster.make("daemonsets", "every")
        await cluster.until(lambda: cluster.status("daemonsets", "every").get("numberAvailable") == 3)
        assert len(cluster.store.view("pods")) == 3

    run(scenario)


def test_pods_of_a_stateful_set_come_and_go_in_the_order_of_their_numbers():
    async def scenario(cluster):
        order = []
        cluster.store.subscribe("pods", lambda event: order.append((event.kind, event.object["metadata"]["name"])))
        cluster.make("statefulsets", "db", replicas=3, serviceName="db")
        await cluster.until(lambda: cluster.status("statefulsets", "db").get("availableReplicas") == 3)
        cluster.change("statefulsets", "db", image="b", replicas=2)
        await cluster.until(lambda: cluster.images() == ["b", "b"])
        made = [name for kind, name in order if kind == "ADDED"]
        gone = [name for kind, name in order if kind == "DELETED"]
        assert made == ["db-0", "db-1", "db-2", "db-1", "db-0"]
        assert gone == ["db-2", "db-1", "db-0"]
        await cluster.until(lambda: cluster.status("statefulsets", "db").get("updatedReplicas") == 2)
        status = cluster.status("statefulsets", "db")
        assert status["currentRevision"] == status["updateRevision"]

    run(scenario)


@pytest.mark.parametrize(("image", "kind", "pods"), [("ends-0", "Complete", 3), ("ends-1", "Failed", 3)])
def test_a_job_ends_as_its_pods_do(image, kind, pods):
    async def scenario(cluster):
        cluster.make("jobs", "once", image=image, completions=3, parallelism=1, backoffLimit=2)
        await cluster.until(lambda: cluster.condition("jobs", "once", kind) is not None)
        assert len(cluster.store.view("pods")) == pods

    run(scenario)


def test_a_job_is_deleted_when_it_has_ended_for_as_long_as_it_says():
    async def scenario(cluster):
        cluster.make("jobs", "once", image="ends-0", ttlSecondsAfterFinished=0)
        await cluster.until(lambda: not cluster.store.view("jobs"))
        await cluster.until(lambda: not cluster.store.view("pods"))

    run(scenario)


def test_a_suspended_job_has_no_pods_until_it_is_resumed():
    async def scenario(cluster):
        cluster.make("jobs", "once", suspend=True)
        await cluster.until(lambda: "ready" in cluster.status("jobs", "once"))
        assert not cluster.store.view("pods")
        cluster.change("jobs", "once", suspend=False)
        await cluster.until(lambda: len(cluster.store.view("pods")) == 1)

    run(scenario)


@pytest.mark.parametrize("resource", ["daemonsets", "deployments"])
def test_what_an_owner_left_is_taken_over_by_the_next_of_its_name(resource):
    async def scenario(cluster):
        cluster.make(resource, "web")
        await cluster.until(lambda: cluster.store.view("pods"))
        owner = cluster.store.get(resource, "x", "web")
        meta = {**owner["metadata"], "finalizers": ["orphan"], "deletionTimestamp": now()}
        before = {pod["metadata"]["uid"] for pod in cluster.store.view("pods")}
        cluster.store.update(resource, {**owner, "metadata": meta})
        await cluster.until(lambda: not cluster.store.view(resource))
        cluster.make(resource, "web")
        await cluster.until(lambda: cluster.status(resource, "web").get("observedGeneration") == 1)
        assert before == {pod["metadata"]["uid"] for pod in cluster.store.view("pods")}
        cluster.store.delete(resource, "x", "web")
        await cluster.until(lambda: not cluster.store.view("pods"))

    run(scenario)


def test_one_workload_that_cannot_be_changed_now_holds_up_no_other():
    async def scenario(cluster):
        taken = {"metadata": {"name": "zz", "namespace": "x", "labels": {"other": "y"}}, "revision": 1, "data": {}}
        first = cluster.make("daemonsets", "zz")
        await cluster.until(lambda: cluster.store.view("controllerrevisions"))
        name = cluster.store.view("controllerrevisions")[0]["metadata"]["name"]
        cluster.store.delete("daemonsets", "x", "zz")
        await cluster.until(lambda: not cluster.store.view("controllerrevisions"))
        taken["metadata"]["name"] = name
        cluster.store.create("controllerrevisions", taken)
        again = cluster.make("daemonsets", "zz")
        assert again["metadata"]["uid"] != first["metadata"]["uid"]
        cluster.make("daemonsets", "zzz")
        await cluster.until(lambda: cluster.status("daemonsets", "zzz").get("numberAvailable") == 3)
        cluster.store.delete("controllerrevisions", "x", name)
        await cluster.until(lambda: cluster.status("daemonsets", "zz").get("numberAvailable") == 3)

    run(scenario)
