"""A pod is made again with the address of another one: what is asked for, what is noted, and a wish nobody hears."""

import json

from deployments import a_deployment
from fake_rest import FakeRest
from plans_for_tests import L2BRIDGE

from podwire.cluster.deployment.changes import addresses as changes
from podwire.cluster.deployment.changes.making import make_change
from podwire.errors import ApiError
from podwire.model.cases import Slot
from podwire.planning.prerequisites import Needs
from podwire.probing.targets import probe_of

NODE = "linux-1"
PODS = tuple((NODE, slot) for slot in (changes.FORMER, changes.HEIR))


def a_pod(name, **status):
    return {
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "podwire-r1", "uid": "u1", "labels": {"podwire.dev/run": "r1"}},
        "spec": {"nodeName": NODE, "hostname": name, "containers": [{"name": "probe"}]},
        "status": status,
    }


def running(obj, *addresses):
    """The pod as it runs, with these addresses."""
    status = {
        "phase": "Running",
        "podIPs": [{"ip": address} for address in addresses],
        "conditions": [{"type": "Ready", "status": "True"}],
        "containerStatuses": [{"name": "probe", "ready": True, "state": {"running": {}}}],
    }
    return {**obj, "status": status}


def wished(obj):
    return json.loads(obj["metadata"]["annotations"][changes.WISH])


def changed(given, refuse=lambda obj: None):
    """The deployment and the API after the change; `given` says which addresses a pod gets that wishes for some."""
    rest = FakeRest(refuse=refuse, on_apply=lambda obj: running(obj, *given(wished(obj))))
    deployment = a_deployment(L2BRIDGE, Needs(pods=PODS))
    for _, slot in PODS:
        name = f"{NODE}-{slot}"
        rest.objects["pods", name] = a_pod(name)
    return make_change(rest, deployment, "address-inherited"), deployment, rest


def test_the_heir_is_made_again_with_a_wish_and_has_the_address():
    made, deployment, rest = changed(lambda wish: wish)
    former, heir = (deployment.probe(f"{NODE}-{slot}") for _, slot in PODS)
    assert (made.problem, set(rest.deleted)) == ("", {("pods", former.pod), ("pods", heir.pod)})
    (obj,) = rest.applied
    assert obj["metadata"].keys() == {"name", "namespace", "labels", "annotations"}
    assert wished(obj) == sorted(former.addresses.values())
    assert "nodeName" not in obj["spec"]
    assert heir.addresses == former.addresses
    assert former.pod not in {probe.pod for probe in deployment.available()}
    assert (
        deployment.on(NODE, changes.HEIR)
        == heir
        == probe_of(Slot(os="linux", node=NODE, probe=changes.HEIR), deployment)
    )


def test_an_heir_with_another_address_has_none_to_ask_and_says_why():
    made, deployment, _ = changed(lambda wish: ["10.9.9.9"])
    heir = deployment.probe(f"{NODE}-{changes.HEIR}")
    assert (made.problem, dict(heir.addresses)) == ("", {})
    former = sorted(deployment.probe(f"{NODE}-{changes.FORMER}").addresses.values())
    words = f"made again, it got 10.9.9.9 and not {', '.join(former)}, which {NODE}-{changes.FORMER} had"
    assert deployment.problems[heir.pod] == f"{words}: no address was used again"


def test_an_heir_that_the_api_refuses_has_no_address_to_ask():
    error = ApiError("too many pods", status=403, message="too many pods")
    made, deployment, _ = changed(lambda wish: wish, refuse=lambda obj: error)
    heir = deployment.probe(f"{NODE}-{changes.HEIR}")
    assert (made.problem, dict(heir.addresses)) == ("", {})
    assert deployment.problems[heir.pod] == "the API server refuses it: too many pods"


def test_an_heir_that_does_not_start_says_so(monkeypatch):
    monkeypatch.setattr(changes, "STARTS", 0.0)
    rest = FakeRest(on_apply=lambda obj: {**obj, "status": {"phase": "Pending"}})
    deployment = a_deployment(L2BRIDGE, Needs(pods=PODS))
    for _, slot in PODS:
        rest.objects["pods", f"{NODE}-{slot}"] = a_pod(f"{NODE}-{slot}")
    assert make_change(rest, deployment, "address-inherited").problem == ""
    assert f"made again with the address of {NODE}-{changes.FORMER}: " in deployment.problems[f"{NODE}-{changes.HEIR}"]


def test_a_node_without_a_former_holder_is_left_alone():
    rest = FakeRest()
    assert make_change(rest, a_deployment(L2BRIDGE, Needs(pods=PODS[1:])), "address-inherited").problem == ""
    assert (rest.deleted, rest.applied) == ([], [])
