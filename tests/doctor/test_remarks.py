"""What `podwire doctor` says of each subject: pure tables of situations and remarks."""

import time
from email.utils import formatdate

import pytest

from podwire.content import manifests_folder
from podwire.doctor.clocks import remarks_on_clocks
from podwire.doctor.kube_proxy import remarks_on_kube_proxy
from podwire.doctor.namespaces import remarks_on_namespace
from podwire.doctor.nodes import remarks_on_images, remarks_on_nodes, remarks_on_room
from podwire.doctor.options import remarks_on_options
from podwire.doctor.remark import Remark, lines
from podwire.doctor.rights import Right, rights_of
from podwire.doctor.versions import remarks_on_versions
from podwire.model.cases import Exclusion
from podwire.model.facts import NodeFacts, NodeSoftware


def node(name, system="linux", **software):
    ready, schedulable = software.pop("ready", True), software.pop("schedulable", True)
    return NodeFacts(name=name, os=system, ready=ready, schedulable=schedulable, software=NodeSoftware(**software))


FOUR = [node("l1"), node("l2"), node("w1", "windows"), node("w2", "windows")]


def told(remarks):
    return [(remark.state, remark.what) for remark in remarks]


def test_a_remark_is_a_line_with_its_reason_and_what_to_do():
    remark = Remark(state="note", what="room: a has 110 of 110 pods", why="pods stay pending", do="--nodes b,c")
    assert list(lines([remark])) == [
        "note    room: a has 110 of 110 pods",
        "        why: pods stay pending",
        "        do:  --nodes b,c",
    ]


@pytest.mark.parametrize(
    ("server", "kubelet", "state"),
    [
        ("1.36.2", "v1.36.2", "good"),
        ("1.36.2", "v1.33.9-eks-3abbec1", "good"),
        ("1.36.2", "v1.32.0", "note"),
        ("1.36.2", "v1.37.0", "note"),
        ("1.36.2", "", "good"),
        ("", "v1.36.2", "unknown"),
    ],
)
def test_a_kubelet_is_of_the_api_servers_version_or_up_to_three_older(server, kubelet, state):
    assert [remark.state for remark in remarks_on_versions(server, [node("a", kubelet=kubelet)])] == [state]


@pytest.mark.parametrize(
    ("runtime", "features", "state"),
    [
        ("docker://28.1.1", ("ExtendWebSocketsToKubelet",), "stop"),
        ("docker://28.1.1", (), "good"),
        ("containerd://2.1.6", ("ExtendWebSocketsToKubelet",), "good"),
    ],
)
def test_docker_behind_a_kubelet_that_takes_websockets_breaks_exec(runtime, features, state):
    seen = remarks_on_versions("1.36.2", [node("a", kubelet="v1.36.2", runtime=runtime, features=features)])
    assert [remark.state for remark in seen] == [state]


def test_nodes_that_are_missing_or_not_ready_are_named():
    nodes = [node("l1"), node("l2", ready=False), node("w1", "windows", schedulable=False)]
    assert told(remarks_on_nodes(nodes, {"l1": 2, "l2": 2})) == [
        ("note", "nodes: l2 is not ready"),
        ("note", "nodes: no Windows node can be used"),
        ("note", "nodes: one Linux node can be used"),
    ]
    assert told(remarks_on_nodes(FOUR, {"l1": 2})) == [("good", "nodes: l1 are ready; the plan uses them")]


def test_an_image_fits_the_build_of_its_node_and_is_there():
    nodes = [node("w19", "windows", kernel="10.0.17763.1"), node("w22", "windows", kernel="10.0.20348.1"), node("l1")]
    there = {"metadata": {"name": "l1"}, "status": {"images": [{"names": ["registry.example/python:3.12-slim"]}]}}
    used = {"w19": 2, "w22": 2, "l1": 2}
    stop, absent = remarks_on_images(nodes, [there], used, None, None)
    assert stop.state == "stop"
    assert "build 17763" in stop.what
    assert absent.what == ("images: python:3.13-windowsservercore-ltsc2022 is not in the list of images of w22")
    assert told(remarks_on_images(nodes[2:], [there], used, None, None))[0][0] == "good"


@pytest.mark.parametrize(("most", "state"), [("3", "good"), ("2", "stop"), ("x", "good")])
def test_a_node_has_room_for_the_pods_of_the_plan(most, state):
    there = [{"metadata": {"name": "l1"}, "status": {"allocatable": {"pods": most}}}]
    pods = [
        {"metadata": {"name": "one"}, "spec": {"nodeName": "l1"}, "status": {"phase": "Running"}},
        {"metadata": {"name": "done"}, "spec": {"nodeName": "l1"}, "status": {"phase": "Succeeded"}},
    ]
    assert [remark.state for remark in remarks_on_room(there, pods, {"l1": 2})] == [state]


