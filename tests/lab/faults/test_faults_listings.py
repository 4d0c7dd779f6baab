"""Faults of what a Windows node lists of itself, by the commands that an agent gives to its PowerShell."""

import pytest
from faulty import VIP, Labs, breaks, params
from listed import listing

from podwire.platforms.hns import endpoints_in, load_balancers_in, mode_told_by, networks_in, translation_in
from podwire.platforms.vmswitch import ports_in

PODS = ("windows-1/a", "windows-1/b")


def addresses_of(lab):
    return [lab.facts()["addresses"][pod][0] for pod in PODS]


def with_subnets_of_its_pods(lab):
    *_, network = networks_in(listing(lab, "hns-networks"))
    return all(network.has_room_for(address) for address in addresses_of(lab))


def of_its_own_type(lab):
    return mode_told_by(networks_in(listing(lab, "hns-networks"))).mode == lab.facts()["mode"]


def with_one_endpoint_each(lab):
    found = [(one.address, one.mac) for one in endpoints_in(listing(lab, "hns-endpoints"))]
    own = [(lab.facts()["addresses"][pod][0], lab.facts()["macs"][pod]) for pod in PODS]
    return sorted(one for one in found if one[0] in addresses_of(lab)) == sorted(own)


def on_a_network_of_the_mode(lab):
    return {one.mode for one in endpoints_in(listing(lab, "hns-endpoints"))} == {lab.facts()["mode"]}


def balancing_nothing(lab):
    return load_balancers_in(listing(lab, "hns-load-balancers")) == ()


def balancing_with_the_dsr_of_its_data_path(lab):
    lab.service(VIP, PODS[0])
    return {one.dsr for one in load_balancers_in(listing(lab, "hns-load-balancers"))} == {lab.facts()["dsr"]}


def on_an_external_switch(lab):
    ports = ports_in(listing(lab, "vmswitch-ports"))
    switches = {port.switch for port in ports if port.external}
    own = [port for port in ports if port.mac in {lab.facts()["macs"][pod] for pod in PODS}]
    return len(own) == len(PODS) and all(port.switch in switches for port in own)


def translating_nothing(lab):
    told = translation_in(listing(lab, "windows-nat"))
    return set(addresses_of(lab)) <= {one for one, _ in told.endpoints} and not told.net_nat and not told.translated


CHECKS = {
    "hns-subnet-of-another-network": with_subnets_of_its_pods,
    "hns-network-of-another-type": of_its_own_type,
    "hns-endpoints-twice": with_one_endpoint_each,
    "hns-endpoints-remote-too": with_one_endpoint_each,
    "hns-endpoints-none": with_one_endpoint_each,
    "hns-endpoints-of-another-mac": with_one_endpoint_each,
    "endpoints-on-another-network": on_a_network_of_the_mode,
    "load-balancers-of-hns": balancing_nothing,
    "load-balancers-with-other-dsr": balancing_with_the_dsr_of_its_data_path,
    "switch-without-a-network-card": on_an_external_switch,
    "pods-on-another-switch": on_an_external_switch,
    "outbound-nat-of-hns": translating_nothing,
    "net-nat-of-windows": translating_nothing,
}


@pytest.mark.parametrize(("profile", "fault", "check"), params(CHECKS))
def test_a_fault_shows_and_goes(running: Labs, profile, fault, check):
    breaks(running.of(profile), fault, check)
