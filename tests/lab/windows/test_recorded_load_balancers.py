"""The HNS load balancers of the lab against those that kube-proxy's own code asked a fake HNS for."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from podwire_lab.model.interfaces import EndpointRule, ServiceRule
from podwire_lab.model.profile import Profile
from podwire_lab.model.profiles import PROFILES
from podwire_lab.windows.load_balancers import LoadBalancers
from podwire_lab.windows.services import SOURCE_NODE, SOURCE_VIP, Balancer, balancers

RECORDINGS = Path(__file__).parents[2] / "recordings/winkernel"
PROFILE_OF = {"overlay": "overlay-flannel-vxlan", "L2Bridge": "l2bridge-win-bridge"}
NODE_ADDRESS, SOURCE_VIP_ADDRESS = "172.31.0.11", "10.244.11.2"
# hcn: flags of a load balancer (DSR), and of its port (preserve DIP, VIP of the outside, routed on the node, MUX).
DSR, LOCAL_ROUTED, USE_MUX, PRESERVE, EXTERNAL = 1, 2, 4, 8, 16


def recorded(name: str) -> Iterator[dict]:
    with gzip.open(RECORDINGS / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def profile_of(entry: dict) -> Profile:
    return PROFILES[PROFILE_OF[entry["Network"]]].with_dsr(entry["DSR"])


def node_of(profile: Profile):
    return next(node for node in profile.nodes if node.name == "windows-1")


def service_of(entry: dict, endpoints: list[dict] | None) -> ServiceRule:
    return ServiceRule(
        name="default/service",
        address=entry["ClusterIP"],
        protocol=(entry["Protocol"] or "TCP").lower(),
        port=entry["Port"],
        target_port=entry["TargetPort"],
        node_port=entry["NodePort"] or None,
        external_ips=tuple(entry["ExternalIPs"] or ()),
        ingress_ips=tuple(entry["IngressIPs"] or ()),
        affinity_seconds=10800 if entry["Affinity"] else None,
        external_local=entry["ExternalLocal"],
        internal_local=entry["InternalLocal"],
        preserve_destination=entry["Preserve"],
        endpoints=tuple(
            EndpointRule(
                address=end["Address"],
                node=end["Node"],
                port=end["Port"] or None,
                ready=end["Ready"],
                serving=end["Serving"],
                terminating=end["Terminating"],
            )
            for end in endpoints or ()
        ),
    )


def as_recorded(balancer: Balancer) -> tuple:
    """VIP, ports, DSR, PreserveDIP, and endpoints: what a recorded load balancer says that decides about packets."""
    *_, vip, protocol, _, port = balancer.head.split()
    node_port = vip == NODE_ADDRESS
    return (
        "" if node_port else vip,
        protocol.upper(),
        int(port),
        balancer.port,
        not balancer.source,
        balancer.preserved is not None,
        tuple(sorted(endpoint.address for endpoint in balancer.endpoints)),
    )


def of_recording(balancer: dict) -> tuple:
    keys = ("VIP", "Protocol", "ExternalPort", "InternalPort", "DSR", "PreserveDIP")
    return (*(balancer[key] for key in keys), tuple(sorted(balancer["Endpoints"])))


@pytest.mark.parametrize("network", PROFILE_OF)
def test_every_recorded_service_has_the_load_balancers_of_kube_proxy(network):
    entries = [entry for entry in recorded("services") if entry["Network"] == network]
    different = []
    for entry in entries:
        profile = profile_of(entry)
        made = list(balancers(node_of(profile), profile, service_of(entry, entry["Endpoints"])))
        wanted = {of_recording(balancer) for balancer in entry["LoadBalancers"] or ()}
        sources = {(one["VIP"], one["SourceVIP"]) for one in entry["LoadBalancers"] or () if not one["DSR"]}
        of_the_lab = {(as_recorded(one)[0], source_of(one)) for one in made if one.source}
        hidden = network == "L2Bridge" or sources == of_the_lab  # on l2bridge it is the node's own, however it is said
        if {as_recorded(balancer) for balancer in made} != wanted or not hidden:
            different.append(entry["Number"])
    assert (len(entries), different) == ({"overlay": 728, "L2Bridge": 772}[network], [])


def source_of(balancer: Balancer) -> str:
    return {SOURCE_NODE: NODE_ADDRESS, SOURCE_VIP: SOURCE_VIP_ADDRESS}[balancer.source]


def in_one_line(balancer: Balancer) -> str:
    """As a walk tells it: VIPs, external and internal port, flags of the port and of the load balancer, endpoints."""
    vip, _, port, internal, dsr, preserved, endpoints = as_recorded(balancer)
    flags = {"": LOCAL_ROUTED | EXTERNAL, balancer.service.address: 0}.get(vip, EXTERNAL)
    flags |= (PRESERVE | USE_MUX) if preserved else 0
    return f"[{vip}] {port} {internal} {flags} {DSR if dsr else 0} [{' '.join(endpoints)}]"


def walks() -> Iterator[tuple[dict, Profile, list[ServiceRule]]]:
    for walk in recorded("walks"):
        yield walk, profile_of(walk), [service_of(walk["Service"], step["Endpoints"]) for step in walk["Steps"]]


def test_every_recorded_walk_leaves_what_kube_proxy_leaves():
    walked, different, remembered = 0, [], set()
    for walk, profile, services in walks():
        hns = LoadBalancers()
        for number, (step, service) in enumerate(zip(walk["Steps"], services, strict=True)):
            held = hns.sync(node_of(profile), profile, [service])[service]
            if sorted(map(in_one_line, held)) != sorted(step["Walked"] or ()):
                different.append((walk["Number"], number))
            if sorted(step["Walked"] or ()) != sorted(step["Fresh"] or ()):
                remembered.add(walk["Number"])
        walked += 1
    assert (walked, different, len(remembered)) == (400, [], 13)


def test_every_step_of_a_walk_is_for_a_fresh_kube_proxy_as_recorded():
    different = []
    for walk, profile, services in walks():
        for number, (step, service) in enumerate(zip(walk["Steps"], services, strict=True)):
            hns = LoadBalancers()
            held = hns.sync(node_of(profile), profile, [service])[service]
            if sorted(map(in_one_line, held)) != sorted(step["Fresh"] or ()):
                different.append((walk["Number"], number))
    assert different == []


def last_ready_at_once() -> tuple[Profile, ServiceRule, ServiceRule]:
    profile = PROFILES["l2bridge-win-bridge"]
    pod = EndpointRule(address="10.244.11.20", node="windows-1")
    service = ServiceRule(
        name="default/balanced",
        address="10.96.7.7",
        protocol="tcp",
        port=80,
        target_port=8080,
        node_port=30080,
        external_ips=("203.0.113.60",),
        ingress_ips=("203.0.113.50",),
        endpoints=(pod,),
    )
    return profile, service, replace(service, endpoints=(replace(pod, ready=False, serving=False),))


def heads(hns: LoadBalancers, profile: Profile, service: ServiceRule) -> list[str]:
    return [one.head.split(" daddr ")[1].split()[0] for one in hns.sync(node_of(profile), profile, [service])[service]]


def test_a_second_sync_and_one_of_other_services_change_nothing():
    profile, ready, not_ready = last_ready_at_once()
    hns = LoadBalancers()
    everything = ["10.96.7.7", NODE_ADDRESS, "203.0.113.60", "203.0.113.50"]
    assert heads(hns, profile, ready) == everything
    assert heads(hns, profile, not_ready) == everything
    assert heads(hns, profile, not_ready) == everything
    other = replace(ready, name="default/other", address="10.96.7.8", node_port=None)
    assert len(hns.sync(node_of(profile), profile, [not_ready, other])[not_ready]) == len(everything)


@pytest.mark.parametrize("change", ["endpoints", "service", "restart", "never ready"])
def test_what_ends_a_node_port_that_outlived_its_ready_pods(change):
    profile, ready, not_ready = last_ready_at_once()
    hns = LoadBalancers()
    if change != "never ready":
        heads(hns, profile, ready)
        heads(hns, profile, not_ready)
    if change == "restart":
        hns.forget()
    later = not_ready
    if change == "endpoints":
        more = EndpointRule(address="10.244.11.21", node="windows-1", ready=False, serving=False)
        later = replace(not_ready, endpoints=(*not_ready.endpoints, more))
    if change == "service":
        later = replace(not_ready, affinity_seconds=60)
    assert heads(hns, profile, later) == ["10.96.7.7", "203.0.113.50"]
