"""Verify a bundle, offline: its signer, that it is whole, and that the gate still accepts its content."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from podwire.gating.changes import Decision, Refused, Run
from podwire.gating.numbers import laxer
from podwire.gating.runs import gate_over, gate_over_pools, load_runs
from podwire.gating.waiver_file import WaiverError, load_waivers
from podwire.records.paths import is_inside
from podwire.signoff.bundle import head, packed_bytes, unpacked, written
from podwire.signoff.manifest import MANIFEST, SIGNATURE, File, Manifest
from podwire.signoff.signatures import NotSigned, signer


class NotVerified(Exception):
    """The bundle is refused; each line of the text is one reason, and names the file or case."""


@dataclass(frozen=True, kw_only=True)
class Verified:
    """A bundle that is accepted: its manifest and its signer."""

    manifest: Manifest
    signer: str


def verified(
    bundle: Path,
    allowed: Path,
    *,
    identity: str | None = None,
    allow_emulated: bool = False,
    allow_lax_rules: bool = False,
    today: date | None = None,
) -> Verified:
    """Verify the bundle as of `today` (UTC).

    Nothing in it is trusted before the signature over its manifest has been checked.

    Raises:
        NotVerified: the bundle is refused.
        CannotSign: the check is impossible on this machine.
        OSError: the file cannot be read.
    """
    try:
        data = packed_bytes(bundle)
        first = head(data, (MANIFEST, SIGNATURE))
        name = signer(first[MANIFEST], first[SIGNATURE], allowed, identity)
        manifest = Manifest.from_bytes(first[MANIFEST])
        sizes = {file.path: file.size for file in manifest.files}
        files = unpacked(data, sizes | {path: len(content) for path, content in first.items()})
    except (ValueError, NotSigned) as problem:
        raise NotVerified(str(problem)) from None
    found = list(differences(manifest, files))
    if manifest.emulated and not allow_emulated:
        found.append("the runs are of the lab, which proves nothing about a cluster; to try it, add --allow-emulated")
    lax = list(laxer(manifest.rules))
    if lax and not allow_lax_rules:
        found.append(
            f"the gate had laxer rules than podwire's own: {'; '.join(lax)}; accept them with --allow-lax-rules"
        )
    if found:
        raise NotVerified("\n".join(found))
    _ask_again(manifest, files, today or datetime.now(UTC).date(), allow_emulated=allow_emulated)
    return Verified(manifest=manifest, signer=name)


def differences(manifest: Manifest, files: Mapping[str, bytes]) -> Iterator[str]:
    """The differences between the files and the manifest, a line each."""
    known = {file.path: file for file in manifest.files}
    for path, file in known.items():
        if path not in files:
            yield f"{path}: is missing"
        elif File.of(path, files[path]) != file:
            yield f"{path}: was changed: its SHA-256 is not the one in {MANIFEST}"


def _only(runs: Sequence[Run]) -> Run:
    if len(runs) != 1:
        raise NotVerified(f"{MANIFEST}: pools: are of one run, but there are {len(runs)}")
    return runs[0]


def _ask_again(manifest: Manifest, files: Mapping[str, bytes], today: date, *, allow_emulated: bool) -> None:
    """The gate, asked again from the files alone: a manifest proves nothing by itself."""
    sides = (("baseline", manifest.baseline), ("candidate", manifest.candidate))
    runs = [[f"{side}/{run}" for run in ids] for side, ids in sides]
    for path in (*runs[0], *runs[1], *([manifest.waivers] if manifest.waivers else [])):
        if not is_inside(path):
            raise NotVerified(f"{MANIFEST}: {path!r} leads out of the bundle")
    with tempfile.TemporaryDirectory(prefix="podwire-verify-") as folder:
        try:
            written(files, Path(folder))
            before, after = load_runs(*([Path(folder) / path for path in side] for side in runs))
            waivers = load_waivers(Path(folder) / manifest.waivers) if manifest.waivers else ()
            if manifest.pools is None:
                gate = gate_over(before, after, manifest.rules, waivers, today=today, allow_emulated=allow_emulated)
            else:
                run, pools, rules = _only(after), manifest.pools, manifest.rules
                gate, _ = gate_over_pools(run, pools, rules, waivers, today=today, allow_emulated=allow_emulated)
        except (ValueError, WaiverError, Refused) as problem:
            raise NotVerified(str(problem).replace(f"{folder}/", "")) from None
        except OSError as problem:  # One of two paths would have to be a file and a folder.
            where = str(problem.filename).replace(f"{folder}/", "")
            raise NotVerified(f"{where}: cannot be unpacked: {problem.strerror}") from None
    if gate.decision is not Decision.ACCEPT or manifest.decision != gate.decision:
        raise NotVerified(f"the gate says {gate.decision} about these runs, {MANIFEST} says {manifest.decision}")
    if gate.emulated is not manifest.emulated:
        raise NotVerified(f"{MANIFEST}: emulated: the runs say otherwise")
