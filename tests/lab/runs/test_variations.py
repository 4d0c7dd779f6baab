"""Variations of the lab that break nothing, and so fail nothing."""

import pytest

from podwire.model.verdicts import Outcome
from podwire.planning.plan import Selection
from podwire.running.mutants import outcomes
from podwire.running.run_options import LabOptions, RunOptions

NAMES = (
    "DNS-SERVERADDR",
    "DNS-NODE-CACHE",
    "DNS-SEARCH-LIST",
    "DNS-CUSTOM",
    "DNS-ORDER",
    "DNS-TCP",
    "DNS-PQDN-DOT",
    "DNS-EACH-POD",
)


def found_with(requirements, profile="overlay-win-overlay", **choice):
    selection = Selection(requirements=requirements)
    return outcomes(RunOptions(lab=LabOptions(profile=profile, **choice), selection=selection))


@pytest.mark.parametrize("profile", ["overlay-win-overlay", "l2bridge-win-bridge", "transparent-ovn"])
def test_pods_with_an_mtu_of_1400_send_fragments_and_every_datagram_arrives(profile):
    names = ("FLOW-POD-POD-IP", "FLOW-POD-SVC-CLUSTER-IP", "FLOW-NODE-POD", "ICMP-ERRORS")
    found = found_with(names, profile, pod_mtu=1400)
    assert any("udp-1372B-v6" in case and "cross-node" in case for case in found)
    assert set(found.values()) <= {Outcome.PASS, Outcome.LIMITATION_CONFIRMED}


@pytest.mark.parametrize("profile", ["overlay-flannel-vxlan", "l2bridge-win-bridge"])
def test_sizes_follow_the_mtu_of_jumbo_frames(profile):
    found = found_with(("FLOW-POD-POD-IP", "FLOW-UDP-LARGE", "FLOW-POD-NODE"), profile, pod_mtu=9001)
    assert {f"one-packet-udp-v4-{os}-linux" in case for case in found for os in ("linux", "windows")} == {True, False}
    assert set(found.values()) == {Outcome.PASS}


def test_a_network_that_carries_less_than_the_pods_were_told_fails_at_their_mtu_and_not_below():
    lab = LabOptions(profile="l2bridge-win-bridge", faults=("path-mtu-below-the-pods",))
    found = outcomes(RunOptions(lab=lab, selection=Selection(requirements=("FLOW-POD-POD-IP",))))
    failed = {case for case, outcome in found.items() if outcome is Outcome.FAIL}
    assert failed == {case for case in found if "one-packet" in case and "cross-node" in case}


@pytest.mark.parametrize(
    ("fault", "failing"),
    [
        ("one-dns-pod-silent", {"udp", "tcp"}),
        ("one-dns-pod-stale", {"udp", "tcp"}),
        ("one-dns-pod-without-tcp", {"tcp"}),
    ],
)
def test_one_of_two_dns_pods_that_does_not_answer_right_is_red_from_every_client(fault, failing):
    lab = LabOptions(profile="overlay-win-overlay", faults=(fault,), variations=("two-dns-pods",))
    found = outcomes(RunOptions(lab=lab, selection=Selection(requirements=("DNS-EACH-POD",))))
    assert len({case for case in found if "windows" in case}) == 2
    failed = {case for case, outcome in found.items() if outcome is Outcome.FAIL}
    assert failed == {case for case in found if any(f"[{way}-" in case for way in failing)}


@pytest.mark.parametrize(
    ("fault", "requirement"),
    [
        ("windows-serves-terminating-pods", "SVC-TERMINATING-CIP"),
        ("windows-leaves-out-pods-not-ready", "SVC-LB-ALL-NOTREADY"),
        ("source-ranges-on-windows", "SVC-SRCRANGES"),
        ("cluster-ip-answers-ping", "SVC-VIP-ICMP"),
    ],
)
def test_a_kube_proxy_that_mends_a_limit_of_windows_nodes_fails_nothing(fault, requirement):
    lab = LabOptions(profile="overlay-win-overlay", faults=(fault,))
    found = outcomes(RunOptions(lab=lab, selection=Selection(requirements=(requirement,))))
    assert {outcome for case, outcome in found.items() if "-windows-" in case} >= {Outcome.LIMITATION_LIFTED}
    assert set(found.values()) <= {Outcome.PASS, Outcome.LIMITATION_LIFTED}


