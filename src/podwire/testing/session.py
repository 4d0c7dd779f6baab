"""A pytest session that runs suites: one item a case, verdicts as outcomes, and the record at the end."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from podwire import suite
from podwire.catalogue.load import CatalogueError
from podwire.errors import PodwireError, UsageError
from podwire.judging.case_record import case_record
from podwire.model.cases import Case, SuiteTest
from podwire.model.observations import Observation
from podwire.model.verdicts import Outcome
from podwire.planning.plan import PlanError
from podwire.records.facts_form import facts_in, tree_of_facts
from podwire.records.run_form import case_from_json, case_to_json
from podwire.redaction import redacted
from podwire.running.ledger import Ledger
from podwire.running.options import read_options, rows_of
from podwire.running.run_options import RunOptions, run_options
from podwire.running.runner import Runner
from podwire.running.signals import hold_interrupts, interrupt_on_ending_signals
from podwire.running.standard_streams import guarded
from podwire.running.tracebacks import traceback_kept
from podwire.running.workers import Observatory, Observed
from podwire.testing.case import STATUSES, CaseUnderTest, Inconclusive, NotMet
from podwire.testing.net import net_below_pytest, redact_report, tell_captured
from podwire.visible import visible

MISTAKES = (PodwireError, CatalogueError, PlanError)
"""What ends a run before it begins, and is explained by its text alone."""

RUNNER = pytest.StashKey[Runner]()
LEDGER = pytest.StashKey[Ledger]()
OBSERVATORY = pytest.StashKey[Observatory]()
UNDER_TEST = pytest.StashKey[CaseUnderTest]()
STOPPED = pytest.StashKey[str]()
RECORD = "podwire_record"


def options_of(config: pytest.Config) -> RunOptions:
    """The run's options; `UsageError` names the option that is wrong."""
    rows = rows_of("pytest")
    return run_options(read_options(rows, {row.flag: config.getoption(row.flag) for row in rows}))


def is_worker(config: pytest.Config) -> bool:
    """Whether this process is a worker of pytest-xdist."""
    return hasattr(config, "workerinput")


def _say(config: pytest.Config, text: str) -> None:
    reporter = config.pluginmanager.getplugin("terminalreporter")
    capture = config.pluginmanager.getplugin("capturemanager")
    if reporter is None:
        return
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        reporter.ensure_newline()
        if config.get_terminal_writer().width_of_current_line:
            reporter.line("")  # the dots of workers are no line of the reporter's own
        reporter.write_line(f"podwire: {visible(redacted(text))}")


def _stop(problem: Exception) -> None:
    """End the session with the one line that the problem is, and its exit code."""
    pytest.exit(visible(str(problem)), returncode=getattr(problem, "exit_code", UsageError.exit_code))


def prepare(config: pytest.Config) -> int | None:
    """Make the plan of the run that this configuration asks for, before pytest begins.

    The exit code when there is none, its reason having been said in one line. From here on the net lies below all that
    is said, and nobody has to read it: a closed pipe changes nothing.
    """
    net_below_pytest(config)
    config.add_cleanup(partial(setattr, sys, "stdout", sys.stdout))
    sys.stdout = guarded(sys.stdout, styled=True)
    try:
        runner = _made(config)
        if not config.option.collectonly:
            runner.folder.check()
    except MISTAKES as problem:
        print(f"podwire: {problem}", file=sys.stderr)
        return int(getattr(problem, "exit_code", UsageError.exit_code))
    return None


def runner_of(config: pytest.Config) -> Runner:
    """The runner of this session, made on first use. In an xdist worker it only plans."""
    if RUNNER not in config.stash:
        try:
            return _made(config)
        except MISTAKES as problem:
            _stop(problem)
    return config.stash[RUNNER]


def _made(config: pytest.Config) -> Runner:
    runner = Runner(options_of(config), lambda text: _say(config, text))
    if is_worker(config):
        given = config.workerinput["podwire_facts"]  # type: ignore[attr-defined]
        runner.scope.use_facts(facts_in(given))
    with traceback_kept(runner.folder.path):
        plan = runner.scope.plan
        if not is_worker(config):
            runner.scope.require(plan.cases.values())
    ledger = config.stash[LEDGER] = Ledger()
    runner.idle = lambda: ledger.prepare(runner)
    config.stash[RUNNER] = runner
    return runner


