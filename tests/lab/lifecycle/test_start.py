"""The owner of a lab waits as long as its start goes on."""

import json
import os
import threading

import pytest

from podwire_lab.lifecycle.process import LabError, _await_ready


def told(*messages):
    """The reading end of a pipe on which all of these were said."""
    ready, write = os.pipe()
    os.write(write, b"".join(json.dumps(one).encode() + b"\n" for one in messages))
    return ready, write


STEPS = [{"step": "its process runs"}, {"step": "the network is built"}]


def test_steps_are_followed_by_what_the_owner_waits_for(tmp_path):
    ready, _ = told(*STEPS, {"external": {"name": "outside"}})
    assert _await_ready(ready, 5.0, tmp_path / "log") == {"external": {"name": "outside"}}


def test_each_step_gives_the_start_its_time_again(tmp_path):
    """All of them together take longer than the time that one has."""
    ready, write = os.pipe()
    more, pause = iter([*STEPS * 3, {"external": {}}]), threading.Event()

    def say():
        for one in more:
            pause.wait(0.2)
            os.write(write, json.dumps(one).encode() + b"\n")

    threading.Thread(target=say, daemon=True).start()
    assert _await_ready(ready, 1.0, tmp_path / "log") == {"external": {}}


def test_a_start_that_does_not_go_on_is_given_up_and_its_last_step_named(tmp_path):
    ready, _ = told(*STEPS)
    with pytest.raises(LabError, match=r"no progress for .* s; its last step: the network is built"):
        _await_ready(ready, 0.05, tmp_path / "log")


def test_a_start_that_fails_or_ends_says_why(tmp_path):
    ready, _ = told(*STEPS, {"error": "no nft"})
    with pytest.raises(LabError, match=r"^no nft$"):
        _await_ready(ready, 5.0, tmp_path / "log")
    ready, write = told(*STEPS)
    os.close(write)
    (tmp_path / "log").write_text("first\nlast words\n")
    with pytest.raises(LabError, match="the lab ended before it was ready: last words"):
        _await_ready(ready, 5.0, tmp_path / "log")
