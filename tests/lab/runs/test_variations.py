"""Variations of the lab that break nothing, and so fail nothing."""

import pytest

from podwire.model.verdicts import Outcome
from podwire.planning.plan import Selection
from podwire.running.mutants import outcomes
from podwire.running.run_options import LabOptions, RunOptions


def test_pods_with_an_mtu_of_1400_send_fragments_and_every_datagram_arrives():
    lab = LabOptions(profile="overlay-win-overlay", pod_mtu=1400)
    selection = Selection(requirements=("FLOW-POD-POD-IP", "ICMP-ERRORS"))
    found = outcomes(RunOptions(lab=lab, selection=selection))
    assert any("udp-1372B" in case for case in found)
    assert set(found.values()) <= {Outcome.PASS, Outcome.LIMITATION_CONFIRMED}


@pytest.mark.parametrize("ports", [("16385-29999", "32768-65535"), ("33000-65535",)], ids=["aks", "aks-high"])
def test_windows_nodes_with_the_ports_of_aks_are_judged_by_them(ports):
    """AgentBaker, Adjust-DynamicPortRange."""
    lab = LabOptions(profile="l2bridge-win-bridge", windows_ports=ports)
    found = outcomes(RunOptions(lab=lab, selection=Selection(requirements=("PORT-RANGE", "L2B-OUTNAT"))))
    assert found
    assert set(found.values()) == {Outcome.PASS}
