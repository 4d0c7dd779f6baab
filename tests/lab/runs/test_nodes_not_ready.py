"""A cluster whose nodes exist and cannot be used: nothing is put on them, and their cases come out inconclusive."""

import pytest
from running import run
from runninglab import Api, start_lab

from podwire.cli import main as cli
from podwire.running.facts_from_wire import facts_from_wire
from podwire.running.run_options import ClusterOptions, RunOptions

WHY = "is not ready: Kubelet stopped posting node status; repair the node, or cordon it to leave it out"
PLAIN = ("--requirement", "FLOW-POD-POD-IP", "--family", "ipv4")


@pytest.fixture
def lab():
    with start_lab("l2bridge-win-bridge") as running:
        yield Api(running)


def silent(api, *names):
    """The kubelets of these nodes stop, as the node controller tells it."""
    for name in names:
        node = api("GET", f"/api/v1/nodes/{name}")
        (ready,) = (condition for condition in node["status"]["conditions"] if condition["type"] == "Ready")
        ready |= {"status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."}
        api("PUT", f"/api/v1/nodes/{name}/status", node)


def cordoned(api, name):
    node = api("GET", f"/api/v1/nodes/{name}")
    node["spec"]["unschedulable"] = True
    api("PUT", f"/api/v1/nodes/{name}", node)


def test_without_a_ready_windows_node_a_run_is_inconclusive_and_can_be_judged_again(lab, tmp_path, capsys):
    silent(lab, "windows-1", "windows-2")
    done = run(tmp_path / "run", "--kubeconfig", lab.kubeconfig, *PLAIN, "--require", "windows")
    assert done.code == 10, done.text
    assert "nodes windows-1, windows-2 are not ready: Kubelet stopped posting node status" in done.text
    for name, outcome in done.outcomes.items():
        assert outcome == ("inconclusive" if "windows" in name else "pass")
    reasons = {case["verdict"]["reason"] for case in done.record["cases"]} - {""}
    assert reasons == {f"node windows-1 {WHY}", f"node windows-2 {WHY}"}
    assert not [image for image in done.record["images"] if image["node"].startswith("windows")]
    assert cli.main(["judge", str(done.folder)]) == 0
    assert "nothing changed" in capsys.readouterr().out
    # The gate holds what the record says against what its facts and observations give.
    again = run(tmp_path / "again", "--kubeconfig", lab.kubeconfig, *PLAIN)
    assert cli.main(["gate", str(done.folder), str(again.folder), "--allow-emulated"]) == 2
    told = capsys.readouterr().out
    assert "candidate: nodes windows-1, windows-2 are not ready" in told
    assert "inconclusive (" in told


def test_with_one_ready_windows_node_only_what_needs_two_is_inconclusive(lab, tmp_path):
    silent(lab, "windows-1")
    done = run(tmp_path / "run", "--kubeconfig", lab.kubeconfig, *PLAIN)
    unsure = {name for name, outcome in done.outcomes.items() if outcome == "inconclusive"}
    assert done.code == 10, done.text
    assert unsure
    assert all(name.endswith("windows-windows-cross-node]") for name in unsure)
    facts = facts_from_wire(RunOptions(cluster=ClusterOptions(kubeconfig=lab.kubeconfig)))
    assert [signal for signal in facts.origin.signals if signal.startswith("HNS of ")]
    assert not [signal for signal in facts.origin.signals if signal.startswith("HNS of windows-1")]


def test_a_cordoned_node_is_left_out_named_and_missed_where_it_is_required(lab, tmp_path, capsys):
    cordoned(lab, "windows-1")
    cordoned(lab, "windows-2")
    options = ["--kubeconfig", lab.kubeconfig]
    assert cli.main(["plan", *options, "--area", "services"]) == 0
    assert "nodes windows-1, windows-2 are cordoned: left out" in capsys.readouterr().out
    done = run(tmp_path / "run", *options, *PLAIN, "--require", "kubernetes.io/os=windows")
    assert done.code == 3
    assert done.text.splitlines() == [
        "podwire: --require kubernetes.io/os=windows: podwire leaves out every such node: "
        "windows-1 (cordoned), windows-2 (cordoned)"
    ]
    assert not done.folder.exists()
