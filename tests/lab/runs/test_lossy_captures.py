"""Frames that a capture loses or cuts are no failures of the network; a network that loses them still fails."""

from lossy_captures import cutting, losing

from podwire.model.verdicts import Outcome
from podwire.planning.plan import Selection
from podwire.running.mutants import outcomes
from podwire.running.run_options import LabOptions, RunOptions

SOME = Selection(requirements=("FLOW-POD-POD-IP", "SVC-UDP", "DNS-FQDN", "ICMP-SAMENET-OK"))


def found(*faults):
    return set(outcomes(RunOptions(lab=LabOptions(faults=faults), selection=SOME)).values())


def test_a_capture_that_loses_frames_makes_no_failure(monkeypatch):
    losing(monkeypatch, 7)
    assert found() == {Outcome.PASS, Outcome.INCONCLUSIVE}


def test_a_capture_that_cuts_frames_decides_nothing(monkeypatch):
    cutting(monkeypatch, 60)
    assert found() == {Outcome.INCONCLUSIVE}


def test_a_network_that_loses_answers_fails_all_the_same():
    assert Outcome.FAIL in found("replies-lost")