# --- collection -------------------------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    if is_worker(config):
        net_below_pytest(config)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> list[pytest.Item] | None:
    """A test without a case on this cluster is no item: in the record it is an exclusion with its reason."""
    found = _suite_test(obj, collector.path)
    if found is None or runner_of(collector.config).scope.plan.of(f"{found.module}::{found.name}"):
        return None
    return []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    found = _suite_test(metafunc.function, metafunc.definition.path)
    if found is None:
        return
    cases = runner_of(metafunc.config).scope.plan.of(f"{found.module}::{found.name}")
    metafunc.parametrize("case", cases, ids=[case.words for case in cases], indirect=True)


def _suite_test(obj: object, path: Path) -> SuiteTest | None:
    return suite.suite_test(obj, f"{path.parent.name}/{path.name}") if callable(obj) else None


def _case_of(item: pytest.Item) -> Case | None:
    callspec = getattr(item, "callspec", None)
    case = callspec.params.get("case") if callspec else None
    return case if isinstance(case, Case) else None


# --- running: the fixtures in fixtures/ are thin fronts of these -----------------------------------------------------


def observe(session: pytest.Session) -> Mapping[str, Sequence[Observation]]:
    """Deploy the probes and run every collected case at once; in an xdist worker, ask the process that does.

    What was seen is one observation a round, by case id.
    """
    config = session.config
    cases = [case for item in session.items if (case := _case_of(item)) is not None]
    try:
        if is_worker(config):
            meet = config.workerinput  # type: ignore[attr-defined]
            return Observed(meet["podwire_address"], meet["podwire_key"], cases)
        runner = runner_of(config)
        runner.folder.make()
        return runner.observe(cases)
    except PodwireError as problem:
        config.stash[STOPPED] = str(problem)
        _stop(problem)
        raise


def under_test(item: pytest.Item, case: Case, rounds: Sequence[Observation]) -> CaseUnderTest:
    """The `case` of a test: it judges every round's observation when the test declares its expectation."""
    one = CaseUnderTest(case, rounds, runner_of(item.config).scope.limitation(case))
    item.stash[UNDER_TEST] = one
    return one


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    under_test = item.stash.get(UNDER_TEST, None)
    if call.when != "call" or under_test is None:
        return report
    del item.stash[UNDER_TEST]  # Items live as long as the session: what was seen of one need not.
    verdict = under_test.verdict
    if verdict is None:
        if report.passed:
            report.outcome, report.longrepr = "failed", "the test declared no expectation: case.expect was never called"
        return report
    test = getattr(item, "function")  # noqa: B009
    record = case_record(runner_of(item.config).scope.catalogue, under_test, title=test.__name__)
    setattr(report, RECORD, case_to_json(record))
    if isinstance(call.excinfo and call.excinfo.value, (NotMet, Inconclusive)):
        # The summary at the end explains it; here one line is enough.
        report.longrepr = visible(f"{verdict.outcome}: {verdict.reason}")
    if STATUSES[verdict.outcome] == "xpassed":
        report.wasxfail = verdict.reason
    return report


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    outcome = _outcome(report)
    if outcome is Outcome.INCONCLUSIVE:
        return STATUSES[outcome], "I", ("INCONCLUSIVE", {"yellow": True})
    return None


def _outcome(report: pytest.TestReport) -> Outcome | None:
    text = getattr(report, RECORD, None)
    return case_from_json(text).verdict.outcome if text else None


# --- the controller of an xdist run -----------------------------------------------------------------------------------


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    config = node.config
    runner = runner_of(config)
    try:
        runner.folder.make()
    except UsageError as problem:
        _stop(problem)
    if OBSERVATORY not in config.stash:
        config.stash[OBSERVATORY] = Observatory(runner)
    observatory = config.stash[OBSERVATORY]
    node.workerinput["podwire_facts"] = tree_of_facts(runner.scope.facts)
    node.workerinput["podwire_address"] = observatory.address
    node.workerinput["podwire_key"] = observatory.key


