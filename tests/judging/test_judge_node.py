"""What a node tells of itself, held against an expectation: HNS, its NAT and load balancers, the switch, the cards."""

import pytest
from changed import replace
from observed import BINDINGS, a_case, an_attempt, an_observation

from podwire import card, hns, windows
from podwire.judging.expectation import expectation
from podwire.judging.judge import judge
from podwire.model.verdicts import Outcome

CASE = a_case()
PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE


def outcome(expected, seen):
    return judge(CASE, expected, seen).outcome


CARD = (
    '{"local-ipv4": "10.0.0.4", "macs": ["02:aa"], "local-ipv4s": ["10.0.0.4", "10.0.0.1", "10.0.0.2"],'
    ' "ipv4-prefix": []}'
)


@pytest.mark.parametrize(
    ("address", "least", "output", "met"),
    [
        ("10.0.0.1", 2, CARD, PASS),
        ("10.0.0.1", 3, CARD, FAIL),
        ("10.0.0.3", 2, CARD, FAIL),
        ("10.0.0.4", 2, CARD, FAIL),
        ("10.0.0.1", 2, "not found", INCONCLUSIVE),
    ],
)
def test_a_card_has_an_address_and_as_many_as_are_wanted(address, least, output, met):
    ran = replace(an_attempt(error="other"), error=None)
    wanted = CASE.flow.client.node.wanted_addresses
    seen = an_observation(ran, output=output, bindings={**BINDINGS, "server.ip": address, wanted.name: least})
    assert outcome(expectation(card.has_address(CASE.flow.server.ip), card.has_for_pods(wanted)), seen) is met


@pytest.mark.parametrize(
    ("output", "met"),
    [
        (CARD, PASS),
        (CARD.replace('"02:aa"', '"02:aa", "02:bb"'), FAIL),
        (CARD.replace('"02:aa"', ""), INCONCLUSIVE),
        ("not found", INCONCLUSIVE),
    ],
)
def test_a_node_has_as_many_cards_as_are_listed(output, met):
    ran = replace(an_attempt(error="other"), error=None)
    assert outcome(expectation(card.count(1)), an_observation(ran, output=output, bindings=BINDINGS)) is met


def test_without_knowing_how_many_are_wanted_nothing_is_said_of_a_card():
    ran = replace(an_attempt(error="other"), error=None)
    seen = an_observation(ran, output=CARD, bindings=BINDINGS)
    assert outcome(expectation(card.has_for_pods(CASE.flow.client.node.wanted_addresses)), seen) is INCONCLUSIVE


HNS = '{{"Name":"nat","Type":"NAT","VSID":null,"Subnets":["{}"]}}'


@pytest.mark.parametrize(
    ("output", "met"),
    [
        (HNS.format("10.0.0.0/24"), PASS),
        (HNS.format("10.0.1.0/24"), FAIL),
        ("", FAIL),
        ("Get-HnsNetwork : not recognized", INCONCLUSIVE),
    ],
)
def test_an_address_is_of_a_subnet_that_hns_lists(output, met):
    ran = replace(an_attempt(error="other"), error=None)
    seen = an_observation(ran, output=output, bindings={**BINDINGS, "server.ip": "10.0.0.1"})
    assert outcome(expectation(hns.subnet_of(CASE.flow.server.ip)), seen) is met


@pytest.mark.parametrize(
    ("output", "met"),
    [
        (HNS.format("10.0.0.0/24").replace("NAT", "Overlay"), PASS),
        (HNS.format("10.0.0.0/24").replace("NAT", "L2Bridge"), FAIL),
        (HNS.format("10.0.0.0/24"), FAIL),
        ("", FAIL),
        ("Get-HnsNetwork : not recognized", INCONCLUSIVE),
    ],
)
def test_the_networks_that_hns_lists_are_of_the_clusters_mode(output, met):
    ran = replace(an_attempt(error="other"), error=None)
    seen = an_observation(ran, output=output, bindings={**BINDINGS, "cluster.mode": "overlay"})
    assert outcome(expectation(hns.networks_of(CASE.flow.mode)), seen) is met


ENDPOINT = '{"Name":"a","IPAddress":"10.0.0.1","MacAddress":"00-15-5D-CD-BE-47","Remote":false,"Type":"Overlay"}'
REMOTE = ENDPOINT.replace("false", "true")
NOWHERE = ENDPOINT.replace('"10.0.0.1"', "null")


def of_a_node(output, **bindings):
    """What a node's tool has printed."""
    ran = replace(an_attempt(error="other"), error=None)
    of_a_pod = {"server.ip": "10.0.0.1", "server.mac": "00:15:5d:cd:be:47", "cluster.mode": "overlay"}
    return an_observation(ran, output=output, bindings={**BINDINGS, **of_a_pod, **bindings})


