"""What netsh and PowerShell of an emulated Windows node tell of the node itself, read as podwire's agent reads it."""

import json

import pytest

from podwire.agent.node.state import dynamic_range, kept_back, without
from podwire.agent.node.tools import LISTS
from podwire.platforms.windows_state import state_in
from podwire_lab.model.profiles import PROFILES, profile_named
from podwire_lab.windows.hns_listings import listed
from podwire_lab.windows.programs import netsh, powershell

AKS = ("16385-29999", "32768-65535")


def told(profile):
    plan = next(plan for plan in profile.nodes if plan.os == "windows")
    return json.dumps(listed(plan, profile))


@pytest.mark.parametrize("ports", [("49152-65535",), AKS, ("33000-65535",)])
def test_the_ports_of_the_profile_are_what_is_read(ports, capsys):
    profile = profile_named("l2bridge-azure-cni", ports=ports)
    said = []
    for what in ("dynamicport", "excludedportrange"):
        assert netsh.main(told(profile), ["int", "ipv4", "show", what, "tcp"]) == 0
        said.append(capsys.readouterr().out)
    read = without(dynamic_range(said[0]), kept_back(said[1]))
    assert tuple(f"{first}-{last}" for first, last in read) == ports


@pytest.mark.parametrize(
    "words", [[], ["int", "ipv4", "set", "dynamicport", "tcp"], ["int", "ipv4", "show", "dynamicport", "sctp"]]
)
def test_nothing_else_is_imitated(words, capsys):
    assert netsh.main(told(PROFILES["awsvpc"]), words) == 1
    assert capsys.readouterr().out.startswith("The following command was not found")


@pytest.mark.parametrize(
    ("name", "own", "overrides"),
    [
        ("overlay-win-overlay", "10.244.11.2", ()),
        ("l2bridge-win-bridge", "10.244.11.2", ()),
        ("l2bridge-azure-cni", None, ("2629306509=1", "3105872524=1")),
    ],
)
def test_hns_has_endpoints_of_the_node_itself_and_its_fixes_are_told(name, own, overrides, capsys):
    assert powershell.main(told(PROFILES[name]), ["-Command", LISTS["windows-state"]], "head\n") == 0
    state = state_in(capsys.readouterr().out)
    assert state.endpoints == ((own,) if own and ":" not in own else ()) or own in state.endpoints
    assert (state.hns, state.overrides) == ("10.0.20348.2762", overrides)
