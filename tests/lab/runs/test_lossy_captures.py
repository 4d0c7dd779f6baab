"""Frames that a capture loses or cuts are no failures of the network; a network that loses them still fails.

One run of each lab is judged again and again, each time with other frames missing: `--losses N` takes N of each kind.
"""

from collections import Counter

import pytest
from lossy_captures import cutting, losing, losing_bursts, losing_look_ups_and_pings, recorded

from podwire.model.verdicts import Outcome
from podwire.planning.plan import Selection
from podwire.running.run_options import LabOptions, RunOptions

ABOUT_A_HUNDRED = Selection(
    requirements=(
        "FLOW-POD-POD-IP",
        "SVC-UDP",
        "SVC-SPREAD",
        "SVC-HOSTPORT",
        "SVC-NODEPORT-LINUXNODE",
        "DNS-FQDN",
        "ICMP-SAMENET-OK",
    )
)
"""The many connections of SVC-SPREAD show that frames are missing at NICs."""
KINDS = {
    "one frame in 50": lambda seed: losing(50, seed),
    "one frame in 5": lambda seed: losing(5, seed),
    "20 frames in a row at each place": lambda seed: losing_bursts(20, seed),
    "half the frames of one place": lambda seed: losing(2, seed, {seed}),
    "all look-ups and pings at each pod": lambda seed: losing_look_ups_and_pings,
}


@pytest.fixture(scope="module")
def healthy():
    with pytest.MonkeyPatch.context() as patched:
        return recorded(RunOptions(selection=ABOUT_A_HUNDRED), patched)


@pytest.fixture(scope="module")
def broken():
    with pytest.MonkeyPatch.context() as patched:
        return recorded(RunOptions(lab=LabOptions(faults=("replies-lost",)), selection=ABOUT_A_HUNDRED), patched)


def counted(verdicts):
    return Counter(one.outcome for one in verdicts.values())


def blamed(verdicts):
    """The cases that fail, each with why."""
    return {key: one.reason for key, one in verdicts.items() if one.outcome is Outcome.FAIL}


def unexplained(recorded, verdicts):
    """The cases that fail although something besides a count shows the loss.

    Where nobody counts frames, and no other place saw the exchange, nothing shows that a look-up or a ping lost
    question and answer: it looks as if nobody had asked. No node's NIC sees an exchange on one node.
    """
    mute = {landed.case.id for landed, _ in recorded.landed if landed.case.flow.protocol in ("dns", "icmp")}
    return {key: why for key, why in blamed(verdicts).items() if key not in mute}


def test_whole_captures_are_judged_as_in_the_run(healthy):
    assert len(healthy.landed) >= 68
    assert healthy.captures._accepted == {place: len(frames) for place, frames in healthy.frames.items()}
    assert counted(healthy.found()) == {Outcome.PASS: len(healthy.landed)}


@pytest.mark.parametrize("kind", KINDS)
def test_a_capture_that_loses_counted_frames_makes_no_failure(kind, healthy, request):
    doubts = 0
    for seed in range(request.config.getoption("--losses")):
        found = healthy.found(KINDS[kind](seed))
        assert blamed(found) == {}, f"seed {seed}"
        doubts += counted(found)[Outcome.INCONCLUSIVE]
    assert doubts, "nothing that was lost had a say"


@pytest.mark.parametrize("kind", KINDS)
def test_where_nobody_counts_frames_the_packets_themselves_show_most_losses(kind, healthy, request):
    doubts = 0
    for seed in range(request.config.getoption("--losses")):
        found = healthy.found(KINDS[kind](seed), counted=False)
        assert unexplained(healthy, found) == {}, f"seed {seed}"
        doubts += counted(found)[Outcome.INCONCLUSIVE]
    assert doubts, "nothing that was lost had a say"


@pytest.mark.parametrize("length", [14, 40, 60, 96, 128])
def test_a_capture_that_cuts_frames_decides_nothing(length, healthy):
    found = healthy.found(cutting(length))
    assert blamed(found) == {}
    assert {key for key, one in found.items() if one.outcome is Outcome.PASS} == {
        landed.case.id for landed, _ in healthy.landed if landed.case.requirement == "SVC-SPREAD"
    }, "only these need no packet"


def test_a_network_that_loses_answers_fails_where_its_captures_are_whole(broken):
    assert counted(broken.found())[Outcome.FAIL]


def test_frames_that_are_lost_beside_a_fault_make_no_further_case_fail(broken, request):
    true = blamed(broken.found()).keys()
    for seed in range(request.config.getoption("--losses")):
        for kind, damage in KINDS.items():
            further = {key: why for key, why in blamed(broken.found(damage(seed))).items() if key not in true}
            assert further == {}, f"{kind}, seed {seed}"
