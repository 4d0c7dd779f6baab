"""The ledger of a run: which cases were planned, which have a verdict, and the record and reports made of them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from podwire import __version__
from podwire.causes.causes import Causes, causes_of
from podwire.content import content_root, is_checkout, suites_digest
from podwire.errors import INCONCLUSIVE_ONLY
from podwire.model.cases import Case
from podwire.model.observations import Observation
from podwire.model.verdicts import Outcome
from podwire.packets.first_tries import by_path
from podwire.records.convergences import convergences
from podwire.records.files import as_stored, write_record
from podwire.records.machine import WAITED
from podwire.records.observation_files import write_observations
from podwire.records.observations import stored
from podwire.records.paths_taken import path_record
from podwire.records.run import CaseRecord, ExclusionRecord, PathRecord, RunRecord, Setup, StoredObservations
from podwire.records.seal import write_seal
from podwire.reporting.evidence import write_evidence
from podwire.reporting.junit import write_junit
from podwire.reporting.terminal import summary
from podwire.running.runner import Runner


class Ledger:
    """Collects the verdicts of a run, then writes evidence, record and reports, and computes the exit code."""

    def __init__(self) -> None:
        self._cases: dict[str, CaseRecord] = {}
        self._record: RunRecord | None = None
        self._causes: Causes | None = None
        self._reports: dict[str, str] = {}
        self._allure: subprocess.Popen[bytes] | None = None

    def prepare(self, runner: Runner) -> None:
        """Start Allure in the background, which takes seconds. Call this while flows are in flight."""
        from podwire.reporting.allure_report import warm_up

        if not runner.options.output.no_page and self._allure is None:
            self._allure = warm_up(_checkout())

    def add(self, record: CaseRecord) -> None:
        self._cases[record.id] = record

    @property
    def written(self) -> tuple[RunRecord, Causes] | None:
        """The record as it is stored, and what its red cases share; None before `write` has come so far."""
        return (self._record, self._causes) if self._record and self._causes else None

    @property
    def missing(self) -> tuple[str, ...]:
        """Planned cases without a verdict, once the run is finished."""
        return self._record.missing if self._record else ()

    def write(self, runner: Runner, interrupted: str | None) -> None:
        """Write evidence, observations, the record, its seal and its reports into the run's folder. Raises OSError.

        `interrupted` is why the run ended early. Call this before the probes are removed, so that a failed clean-up
        loses nothing. No sealed file is written twice.
        """
        from podwire.reporting.allure import write_allure_results
        from podwire.reporting.coverage import write_coverage
        from podwire.reporting.ctrf import write_ctrf
        from podwire.reporting.matrix import write_matrix
        from podwire.reporting.sonobuoy import write_sonobuoy

        began = time.monotonic()
        folder = runner.folder.path
        cases = tuple(self._with_evidence(case, runner) for case in self._cases.values())
        with runner.timings.measured("observations"):
            observations = self._stored(runner, folder)
        runner.timings[WAITED] = runner.waited.share()
        record = RunRecord(
            run_id=runner.run_id,
            setup=Setup(
                version=__version__,
                suite=suites_digest(),
                options=runner.described_options(),
                images=runner.probes.images,
            ),
            started=runner.started,
            finished=time.time(),
            facts=runner.scope.facts,
            cases=cases,
            exclusions=tuple(
                ExclusionRecord(requirement=exclusion.requirement, cases=exclusion.cases, reason=exclusion.reason)
                for exclusion in runner.scope.plan.exclusions
            ),
            missing=tuple(identity for identity in runner.planned if identity not in self._cases),
            interrupted=interrupted,
            timings=_rounded(runner.timings),
            planned=tuple(runner.planned),
            observations=observations,
            paths=self._paths(runner),
            convergence=convergences(self._seen(runner)),
        )
        write_record(record, folder)
        record = as_stored(record)
        write_seal(record, folder)
        self._record = record
        decisive = self._decisive(cases, runner)
        self._causes = causes_of(record, {name: (runner.planned[name], seen) for name, seen in decisive.items()})
        write_junit(record, folder, self._causes)
        write_ctrf(record, folder, self._causes)
        write_sonobuoy(record, folder)
        write_allure_results(record, folder, self._causes)
        matrix = write_matrix(record, folder, decisive, self._causes)
        write_coverage(record, runner.scope.catalogue, folder)
        self._reports = {"Matrix": str(matrix), "record": f"{folder}/run.json"}
        runner.timings["reports"] = time.monotonic() - began

    def make_page(self, runner: Runner) -> None:
        """Make the Allure page from the written results, and complete the timings for the summary."""
        from podwire.reporting.allure_report import generate_report

        if self._record is None:
            return
        folder, output = runner.folder.path, runner.options.output
        page, line = None, "not made (--no-report)"
        with runner.timings.measured("Allure report"):
            if not output.no_page:
                page, line = generate_report(folder, _checkout(), warm=self._allure, history=runner.history)
                self._allure = None
        self._reports = {
            "Matrix": self._reports["Matrix"],
            "Allure report": str(page) if page else line,
            "record": self._reports["record"],
        }
        self._record = replace(self._record, timings=_rounded(runner.timings))

    def _stored(self, runner: Runner, run_dir: Path) -> StoredObservations:
        """Write the observations of all cases that have a verdict."""
        return write_observations(
            (
                stored(runner.planned[case.id], observation, outcome, number)
                for case in self._cases.values()
                if case.id in runner.seen
                for number, (observation, outcome) in enumerate(zip(runner.seen[case.id], case.outcomes, strict=True))
            ),
            run_dir,
        )

    def _paths(self, runner: Runner) -> tuple[PathRecord, ...]:
        """What became of the first tries of all rounds, path by path."""
        judged = sum(runner.planned[key].flow.load.whole_path for key in self._cases if key in runner.seen)
        limit = runner.options.probes.first_try
        paths = by_path(self._seen(runner))
        return tuple(path_record(path, tries, limit=limit, judged=judged) for path, tries in paths.items())

    def _seen(self, runner: Runner) -> Iterator[tuple[Case, Observation]]:
        """The observations of all rounds."""
        return ((runner.planned[key], one) for key in self._cases if key in runner.seen for one in runner.seen[key])

    def _decisive(self, cases: Iterable[CaseRecord], runner: Runner) -> dict[str, Observation]:
        """The observation behind each verdict, by case id: the one of its worst round."""
        return {case.id: runner.seen[case.id][case.decisive_round] for case in cases if case.id in runner.seen}

    def _with_evidence(self, case: CaseRecord, runner: Runner) -> CaseRecord:
        rounds = runner.seen.get(case.id)
        if rounds is None or (case.verdict.outcome is Outcome.PASS and runner.options.output.evidence != "all"):
            return case
        shown = case.decisive_round
        files = write_evidence(runner.folder.path, rounds[shown], case.verdict, rounds.frames(shown))
        return replace(case, evidence=files)

    def exit_code(self, failed_tests: int) -> int:
        """1 when a case failed or has no verdict, 10 when all red cases are inconclusive."""
        unsure = sum(1 for case in self._cases.values() if case.verdict.outcome is Outcome.INCONCLUSIVE)
        return INCONCLUSIVE_ONLY if unsure and unsure == failed_tests and not self.missing else 1

    def summary(self, *, colour: bool) -> Iterator[str]:
        """The lines that the terminal shows at the end."""
        if self._record is not None:
            yield from summary(self._record, self._reports, self._causes, colour=colour).splitlines()


def _rounded(timings: Mapping[str, float]) -> dict[str, float]:
    return {name: round(seconds, 3) for name, seconds in timings.items()}


def _checkout() -> Path | None:
    return content_root() if is_checkout() else None
