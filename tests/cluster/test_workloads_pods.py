"""What a pod's status comes to, and the objects that a run makes from the manifests."""

import pytest
import yaml
from api_objects import pod
from facts_by_row import node_with

from podwire.cluster.deployment import manifests
from podwire.cluster.deployment.images import image_for, windows_tag
from podwire.cluster.deployment.waiting import pod_state
from podwire.content import manifests_folder

PULL = 'failed to pull and unpack image "docker.io/library/python:none": not found'
WINDOWS = node_with(name="w", os="windows", kernel_version="10.0.20348.2762")
LINUX = node_with(name="l", os="linux")


@pytest.mark.parametrize(
    ("seen", "ready", "final", "trouble", "text"),
    [
        (pod(ready=True, ips=("10.0.0.1",), phase="Running"), True, False, "starting", ""),
        (pod(ready=True, phase="Running"), False, False, "starting", "Running"),
        (
            pod(waiting={"reason": "ErrImagePull", "message": PULL}),
            *(False, False, "image", f"image python:none cannot be pulled on node w: {PULL}"),
        ),
        (
            pod(waiting={"reason": "InvalidImageName"}),
            *(False, True, "image", "image python:none cannot be pulled on node w: InvalidImageName"),
        ),
        (
            pod(scheduled="0/4 nodes are available"),
            *(False, False, "schedule", "cannot be scheduled on node w: 0/4 nodes are available"),
        ),
        (
            pod(waiting={"reason": "CreateContainerConfigError", "message": "configmap not found"}),
            *(
                False,
                False,
                "container",
                "its container does not start: CreateContainerConfigError: configmap not found",
            ),
        ),
        (pod(waiting={"reason": "ContainerCreating"}), False, False, "starting", "ContainerCreating"),
        (
            pod(phase="Failed", terminated={"exitCode": 2, "reason": "Error", "message": "no agent\n"}),
            *(False, True, "starting", "it has ended: (exit code 2: Error no agent)"),
        ),
        (
            pod(phase="Failed", reason="DeadlineExceeded", message="Pod was active too long"),
            *(False, True, "starting", "it has ended: DeadlineExceeded Pod was active too long"),
        ),
    ],
)
def test_a_status_is_read_for_a_person(seen, ready, final, trouble, text):
    state = pod_state(seen)
    assert (state.ready, state.final, state.trouble, state.text) == (ready, final, trouble, text)


@pytest.mark.parametrize(("policy", "final"), [("Never", True), ("Always", False)])
def test_a_container_that_ended_for_good_is_not_waited_for_though_another_runs(policy, final):
    seen = pod(phase="Running", terminated={"exitCode": 1, "reason": "Error"})
    seen["spec"]["restartPolicy"] = policy
    seen["status"]["containerStatuses"].append({"name": "beside", "state": {"running": {}}})
    state = pod_state(seen)
    assert (state.final, state.text) == (final, "it has ended: (exit code 1: Error)" if final else "Running")


