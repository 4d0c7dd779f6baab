"""Labs of more nodes: a broken third node is red where it takes part, and a broken pool is rejected."""

import pytest
from running import run
from runninglab import Api, start_lab

from podwire.cli import main as cli
from podwire.model.verdicts import Outcome
from podwire.planning.plan import Selection
from podwire.planning.selectors import pool
from podwire.running.mutants import verdicts
from podwire.running.run_options import LabOptions, RunOptions

PLAIN = ("FLOW-POD-POD-IP", "FLOW-POD-SVC-CLUSTER-IP")
LABEL = "podwire.dev/lab-pool"
POOLS = (pool(f"old={LABEL}=old"), pool(f"new={LABEL} in (new)"))
RED_ON_THIRD = {"vni-of-another-network@windows-3": PLAIN[0], "service-not-programmed@windows-3": PLAIN[1]}


def failed(faults, **selection):
    lab = LabOptions(profile="overlay-win-overlay", nodes=3, faults=tuple(faults))
    chosen = Selection(requirements=PLAIN, families=("ipv4",), **selection)
    found = verdicts(RunOptions(lab=lab, selection=chosen))
    return {case for case, told in found.items() if told.outcome is Outcome.FAIL}


def test_a_broken_third_node_is_green_where_two_take_part():
    assert failed(RED_ON_THIRD) == set()


@pytest.mark.parametrize("selection", [{"all_nodes": True}, {"nodes_per_os": 3}])
def test_a_broken_third_node_is_red_where_three_take_part(selection):
    found = failed(RED_ON_THIRD, **selection)
    assert any("FLOW-POD-POD-IP[tcp-256B-v4-windows-linux-cross-node-node-3-to-node-3]" in case for case in found)
    assert any("FLOW-POD-POD-IP[tcp-256B-v4-linux-windows-cross-node-node-3-to-node-3]" in case for case in found)
    assert any("CLUSTER-IP[tcp-256B-v4-windows-linux-cross-node-node-3-to-node-3]" in case for case in found)
    assert not any(case.endswith(("node-1-to-node-2]", "node-1-to-node-1]", "node-2-to-node-2]")) for case in found)


@pytest.mark.parametrize(
    ("faults", "code", "said"),
    [
        ((), 0, "gate: ACCEPT  nothing changed"),
        (("vni-of-another-network@windows-3,windows-4",), 1, "gate: REJECT"),
    ],
)
def test_the_gate_accepts_a_pool_that_is_whole_and_rejects_one_that_is_broken(faults, code, said, tmp_path, capsys):
    options = ["--lab-nodes", "4", "--family", "ipv4", "--requirement", PLAIN[0]]
    options += [word for one in POOLS for word in ("--pool", one.text)]
    options += [word for fault in faults for word in ("--fault", fault)]
    done = run(tmp_path / "run", *options)
    assert done.code == code, done.text
    assert "8 of 8 usable nodes take part" in done.text
    assert "pool new: linux-3, linux-4, windows-3, windows-4" in done.text
    assert cli.main(["gate", "--pools", "old", "new", str(done.folder), "--allow-emulated"]) == code
    assert capsys.readouterr().out.startswith(said)
    assert cli.main(["judge", str(done.folder)]) == 0
    matrix = (done.folder / "matrix.html").read_text()
    assert "Windows pod, pool new" in matrix
    assert "Windows pod, pool old" in matrix


@pytest.fixture(scope="module")
def cluster():
    """A cluster of three nodes of each OS, windows-2 of them cordoned, and facts that its user states."""
    with start_lab("overlay-win-overlay", nodes=3) as running:
        api = Api(running)
        node = api("GET", "/api/v1/nodes/windows-2")
        node["spec"]["unschedulable"] = True
        api("PUT", "/api/v1/nodes/windows-2", node)
        stated = running.kubeconfig.parent / "facts.yaml"
        stated.write_text("denied_port: false\n")
        yield ("--kubeconfig", api.kubeconfig, "--facts", str(stated), "--requirement", PLAIN[0], "--family", "ipv4")


def planned(cluster, capsys, *options):
    code = cli.main(["plan", *cluster, *options])
    said = capsys.readouterr()
    assert said.err.count("\n") == (code != 0)
    return code, said.out or said.err


def test_labels_are_those_of_the_cluster_with_stated_facts_too(cluster, capsys):
    code, told = planned(cluster, capsys, *(word for one in POOLS for word in ("--pool", one.text)))
    assert code == 0
    assert "FLOW-POD-POD-IP[tcp-256B-v4-linux-windows-cross-node-from-old-to-new]" in told
    assert "pool new: linux-3, windows-3" in told
    assert "needs two usable Windows nodes in pool old" in told
    assert "node windows-2 is cordoned: left out" in told


def test_a_cordoned_node_that_is_named_is_one_line(cluster, capsys):
    code, told = planned(cluster, capsys, "--nodes", "linux-1,windows-2")
    assert (code, told) == (
        2,
        "podwire: --nodes windows-2: the node is cordoned, so no probe can run there; uncordon it, or leave it out\n",
    )


def test_a_selector_of_one_os_says_which_os_is_left_out(cluster, capsys):
    code, told = planned(cluster, capsys, "--node-selector", "kubernetes.io/os in (windows)", "--all-nodes")
    assert code == 0
    assert "no Linux node is chosen: flows to and from Linux are left out" in told
    assert "nodes linux-1, linux-2, linux-3 are not chosen: left out" in told
    assert "2 of 2 usable nodes take part; cases go between 2 of their 2 ordered pairs" in told
