"""What PowerShell of an emulated Windows node answers to the commands of an agent."""

import json

import pytest

from podwire.agent.node.tools import LISTS
from podwire.platforms.hns import endpoints_in, load_balancers_in, mode_told_by, networks_in, translation_in
from podwire.platforms.hns_processes import Processes, processes_in
from podwire.platforms.vmswitch import ports_in
from podwire_lab.model.addresses import VPC
from podwire_lab.model.interfaces import EndpointRule, ServiceRule
from podwire_lab.model.profiles import PROFILES
from podwire_lab.windows.hns_listings import listed
from podwire_lab.windows.load_balancers import LoadBalancers
from podwire_lab.windows.programs import powershell

ARP = """IP address       HW type     Flags       HW address            Mask     Device
10.244.11.10     0x1         0x6         0e:2a:0a:f4:0b:0a     *        cbr0
10.244.11.11     0x1         0x2         0e:2a:0a:f4:0b:0b     *        cbr0
172.31.0.1       0x1         0x6         02:10:00:00:00:01     *        eth0
"""
SERVICE = ServiceRule(
    name="default/echo",
    address="10.96.0.10",
    protocol="tcp",
    port=80,
    target_port=8080,
    node_port=30000,
    endpoints=(EndpointRule(address="10.244.1.10", node="linux-1"),),
)
of_each_profile = pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))


@pytest.fixture(name="asked")
def _asked(capsys):
    def ask(profile, tool, neighbours=ARP, **changes):
        plan = next(plan for plan in profile.nodes if plan.os == "windows")
        made = LoadBalancers().sync(plan, profile, [SERVICE])[SERVICE]
        began = {"hns": 1, "proxy": [2]}
        told = json.dumps({**listed(plan, profile, made), "began": began, **changes})
        assert powershell.main(told, ["-NoProfile", "-Command", LISTS[tool]], neighbours) == 0
        return capsys.readouterr().out

    return ask


@of_each_profile
def test_networks_are_of_the_mode_of_the_profile(asked, profile):
    found = networks_in(asked(profile, "hns-networks"))
    assert mode_told_by(found).mode == profile.mode
    plan = next(plan for plan in profile.nodes if plan.os == "windows")
    own = tuple(plan.pod_cidr(family) for family in profile.pod_families("windows"))
    assert found[-1].subnets == ((VPC,) if profile.fabric else own)


@of_each_profile
def test_windows_translates_but_on_a_transparent_network(asked, profile):
    told = translation_in(asked(profile, "windows-nat"))
    assert [address for address, _ in told.endpoints] == ["10.244.11.10"]
    assert bool(told.net_nat) is (profile.mode == "nat")
    assert bool(told.translated) is (profile.mode not in ("nat", "transparent"))


@of_each_profile
def test_pods_hang_on_an_external_switch_but_in_nat_mode(asked, profile):
    *external, pod = ports_in(asked(profile, "vmswitch-ports"))
    assert pod.mac == "0e:2a:0a:f4:0b:0a"
    assert [port.switch for port in external if port.external] == ([] if profile.mode == "nat" else [pod.switch])


def test_pods_of_a_node_are_its_endpoints(asked):
    (one,) = endpoints_in(asked(PROFILES["nat"], "hns-endpoints"))
    assert (one.address, one.mac) == ("10.244.11.10", "0e:2a:0a:f4:0b:0a")


@pytest.mark.parametrize(("way", "remote"), [("twice", [False, False]), ("remote-too", [False, True])])
def test_a_fault_doubles_them(asked, way, remote):
    found = endpoints_in(asked(PROFILES["nat"], "hns-endpoints", endpoints=way))
    assert [(one.address, one.remote) for one in found] == [("10.244.11.10", there) for there in remote]


def test_endpoints_are_in_the_state_of_pods_unless_a_fault_says_another(asked):
    (usual,) = endpoints_in(asked(PROFILES["nat"], "hns-endpoints"))
    (other,) = endpoints_in(asked(PROFILES["nat"], "hns-endpoints", states={"10.244.11.10": 4}))
    assert (usual.state, other.state) == ("AttachedSharing", "Detached")


def test_processes_began_when_the_node_says(asked):
    assert processes_in(asked(PROFILES["nat"], "hns-processes")) == Processes(hns=1, proxies=(2,))


@of_each_profile
def test_endpoints_are_on_a_network_of_the_mode(asked, profile):
    assert [one.mode for one in endpoints_in(asked(profile, "hns-endpoints"))] == [profile.mode]


@pytest.mark.parametrize("dsr", [True, False])
def test_load_balancers_are_those_of_the_data_path(asked, dsr):
    profile = PROFILES["l2bridge-win-bridge"].with_dsr(dsr)
    found = load_balancers_in(asked(profile, "hns-load-balancers"))
    assert [(one.frontends, one.dsr) for one in found] == [
        (("10.96.0.10 tcp 80",), dsr),
        (("node-port tcp 30000",), False),
    ]


def test_where_ovn_balances_hns_has_none(asked):
    assert load_balancers_in(asked(PROFILES["transparent-ovn"], "hns-load-balancers")) == ()


def test_without_endpoints_nothing_is_printed(asked):
    assert asked(PROFILES["nat"], "hns-endpoints", neighbours="") == ""


@pytest.mark.parametrize("asked_for", [[], ["-Command", "Get-Process"], ["Get-HnsNetwork | ConvertTo-Json -Compress"]])
def test_the_lab_has_no_other_cmdlet(asked_for, capsys):
    assert powershell.main("{}", asked_for) == 1
    assert "the lab has no such command" in capsys.readouterr().err
