"""What HNS lists of its OutBoundNAT policies, as destinations to which pods keep their own address."""

import json

import pytest

from podwire.agent.node.tools import LISTS
from podwire.platforms.windows_state import state_in
from podwire_lab.model.profiles import PROFILES
from podwire_lab.windows.hns_listings import listed
from podwire_lab.windows.programs import powershell

NEIGHBOURS = "head\n10.244.11.3 0x1 0x6 02:00:00:00:00:01 * cbr0\n"


@pytest.mark.parametrize(
    ("listing", "read"),
    [
        (["except 10.96.0.0/12,10.244.0.0/16"], ("all but 10.244.0.0/16, 10.96.0.0/12",)),
        ("except 10.96.0.0/12", ("all but 10.96.0.0/12",)),  # PowerShell's list of one
        (["except "], ("all",)),
        (["none", "none"], ("none",)),
        (["none", "except 10.0.0.0/8"], ("all but 10.0.0.0/8",)),  # the node's own endpoint has no policy
        (["except 10.0.0.0/8", "except "], ("all", "all but 10.0.0.0/8")),
        ([], ()),
        (None, ()),
        ({}, ()),
        ([7, "something else"], ()),
    ],
)
def test_each_distinct_policy_is_told_once(listing, read):
    assert state_in(json.dumps({"Translation": listing})).translation == read


def test_a_list_of_an_agent_from_before_tells_none():
    assert state_in(json.dumps({"Hns": "10.0.20348.1"})).translation == ()


@pytest.mark.parametrize("name", ["overlay-win-overlay", "l2bridge-azure-cni", "transparent-ovn", "nat"])
def test_the_lab_lists_the_exceptions_of_its_profile(name, capsys):
    profile = PROFILES[name]
    plan = next(plan for plan in profile.nodes if plan.os == "windows")
    arguments = ["-Command", LISTS["windows-state"]]
    assert powershell.main(json.dumps(listed(plan, profile)), arguments, NEIGHBOURS) == 0
    read = state_in(capsys.readouterr().out).translation
    if profile.mode in ("transparent", "nat"):
        assert read == ("none",)
    else:
        own = sorted(network for family in profile.pod_families("windows") for network in profile.exceptions(family))
        assert read == (f"all but {', '.join(own)}",)
