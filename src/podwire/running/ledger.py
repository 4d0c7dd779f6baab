"""The ledger of a run: which cases were planned, which have a verdict, and the record and reports made of them."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from podwire import __version__
from podwire.content import content_root, is_checkout, suites_digest
from podwire.model.observations import Observation
from podwire.model.verdicts import Outcome
from podwire.records.files import write_record
from podwire.records.observation_files import write_observations
from podwire.records.observations import stored
from podwire.records.run import CaseRecord, ExclusionRecord, RunRecord, Setup, StoredObservations
from podwire.records.seal import write_seal
from podwire.reporting.evidence import write_evidence
from podwire.reporting.junit import write_junit
from podwire.reporting.terminal import summary
from podwire.running.runner import Runner

INCONCLUSIVE_ONLY = 10


class Ledger:
    """Takes verdicts as they come, and closes the run: evidence, record, reports, exit code."""

    def __init__(self) -> None:
        self._cases: dict[str, CaseRecord] = {}
        self._record: RunRecord | None = None
        self._run_dir: Path | None = None
        self._reports: dict[str, str] = {}
        self._allure: subprocess.Popen[bytes] | None = None

    def prepare(self, runner: Runner) -> None:
        """Start what takes its time to get ready for the reports: to be called while the flows are in flight."""
        from podwire.reporting.allure_report import warm_up

        if runner.options.page and self._allure is None:
            self._allure = warm_up(_checkout())

    def add(self, record: CaseRecord) -> None:
        self._cases[record.id] = record

    @property
    def missing(self) -> tuple[str, ...]:
        """Planned cases without a verdict, once the run is finished."""
        return self._record.missing if self._record else ()

    def finish(self, runner: Runner, interrupted: str | None) -> RunRecord:
        """Write evidence, record and reports into the run's folder."""
        from podwire.reporting.allure import write_allure_results
        from podwire.reporting.allure_report import generate_report
        from podwire.reporting.coverage import write_coverage
        from podwire.reporting.ctrf import write_ctrf
        from podwire.reporting.matrix import write_matrix
        from podwire.reporting.sonobuoy import write_sonobuoy

        began = time.monotonic()
        self._run_dir = runner.run_dir
        cases = tuple(self._with_evidence(case, runner) for case in self._cases.values())
        stored_from = time.monotonic()
        observations = self._stored(runner, self._run_dir)
        runner.timings["observations"] = time.monotonic() - stored_from
        record = RunRecord(
            run_id=runner.run_id,
            setup=Setup(
                version=__version__,
                suite=suites_digest(),
                options=runner.described_options(),
                images=runner.images,
            ),
            started=runner.started,
            finished=time.time(),
            facts=runner.facts,
            cases=cases,
            exclusions=tuple(
                ExclusionRecord(requirement=one.requirement, cases=one.cases, reason=one.reason)
                for one in runner.plan.exclusions
            ),
            missing=tuple(identity for identity in runner.planned if identity not in self._cases),
            interrupted=interrupted,
            timings={name: round(seconds, 3) for name, seconds in runner.timings.items()},
            planned=tuple(runner.planned),
            observations=observations,
        )
        write_record(record, self._run_dir)
        write_junit(record, self._run_dir)
        write_ctrf(record, self._run_dir)
        write_sonobuoy(record, self._run_dir)
        write_allure_results(record, self._run_dir)
        matrix = write_matrix(record, self._run_dir, self._decisive(cases, runner))
        write_coverage(record, runner.catalogue, self._run_dir)
        runner.timings["reports"] = time.monotonic() - began
        page, line = None, "not wanted (--no-report)"
        if runner.options.page:
            page, line = generate_report(self._run_dir, _checkout(), warm=self._allure, history=runner.history)
            self._allure = None
        self._reports = {
            "Matrix": str(matrix),
            "Allure report": str(page) if page else line,
            "record": f"{self._run_dir}/run.json",
        }
        runner.timings["Allure report"] = time.monotonic() - began - runner.timings["reports"]
        self._record = replace(record, timings={name: round(s, 3) for name, s in runner.timings.items()})
        write_record(self._record, self._run_dir)
        write_seal(self._record, self._run_dir)
        return self._record

    def _stored(self, runner: Runner, run_dir: Path) -> StoredObservations:
        """Keep the observations of all cases that have a verdict."""
        return write_observations(
            (
                stored(runner.planned[case.id], sighting.observation, outcome, number)
                for case in self._cases.values()
                if case.id in runner.sightings
                for number, (sighting, outcome) in enumerate(
                    zip(runner.sightings[case.id].rounds, case.rounds or (case.verdict.outcome,), strict=True)
                )
            ),
            run_dir,
        )

    def _decisive(self, cases: Iterable[CaseRecord], runner: Runner) -> dict[str, Observation]:
        """What was observed of each case in the round that its verdict comes from."""
        return {
            case.id: runner.sightings[case.id].rounds[_decisive_round(case)].observation
            for case in cases
            if case.id in runner.sightings
        }

    def _with_evidence(self, case: CaseRecord, runner: Runner) -> CaseRecord:
        sighting = runner.sightings.get(case.id)
        if sighting is None or (case.verdict.outcome is Outcome.PASS and runner.options.evidence != "all"):
            return case
        shown = sighting.rounds[_decisive_round(case)]
        files = write_evidence(runner.run_dir, shown.observation, case.verdict, shown.frames)
        return replace(case, evidence=files)

    def exit_code(self, failed_tests: int) -> int:
        """1 when anything failed or is missing, 10 when the only red cases are inconclusive."""
        unsure = sum(1 for case in self._cases.values() if case.verdict.outcome is Outcome.INCONCLUSIVE)
        return INCONCLUSIVE_ONLY if unsure and unsure == failed_tests and not self.missing else 1

    def summary(self, *, colour: bool) -> Iterator[str]:
        """The lines that the terminal shows at the end."""
        if self._record is not None:
            yield from summary(self._record, self._reports, colour=colour).splitlines()


def _decisive_round(case: CaseRecord) -> int:
    return case.rounds.index(case.verdict.outcome) if case.rounds else 0


def _checkout() -> Path | None:
    return content_root() if is_checkout() else None
