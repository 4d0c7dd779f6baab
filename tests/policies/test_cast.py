"""The pods of the cases of network policies: their manifests have the ports that the policies are about."""

import pytest
from facts_by_row import node_with

from podwire.cluster.deployment import manifests
from podwire.content import manifests_folder
from podwire.files.yaml_tree import yaml_file
from podwire.policies import cast
from podwire.policies.network_policy import policy_of

FILES = sorted(path.stem for path in (manifests_folder() / "policies").glob("np-*.yaml"))
NODES = [node_with(name="l", os="linux"), node_with(name="w", os="windows", kernel_version="10.0.20348.1")]


def policy(name):
    return policy_of(yaml_file(manifests_folder() / "policies" / f"{name}.yaml"))


def test_every_file_is_in_force_in_some_scene_and_has_a_name_of_its_own():
    assert {name for names in cast.SCENES.values() for name in names} == set(FILES)
    for names in cast.SCENES.values():
        assert len({policy(name).name for name in names}) == len(names)


@pytest.mark.parametrize("name", FILES)
def test_rules_are_about_ports_that_have_a_name(name):
    numbers = {*cast.PORTS.values(), cast.ECHO, 0}  # 0: every port of the protocol
    for direction in ("ingress", "egress"):
        for rule in policy(name).rules(direction):
            for port in rule.ports:
                assert port.name or {port.first, port.last} <= numbers


@pytest.mark.parametrize("node", NODES, ids=["linux", "windows"])
@pytest.mark.parametrize("slot", sorted(cast.NODES))
def test_a_pod_has_the_named_ports_that_the_model_knows(slot, node):
    pod = manifests.probe_pod("r1", f"{node.name}-{slot}", slot, node, node.name, "image", 60)
    assert pod["metadata"]["namespace"] == cast.namespace_of(slot, "podwire-r1")
    (container,) = pod["spec"]["containers"]
    named = {
        (port["name"], port["protocol"], port["containerPort"])
        for port in container["ports"]
        if port["name"].startswith("np-")
    }
    known = cast.pod(slot, slot, node.name, "")
    assert {(port.name, port.protocol, port.number) for port in known.ports} == named
    labels = pod["metadata"]["labels"]
    assert {key: labels.get(key) for key in known.labels} == dict(known.labels)


def test_addresses_that_stand_for_pods_are_found_in_networks_of_one_address_only():
    assert cast.stood_in("192.0.2.1/32") == "a"
    assert cast.stood_in("2001:db8::4/128") == "np-green"
    assert cast.stood_in("0.0.0.0/0") == ""