@pytest.mark.parametrize("node", [LINUX, WINDOWS], ids=lambda node: node.os)
@pytest.mark.parametrize("slot", ["a", "host"])
def test_a_probe_is_bound_to_its_node_by_the_scheduler_and_ends_by_itself(node, slot):
    made = manifests.probe_pod("r1", "w-a", slot, node, "w.example", "image:1", 60)
    spec = made["spec"]
    assert "nodeName" not in spec
    assert spec["nodeSelector"] == {"kubernetes.io/os": node.os, "kubernetes.io/hostname": "w.example"}
    assert (spec["activeDeadlineSeconds"], spec["restartPolicy"]) == (60, "Never")
    assert spec["containers"][0]["image"] == "image:1"
    assert made["metadata"]["namespace"] == "podwire-r1"
    assert made["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "podwire"
    assert ("subdomain" in spec, spec.get("hostNetwork", False)) == (slot == "a", slot == "host")


def test_capabilities_are_asked_for_on_linux_only():
    # An API server refuses them in a pod whose spec.os is windows.
    windows = manifests.probe_pod("r", "w-a", "a", WINDOWS, "w", "i", 1)["spec"]["containers"][0]
    linux = manifests.probe_pod("r", "l-a", "a", LINUX, "l", "i", 1)["spec"]["containers"][0]
    assert "securityContext" not in windows
    assert linux["securityContext"]["capabilities"] == {"drop": ["ALL"], "add": ["NET_RAW"]}


@pytest.mark.parametrize(
    "slot", ["a", "host", *sorted(path.stem for path in (manifests_folder() / "variants").glob("*"))]
)
def test_a_linux_container_has_no_right_that_it_does_not_need(slot):
    made = manifests.probe_pod("r", "l-a", slot, LINUX, "l", "i", 1, dns="10.96.0.53")["spec"]
    assert made["automountServiceAccountToken"] is False
    first, *others = (container["securityContext"] for container in made["containers"])
    for context in (first, *others):
        assert (context["readOnlyRootFilesystem"], context["allowPrivilegeEscalation"]) == (True, False)
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert context["capabilities"]["drop"] == ["ALL"]
    assert set(first["capabilities"]["add"]) - {"NET_BIND_SERVICE"} == {"NET_RAW"}
    for context in others:  # Nothing is captured there.
        assert (context["runAsUser"], context["runAsNonRoot"], context["capabilities"]["add"]) == (65534, True, [])


@pytest.mark.parametrize(("slot", "user"), [("a", "ContainerUser"), ("host", "NT AUTHORITY\\SYSTEM")])
def test_a_windows_pod_names_its_user_and_has_a_limit_of_memory(slot, user):
    made = manifests.probe_pod("r", "w-a", slot, WINDOWS, "w", "i", 1)["spec"]
    assert made["securityContext"]["windowsOptions"]["runAsUserName"] == user
    assert made["containers"][0]["resources"]["limits"] == {"memory": "512Mi"}


@pytest.mark.parametrize("node", [LINUX, WINDOWS], ids=lambda node: node.os)
def test_a_host_probe_listens_at_its_nodes_addresses_only(node):
    told = {
        slot: [
            one["name"]
            for one in manifests.probe_pod("r", "n", slot, node, "n", "i", 1)["spec"]["containers"][0]["env"]
        ]
        for slot in ("a", "host")
    }
    assert told == {"a": ["PODWIRE_IDENTITY"], "host": ["PODWIRE_IDENTITY", "PODWIRE_ADDRESSES"]}


def test_the_rpc_command_is_that_of_the_pods_own_agent():
    host = manifests.command_of(manifests.probe_pod("r", "w-host", "host", WINDOWS, "w", "i", 1))
    assert host[0] == "%CONTAINER_SANDBOX_MOUNT_POINT%/Python/python.exe"
    assert host[-2:] == ("%CONTAINER_SANDBOX_MOUNT_POINT%/podwire/agent.pyz", "rpc")
    linux = manifests.command_of(manifests.probe_pod("r", "l-a", "a", LINUX, "l", "i", 1))
    assert linux == ("python", "-I", "-S", "/podwire/agent.pyz", "rpc")


def test_one_run_does_not_change_the_next_ones_objects():
    manifests.service("one", "echo", "l-a")["spec"]["selector"]["x"] = "y"
    second = manifests.service("two", "echo", "l-b")
    assert second["spec"]["selector"] == {"podwire.dev/run": "two", "podwire.dev/probe": "l-b"}


def test_every_manifest_is_plain_yaml_with_a_kind():
    for path in sorted(manifests_folder().glob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text()):
            assert {"apiVersion", "kind", "metadata"} <= document.keys(), path


def test_names_of_nodes_become_different_dns_labels():
    nodes = ("linux-1", "ip-10-0-0-1.eu.internal", "ip-10-0-0-1.us.internal", "WIN_1", "n" * 63)
    short = manifests.short_names(nodes)
    assert short["linux-1"] == "linux-1"
    assert short["ip-10-0-0-1.eu.internal"] == "ip-10-0-0-1"
    assert len(set(short.values())) == len(nodes)
    assert all(len(f"echo-{name}-host") <= 63 and name == name.strip("-").lower() for name in short.values())


@pytest.mark.parametrize(
    ("build", "tag"), [(17763, None), (20348, "ltsc2022"), (25398, "ltsc2022"), (26100, "ltsc2025")]
)
def test_the_windows_image_fits_the_release_of_the_node(build, tag):
    assert windows_tag(build) == tag


def test_images_that_the_user_names_win():
    assert image_for(LINUX) == "python:3.12-slim"
    assert image_for(WINDOWS) == "python:3.13-windowsservercore-ltsc2022"
    assert image_for(WINDOWS, "l", "w") == "w"
    old = node_with(name="w", os="windows", kernel_version="10.0.17763.1")
    with pytest.raises(ValueError, match="no official Python image runs on Windows build 17763"):
        image_for(old)
