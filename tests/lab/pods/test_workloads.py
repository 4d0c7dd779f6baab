"""The probes on a lab: discovered, deployed, and gone again, through the API alone."""

import shutil
import subprocess

import pytest
from runninglab import start_lab

from podwire.cluster.connect import connect
from podwire.cluster.deployment.cleanup import cleanup, find_leftovers
from podwire.cluster.deployment.waiting import Limits
from podwire.cluster.deployment.workloads import DeployOptions, deploy, undeploy
from podwire.cluster.discovery.discover import discover
from podwire.content import manifests_folder


@pytest.fixture(scope="module")
def lab():
    with start_lab("overlay-win-overlay") as started:
        yield started


@pytest.fixture(scope="module")
def connection(lab):
    return connect(lab.kubeconfig, lab.context)


@pytest.fixture(scope="module")
def facts(lab, connection):
    return discover(connection, lab.external_host)


def test_every_probe_of_both_systems_becomes_ready_where_it_belongs(connection, facts):
    deployment = deploy(connection, facts, DeployOptions(run_id="all"))
    try:
        assert deployment.problems == {}
        assert len(deployment.probes) == 12
        for probe in deployment.probes:
            families = facts.network.families if probe.kind == "host" else facts.network.pod_families(probe.os)
            assert set(probe.addresses) == set(families), probe.pod
            node = next(node for node in facts.nodes if node.name == probe.node)
            assert (probe.addresses["ipv4"] in node.addresses) == (probe.kind == "host"), probe.pod
    finally:
        assert undeploy(connection, "podwire-all") == []


def test_an_image_that_no_registry_has_is_named_and_the_rest_goes_on(connection, facts):
    options = DeployOptions(
        run_id="image", nodes_per_os=1, windows_image="nowhere.example/agent:1", limits=Limits(image=0.5)
    )
    deployment = deploy(connection, facts, options)
    try:
        assert sorted(deployment.problems) == ["windows-1-a", "windows-1-b", "windows-1-host"]
        for problem in deployment.problems.values():
            assert problem.startswith("image nowhere.example/agent:1 cannot be pulled on node windows-1: ")
        assert [probe.os for probe in deployment.available()] == ["linux"] * 3
    finally:
        undeploy(connection, "podwire-image")


def test_what_a_killed_run_left_is_found_and_removed(connection, facts):
    deploy(connection, facts, DeployOptions(run_id="lost", nodes_per_os=1))
    (left,) = find_leftovers(connection, run="lost")
    assert cleanup(connection, [left]) == []
    assert find_leftovers(connection) == []


@pytest.mark.skipif(not shutil.which("kubectl"), reason="kubectl is not installed")
def test_kubectl_takes_every_manifest_as_it_stands(lab):
    files = sorted(manifests_folder().glob("*.yaml"), key=lambda path: (path.name != "namespace.yaml", path.name))
    for path in files:
        command = ["kubectl", "--kubeconfig", str(lab.kubeconfig), "apply", "--server-side", "-f", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        assert done.returncode == 0, f"{path.name}: {done.stderr}"
