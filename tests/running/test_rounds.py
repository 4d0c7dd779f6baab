"""What was seen of a case, round by round, on disk or in memory."""

import errno
from pathlib import Path

import pytest
from changed import replace
from observed import a_case, an_attempt, an_observation

from podwire.errors import UsageError
from podwire.packets.pcap import Frame
from podwire.probing.sightings import Sighting
from podwire.running.rounds import Rounds
from podwire.running.run_options import OutputOptions, ProbeOptions, RunOptions
from podwire.running.runner import Runner
from podwire.running.spool import Spool

SEVERAL = [an_observation(an_attempt(identity=name)) for name in ("first", "second", "third")]
FRAMES = {"client-pod": [Frame(1, "eth0", b"frame", 5)]}


@pytest.fixture(params=[True, False], ids=["in memory", "on disk"])
def rounds(request, tmp_path):
    made = Rounds(Spool(lambda: tmp_path), in_memory=request.param)
    for at, one in enumerate(SEVERAL):
        made.add(Sighting(observation=one, frames=FRAMES if at == 1 else {"client-pod": []}))
    return made


def test_rounds_come_back_in_their_order(rounds):
    assert list(rounds) == SEVERAL
    assert (len(rounds), rounds[-1], rounds[1:]) == (3, SEVERAL[2], SEVERAL[1:])


def test_there_is_no_round_after_the_last(rounds):
    with pytest.raises(IndexError):
        rounds[3]


def test_frames_are_those_of_their_round(rounds):
    assert [rounds.frames(at) for at in range(3)] == [{}, FRAMES, {}]


def test_the_file_has_no_name(tmp_path):
    spool = Spool(lambda: tmp_path)
    assert spool.get(spool.put("value")) == "value"
    assert list(tmp_path.iterdir()) == []


class Asked:
    """A dispatcher whose every round sees an observation of its own."""

    def __init__(self):
        self.timings, self._left = {}, list(SEVERAL)

    def told(self, facts):
        return facts

    def run(self, cases):
        return {case.id: Sighting(observation=self._left.pop(0), frames=FRAMES) for case in cases}


@pytest.fixture
def runner(tmp_path, monkeypatch):
    made = Runner(RunOptions(probes=ProbeOptions(repeat=3), output=OutputOptions(run_dir=tmp_path)))
    asked = Asked()
    monkeypatch.setattr(made.probes, "dispatcher", lambda say, idle: asked)
    return made


def test_a_runner_keeps_every_round_in_its_order(runner):
    assert list(runner.observe([a_case()])[a_case().id]) == SEVERAL


def test_a_case_that_an_end_remembers_has_one_round(runner):
    case = a_case()
    remembered = replace(case, flow=replace(case.flow, change=replace(case.flow.change, once=True)))
    assert list(runner.observe([remembered])[case.id]) == SEVERAL[:1]


def test_a_disk_that_is_full_is_one_line(runner, monkeypatch):
    def full(spool, value):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Spool, "put", full)
    with pytest.raises(UsageError, match="cannot be written: No space left on device; choose another folder"):
        runner.observe([a_case()])


def test_a_folder_that_cannot_be_written_is_told_as_the_system_tells_it():
    with pytest.raises(FileNotFoundError):
        Spool(lambda: Path("/none")).put("value")
