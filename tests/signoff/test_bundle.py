"""A file that is no whole bundle of plain files is refused in one line."""

import gzip
import io
import re
import tarfile

import pytest
from bundles_for_tests import needs_ssh_keygen, verify

from podwire.signoff import bundle as bundle_module

pytestmark = needs_ssh_keygen


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


@pytest.mark.parametrize("limit", ["MOST_OF_A_FILE", "MOST_UNPACKED"])
def test_a_bundle_larger_than_any_needs_to_be_is_refused_unread(limit, bundle, keys, capsys, monkeypatch):
    monkeypatch.setattr(bundle_module, limit, 2000)
    assert verify(bundle, keys) == 1
    assert re.search("larger than|have more than", capsys.readouterr().err)


def test_a_device_without_an_end_is_no_bundle(keys, capsys, monkeypatch):
    monkeypatch.setattr(bundle_module, "MOST_OF_A_FILE", 1 << 20)
    assert verify("/dev/zero", keys) == 1
    assert "larger than 1 MiB, the largest size of a bundle" in capsys.readouterr().err