@pytest.mark.parametrize(
    ("output", "met"),
    [
        (ENDPOINT, PASS),
        (f"[{ENDPOINT},{ENDPOINT.replace('10.0.0.1', '10.0.0.2')}]", PASS),
        (f"[{ENDPOINT},{REMOTE.replace('10.0.0.1', '10.0.0.2')}]", PASS),
        (f"[{ENDPOINT},{NOWHERE}]", PASS),
        (NOWHERE, FAIL),
        (f"[{ENDPOINT},{ENDPOINT}]", FAIL),
        (f"[{ENDPOINT},{REMOTE}]", FAIL),
        (ENDPOINT.replace("10.0.0.1", "10.0.0.2"), FAIL),
        (ENDPOINT.replace("BE-47", "BE-48"), FAIL),
        (REMOTE, FAIL),
        ("", FAIL),
        ("Get-HnsEndpoint : not recognized", INCONCLUSIVE),
    ],
)
def test_hns_has_one_endpoint_for_a_pod(output, met):
    assert outcome(expectation(hns.endpoint_of(CASE.flow.server)), of_a_node(output)) is met


@pytest.mark.parametrize(
    ("output", "told"),
    [
        (
            f"[{ENDPOINT.replace('10.0.0.1', '10.0.0.2')},{NOWHERE}]",
            "none of 2, of which 1",
        ),
        (ENDPOINT.replace("BE-47", "BE-48").replace("false", 'false,"State":4'), ":48, state Detached)"),
    ],
)
def test_what_hns_has_instead_is_told(output, told):
    verdict = judge(CASE, expectation(hns.endpoint_of(CASE.flow.server)), of_a_node(output))
    assert told in verdict.findings[0].actual


@pytest.mark.parametrize(
    ("output", "met"),
    [
        (ENDPOINT, PASS),
        (ENDPOINT.replace("Overlay", "NAT"), FAIL),
        (ENDPOINT.replace("Overlay", "ICS"), FAIL),
        (ENDPOINT.replace('"Overlay"', "null"), INCONCLUSIVE),
        ("", FAIL),
    ],
)
def test_and_on_a_network_of_the_clusters_mode(output, met):
    expected = expectation(hns.endpoint_of(CASE.flow.server, mode=CASE.flow.mode))
    assert outcome(expected, of_a_node(output)) is met


NO_NAT = '{"NetNat":[],"Endpoints":[{"IPAddress":"10.0.0.1","Told":true,"Policies":["L2Driver"]}]}'
NATTED = NO_NAT.replace("L2Driver", "OutBoundNAT")


@pytest.mark.parametrize(
    ("output", "met"),
    [
        (NO_NAT, PASS),
        (NO_NAT.replace("[]", '["nat"]'), FAIL),
        (NATTED, FAIL),
        (NO_NAT.replace("10.0.0.1", "10.0.0.2"), FAIL),
        ('{"NetNat":[],"Endpoints":[]}', FAIL),
        ("", INCONCLUSIVE),
        ("Get-NetNat : not recognized", INCONCLUSIVE),
    ],
)
def test_windows_translates_nothing_of_a_pod_that_it_knows(output, met):
    assert outcome(expectation(windows.no_nat_for(CASE.flow.server)), of_a_node(output)) is met


BALANCED = '{"LoadBalancers":[{"VIPs":["10.96.0.10"],"IsDSR":true},{"VIPs":["192.0.2.1"],"IsDSR":false}]}'
UNBALANCED = '{"LoadBalancers":[]}'


@pytest.mark.parametrize(
    ("output", "dsr", "met"),
    [
        (BALANCED, True, PASS),
        (BALANCED, False, FAIL),
        (BALANCED.replace("192.0.2.1", "10.96.0.10"), True, FAIL),
        (BALANCED.replace("96.0.10", "96.0.11"), True, FAIL),
        (UNBALANCED, True, FAIL),
        (UNBALANCED, False, FAIL),
        ("", True, INCONCLUSIVE),
    ],
)
def test_load_balancers_of_an_address_use_dsr_or_not(output, dsr, met):
    seen = of_a_node(output, **{"dns.ip": ("10.96.0.10", "fd00::a")})
    assert outcome(expectation(hns.balances(CASE.flow.dns_ip, dsr=dsr)), seen) is met


@pytest.mark.parametrize(("output", "met"), [(UNBALANCED, PASS), (BALANCED, FAIL), ("", INCONCLUSIVE)])
def test_hns_has_no_load_balancer(output, met):
    assert outcome(expectation(hns.load_balancers(0)), of_a_node(output)) is met


def port(switch, mac, kind):
    return f"Port name : {mac}\nSwitch name : {switch}\nPort type: : {kind}\nMAC address : {mac}\n"


@pytest.mark.parametrize(
    ("output", "met"),
    [
        (port("a", "02-00", "External") + port("a", "0E-01", "Internal"), PASS),
        (port("a", "0E-01", "Internal") + port("a", "02-00", "External"), PASS),
        (port("b", "02-00", "External") + port("a", "0E-01", "Internal"), FAIL),
        (port("a", "0E-01", "Internal"), FAIL),
        (port("a", "02-00", "External") + port("a", "0E-02", "Internal"), FAIL),
        ("", INCONCLUSIVE),
    ],
)
def test_a_pod_hangs_on_a_switch_with_an_external_port(output, met):
    seen = of_a_node(output, **{"server.mac": "0e:01"})
    assert outcome(expectation(windows.external_switch_for(CASE.flow.server)), seen) is met
