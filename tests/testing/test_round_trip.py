"""What a real run on the lab stores gives the verdicts that were given when it was seen."""

import pytest
from records_for_tests import record

from podwire.gating.rejudge import differences
from podwire.judging.judge import judge
from podwire.model.verdicts import Outcome
from podwire.planning.plan import Selection
from podwire.records.observation_files import read_observations, write_observations
from podwire.records.observations import stored
from podwire.running.run_options import LabOptions, ProbeOptions, RunOptions
from podwire.running.runner import Runner

# Failures, limitations, names, and many exchanges at once.
CHOSEN = Selection(areas=("dns", "egress", "pod_to_pod"))
OPTIONS = RunOptions(lab=LabOptions(faults=("outbound-nat-missing",)), selection=CHOSEN, probes=ProbeOptions(repeat=2))


@pytest.fixture(scope="module")
def runner():
    """A runner that has seen all of these cases in two rounds."""
    made = Runner(OPTIONS)
    try:
        made.observe(list(made.scope.plan.cases.values()))
    finally:
        made.close()
    return made


@pytest.fixture(scope="module")
def judged(runner):
    """A function that judges an observation of a case."""
    scope = runner.scope

    def verdict(case, observation):
        return judge(case, scope.expectation(case), observation, scope.limitation(case))

    return verdict


def test_the_verdict_on_what_is_stored_is_that_on_what_was_seen(runner, judged, tmp_path):
    live = [
        (case, number, observation, judged(case, observation))
        for case in runner.scope.plan.cases.values()
        for number, observation in enumerate(runner.seen[case.id])
    ]
    kept = [stored(case, seen, verdict.outcome, number) for case, number, seen, verdict in live]
    found = read_observations(record(observations=write_observations(kept, tmp_path)), tmp_path)
    assert found == kept
    assert {one.round for one in found} == {0, 1}
    again = [judged(case, one.observation) for (case, *_), one in zip(live, found, strict=True)]
    for (*_, then), now, one in zip(live, again, found, strict=True):
        assert list(differences(then, now)) == []
        assert one.cut or then == now
    assert {Outcome.PASS, Outcome.FAIL, Outcome.LIMITATION_CONFIRMED} <= {verdict.outcome for *_, verdict in live}


def test_the_images_of_the_probes_are_known(runner):
    assert {image.node for image in runner.probes.images} == {"linux-1", "linux-2", "windows-1", "windows-2"}
    assert all(image.digest.startswith("sha256:") for image in runner.probes.images)