# --- results ----------------------------------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_collectreport(report: pytest.CollectReport) -> None:
    redact_report(report)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    redact_report(report)
    text = getattr(report, RECORD, None)
    if text and _SESSION:
        _SESSION[0].stash[LEDGER].add(case_from_json(text))


_SESSION: list[pytest.Config] = []


def pytest_sessionstart(session: pytest.Session) -> None:
    if is_worker(session.config):
        return
    _SESSION[:] = [session.config]
    session.config.add_cleanup(interrupt_on_ending_signals())
    # Here, and not when it is first needed: an Exit during collection would be one error a module.
    runner = runner_of(session.config)
    if not session.config.option.collectonly:
        runner.begin()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Once all tests are through, or were interrupted, a signal ends no more than the clean-up."""
    try:
        return (yield)
    finally:
        _hold_interrupts(session.config)


@pytest.hookimpl(tryfirst=True)
def pytest_keyboard_interrupt() -> None:
    """pytest ends its captures then."""
    if _SESSION:
        tell_captured(_SESSION[0])


@pytest.hookimpl(tryfirst=True)
def pytest_internalerror() -> None:
    """And then, too."""
    if _SESSION:
        tell_captured(_SESSION[0])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    _hold_interrupts(config)
    if is_worker(config) or RUNNER not in config.stash:
        return
    runner, ledger = config.stash[RUNNER], config.stash[LEDGER]
    if OBSERVATORY in config.stash:
        problem = config.stash[OBSERVATORY].error
        config.stash[OBSERVATORY].close()
        if problem is not None:
            session.exitstatus = problem.exit_code
            config.stash[STOPPED] = str(problem)
            _say(config, str(problem))
    interrupted = _interrupted(config, exitstatus)
    written = (
        runner.planned and not config.option.collectonly and _kept(session, lambda: ledger.write(runner, interrupted))
    )
    if interrupted and (command := runner.cleanup_command()):
        _say(config, f"cleaning up; a second signal stops the clean-up, and {command} then removes what is left")
    for line in runner.close():
        _say(config, line)
    if written:
        _kept(session, lambda: ledger.make_page(runner))
        if exitstatus == pytest.ExitCode.TESTS_FAILED or (exitstatus == pytest.ExitCode.OK and ledger.missing):
            session.exitstatus = ledger.exit_code(session.testsfailed)
        if session.exitstatus == pytest.ExitCode.OK:
            _require(session, runner)
    elif exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED and not config.option.collectonly:
        session.exitstatus = UsageError.exit_code
        _say(
            config,
            "no case to run: options and facts of the cluster leave none; `podwire plan` with these options says why",
        )


def _require(session: pytest.Session, runner: Runner) -> None:
    """Cases of the plan may have been left out by pytest: those that were run must use what is required, too."""
    try:
        runner.scope.require(runner.planned.values())
    except PodwireError as problem:
        session.exitstatus = problem.exit_code
        _say(session.config, str(problem))


def _hold_interrupts(config: pytest.Config) -> None:
    if RUNNER in config.stash and not is_worker(config):
        config.add_cleanup(hold_interrupts())


def _kept(session: pytest.Session, write: Callable[[], object]) -> bool:
    """Write what is to be kept of the run. False where it cannot be written."""
    try:
        write()
    except OSError as problem:
        session.exitstatus = UsageError.exit_code
        _say(session.config, f"{problem.filename or 'the record'}: cannot be written: {problem.strerror}")
        return False
    return True


def _interrupted(config: pytest.Config, exitstatus: int) -> str | None:
    """Why the run ended early; None if it did not."""
    if exitstatus == pytest.ExitCode.INTERRUPTED or STOPPED in config.stash:
        return config.stash.get(STOPPED, "by a signal")
    return None


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if is_worker(config) or LEDGER not in config.stash:
        return
    for line in config.stash[LEDGER].summary(colour=terminalreporter.isatty):
        terminalreporter.write_line(redacted(line))


def pytest_unconfigure(config: pytest.Config) -> None:
    if RUNNER in config.stash and not is_worker(config):
        config.stash[RUNNER].close()
