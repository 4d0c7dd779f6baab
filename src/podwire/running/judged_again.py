"""A finished run, judged by today's suites and kept as a run of its own: `podwire judge RUN --write DIR`.

Verdicts come from the stored observations alone. What no observation tells (facts, times, images, first tries) and the
files of evidence are taken over; the new record says from which run.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from podwire import __version__
from podwire.content import suites_digest
from podwire.errors import UsageError
from podwire.gating.confirm import mixed_up
from podwire.gating.rejudge import Rejudged, Today, rounds_of
from podwire.model.verdicts import Outcome
from podwire.records.environment import NAME as ENVIRONMENT
from podwire.records.files import as_stored, load_record, write_record
from podwire.records.observation_files import write_observations
from podwire.records.observations import Stored
from podwire.records.run import CaseRecord, ExclusionRecord, JudgedAgain, RunRecord
from podwire.records.seal import broken, write_seal
from podwire.reporting.evidence import VERDICT, write_evidence, write_verdict

Rounds = Mapping[str, Sequence[Stored]]


def write_judged_again(source: Path, folder: Path) -> tuple[RunRecord, tuple[Rejudged, ...]]:
    """Judge the run in `source` and write it, with the new verdicts, into `folder`, which is made. Returns the record
    of then, and each case then and now.

    Raises:
        UsageError: the folder exists, or cannot be written.
        ValueError: the run is damaged, or a case has no verdict today. One line; nothing is written.
    """
    if folder.exists() or folder.is_symlink():
        raise UsageError(f"--write {folder}: exists already; choose a new folder")
    record, place = load_record(source), source if source.is_dir() else source.parent
    rounds = rounds_of(record, place)
    damage = next(_damage(record, rounds, place), "")
    if damage:
        raise ValueError(f"{place}: {damage}")
    today = Today.of(record)
    cases = tuple(_judged(case, rounds[case.id], today, place) for case in record.cases)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as beside:
            new_run = Path(beside) / "run"
            new_run.mkdir()
            _write(record, cases, rounds, today, place, new_run)
            new_run.rename(folder)
    except OSError as problem:
        where = "" if problem.filename is None else f"{problem.filename}: "
        raise UsageError(f"--write {folder}: cannot be written: {where}{problem.strerror or problem}") from problem
    return record, tuple(Rejudged.of(now, recorded.verdict) for recorded, now in zip(record.cases, cases, strict=True))


def _damage(record: RunRecord, rounds: Rounds, place: Path) -> Iterator[str]:
    """Why these are not the files that a run left, a line each."""
    yield from broken(record, place)
    case_ids = {case.id for case in record.cases}
    yield from (
        f"{name}: has an observation and no verdict; use the original files" for name in rounds.keys() - case_ids
    )
    for case in record.cases:
        yield from (f"{case.id}: {line}; use the original files" for line in mixed_up(case, rounds[case.id]))
        for file in case.evidence:
            if not (place / file).is_file():
                yield f"{file}: evidence of {case.id} is missing; use the original files"


def _judged(recorded: CaseRecord, rounds: Sequence[Stored], today: Today, place: Path) -> CaseRecord:
    judged = today.recorded(recorded.id, rounds)
    if isinstance(judged, str):
        raise ValueError(f"{place}: {recorded.id}: cannot be judged again by this podwire: {judged}; repeat the run")
    return replace(judged, evidence=recorded.evidence)


def _write(
    record: RunRecord, cases: Sequence[CaseRecord], rounds: Rounds, today: Today, place: Path, new_run: Path
) -> None:
    """Write evidence, observations, record and seal. Raises OSError."""
    before = {case.id: case for case in record.cases}
    with_evidence = tuple(_with_evidence(before[case.id], case, rounds[case.id], place, new_run) for case in cases)
    suite = suites_digest()
    again = JudgedAgain(run_id=record.observed_in, version=__version__)
    new = replace(
        record,
        run_id=f"{record.observed_in}-judged-{suite[:8]}",
        setup=replace(record.setup, suite=suite, judged_again=again),
        cases=with_evidence,
        exclusions=tuple(_exclusions(record, today)),
        observations=write_observations(_with_outcomes(with_evidence, rounds), new_run),
    )
    write_record(new, new_run)
    environment = place / ENVIRONMENT
    write_seal(as_stored(new), new_run, environment.read_bytes() if environment.is_file() else None)


def _with_evidence(
    recorded: CaseRecord, now: CaseRecord, rounds: Sequence[Stored], place: Path, new_run: Path
) -> CaseRecord:
    """The files of evidence with the verdict of today. A case that passed then may have none: it gets those that its
    observation gives, which are all but the raw frames."""
    for file in recorded.evidence:
        (new_run / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(place / file, new_run / file)
        if Path(file).name == VERDICT and recorded.verdict != now.verdict:
            write_verdict(new_run / file, now.verdict)
    if recorded.evidence or now.verdict.outcome is Outcome.PASS:
        return now
    return replace(now, evidence=write_evidence(new_run, rounds[now.decisive_round].observation, now.verdict))


def _with_outcomes(cases: Sequence[CaseRecord], rounds: Rounds) -> Iterator[Stored]:
    """The observations with the outcomes of today."""
    for case in cases:
        for stored, outcome in zip(rounds[case.id], case.outcomes, strict=True):
            yield replace(stored, outcome=outcome)


def _exclusions(record: RunRecord, today: Today) -> Iterator[ExclusionRecord]:
    """What the facts exclude today, of the requirements that the run was to judge."""
    chosen = {case.requirement for case in record.cases} | {excluded.requirement for excluded in record.exclusions}
    for exclusion in today.exclusions:
        if exclusion.requirement in chosen:
            yield ExclusionRecord(requirement=exclusion.requirement, cases=exclusion.cases, reason=exclusion.reason)
