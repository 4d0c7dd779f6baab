"""A run that a signal ends at a random moment: a whole record that says so, or none; and nothing else stays.

Six moments by default, always the same; `--moments 100` takes a hundred.
"""

import tempfile
from pathlib import Path

import pytest
from killed_runs import SIGNALS, killed, moments

from podwire.gating.changes import Refused
from podwire.gating.numbers import Rules
from podwire.gating.runs import gate_over, load_run
from podwire_lab.lifecycle import rundir

INTERRUPTED = 2
ALL_PASS = 0


def pytest_generate_tests(metafunc):
    if "moment" in metafunc.fixturenames:
        chosen = moments(metafunc.config.getoption("--moments"))
        metafunc.parametrize("moment", chosen, ids=[str(one) for one in chosen])


@pytest.fixture
def temporary(monkeypatch):
    """A folder for temporary files with a short path: sockets are in it."""
    with tempfile.TemporaryDirectory(prefix="k-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield Path(folder)


@pytest.fixture
def run(moment, tmp_path, temporary):
    return killed(moment, tmp_path / "run", temporary)


def test_every_signal_has_its_turn():
    assert {one.signal for one in moments(6)} == set(SIGNALS)
    assert moments(100)[:6] == moments(6)


def test_what_stays_of_a_run_is_whole_or_nothing(run, moment):
    assert run.alive() == set()
    rundir.remove_stale()  # As the next lab does.
    assert list(run.temporary.iterdir()) == []
    there = sorted(path.name for path in run.folder.glob("*"))
    if "run.json" not in there:
        # It came to nothing: interrupted before there was a plan or a case, by the system before podwire takes signals.
        assert run.sent, run.text
        assert run.code in (INTERRUPTED, -moment.signal), run.text
        assert there == [] or run.code < 0
        return
    assert "seal.json" in there or run.code < 0, run.text
    assert [name for name in there if name.startswith(".")] == [] or run.code < 0
    if run.code == INTERRUPTED:
        refused(run.folder, "was interrupted (by a signal); run it again")
    elif run.code == ALL_PASS or "seal.json" in there:
        # The signal came when all results were written, or was not in time.
        assert run.code in (ALL_PASS, -moment.signal), run.text
        assert load_run(run.folder).record.complete
    else:
        refused(run.folder, "seal.json: is not there")


def refused(folder, why):
    with pytest.raises((Refused, ValueError)) as told:
        gate_over([load_run(folder)], [load_run(folder)], Rules(), allow_emulated=True)
    assert why in str(told.value)