@pytest.mark.parametrize(
    ("fault", "requirement"),
    [
        ("security-groups-on-windows", "EKS-POD-SECURITY-GROUPS"),
        ("windows-pods-by-eniconfig", "EKS-CUSTOM-NETWORKING"),
    ],
)
def test_a_vpc_that_serves_windows_pods_as_it_does_linux_pods_fails_nothing(fault, requirement):
    found = outcomes(
        RunOptions(
            lab=LabOptions(profile="awsvpc-prefix", faults=(fault,)), selection=Selection(requirements=(requirement,))
        )
    )
    assert {outcome for case, outcome in found.items() if "-windows-" in case} == {Outcome.LIMITATION_LIFTED}
    assert set(found.values()) <= {Outcome.PASS, Outcome.LIMITATION_LIFTED}


@pytest.mark.parametrize("ports", [("16385-29999", "32768-65535"), ("33000-65535",)], ids=["aks", "aks-high"])
def test_windows_nodes_with_the_ports_of_aks_are_judged_by_them(ports):
    """AgentBaker, Adjust-DynamicPortRange."""
    lab = LabOptions(profile="l2bridge-win-bridge", windows_ports=ports)
    found = outcomes(RunOptions(lab=lab, selection=Selection(requirements=("PORT-RANGE", "L2B-OUTNAT"))))
    assert found
    assert set(found.values()) == {Outcome.PASS}


@pytest.mark.parametrize(
    ("variation", "way"),
    [
        ("dns-pod-moved", "DNS-SERVERADDR[way-dns-v4-linux-dns-cross-node]"),
        ("dns-without-upstream", "DNS-SERVERADDR[way-dns-v4-linux-dns-cross-node]"),
        ("node-local-dns", "DNS-NODE-CACHE[cache-dns-v4-linux-dns-cross-node]"),
        ("two-dns-pods", ""),
    ],
)
def test_names_resolve_as_they_should_whatever_the_set_up_of_the_clusters_dns(variation, way):
    found = found_with(NAMES, variations=(variation,))
    assert set(found.values()) <= {Outcome.PASS, Outcome.LIMITATION_CONFIRMED}
    followed = [case.partition("/")[2] for case in found if "cross-node" in case and "linux-dns" in case]
    assert followed == [way] * bool(way)


@pytest.mark.parametrize(
    ("variation", "requirements"),
    [
        ("node-names-with-dots", ("ADDR-HOST-LOCAL", "FLOW-NODE-POD", "CLIENTIP-ETPLOCAL", "OVL-OWN-SUBNET")),
        ("other-services", ("DNS-HEADLESS", "DNS-PTR-POD", "SVC-UDP", "SVC-LOADBALANCER")),
        ("nat-gateway", ("FLOW-POD-EXT-IP", "FLOW-POD-EXT-DNS", "ICMP-ERRORS", "PORT-RANGE", "SVC-LOADBALANCER")),
        ("nodes-without-pod-cidr", ("FLOW-NODE-POD", "FLOW-POD-NODE")),
        ("delay-5ms", ("FLOW-POD-POD-IP", "FLOW-CONC", "DNS-TCP")),
    ],
)
def test_a_cluster_that_is_set_up_in_another_way_is_green(variation, requirements):
    found = found_with(requirements, variations=(variation,))
    assert {case.partition("/")[2].partition("[")[0] for case in found} == set(requirements)
    assert set(found.values()) <= {Outcome.PASS, Outcome.LIMITATION_CONFIRMED}


@pytest.mark.parametrize("profile", ["l2bridge-calico-bgp", "overlay-flannel-vxlan"])
def test_linux_nodes_may_leave_the_addresses_of_pods_as_they_are(profile):
    found = found_with(("FLOW-POD-EXT-IP", "ICMP-EXTERNAL"), profile, variations=("linux-pods-untranslated",))
    assert any("-linux-outside" in case for case in found)
    assert set(found.values()) <= {Outcome.PASS, Outcome.LIMITATION_CONFIRMED}


@pytest.mark.parametrize(("profile", "requirement"), [("nat", "NAT-HIDDEN"), ("awsvpc", "EKS-NAT")])
def test_a_gateway_beside_the_nodes_hides_nothing_that_their_wire_shows(profile, requirement):
    lab = LabOptions(profile=profile, variations=("nat-gateway",))
    found = outcomes(RunOptions(lab=lab, selection=Selection(requirements=(requirement,))))
    assert any("outside" in case for case in found)
    assert set(found.values()) == {Outcome.PASS}
