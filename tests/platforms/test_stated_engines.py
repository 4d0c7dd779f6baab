"""Who enforces network policies, where the user of a cluster states it."""

import pytest
from changed import replace
from facts_by_row import cluster_with

from podwire.model.facts import NetworkPolicies, PolicyEngine
from podwire.platforms.policy_engines import engine
from podwire.platforms.stated import Contradiction, StatedEngines, StatedFacts, merged
from podwire.platforms.stated_file import load_stated_facts


def stated(**engines):
    return StatedFacts(source="facts.yaml", engines=StatedEngines(**engines))


def cluster(*signals, **engines):
    return replace(cluster_with(name="c"), policies=NetworkPolicies(**engines), signals=signals)


def test_a_file_states_the_engine_of_each_os(tmp_path):
    path = tmp_path / "facts.yaml"
    path.write_text("windows_policies: calico\nlinux_policies: none\n")
    assert load_stated_facts(path).engines == StatedEngines(windows_policies="calico", linux_policies="none")


@pytest.mark.parametrize("before", ["unknown", "none"])
def test_an_engine_that_no_signal_shows_is_taken(before):
    found = merged(cluster(windows=PolicyEngine(name=before)), stated(windows_policies="calico"))
    assert found.policies.windows == engine("calico", "windows")
    assert "except" in found.policies.windows.lacks
    assert found.origin.signals[-1] == "facts.yaml: network policies on Windows nodes calico, stated"


def test_an_engine_that_podwire_does_not_know_lacks_nothing_that_is_known():
    assert merged(cluster(), stated(linux_policies="kube-ovn")).policies.linux == PolicyEngine(name="kube-ovn")


def test_an_engine_that_is_seen_keeps_its_version():
    seen = engine("calico", "linux", "3.31.0")
    found = merged(cluster(linux=seen), stated(linux_policies="calico"))
    assert found.policies.linux == seen
    assert found.origin.signals[-1] == "facts.yaml: network policies on Linux nodes calico, as seen"


def test_another_engine_than_the_one_seen_is_a_contradiction():
    signal = "network policies on Linux nodes: calico 3.31.0 (DaemonSet calico-system/calico-node)"
    with pytest.raises(Contradiction) as refused:
        merged(cluster(signal, linux=engine("calico", "linux")), stated(linux_policies="none"))
    assert str(refused.value) == (
        f"facts.yaml: linux_policies: you state none, but podwire found calico ({signal}); correct or remove the field"
    )
