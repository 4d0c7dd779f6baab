"""The lab is discovered as any cluster is: what its objects tell are the facts that were planned with."""

import pytest
from changed import replace

from podwire.cluster.discovery.discover import facts_from_objects
from podwire.platforms.stated import merged
from podwire_lab.kube_api import server
from podwire_lab.model.planned import planned_facts, stated_facts
from podwire_lab.model.profiles import PROFILES, profile_named
from podwire_lab.model.seed import dns_pod, seeds
from podwire_lab.model.variations import VARIATIONS
from podwire_lab.model.windows_builds import WindowsBuild

VERSION = server.VERSION.removeprefix("v")
"""The API server tells it, as no object does."""


def objects_of(profile):
    found = {}
    for resource, obj in seeds(profile):
        if obj["metadata"].get("namespace", "kube-system") == "kube-system":
            found.setdefault(resource, []).append(obj)
    hosts = [node for node in profile.nodes if node.name in profile.set_up.dns.nodes]
    found["pods"] = [
        dns_pod([host.pod_address(family, host.pods.first) for family in profile.families], host) for host in hosts
    ]
    return found


@pytest.mark.parametrize("build", [(17763, 1000), (20348, 2762), (26100, 1)])
@pytest.mark.parametrize("dsr", [True, False])
@pytest.mark.parametrize("name", PROFILES)
def test_discovery_finds_what_was_planned(name, dsr, build):
    held(PROFILES[name].with_dsr(dsr).with_build(WindowsBuild(*build)), build)


@pytest.mark.parametrize("variation", VARIATIONS)
def test_discovery_finds_what_was_planned_with_each_variation(variation):
    held(profile_named("overlay-win-overlay", variations=[variation]), (20348, 2762))


def held(profile, build):
    planned = planned_facts(profile)
    found = facts_from_objects(
        objects_of(profile), name=planned.name, version=VERSION, external=planned.outside.host, load_balancer=True
    )
    found = merged(found, stated_facts(profile))
    assert found.origin.emulated
    assert [node.build for node in found.usable("windows")] == [build, build]
    assert [node.build for node in planned.usable("windows")] == [build, build]
    plain = [replace(node, kernel_version="", os_image="", kubelet_version="", runtime="") for node in found.nodes]
    found = replace(found, nodes=tuple(plain), signals=(), components={})
    assert found == replace(planned, nodes=found_nodes(planned), signals=())


def found_nodes(planned):
    blank = {"kernel_version": "", "os_image": "", "kubelet_version": "", "runtime": ""}
    return tuple(replace(node, **blank) for node in planned.nodes)
