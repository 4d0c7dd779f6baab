"""Make a bundle: ask the gate; if it accepts, pack everything that its decision rests on, and sign it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from podwire import __version__
from podwire.gating.changes import Decision, Gate, Run
from podwire.gating.numbers import Rules
from podwire.gating.runs import gate_over, gate_over_pools, load_runs
from podwire.gating.waiver_file import load_waivers
from podwire.records.environment import Environment, read_environment
from podwire.records.files import write_atomically
from podwire.records.run import RunRecord
from podwire.reporting.compare import compare_html
from podwire.reporting.gate_text import gate_json, gate_markdown, gate_text, headline
from podwire.signoff.bundle import files_below, packed
from podwire.signoff.manifest import MANIFEST, SCHEMA, SIGNATURE, File, Manifest
from podwire.signoff.sbom import sbom
from podwire.signoff.signatures import signed

RAW = frozenset({"allure-results"})
"""Files in a run's folder that only tools read: the bundle has the report made from them, and the record."""
WAIVERS = "waivers.yaml"


@dataclass(frozen=True, kw_only=True)
class SignedOff:
    """The result: the gate, and the number of packed files, which is 0 if the gate does not accept."""

    gate: Gate
    files: int = 0

    @property
    def made(self) -> bool:
        return self.files > 0


def sign_off(
    baseline: Sequence[Path],
    candidate: Sequence[Path],
    rules: Rules,
    waivers: Path | None,
    *,
    key: Path,
    output: Path,
    pools: tuple[str, str] | None = None,
    allow_emulated: bool = False,
) -> SignedOff:
    """Ask the gate, and write the bundle if it accepts.

    With `pools` it asks about an old and a new pool of the one run in `candidate`; `baseline` is empty then.

    Raises:
        ValueError, WaiverError, Refused: as the gate does.
        CannotSign: no signature can be made.
        OSError: `output` cannot be written.
    """
    known = load_waivers(waivers) if waivers else ()
    old, new = load_runs(baseline, candidate)
    before, after = _placed(old, "baseline"), _placed(new, "candidate")
    if pools is None:
        gate, compared = gate_over(before, after, rules, known, allow_emulated=allow_emulated), (before, after)
    else:
        gate, sides = gate_over_pools(after[0], pools, rules, known, allow_emulated=allow_emulated)
        compared = (sides.old,), (sides.new,)
    if gate.decision is not Decision.ACCEPT:
        return SignedOff(gate=gate)
    made_with = [(run.record, read_environment(Path(run.folder))) for run in (*old, *new)]
    files = _views(gate, *compared, made_with)
    for run, placed in zip((*old, *new), (*before, *after), strict=True):
        files_of_run = files_below(Path(run.folder), leave=RAW)
        files |= {f"{placed.folder}/{path}": data for path, data in files_of_run}
    if waivers is not None:
        files[WAIVERS] = waivers.read_bytes()
    manifest = _manifest(gate, (before, after), rules, WAIVERS if waivers else None, files, pools).to_bytes()
    files |= {MANIFEST: manifest, SIGNATURE: signed(manifest, key)}
    write_atomically(output, packed(files, first=(MANIFEST, SIGNATURE)))
    return SignedOff(gate=gate, files=len(files))


def _placed(runs: Sequence[Run], side: str) -> tuple[Run, ...]:
    """The runs with their paths in the bundle: the gate must find there what it names."""
    return tuple(replace(run, folder=f"{side}/{run.record.run_id}") for run in runs)


def _views(
    gate: Gate,
    baseline: Sequence[Run],
    candidate: Sequence[Run],
    made_with: Sequence[tuple[RunRecord, Environment | None]],
) -> dict[str, bytes]:
    """The files for a person, and the bill of materials."""
    views = {
        "gate.txt": gate_text(gate),
        "gate.md": gate_markdown(gate),
        "gate.json": gate_json(gate),
        "compare.html": compare_html(baseline[-1].record, candidate[-1].record),
    }
    parts = sbom(made_with)
    return {**{name: text.encode() for name, text in views.items()}, "sbom.cdx.json": parts}


def _manifest(
    gate: Gate,
    sides: Sequence[Sequence[Run]],
    rules: Rules,
    waivers: str | None,
    files: dict[str, bytes],
    pools: tuple[str, str] | None,
) -> Manifest:
    ids = [tuple(run.record.run_id for run in side) for side in sides]
    return Manifest(
        schema=SCHEMA,
        podwire=__version__,
        made=datetime.now(UTC).isoformat(timespec="seconds"),
        emulated=gate.emulated,
        decision=gate.decision,
        headline=headline(gate),
        rules=rules,
        baseline=ids[0],
        candidate=ids[1],
        outcomes=gate.outcomes_after,
        waivers=waivers,
        files=tuple(File.of(path, data) for path, data in sorted(files.items())),
        pools=pools,
    )
