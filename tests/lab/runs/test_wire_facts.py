"""The network mode that a lab's own packets tell is the one that it was built with."""

import pytest
import yaml

from podwire.cli import main as cli
from podwire.model.facts import Encapsulation
from podwire.running.facts_from_wire import facts_from_wire
from podwire.running.run_options import LabOptions, RunOptions


@pytest.mark.parametrize(
    ("profile", "mode", "tunnel"),
    [
        ("overlay-ovn-hybrid", "overlay", Encapsulation(kind="vxlan", port=4789, vni=4097)),
        ("l2tunnel-azure-cni", "l2tunnel", None),
    ],
)
def test_the_wire_tells_what_the_api_tells(profile, mode, tunnel):
    facts = facts_from_wire(RunOptions(lab=LabOptions(profile=profile)))
    assert (facts.network.mode, facts.network.encapsulation) == (mode, tunnel)
    assert any(signal.startswith("wire, windows-1 to windows-2: ") for signal in facts.origin.signals)
    by_hns = [signal for signal in facts.origin.signals if signal.startswith("HNS of ")]
    assert [signal.rpartition(": ")[2] for signal in by_hns[:2]] == [mode, mode]
    assert [signal.rpartition(" use ")[2] for signal in by_hns[2:]] == ["Direct Server Return"] * 2
    assert facts.proxy.dsr is True
    assert not any(signal.startswith("conflict") for signal in facts.origin.signals)


def test_a_wire_that_is_not_as_the_api_says_is_a_conflict():
    facts = facts_from_wire(
        RunOptions(lab=LabOptions(profile="l2tunnel-azure-cni", faults=("same-node-stays-inside",)))
    )
    assert facts.network.mode == "unknown"
    assert facts.origin.signals[-1] == "conflict: network mode l2tunnel (HNS) and l2bridge (wire); taken as unknown"


def test_load_balancers_that_are_not_as_kube_proxy_is_told_are_a_conflict():
    facts = facts_from_wire(
        RunOptions(lab=LabOptions(profile="l2bridge-win-bridge", faults=("load-balancers-with-other-dsr",)))
    )
    assert facts.proxy.dsr is None
    assert (
        "conflict: Direct Server Return on before, and not by HNS of windows-1; taken as unknown"
        in facts.origin.signals
    )


def test_the_command_prints_it(capsys):
    assert cli.main(["facts", "--lab", "l2bridge-win-bridge", "--wire"]) == 0
    told = yaml.safe_load(capsys.readouterr().out)
    assert told["profile"] == "l2bridge-win-bridge"
    assert "pod addresses in frames with the node's MAC: l2bridge" in told["signals"][-1]


@pytest.mark.parametrize(
    ("profile", "denied", "group"),
    [("l2tunnel-azure-cni", True, None), ("awsvpc-prefix", None, "sg-0123456789abcdef0")],
)
def test_without_the_wire_it_prints_what_the_lab_states_too(profile, denied, group, capsys):
    assert cli.main(["facts", "--lab", profile]) == 0
    told = yaml.safe_load(capsys.readouterr().out)
    assert (told["profile"], told["denied_port"], told["pod_security_group"]) == (profile, denied, group)
