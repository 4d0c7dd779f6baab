"""A pytest session that runs suites: one item for each case, verdicts as outcomes, and the record at the end."""

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
from podwire.content import suites_folder
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
from podwire.testing.alluredir import check_alluredir
from podwire.testing.case import STATUSES, CaseUnderTest, Inconclusive, NotMet
from podwire.testing.interrupts import give_lines
from podwire.testing.markers import markers_of, registered
from podwire.testing.net import net_below_pytest, redact_report, tell_captured
from podwire.visible import visible

MISTAKES = (PodwireError, CatalogueError, PlanError)
"""Errors that end a run before it begins. Their text is the whole explanation."""

RUNNER = pytest.StashKey[Runner]()
LEDGER = pytest.StashKey[Ledger]()
OBSERVATORY = pytest.StashKey[Observatory]()
UNDER_TEST = pytest.StashKey[CaseUnderTest]()
STOPPED = pytest.StashKey[str]()
RECORD = "podwire_record"


def options_of(config: pytest.Config) -> RunOptions:
    """The options of the run. `UsageError` names the wrong option."""
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
    """End the session with the problem's line and exit code."""
    pytest.exit(visible(str(problem)), returncode=getattr(problem, "exit_code", UsageError.exit_code))


def prepare(config: pytest.Config) -> int | None:
    """Make the plan before pytest begins. Returns the exit code if that fails, after one line about the reason.

    From here on the net lies below the standard streams, and a closed standard output does not end the run.
    """
    net_below_pytest(config)
    config.add_cleanup(partial(setattr, sys, "stdout", sys.stdout))
    sys.stdout = guarded(sys.stdout, styled=True)
    try:
        runner = _made(config)
        if not config.option.collectonly:
            runner.folder.check()
            check_alluredir(config)
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
        facts = config.workerinput["podwire_facts"]  # type: ignore[attr-defined]
        runner.scope.use_facts(facts_in(facts))
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
    for name, words in registered(suites_folder()).items():
        config.addinivalue_line("markers", f"{name}: {words}")
    if is_worker(config):
        net_below_pytest(config)


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> list[pytest.Item] | None:
    """Collect no item for a test without a case on this cluster. The record has its exclusion with the reason."""
    test = _suite_test(obj, collector.path)
    if test is None or runner_of(collector.config).scope.plan.of(f"{test.module}::{test.name}"):
        return None
    return []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    test = _suite_test(metafunc.function, metafunc.definition.path)
    if test is None:
        return
    scope = runner_of(metafunc.config).scope
    params = [
        pytest.param(case, id=case.words, marks=[getattr(pytest.mark, name) for name in markers_of(case, scope)])
        for case in scope.plan.of(f"{test.module}::{test.name}")
    ]
    metafunc.parametrize("case", params, indirect=True)


def _suite_test(obj: object, path: Path) -> SuiteTest | None:
    return suite.suite_test(obj, f"{path.parent.name}/{path.name}") if callable(obj) else None


def _case_of(item: pytest.Item) -> Case | None:
    callspec = getattr(item, "callspec", None)
    case = callspec.params.get("case") if callspec else None
    return case if isinstance(case, Case) else None


# --- running: called by the fixtures in fixtures/ ---------------------------------------------------------------------


def observe(session: pytest.Session) -> Mapping[str, Sequence[Observation]]:
    """Deploy the probes and run every collected case at once; an xdist worker asks the process that drives the probes.

    Returns the observations by case id, one for each round.
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
    """The `case` of a test. It judges the observation of each round when the test calls `expect`."""
    case_under_test = CaseUnderTest(case, rounds, runner_of(item.config).scope.limitation(case))
    item.stash[UNDER_TEST] = case_under_test
    return case_under_test


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    under_test = item.stash.get(UNDER_TEST, None)
    if call.when != "call" or under_test is None:
        return report
    del item.stash[UNDER_TEST]  # Items live as long as the session; their observations need not.
    verdict = under_test.verdict
    if verdict is None:
        if report.passed:
            report.outcome, report.longrepr = "failed", "the test never called case.expect; call it with an expectation"
        return report
    test = getattr(item, "function")  # noqa: B009
    record = case_record(runner_of(item.config).scope.catalogue, under_test, title=test.__name__)
    setattr(report, RECORD, case_to_json(record))
    if isinstance(call.excinfo and call.excinfo.value, (NotMet, Inconclusive)):
        # One line is enough here; the summary at the end explains it.
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
    # Made here and not on first use, because an Exit during collection gives one error for each module.
    runner = runner_of(session.config)
    if not session.config.option.collectonly:
        runner.begin()


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> Generator[None, object, object]:
    """Ignore the first signal after the last test, so that the record is written; a signal still ends the clean-up."""
    try:
        return (yield)
    finally:
        _hold_interrupts(session.config)


@pytest.hookimpl(tryfirst=True)
def pytest_keyboard_interrupt(excinfo: pytest.ExceptionInfo[BaseException]) -> None:
    """pytest reports the interrupt and ends its captures then."""
    give_lines(excinfo)
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
        _say(config, f"cleaning up; a second signal stops the clean-up; then remove the rest with: {command}")
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
            "no case to run: your options and the facts of the cluster exclude all of them; "
            "run `podwire plan` with the same options to see why",
        )


def _require(session: pytest.Session, runner: Runner) -> None:
    """Check `--require` again for the cases that ran, because pytest may have deselected some of the plan."""
    try:
        runner.scope.require(runner.planned.values())
    except PodwireError as problem:
        session.exitstatus = problem.exit_code
        _say(session.config, str(problem))


def _hold_interrupts(config: pytest.Config) -> None:
    if RUNNER in config.stash and not is_worker(config):
        config.add_cleanup(hold_interrupts())


def _kept(session: pytest.Session, write: Callable[[], object]) -> bool:
    """Call `write`. On OSError, print a line, set the exit code and return False."""
    try:
        write()
    except OSError as problem:
        cannot_write(session, problem)
        return False
    return True


def cannot_write(session: pytest.Session, problem: OSError) -> None:
    """Say that a result could not be written, and end the session with that exit code."""
    session.exitstatus = UsageError.exit_code
    _say(
        session.config,
        f"{problem.filename or 'the record'}: cannot be written: {problem.strerror}; "
        "the results of this run are incomplete",
    )


def _interrupted(config: pytest.Config, exitstatus: int) -> str | None:
    """Why the run ended early; None for a complete run."""
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
