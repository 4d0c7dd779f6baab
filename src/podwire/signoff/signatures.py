"""Signatures by OpenSSH (ssh-keygen(1), -Y sign, -Y verify; the format is PROTOCOL.sshsig of OpenSSH)."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

from podwire.files.bounded import FileError, text_of

PURPOSE = "podwire-signoff"
"""The namespace of the signatures: a signature that the same key made for another purpose does not count."""
TIMEOUT = 60.0
MOST_SIGNERS = 1 << 20
"""The largest size of the file of allowed signers, in bytes."""


class CannotSign(Exception):
    """No signature can be made or checked on this machine; one line for the user."""


class NotSigned(Exception):
    """No allowed signer made the signature; one line."""


def signed(data: bytes, key: Path) -> bytes:
    """The signature over these bytes. `key` is a private key, or a public key whose private key an ssh-agent holds."""
    if not key.is_file():
        raise CannotSign(f"--key {key}: there is no such file; make one with ssh-keygen -t ed25519")
    done = _ssh_keygen(["-Y", "sign", "-f", str(key), "-n", PURPOSE], data)
    if done.returncode != 0 or not done.stdout:
        raise CannotSign(f"--key {key}: ssh-keygen does not sign with it: {_told(done)}")
    return done.stdout


def signer(data: bytes, signature: bytes, allowed: Path, identity: str | None = None) -> str:
    """The signer of these bytes, as `allowed` names them (ssh-keygen(1), ALLOWED SIGNERS).

    Raises:
        NotSigned: no allowed signer made it, or not `identity`.
        CannotSign: the file of allowed signers or ssh-keygen is missing.
    """
    try:
        signers = text_of(allowed, MOST_SIGNERS)
    except FileError as problem:
        raise CannotSign(f"--allowed-signers {allowed}: {problem}") from None
    if "\0" in signers:
        raise CannotSign(f"--allowed-signers {allowed}: is not a text file")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "signature"
        file.write_bytes(signature)
        # ssh-keygen gets the content that was read: the file may be a pipe, which gives its content once.
        known = Path(folder) / "signers"
        known.write_text(signers, encoding="utf-8", newline="")
        common = ["-s", str(file), "-f", str(known), "-n", PURPOSE]
        found = _ssh_keygen(["-Y", "find-principals", *common], data)
        # A line of the file may name several signers, and patterns such as *@example.com.
        names = [line for line in found.stdout.decode("utf-8", "replace").splitlines() if line]
        if found.returncode != 0 or not names:
            if wrong := _wrong_line(found, known):
                raise CannotSign(f"--allowed-signers {allowed}: {wrong}")
            raise NotSigned(f"no signer in {allowed} made the signature: {_told(found)}")
        for name in [identity] if identity is not None else names:
            checked = _ssh_keygen(["-Y", "verify", "-I", name, *common], data)
            if checked.returncode == 0:
                return name
        signer = f", as {identity}" if identity is not None else ""
        raise NotSigned(f"the signature of {', '.join(names)} does not hold for the manifest{signer}: {_told(checked)}")


def _ssh_keygen(arguments: Sequence[str], data: bytes) -> subprocess.CompletedProcess[bytes]:
    program = shutil.which("ssh-keygen")
    if program is None:
        raise CannotSign("ssh-keygen is missing: install OpenSSH's client (Debian: openssh-client)")
    # ssh-keygen asks for a passphrase on the terminal, if there is one; an askpass window would hang in CI.
    quiet = {"SSH_ASKPASS_REQUIRE": "never", "LC_ALL": "C"}
    try:
        return subprocess.run(
            [program, *arguments],
            input=data,
            capture_output=True,
            check=False,
            timeout=TIMEOUT,
            env={**os.environ, **quiet},
        )
    except subprocess.TimeoutExpired:
        raise CannotSign(f"ssh-keygen did not end within {TIMEOUT:g} s") from None


def _wrong_line(done: subprocess.CompletedProcess[bytes], file: Path) -> str:
    """The first line of a file that ssh-keygen cannot read, and why; empty if there is none."""
    errors = done.stderr.decode("utf-8", "replace").splitlines()
    found = [line.removeprefix(f"{file}:") for line in errors if line.startswith(f"{file}:")]
    number, _, why = found[0].partition(":") if found else ("", "", "")
    return f"line {number}: {why.strip()}" if number else ""


def _told(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = [line.strip() for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    return lines[-1] if lines else f"exit code {done.returncode}"
