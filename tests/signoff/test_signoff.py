"""Sign-off on the command line: what a bundle holds, what is not signed, and the mistakes of a user."""

import json

from bundles_for_tests import made, needs_ssh_keygen, verify

from podwire.cli import main as cli
from podwire.model.verdicts import Outcome
from podwire.signoff.bundle import unpacked

pytestmark = needs_ssh_keygen


def test_a_bundle_holds_runs_gate_pages_packets_and_parts_and_names_each_of_them(bundle):
    files = unpacked(bundle.read_bytes())
    manifest = json.loads(files["manifest.json"])
    assert {one["path"] for one in manifest["files"]} == files.keys() - {"manifest.json", "manifest.json.sig"}
    assert files.keys() >= {
        *(f"{side}/{name}" for side in ("baseline/old", "candidate/new") for name in ("run.json", "matrix.html")),
        "candidate/new/observations.jsonl.gz",
        "candidate/new/evidence/0/client-node.pcap",
        *("gate.txt", "gate.md", "gate.json", "compare.html", "sbom.cdx.json"),
    }
    assert (manifest["decision"], manifest["emulated"], manifest["baseline"]) == ("accept", False, ["old"])
    assert not any("allure-results" in path for path in files)
    assert not any(str(bundle.parent).encode() in data for data in files.values())


def test_the_parts_are_what_the_runs_were_made_with_not_the_machine_that_signs(good, keys, tmp_path):
    tree = {"schema": "podwire.environment/1", "python": "3.13.1", "packages": [{"name": "msg", "version": "7"}]}
    (good[1] / "environment.json").write_text(json.dumps(tree))
    path = made(good, keys, tmp_path / "release.tar.gz")
    parts = json.loads(unpacked(path.read_bytes())["sbom.cdx.json"])
    assert (parts["bomFormat"], parts["specVersion"]) == ("CycloneDX", "1.5")
    assert [part["purl"] for part in parts["components"] if part["type"] == "library"] == ["pkg:pypi/msg@7"]
    told = {one["name"]: one["value"] for one in parts["metadata"]["properties"]}
    assert told["podwire:new:python"] == "3.13.1"
    assert told["podwire:old:python"].startswith("not recorded")


def test_what_the_gate_rejects_is_not_signed(run, keys, tmp_path, capsys):
    runs = run("old", Outcome.PASS, Outcome.PASS), run("new", Outcome.FAIL, Outcome.PASS)
    path = tmp_path / "release.tar.gz"
    assert cli.main(["signoff", *map(str, runs), "--key", str(keys / "ann"), "-o", str(path)]) == 1
    assert "the gate says reject: 1 regression" in capsys.readouterr().out
    assert not path.exists()


def test_runs_on_the_lab_are_refused_by_both(run, keys, tmp_path, capsys):
    runs = [run(name, Outcome.PASS, Outcome.PASS, emulated=True) for name in ("old", "new")]
    path = tmp_path / "release.tar.gz"
    assert cli.main(["signoff", *map(str, runs), "--key", str(keys / "ann"), "-o", str(path)]) == 2
    assert "is of the lab" in capsys.readouterr().err
    made(runs, keys, path, "--allow-emulated")
    assert "prove nothing about a cluster" in capsys.readouterr().out
    assert verify(path, keys) == 1
    assert "are of the lab" in capsys.readouterr().err
    assert verify(path, keys, "--allow-emulated") == 0


def test_what_cannot_be_asked_is_the_users_mistake(bundle, good, keys, tmp_path, capsys):
    def signers(content):
        path = tmp_path / f"signers{len(list(tmp_path.iterdir()))}"
        path.write_bytes(content)
        return path

    asked = {
        "there is no such file": ["signoff", *good, "--key", tmp_path / "none", "-o", tmp_path / "out"],
        "does not sign with it": ["signoff", *good, "--key", good[0] / "run.json", "-o", tmp_path / "out"],
        "No such file": ["signoff", *good, "--key", keys / "ann", "-o", tmp_path / "none" / "out"],
        "gate: needs two runs": ["signoff", good[0], "--key", keys / "ann", "-o", tmp_path / "out"],
        "none: No such file": ["verify", tmp_path / "none", "--allowed-signers", keys / "allowed"],
        "--allowed-signers": ["verify", bundle, "--allowed-signers", tmp_path / "nobody"],
        **{
            why: ["verify", bundle, "--allowed-signers", signers(content)]
            for why, content in {
                "line 2: missing key": b"# those who may\nann\n",
                "line 1: invalid key": b"ann ssh-ed25519 AAAA\n",
                "line 1: not UTF-8 text": b"\xff\xfe",
                "is not a text file": b"ann\0",
                "larger than 1 MiB": b"#" * (1 << 20) + b"\n",
            }.items()
        },
    }
    capsys.readouterr()
    for why, arguments in asked.items():
        assert cli.main([str(one) for one in arguments]) == 2
        said = capsys.readouterr().err
        assert why in said
        assert len(said.splitlines()) == 1


def test_without_ssh_keygen_there_is_no_answer(bundle, keys, monkeypatch, capsys):
    monkeypatch.setenv("PATH", "")
    assert verify(bundle, keys) == 2
    assert "ssh-keygen is missing" in capsys.readouterr().err
