"""Sign-off on the command line: what a bundle holds, and everything for which `verify` refuses one."""

import gzip
import io
import json
import re
import shutil
import subprocess
import tarfile
from datetime import date, timedelta

import pytest
from changed import replace
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from observed import a_case as planned
from observed import an_observation
from records_for_tests import WAIVER, case, facts, record

from podwire.cli import main as cli
from podwire.model.verdicts import Outcome
from podwire.records.files import write_record
from podwire.records.observation_files import write_observations
from podwire.records.observations import stored
from podwire.signoff import bundle as bundle_module
from podwire.signoff.bundle import packed, unpacked
from podwire.signoff.manifest import File
from podwire.signoff.signatures import signed
from podwire.signoff.verify import NotVerified, verified

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="there is no ssh-keygen here")
TODAY = date.today()
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


def made(runs, keys, path, *more):
    assert cli.main(["signoff", *map(str, runs), "--key", str(keys / "ann"), "-o", str(path), *map(str, more)]) == 0
    return path


def verify(bundle, keys, *more):
    return cli.main(["verify", str(bundle), "--allowed-signers", str(keys / "allowed"), *more])


def changed(bundle, keys, change, *, sign=False):
    """The bundle with its files changed, and signed again if somebody who may sign does so."""
    files = unpacked(bundle.read_bytes())
    change(files)
    if sign:
        files["manifest.json.sig"] = signed(files["manifest.json"], keys / "ann")
    bundle.write_bytes(packed(files))
    return bundle


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


def test_a_whole_bundle_is_verified_and_its_signer_named(bundle, keys, capsys):
    assert verify(bundle, keys) == 0
    said = capsys.readouterr().out
    assert "signed by ann" in said
    assert "new against old: accept" in said


def test_what_the_gate_rejects_is_not_signed(run, keys, tmp_path, capsys):
    runs = run("old", Outcome.PASS, Outcome.PASS), run("new", Outcome.FAIL, Outcome.PASS)
    path = tmp_path / "release.tar.gz"
    assert cli.main(["signoff", *map(str, runs), "--key", str(keys / "ann"), "-o", str(path)]) == 1
    assert "the gate says reject: 1 regression" in capsys.readouterr().out
    assert not path.exists()


@pytest.mark.parametrize(
    "path",
    [
        "candidate/new/run.json",
        "candidate/new/observations.jsonl.gz",
        "candidate/new/evidence/0/client-node.pcap",
        "candidate/new/matrix.html",
        "candidate/new/allure-report/index.html",
        "gate.md",
        "gate.json",
        "sbom.cdx.json",
    ],
)
def test_a_changed_byte_is_refused(path, bundle, keys, capsys):
    def flip(files):
        files[path] = files[path][:-1] + bytes([files[path][-1] ^ 1])

    assert verify(changed(bundle, keys, flip), keys) == 1
    assert capsys.readouterr().err.strip() == (
        f"verify: refused: {bundle}: {path}: was changed: its SHA-256 is not the one in manifest.json"
    )


def test_a_file_that_the_manifest_does_not_name_is_refused(bundle, keys, capsys):
    def swap(files):
        files["candidate/new/evidence/9/server-pod.pcap"] = b"packets"

    assert verify(changed(bundle, keys, swap), keys) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.removeprefix(f"verify: refused: {bundle}: ") for line in lines] == [
        "candidate/new/evidence/9/server-pod.pcap: is not named in the manifest",
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30)
@given(data=st.data())
def test_no_single_change_of_the_files_of_a_bundle_is_taken(data, bundle, keys):
    files = unpacked(bundle.read_bytes())
    path = data.draw(st.sampled_from(sorted(files.keys() - {"manifest.json.sig"})))
    how = data.draw(st.sampled_from(["changed", "cut", "taken away", "renamed", "added"]))
    content = files.pop(path)
    if how == "changed":
        place, by = data.draw(st.integers(0, len(content) - 1)), data.draw(st.integers(1, 255))
        files[path] = content[:place] + bytes([content[place] ^ by]) + content[place + 1 :]
    elif how == "cut":
        files[path] = content[:-1]
    elif how == "renamed":
        files[f"{path}.old"] = content
    elif how == "added":
        files |= {path: content, f"{path}.new": content}
    other = bundle.with_name("other.tar.gz")
    other.write_bytes(packed(files))
    with pytest.raises(NotVerified):
        verified(other, keys / "allowed")