def proxy(gates):
    return {"metadata": {"name": "kube-proxy-windows", "namespace": "kube-system"}, "data": {"config.conf": gates}}


@pytest.mark.parametrize(
    ("server", "gates", "state"),
    [
        ("1.34.0", "featureGates: {WinOverlay: false}", "note"),
        ("1.33.9", "featureGates: {WinOverlay: false}", "good"),
        ("1.34.0", "featureGates: {WinOverlay: true}", "good"),
        ("1.36.2", "featureGates: {IPv6DualStack: true}", "note"),
        ("1.36.2", "featureGates: {NFTablesProxyMode: true}", "good"),
    ],
)
def test_a_gate_that_kube_proxy_refuses_is_named(server, gates, state):
    seen = remarks_on_kube_proxy({"configmaps": [proxy(gates)]}, [], server)
    assert [remark.state for remark in seen] == [state]


def test_a_gate_on_the_command_line_counts_too():
    words = ["kube-proxy.exe", "--feature-gates=WinDSR=false,WinOverlay=true"]
    spec = {"template": {"spec": {"containers": [{"command": words}], "nodeSelector": {"kubernetes.io/os": "windows"}}}}
    daemonset = {"metadata": {"name": "kube-proxy-windows", "namespace": "kube-system"}, "spec": spec}
    (remark,) = remarks_on_kube_proxy({"daemonsets": [daemonset]}, [], "1.36.2")
    assert "feature gate WinDSR to false" in remark.what


@pytest.mark.parametrize(
    ("status", "told_of_it"),
    [
        ({"restartCount": 3}, "has started again 3 times"),
        ({"restartCount": 0, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}, "is in CrashLoopBackOff"),
        ({"restartCount": 0, "state": {"running": {}}}, "no restart"),
    ],
)
def test_a_kube_proxy_that_ends_again_and_again_is_named(status, told_of_it):
    pod = {"metadata": {"name": "kube-proxy-x", "namespace": "kube-system"}, "status": {"containerStatuses": [status]}}
    (remark,) = remarks_on_kube_proxy({}, [pod], "1.36.2")
    assert told_of_it in remark.what


@pytest.mark.parametrize(("offset", "state"), [(0, "good"), (20, "good"), (-90, "note"), (90, "note")])
def test_clocks_that_differ_by_more_than_half_a_minute_are_named(offset, state):
    now = time.time()
    (remark,) = remarks_on_clocks(formatdate(now - offset, usegmt=True), now, now + 0.1)
    assert remark.state == state
    if state == "note":
        assert ("ahead of" if offset > 0 else "behind") in remark.what


def test_a_server_without_a_clock_is_unknown():
    assert [remark.state for remark in remarks_on_clocks("", 0.0, 0.0)] == ["unknown"]


@pytest.mark.parametrize(
    ("labels", "quotas", "states"),
    [
        ({}, [], ["good"]),
        ({"pod-security.kubernetes.io/enforce": "privileged"}, [], ["good"]),
        ({"pod-security.kubernetes.io/enforce": "baseline"}, [], ["stop"]),
        ({}, [{"metadata": {"name": "q"}, "status": {"hard": {"pods": "10"}, "used": {"pods": "2"}}}], ["note"]),
    ],
)
def test_a_namespace_that_refuses_probes_is_named(labels, quotas, states):
    namespace = {"metadata": {"name": "team", "labels": labels}}
    assert [remark.state for remark in remarks_on_namespace(namespace, quotas)] == states


def test_options_that_make_more_cases_possible_are_named():
    exclusions = [
        Exclusion(requirement="A", cases="all", reason="needs a host outside; name one with --external-host NAME"),
        Exclusion(requirement="B", cases="some", reason="needs a host outside; name one with --external-host NAME"),
        Exclusion(requirement="C", cases="all", reason="is of another network mode"),
    ]
    plan, unlock = remarks_on_options(12, exclusions)
    assert (plan.state, plan.what) == ("good", "plan: 12 cases")
    assert (unlock.what, unlock.do) == ("plan: cases are left out of A, B", "name one with --external-host NAME")
    assert [remark.state for remark in remarks_on_options(0, [])] == ["stop"]


def test_rights_are_those_of_the_manifests():
    rights = rights_of(manifests_folder() / "rbac.yaml")
    assert Right("", "pods/exec", "create") in rights
    assert Right("", "pods/log", "get", "kube-system") in rights
    inside = rights_of(manifests_folder() / "rbac-namespace.yaml", "team")
    assert Right("", "pods", "create", "team") in inside
    assert not [right for right in inside if right.namespace == "podwire-runs"]
