"""Runs, keys and bundles for the tests of sign-off."""

import subprocess

import pytest
from bundles_for_tests import made
from changed import replace
from observed import a_case as planned
from observed import an_observation
from records_for_tests import case, facts, record

from podwire.model.verdicts import Outcome
from podwire.records.files import write_record
from podwire.records.observation_files import write_observations
from podwire.records.observations import stored

WORDS = ("tcp-v4-linux-windows-cross-node", "udp-v4-linux-windows-cross-node")


@pytest.fixture(scope="session")
def keys(tmp_path_factory):
    """The private keys of two people, by their names, and a file that lets the first of them sign."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ann", "bob"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", folder / name]
        subprocess.run(command, check=True)
    (folder / "allowed").write_text(f"ann {(folder / 'ann.pub').read_text()}")
    return folder


@pytest.fixture(autouse=True)
def _borne_out(monkeypatch):
    """The records here are made by hand, without the packets behind them; tests/gating/test_confirm.py has those."""
    monkeypatch.setattr("podwire.gating.runs.contradictions", lambda record, rounds, today: ())


@pytest.fixture
def run(tmp_path):
    """A function that leaves a run of two cases in a folder of this name."""

    def make(name, *outcomes, emulated=False):
        folder, cases, kept = tmp_path / name, [], []
        for at, outcome in enumerate(outcomes):
            file = f"evidence/{at}/client-node.pcap"
            (folder / file).parent.mkdir(parents=True)
            (folder / file).write_bytes(b"packets")
            one = replace(case(outcome, words=WORDS[at]), evidence=(file,))
            cases.append(one)
            kept.append(stored(replace(planned(), id=one.id), an_observation(), outcome))
        for number in range(2):
            (folder / "allure-results").mkdir(exist_ok=True)
            (folder / "allure-results" / f"{number}.json").write_text("{}")
        (folder / "matrix.html").write_text("<p>matrix")
        (folder / "allure-report").mkdir()
        (folder / "allure-report" / "index.html").write_text("<p>report")
        known = {"run_id": name, "facts": facts(emulated=emulated), "observations": write_observations(kept, folder)}
        write_record(record(*cases, **known), folder)
        return folder

    return make


@pytest.fixture
def good(run):
    return run("old", Outcome.PASS, Outcome.PASS), run("new", Outcome.PASS, Outcome.PASS)


@pytest.fixture
def bundle(good, keys, tmp_path):
    return made(good, keys, tmp_path / "release.tar.gz")
