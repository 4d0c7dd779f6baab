"""What goes away in mid-run makes its own cases inconclusive, with the reason, and no others."""

import pytest

from podwire.judging.judge import judge
from podwire.model.verdicts import Outcome
from podwire.planning.plan import Selection
from podwire.running.mutants import requirement_of
from podwire.running.run_options import RunOptions
from podwire.running.runner import Runner

CHOSEN = Selection(requirements=("FLOW-POD-POD-IP", "ICMP-EXTERNAL"), families=("ipv4",))


@pytest.fixture
def verdicts():
    def run(loss):
        """Run the lab and cause the loss in the moment when all flows are in flight."""

        def say(text):
            if "in flight" in text:
                loss(runner)

        runner = Runner(RunOptions(selection=CHOSEN), say)
        scope = runner.scope
        try:
            seen = runner.observe(list(scope.plan.cases.values()))
            return {
                case: judge(case, scope.expectation(case), seen[case.id][0], scope.limitation(case))
                for case in scope.plan.cases.values()
            }
        finally:
            runner.close()

    return run


def delete(pod):
    def loss(runner):
        connection = runner.target.connect(print)
        connection.rest.delete("pods", runner.probes.namespace, pod, grace=0)

    return loss


def of_probe(verdicts, node, probe):
    return [
        verdict
        for case, verdict in verdicts.items()
        if (node, probe) in ((case.client.node, case.client.probe), (case.server.node, case.server.probe))
    ]


def test_a_client_that_is_deleted_makes_its_cases_inconclusive(verdicts):
    found = verdicts(delete("windows-1-a"))
    lost = [one for one in of_probe(found, "windows-1", "a") if one.outcome is Outcome.INCONCLUSIVE]
    assert lost
    assert any("windows-1-a" in one.reason for one in lost)
    assert Outcome.FAIL not in {one.outcome for one in found.values()}


def test_a_host_probe_that_is_deleted_blinds_its_capture_points_only(verdicts):
    found = verdicts(delete("windows-2-host"))
    unsure = {case for case, verdict in found.items() if verdict.outcome is Outcome.INCONCLUSIVE}
    assert unsure
    assert all("windows-2" in (case.client.node, case.server.node) for case in unsure)
    assert Outcome.FAIL not in {one.outcome for one in found.values()}
    assert {requirement_of(case.id) for case in found} == {"FLOW-POD-POD-IP", "ICMP-EXTERNAL"}
