"""Bundles of a sign-off: made and verified by the command line, and changed by hand."""

import shutil

import pytest

from podwire.cli import main as cli
from podwire.signoff.bundle import packed, unpacked
from podwire.signoff.signatures import signed

needs_ssh_keygen = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")


def made(runs, keys, path, *more):
    """The path of a bundle of `runs` that ann signed."""
    assert cli.main(["signoff", *map(str, runs), "--key", str(keys / "ann"), "-o", str(path), *map(str, more)]) == 0
    return path


def verify(bundle, keys, *more):
    """The exit code of `podwire verify`."""
    return cli.main(["verify", str(bundle), "--allowed-signers", str(keys / "allowed"), *more])


def changed(bundle, keys, change, *, sign=False):
    """The bundle with its files changed, and signed again by ann with `sign`."""
    files = unpacked(bundle.read_bytes())
    change(files)
    if sign:
        files["manifest.json.sig"] = signed(files["manifest.json"], keys / "ann")
    bundle.write_bytes(packed(files))
    return bundle
