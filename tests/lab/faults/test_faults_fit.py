"""Every fault has somebody to notice it in every profile that it fits, and every requirement has a fault."""

import pytest

from podwire.planning.plan import Selection
from podwire.running.mutants import requirement_of
from podwire.running.run_options import LabOptions, RunOptions
from podwire.running.runner import Runner
from podwire_lab.faults.registry import FAULTS
from podwire_lab.model.profiles import PROFILES


def judged(profile, dsr, build, ports, variations):
    lab = LabOptions(profile=profile, dsr=dsr, windows_build=build, windows_ports=ports, variations=variations)
    options = RunOptions(lab=lab, selection=Selection(fill_nodes=True, disruptive=True))
    return {requirement_of(identity) for identity in Runner(options).scope.plan.cases}


@pytest.mark.parametrize("profile", PROFILES)
def test_faults_and_requirements_of_a_profile_meet(profile):
    plans = {}
    for name, fault in FAULTS.items():
        if fault.fits(profile):
            kind = (fault.dsr, fault.build, fault.ports, fault.variations)
            if kind not in plans:
                plans[kind] = judged(profile, *kind)
            assert plans[kind] & set(fault.kills), name
    named = {requirement for fault in FAULTS.values() if fault.fits(profile) for requirement in fault.kills}
    assert not {requirement for plan in plans.values() for requirement in plan} - named


def test_nat_has_faults_that_name_it_only():
    assert {name for name, fault in FAULTS.items() if fault.fits("nat")} == {
        name for name, fault in FAULTS.items() if "nat" in (fault.profiles or ())
    }
