"""Variations of the lab that break nothing, and so fail nothing."""

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
