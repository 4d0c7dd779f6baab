"""A rolling upgrade of a lab's Windows nodes: pods go elsewhere, nodes come back with a new network."""

import pytest
from running import run
from runninglab import Api, ready, start_lab, until

from podwire.cli import main as cli
from podwire_lab.lifecycle.access import VARIABLE, lab_api
from podwire_lab.lifecycle.upgrade import Upgrade, next_patch, next_revision

PLAIN = ("--requirement", "FLOW-POD-POD-IP", "--requirement", "FLOW-POD-SVC-CLUSTER-IP", "--family", "ipv4")
POD = {
    "nodeSelector": {"kubernetes.io/os": "windows"},
    "terminationGracePeriodSeconds": 1,
    "containers": [
        {
            "name": "c",
            "image": "python:3.13-windowsservercore-ltsc2022",
            "command": ["python", "-c", "import time; time.sleep(600)"],
        }
    ],
}


@pytest.fixture(scope="module")
def lab():
    with start_lab("overlay-win-overlay") as running:
        yield running


@pytest.fixture
def api(lab, monkeypatch):
    monkeypatch.setenv(VARIABLE, str(lab.kubeconfig))
    return Api(lab)


def node(api, name):
    return api("GET", f"/api/v1/nodes/{name}")


def workload(kind, name):
    labels = {"app": name}
    body = {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}, "spec": POD}}
    if kind == "Deployment":
        body["replicas"] = 2
    return {"apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name}, "spec": body}


def pods(api, name):
    return api("GET", f"/api/v1/namespaces/default/pods?labelSelector=app={name}")["items"]


def test_an_upgrade_moves_pods_and_gives_nodes_a_new_build_a_new_kubelet_and_a_whole_network(api, tmp_path, capsys):
    asking = lab_api()
    for kind, plural in (("Deployment", "deployments"), ("DaemonSet", "daemonsets")):
        asking.ask("POST", f"/apis/apps/v1/namespaces/default/{plural}", workload(kind, kind.lower()))
        until(lambda kind=kind: len(pods(api, kind.lower())) == 2 and all(map(ready, pods(api, kind.lower()))))
    before = {pod["metadata"]["uid"] for pod in pods(api, "deployment")}
    boots = {name: node(api, name)["status"]["nodeInfo"]["bootID"] for name in ("windows-1", "windows-2", "linux-1")}

    assert cli.main(["lab", "upgrade", "--away", "100ms", "--windows-build", "20348.3091"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "windows-1: cordoned",
        "windows-1: drained, 1 pods evicted",
        "windows-1: back with Windows build 20348.3091 and kubelet v1.36.3",
        "windows-1: uncordoned",
    ]
    assert lines[-1] == "2 Windows nodes upgraded"
    for name, boot in boots.items():
        info, upgraded = node(api, name)["status"]["nodeInfo"], name != "linux-1"
        assert (info["bootID"] != boot) == upgraded
        assert info["kubeletVersion"] == ("v1.36.3" if upgraded else "v1.36.2")
        assert (info["kernelVersion"] == "10.0.20348.3091") == upgraded
        assert ready(node(api, name))
        assert not node(api, name)["spec"].get("unschedulable")
        assert not node(api, name)["spec"].get("taints")
    after = pods(api, "deployment")
    assert not before & {pod["metadata"]["uid"] for pod in after}
    # A DaemonSet's pods stay, and start again with their machine.
    for pod in until(lambda: all(map(ready, pods(api, "daemonset"))) and pods(api, "daemonset")):
        (status,) = pod["status"]["containerStatuses"]
        assert (status["restartCount"], status["lastState"]["terminated"]["reason"]) == (1, "Unknown")
    events = api("GET", "/api/v1/namespaces/default/events")["items"]
    of_node = [event["reason"] for event in events if event["involvedObject"]["name"] == "windows-1"]
    expected = ["NodeNotSchedulable", "NodeNotReady", "Starting", "Rebooted", "NodeReady", "NodeSchedulable"]
    assert [reason for reason in of_node if reason in expected] == expected
    done = run(tmp_path / "run", "--kubeconfig", api.kubeconfig, *PLAIN)
    assert done.code == 0, done.text


def test_a_node_that_comes_back_without_its_load_balancers_fails_and_a_fault_with_a_time_ends(api, tmp_path):
    assert cli.main(["lab", "upgrade", "--away", "100ms", "--fault", "windows-load-balancers-missing"]) == 0
    done = run(tmp_path / "broken", "--kubeconfig", api.kubeconfig, *PLAIN)
    failed = {name.partition("[")[0] for name, outcome in done.outcomes.items() if outcome == "fail"}
    assert failed == {"services/FLOW-POD-SVC-CLUSTER-IP"}
    # The next upgrade builds the network from nothing, so the fault of the last one goes with it.
    assert cli.main(["lab", "upgrade", "--away", "100ms", "--fault", "routes-of-one-node-missing=100ms"]) == 0
    done = run(tmp_path / "healed", "--kubeconfig", api.kubeconfig, *PLAIN)
    assert done.code == 0, done.text


def test_mistakes_are_one_line(api, monkeypatch, capsys, tmp_path):
    assert cli.main(["lab", "upgrade", "--fault", "one-node-unreachable-from-another"]) == 2
    assert "needs more than node windows-1; name a fault of one node" in capsys.readouterr().err
    asked = {"build": "20348.1", "kubelet": "v1.36.3", "away": 0.0, "faults": []}
    with pytest.raises(Exception, match="the lab can upgrade Windows nodes only: windows-1, windows-2"):
        lab_api().ask("POST", "/podwire.dev/nodes/linux-1/replace", asked)
    with pytest.raises(Exception, match="unknown Windows build"):
        lab_api().ask("POST", "/podwire.dev/nodes/windows-1/replace", asked | {"build": "1.2"})
    monkeypatch.setenv(VARIABLE, str(tmp_path / "nothing"))
    assert cli.main(["lab", "upgrade"]) == 2
    told = capsys.readouterr().err
    assert f"{VARIABLE}={tmp_path}/nothing: no lab has this kubeconfig" in told
    assert "Traceback" not in told


def test_the_next_versions():
    assert (next_revision("10.0.20348.2762"), next_patch("v1.36.2")) == ("20348.2763", "v1.36.3")
    assert Upgrade().faults == ()
