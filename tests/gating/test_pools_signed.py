"""A new pool is signed off as a run is: the run is packed once, and the gate is asked about its pools again."""

import json
import subprocess

import pytest
from bundles_for_tests import changed, made, needs_ssh_keygen, verify
from pooled_runs import a_pooled_run

from podwire.cli import main as cli
from podwire.signoff.bundle import unpacked

pytestmark = needs_ssh_keygen
POOLS = ("--pools", "old", "new", "--allow-emulated")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ann", "-f", folder / "ann"]
    subprocess.run(command, check=True)
    (folder / "allowed").write_text(f"ann {(folder / 'ann.pub').read_text()}")
    return folder


@pytest.fixture
def bundle(run, keys, tmp_path):
    return made([a_pooled_run(run)], keys, tmp_path / "pool.tar.gz", *POOLS)


def on_new(case):
    return "new" in (case.flow.pools.client_pool, case.flow.pools.server_pool)


def test_a_bundle_of_two_pools_holds_their_run_once_and_names_both(bundle):
    files = unpacked(bundle.read_bytes())
    manifest = json.loads(files["manifest.json"])
    (run,) = manifest["candidate"]
    assert (manifest["pools"], manifest["baseline"], manifest["decision"]) == (["old", "new"], [], "accept")
    assert f"candidate/{run}/run.json" in files
    assert not any(path.startswith("baseline/") for path in files)
    assert b"(pool old)" in files["gate.txt"]
    assert b"(pool new)" in files["compare.html"]


def test_a_verifier_asks_the_gate_about_the_pools_and_says_which(bundle, keys, capsys):
    capsys.readouterr()
    assert verify(bundle, keys, "--allow-emulated") == 0
    assert ", pool new against pool old: accept, " in capsys.readouterr().out


def test_a_bundle_whose_pools_were_exchanged_is_refused_by_its_signature_or_by_the_gate(bundle, keys, capsys):
    def exchange(files):
        tree = json.loads(files["manifest.json"])
        files["manifest.json"] = json.dumps({**tree, "pools": ["old", "other"]}).encode()

    assert verify(changed(bundle, keys, exchange), keys, "--allow-emulated") == 1
    assert "signature" in capsys.readouterr().err
    assert verify(changed(bundle, keys, lambda files: None, sign=True), keys, "--allow-emulated") == 1
    assert "has no pool other" in capsys.readouterr().err


def test_pools_of_several_runs_are_refused(bundle, keys, capsys):
    def twice(files):
        tree = json.loads(files["manifest.json"])
        files["manifest.json"] = json.dumps({**tree, "candidate": tree["candidate"] * 2}).encode()

    assert verify(changed(bundle, keys, twice, sign=True), keys, "--allow-emulated") == 1
    assert "pools: are of one run, but there are 2" in capsys.readouterr().err


def test_a_new_pool_that_the_gate_rejects_is_not_signed(run, keys, tmp_path, capsys):
    folder, path = a_pooled_run(run, on_new), tmp_path / "pool.tar.gz"
    assert cli.main(["signoff", str(folder), *POOLS, "--key", str(keys / "ann"), "-o", str(path)]) == 1
    assert "signoff: not signed: the gate says reject" in capsys.readouterr().out
    assert not path.exists()


@pytest.mark.parametrize(
    ("pools", "runs", "why"),
    [
        (("old", "other"), 1, "has no pool other; its pools are new and old"),
        (("old", "new"), 2, "--pools compares two pools of one run; give one run"),
    ],
)
def test_what_cannot_be_asked_about_pools_is_the_users_mistake(pools, runs, why, run, keys, tmp_path, capsys):
    folders = [str(a_pooled_run(run))] * runs
    more = ["--allow-emulated", "--key", str(keys / "ann"), "-o", str(tmp_path / "out")]
    assert cli.main(["signoff", *folders, "--pools", *pools, *more]) == 2
    assert why in capsys.readouterr().err
