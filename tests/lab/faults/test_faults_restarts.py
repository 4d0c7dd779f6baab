"""Faults that show once kube-proxy or HNS of a Windows node was restarted; without one, nothing shows."""

import pytest
from faulty import VIP, Labs, breaks, params
from listed import NODE, listing

from podwire.platforms.hns import endpoints_in, load_balancers_in
from podwire.platforms.hns_processes import processes_in

WIN, LIN = "windows-1/a", "linux-1/a"
LAST = "windows-2"


def restarts(program, check, node=NODE):
    """The check holds after a restart of the program on a node."""

    def restarted(lab):
        lab.service(VIP, LIN)
        assert lab.restart(node, program) == ""
        return check(lab)

    return restarted


def answers(lab):
    return lab.exchange(WIN, VIP, port=80).ok


def answers_on_the_last(lab):
    return lab.exchange(f"{LAST}/a", VIP, port=80).ok


def is_reached(lab):
    return lab.exchange(LIN, WIN).ok


def has_each_once(lab):
    frontends = [
        frontend
        for balancer in load_balancers_in(listing(lab, "hns-load-balancers"))
        for frontend in balancer.frontends
    ]
    return f"{VIP} tcp 80" in frontends and len(frontends) == len(set(frontends))


def is_attached(lab):
    return {endpoint.state for endpoint in endpoints_in(listing(lab, "hns-endpoints"))} == {"AttachedSharing"}


CHECKS = {
    "windows-restarted-kube-proxy-programs-nothing": restarts("kube-proxy", answers),
    "windows-restarted-kube-proxy-serves-tcp-only": restarts("kube-proxy", answers),
    "restarted-kube-proxy-of-one-node-programs-nothing": restarts("kube-proxy", answers_on_the_last, node=LAST),
    "windows-restarted-kube-proxy-makes-a-second-set": restarts("kube-proxy", has_each_once),
    "windows-restarted-hns-has-no-load-balancers": restarts("hns", answers),
    "windows-restarted-hns-makes-a-second-set": restarts("hns", has_each_once),
    "windows-restarted-hns-leads-nothing-to-pods": restarts("hns", is_reached),
    "windows-restarted-hns-leaves-pods-detached": restarts("hns", is_attached),
    "windows-restarted-hns-drops-tunnelled-packets": restarts("hns", is_reached),
}


@pytest.mark.parametrize(("profile", "fault", "check"), params(CHECKS))
def test_a_fault_shows_after_a_restart_and_goes(running: Labs, profile, fault, check):
    breaks(running.of(profile), fault, check)


@pytest.mark.parametrize("program", ["kube-proxy", "hns"])
def test_a_restarted_program_is_another_process_and_all_else_is_as_before(running: Labs, program):
    lab = running.of("l2bridge-win-bridge")
    lab.service(VIP, LIN)
    before, listed = processes_in(listing(lab, "hns-processes")), listing(lab, "hns-load-balancers")
    assert lab.restart(NODE, program) == ""
    after = processes_in(listing(lab, "hns-processes"))
    assert (after.hns > before.hns, after.proxies > before.proxies) == (program == "hns", program == "kube-proxy")
    assert listing(lab, "hns-load-balancers") == listed
    assert answers(lab)


def test_what_does_not_run_is_not_restarted(running: Labs):
    assert running.of("transparent-ovn").restart(NODE, "kube-proxy") == "there is no kube-proxy"
    assert running.of("l2bridge-win-bridge").restart(NODE, "winlogon") == "there is no winlogon"
