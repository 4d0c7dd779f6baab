"""Faults of what a Windows node's proxy makes of changes: seen by packets, and by what PowerShell lists."""

import json

import pytest
from faulty import VIP, Labs, breaks, params
from listed import NODE, listing

from podwire.platforms.hns import endpoints_in, load_balancers_in
from podwire.platforms.hns_processes import processes_in
from podwire.platforms.vmswitch import ports_in

WIN, WIN_B, LIN, LIN_2 = "windows-1/a", "windows-1/b", "linux-1/a", "linux-2/a"
SERVING: list[object] = []  # the labs in which a pod listens on the port of DNS
OTHER, BALANCED, PORT, INGRESS = "10.96.0.78", "10.96.0.79", 30079, "203.0.113.79"


def loses_an_endpoint(lab):
    """The only endpoint of a Service stops being ready."""
    lab.service(OTHER, LIN)
    lab.service(OTHER, LIN, states={LIN: "unready"})


def answers_after_a_loss(lab):
    lab.service(VIP, LIN)
    loses_an_endpoint(lab)
    return lab.exchange(WIN, VIP, port=80).ok


def follows_after_a_loss(lab):
    lab.service(VIP, LIN)
    loses_an_endpoint(lab)
    return follows_its_endpoints(lab)


def follows_its_endpoints(lab):
    """The Service begins and ends with the same endpoint, so that the next check begins without a loss."""
    lab.service(VIP, LIN)
    lab.service(VIP, LIN_2)
    follows = lab.exchange(WIN, VIP, port=80).identity == LIN_2
    lab.service(VIP, LIN)
    return follows


def ends_with_its_endpoints(lab):
    loses_an_endpoint(lab)
    return not lab.exchange(WIN, OTHER, port=80).ok


def answers(lab):
    lab.service(VIP, LIN)
    return lab.exchange(WIN, VIP, port=80).ok


def outlives_readiness_at_the_node_port(lab):
    more = {"node_port": PORT, "ingress_ips": (INGRESS,)}
    lab.service(BALANCED, LIN, **more)
    lab.service(BALANCED, LIN, states={LIN: "unready"}, **more)
    return lab.exchange("outside", NODE, port=PORT).ok


def reaches_from_a_later_pod(lab):
    return lab.exchange(WIN_B, LIN).ok


def gets_answers_of_dns(lab):
    if lab not in SERVING:
        lab.serve(LIN, 53)
        SERVING.append(lab)
    return lab.exchange(WIN, LIN, port=53).ok


def keeps_its_processes(lab):
    first = processes_in(listing(lab, "hns-processes"))
    loses_an_endpoint(lab)
    return processes_in(listing(lab, "hns-processes")) == first


def with_a_proxy(lab):
    return bool(processes_in(listing(lab, "hns-processes")).proxies)


def in_one_state(lab):
    return {one.state for one in endpoints_in(listing(lab, "hns-endpoints"))} == {"AttachedSharing"}


def with_a_mac_for_each_port(lab):
    macs = [port.mac for port in ports_in(listing(lab, "vmswitch-ports"))]
    return len(macs) == len(set(macs))


def with_each_load_balancer_once(lab):
    lab.service(VIP, LIN)
    frontends = [
        one for balancer in load_balancers_in(listing(lab, "hns-load-balancers")) for one in balancer.frontends
    ]
    return f"{VIP} tcp 80" in frontends and len(frontends) == len(set(frontends))


CHECKS = {
    "windows-node-ports-end-with-readiness": outlives_readiness_at_the_node_port,
    "windows-load-balancers-stay-without-endpoints": ends_with_its_endpoints,
    "windows-lost-load-balancers-stay-lost": answers_after_a_loss,
    "windows-load-balancers-cannot-be-replaced": follows_after_a_loss,
    "windows-kube-proxy-panics": follows_after_a_loss,
    "windows-kube-proxy-does-not-start": answers,
    "windows-later-pods-not-attached": reaches_from_a_later_pod,
    "windows-remote-endpoint-shadows-a-pod": gets_answers_of_dns,
    "windows-kube-proxy-restarts": keeps_its_processes,
    "windows-hns-restarts": keeps_its_processes,
    "hns-endpoints-detached": in_one_state,
    "hns-endpoints-of-later-pods-in-another-state": in_one_state,
    "vmswitch-mac-twice": with_a_mac_for_each_port,
    "hns-load-balancers-twice": with_each_load_balancer_once,
}
LISTED = {
    "windows-load-balancers-cannot-be-replaced": keeps_its_processes,
    "windows-kube-proxy-panics": keeps_its_processes,
    "windows-kube-proxy-does-not-start": with_a_proxy,
    "windows-later-pods-not-attached": in_one_state,
}


@pytest.mark.parametrize(("profile", "fault", "check"), params(CHECKS))
def test_a_fault_shows_and_goes(running: Labs, profile, fault, check):
    breaks(running.of(profile), fault, check)


@pytest.mark.parametrize(("profile", "fault", "check"), params(LISTED))
def test_a_fault_shows_in_what_the_node_lists_too(running: Labs, profile, fault, check):
    breaks(running.of(profile), fault, check)


def test_connections_to_services_that_nobody_changed_go_on_after_a_restart(running: Labs):
    lab = running.of("l2bridge-win-bridge")
    lab.inject("windows-kube-proxy-restarts")
    assert answers_after_a_loss(lab)
    lab.remove("windows-kube-proxy-restarts")
    assert json.loads(listing(lab, "hns-processes"))["Proxy"]