def test_a_missing_file_is_refused(bundle, keys, capsys):
    assert verify(changed(bundle, keys, lambda files: files.pop("gate.md")), keys) == 1
    assert capsys.readouterr().err.strip() == f"verify: refused: {bundle}: gate.md: is missing"


def test_rules_that_let_more_pass_are_taken_only_when_asked(good, keys, tmp_path, capsys):
    path = made(good, keys, tmp_path / "release.tar.gz", "--min-loss", "0.5")
    assert verify(path, keys) == 1
    assert (
        "the gate was asked with laxer rules than podwire's own: loss 0.5, where 0.05 finds more"
        in capsys.readouterr().err
    )
    assert verify(path, keys, "--allow-lax-rules") == 0


def test_nothing_behind_the_manifest_is_read_before_its_signature_is_checked(bundle, keys, capsys):
    """The archive is cut off behind them: that it is nobody's signature is said first."""
    files = unpacked(bundle.read_bytes())
    files["manifest.json.sig"] = b"no signature"
    data = packed(files, first=("manifest.json", "manifest.json.sig"))
    bundle.write_bytes(data[: len(data) // 2])
    with pytest.raises(NotVerified, match="made the signature"):
        verified(bundle, keys / "allowed")


@pytest.mark.parametrize("limit", ["MOST_OF_A_FILE", "MOST_UNPACKED"])
def test_a_bundle_larger_than_any_needs_to_be_is_refused_unread(limit, bundle, keys, capsys, monkeypatch):
    monkeypatch.setattr(bundle_module, limit, 2000)
    assert verify(bundle, keys) == 1
    assert re.search("larger than|have more than", capsys.readouterr().err)


def test_a_device_without_an_end_is_no_bundle(keys, capsys, monkeypatch):
    monkeypatch.setattr(bundle_module, "MOST_OF_A_FILE", 1 << 20)
    assert verify("/dev/zero", keys) == 1
    assert "larger than 1 MiB, which no bundle needs to be" in capsys.readouterr().err


def test_a_file_of_another_size_than_the_manifest_says_is_not_read(bundle, keys, capsys):
    def grow(files):
        files["gate.md"] += b"x"

    assert verify(changed(bundle, keys, grow), keys) == 1
    said = capsys.readouterr().err
    assert "gate.md: has" in said
    assert "bytes, its manifest says" in said


def test_a_changed_manifest_does_not_fit_its_signature(bundle, keys, capsys):
    def lie(files):
        files["manifest.json"] = files["manifest.json"].replace(b"2", b"3", 1)

    assert verify(changed(bundle, keys, lie), keys) == 1
    assert "signature of ann does not hold for the manifest" in capsys.readouterr().err


def test_somebody_else_who_signs_is_refused(good, keys, tmp_path, capsys):
    path = tmp_path / "release.tar.gz"
    assert cli.main(["signoff", *map(str, good), "--key", str(keys / "bob"), "-o", str(path)]) == 0
    assert verify(path, keys) == 1
    assert "nobody in" in capsys.readouterr().err


def test_it_must_be_the_one_who_is_asked_for(bundle, keys, capsys):
    assert verify(bundle, keys, "--identity", "bob") == 1
    assert "the signature of ann does not hold for the manifest, as bob" in capsys.readouterr().err


def test_a_pattern_in_the_file_of_signers_lets_everybody_sign_whom_it_fits(bundle, keys, tmp_path, capsys):
    (tmp_path / "allowed").write_text(f"*@example.com {(keys / 'ann.pub').read_text()}")
    ask = ["verify", str(bundle), "--allowed-signers", str(tmp_path / "allowed")]
    assert cli.main(ask) == 0
    assert cli.main([*ask, "--identity", "ann@example.com"]) == 0
    assert "signed by ann@example.com" in capsys.readouterr().out
    assert cli.main([*ask, "--identity", "ann@example.org"]) == 1


def test_paths_that_exclude_each_other_are_refused_even_when_they_are_signed(bundle, keys, capsys):
    def clash(files):
        manifest = json.loads(files["manifest.json"])
        for path in ("gate.md/x", "gate.md/y"):
            files[path] = b"x"
            manifest["files"].append(structs.asdict(File.of(path, b"x")))
        files["manifest.json"] = json.dumps(manifest).encode()

    assert verify(changed(bundle, keys, clash, sign=True), keys) == 1
    assert "cannot be unpacked" in capsys.readouterr().err


@pytest.mark.parametrize("part", ["manifest.json", "manifest.json.sig"])
def test_nothing_goes_without_manifest_and_signature(part, bundle, keys, capsys):
    assert verify(changed(bundle, keys, lambda files: files.pop(part)), keys) == 1
    assert f"{part}: is missing" in capsys.readouterr().err


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


def test_a_signed_manifest_that_calls_a_lab_real_is_refused(run, keys, tmp_path, capsys):
    def lie(files):
        files["manifest.json"] = files["manifest.json"].replace(b'"emulated": true', b'"emulated": false')

    runs = [run(name, Outcome.PASS, Outcome.PASS, emulated=True) for name in ("old", "new")]
    path = made(runs, keys, tmp_path / "release.tar.gz", "--allow-emulated")
    assert verify(changed(path, keys, lie, sign=True), keys) == 1
    assert "is of the lab" in capsys.readouterr().err


def test_a_signed_manifest_that_hides_its_waivers_is_refused(run, keys, tmp_path, capsys):
    def lie(files):
        files["manifest.json"] = files["manifest.json"].replace(b'"waivers": "waivers.yaml"', b'"waivers": null')

    path = waived(run, keys, tmp_path)
    assert verify(changed(path, keys, lie, sign=True), keys) == 1
    assert "the gate says reject about these runs, manifest.json says accept" in capsys.readouterr().err


def waived(run, keys, tmp_path):
    """A bundle with a failure that somebody answers for until tomorrow."""
    waivers = tmp_path / "waivers.yaml"
    waivers.write_text(WAIVER.format(expires=TODAY + timedelta(days=1)))
    runs = run("old", Outcome.PASS, Outcome.PASS), run("new", Outcome.FAIL, Outcome.PASS)
    return made(runs, keys, tmp_path / "release.tar.gz", "--waivers", waivers)


def test_a_waiver_holds_until_it_expires(run, keys, tmp_path):
    path = waived(run, keys, tmp_path)
    assert verified(path, keys / "allowed").manifest.headline == "1 regression (1 waived)"
    with pytest.raises(NotVerified, match=r"waiver services/SVC-CLUSTER-IP\[tcp-\*\]: expired on"):
        verified(path, keys / "allowed", today=TODAY + timedelta(days=3))


def archive(*members):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return gzip.compress(data.getvalue(), mtime=0)


def member(name, **changes):
    found = tarfile.TarInfo(name)
    found.size = 0 if changes else 1
    for field, value in changes.items():
        setattr(found, field, value)
    return found


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "is not a whole bundle"),
        (b"no archive at all", "is not a whole bundle"),
        (archive(member("../outside")), "../outside: leads out of the bundle"),
        (archive(member("/etc/passwd")), "/etc/passwd: leads out of the bundle"),
        (archive(member("a\\b")), "leads out of the bundle"),
        (archive(member("link", type=tarfile.SYMTYPE, linkname="/")), "link: is not a plain file"),
        (archive(member("folder", type=tarfile.DIRTYPE)), "folder: is not a plain file"),
        (archive(member("twice"), member("twice")), "twice: is in the bundle twice"),
        (archive(member("other")), "manifest.json: is missing"),
    ],
    ids=["empty", "no archive", "above", "absolute", "backslash", "link", "folder", "twice", "without its manifest"],
)
def test_what_is_no_bundle_is_refused_in_one_line(data, why, keys, tmp_path, capsys):
    path = tmp_path / "bundle"
    path.write_bytes(data)
    assert verify(path, keys) == 1
    said = capsys.readouterr().err
    assert why in said
    assert len(said.splitlines()) == 1


@pytest.mark.parametrize("kept", [20, 500, 0.5, 0.99])
def test_a_bundle_that_is_cut_off_is_refused(kept, bundle, keys, capsys):
    data = bundle.read_bytes()
    bundle.write_bytes(data[: int(len(data) * kept) if kept < 1 else kept])
    assert verify(bundle, keys) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


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
