"""What was seen of a case, round by round, on disk or in memory."""

from pathlib import Path

import pytest
from observed import an_attempt, an_observation

from podwire.packets.pcap import Frame
from podwire.probing.sightings import Sighting
from podwire.running.rounds import Rounds
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


def test_a_folder_that_cannot_be_written_is_told_as_the_system_tells_it():
    with pytest.raises(FileNotFoundError):
        Spool(lambda: Path("/none")).put("value")
