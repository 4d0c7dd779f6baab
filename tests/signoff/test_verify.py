"""`podwire verify`: who may sign, and every change of a bundle that makes it refuse one."""

import json
from datetime import date, timedelta

import pytest
from bundles_for_tests import changed, made, needs_ssh_keygen, verify
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from records_for_tests import WAIVER

from podwire.cli import main as cli
from podwire.model.verdicts import Outcome
from podwire.signoff.bundle import packed, unpacked
from podwire.signoff.manifest import File
from podwire.signoff.verify import NotVerified, verified

pytestmark = needs_ssh_keygen
TODAY = date.today()


def test_a_whole_bundle_is_verified_and_its_signer_named(bundle, keys, capsys):
    assert verify(bundle, keys) == 0
    said = capsys.readouterr().out
    assert "signed by ann" in said
    assert "new against old: accept" in said


def test_somebody_else_who_signs_is_refused(good, keys, tmp_path, capsys):
    path = tmp_path / "release.tar.gz"
    assert cli.main(["signoff", *map(str, good), "--key", str(keys / "bob"), "-o", str(path)]) == 0
    assert verify(path, keys) == 1
    assert "no signer in" in capsys.readouterr().err


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


@pytest.mark.parametrize("part", ["manifest.json", "manifest.json.sig"])
def test_nothing_goes_without_manifest_and_signature(part, bundle, keys, capsys):
    assert verify(changed(bundle, keys, lambda files: files.pop(part)), keys) == 1
    assert f"{part}: is missing" in capsys.readouterr().err


def test_nothing_behind_the_manifest_is_read_before_its_signature_is_checked(bundle, keys, capsys):
    """The archive is cut off behind them: that it is nobody's signature is said first."""
    files = unpacked(bundle.read_bytes())
    files["manifest.json.sig"] = b"no signature"
    data = packed(files, first=("manifest.json", "manifest.json.sig"))
    bundle.write_bytes(data[: len(data) // 2])
    with pytest.raises(NotVerified, match="made the signature"):
        verified(bundle, keys / "allowed")


def test_a_file_of_another_size_than_the_manifest_says_is_not_read(bundle, keys, capsys):
    def grow(files):
        files["gate.md"] += b"x"

    assert verify(changed(bundle, keys, grow), keys) == 1
    said = capsys.readouterr().err
    assert "gate.md: has" in said
    assert "bytes; manifest.json says" in said


def test_a_changed_manifest_does_not_fit_its_signature(bundle, keys, capsys):
    def lie(files):
        files["manifest.json"] = files["manifest.json"].replace(b"2", b"3", 1)

    assert verify(changed(bundle, keys, lie), keys) == 1
    assert "signature of ann does not hold for the manifest" in capsys.readouterr().err


def test_paths_that_exclude_each_other_are_refused_even_when_they_are_signed(bundle, keys, capsys):
    def clash(files):
        manifest = json.loads(files["manifest.json"])
        for path in ("gate.md/x", "gate.md/y"):
            files[path] = b"x"
            manifest["files"].append(structs.asdict(File.of(path, b"x")))
        files["manifest.json"] = json.dumps(manifest).encode()

    assert verify(changed(bundle, keys, clash, sign=True), keys) == 1
    assert "cannot be unpacked" in capsys.readouterr().err


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


def test_rules_that_let_more_pass_are_taken_only_when_asked(good, keys, tmp_path, capsys):
    path = made(good, keys, tmp_path / "release.tar.gz", "--min-loss", "0.5")
    assert verify(path, keys) == 1
    assert "the gate had laxer rules than podwire's own: loss 0.5, where 0.05 finds more" in capsys.readouterr().err
    assert verify(path, keys, "--allow-lax-rules") == 0


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
