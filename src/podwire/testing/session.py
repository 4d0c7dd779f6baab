"""A pytest session that runs suites: one item a case, verdicts as outcomes, and the record at the end."""

from __future__ import annotations

import contextlib
import shlex
import signal
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from podwire import suite
from podwire.catalogue.load import CatalogueError
from podwire.errors import PodwireError, UsageError
from podwire.judging.case_record import case_record
from podwire.model.cases import Case
from podwire.model.facts import ClusterFacts, ExternalHost
from podwire.model.observations import Observation
from podwire.model.verdicts import Outcome
from podwire.planning.plan import PlanError, Selection
from podwire.platforms.stated_file import stated_in
from podwire.records.run_form import case_from_json, case_to_json
from podwire.running.ledger import Ledger
from podwire.running.runner import Runner, RunOptions
from podwire.running.workers import Observatory, observed
from podwire.testing.case import CaseUnderTest, Inconclusive, NotMet

RUNNER = pytest.StashKey[Runner]()
LEDGER = pytest.StashKey[Ledger]()
OBSERVATORY = pytest.StashKey[Observatory]()
UNDER_TEST = pytest.StashKey[CaseUnderTest]()
STOPPED = pytest.StashKey[str]()
RECORD = "podwire_record"


def options_of(config: pytest.Config) -> RunOptions:
    """The run's options; `UsageError` names the option that is wrong."""
    get = config.getoption
    family = get("--family")
    families = {"ipv4": ("ipv4",), "ipv6": ("ipv6",), "both": ("ipv4", "ipv6")}
    if family not in families:
        raise UsageError(f"--family {family}: unknown; there are: {', '.join(families)}")
    if get("--nodes-per-os") < 1:
        raise UsageError(f"--nodes-per-os {get('--nodes-per-os')}: must be 1 or more")
    if get("--repeat") < 1:
        raise UsageError(f"--repeat {get('--repeat')}: must be 1 or more")
    if get("--lab") and (get("--kubeconfig") or get("--context")):
        raise UsageError("--lab and --kubeconfig/--context exclude each other")
    if get("--facts") and not (get("--kubeconfig") or get("--context")):
        raise UsageError("--facts: is for a real cluster; what a lab is, its profile says")
    external, agent = get("--external-host"), get("--external-agent")
    if agent and not external:
        raise UsageError("--external-agent: needs --external-host, the host that it runs on")
    return RunOptions(
        lab=get("--lab") or RunOptions.lab,
        dsr={"on": True, "off": False, None: None}[get("--dsr")],
        windows_build=get("--windows-build"),
        faults=tuple(get("--fault")),
        kubeconfig=get("--kubeconfig"),
        context=get("--context"),
        external=_external_host(external).with_agent(bool(agent)) if external else None,
        external_agent=tuple(shlex.split(agent)) if agent else (),
        load_balancer=get("--load-balancer"),
        stated=stated_in(Path(get("--facts"))) if get("--facts") else None,
        selection=Selection(
            areas=tuple(get("--area")),
            requirements=tuple(get("--requirement")),
            families=families[family],  # type: ignore[arg-type]
            nodes_per_os=get("--nodes-per-os"),
            fill_nodes=get("--fill-nodes"),
        ),
        linux_image=get("--linux-image"),
        windows_image=get("--windows-image"),
        run_dir=get("--run-dir"),
        evidence=get("--evidence"),
        keep=get("--keep"),
        page=not get("--no-report"),
        history=get("--history"),
        timeout=get("--probe-timeout"),
        repeat=get("--repeat"),
    )


def _external_host(text: str) -> ExternalHost:
    from podwire.cluster.connect import parse_external_host

    return parse_external_host(text)


def _is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")


def _say(config: pytest.Config, text: str) -> None:
    reporter = config.pluginmanager.getplugin("terminalreporter")
    capture = config.pluginmanager.getplugin("capturemanager")
    if reporter is None:
        return
    with capture.global_and_fixture_disabled() if capture else contextlib.nullcontext():
        reporter.ensure_newline()
        reporter.write_line(f"podwire: {text}")


def _stop(problem: Exception) -> None:
    """End the session with the one line that the problem is, and its exit code."""
    pytest.exit(str(problem), returncode=getattr(problem, "exit_code", 2))


def runner_of(config: pytest.Config) -> Runner:
    """The runner of this session, made on first use. In an xdist worker it only plans."""
    if RUNNER not in config.stash:
        try:
            runner = Runner(options_of(config), lambda text: _say(config, text))
            if _is_worker(config):
                given = config.workerinput["podwire_facts"]  # type: ignore[attr-defined]
                runner.use_facts(ClusterFacts.from_dict(given))
            _ = runner.plan
        except (PodwireError, CatalogueError, PlanError) as problem:
            _stop(problem)
        config.stash[RUNNER] = runner
        ledger = config.stash[LEDGER] = Ledger()
        runner.idle = lambda: ledger.prepare(runner)
    return config.stash[RUNNER]


# --- collection -------------------------------------------------------------------------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_pycollect_makeitem(
    collector: pytest.Module | pytest.Class, name: str, obj: object
) -> list[pytest.Item] | None:
    """A test without a case on this cluster is no item: in the record it is an exclusion with its reason."""
    found = _suite_test(obj, collector.path)
    if found is None or runner_of(collector.config).plan.of(f"{found.module}::{found.name}"):
        return None
    return []


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    found = _suite_test(metafunc.function, metafunc.definition.path)
    if found is None:
        return
    cases = runner_of(metafunc.config).plan.of(f"{found.module}::{found.name}")
    metafunc.parametrize("case", cases, ids=[case.words for case in cases], indirect=True)


def _suite_test(obj: object, path: Path) -> suite.SuiteTest | None:
    return suite.suite_test(obj, f"{path.parent.name}/{path.name}") if callable(obj) else None


def _case_of(item: pytest.Item) -> Case | None:
    callspec = getattr(item, "callspec", None)
    case = callspec.params.get("case") if callspec else None
    return case if isinstance(case, Case) else None


# --- running: the fixtures in fixtures/ are thin fronts of these -----------------------------------------------------


def observe(session: pytest.Session) -> dict[str, tuple[Observation, ...]]:
    """Deploy the probes and run every collected case at once; in an xdist worker, ask the process that does.

    What was seen is one observation a round, by case id.
    """
    config = session.config
    cases = [case for item in session.items if (case := _case_of(item)) is not None]
    try:
        if _is_worker(config):
            meet = config.workerinput  # type: ignore[attr-defined]
            return dict(observed(meet["podwire_address"], meet["podwire_key"], cases))
        runner = runner_of(config)
        runner.make_run_dir()
        seen = runner.observe(cases)
        return {case.id: tuple(one.observation for one in seen[case.id].rounds) for case in cases}
    except PodwireError as problem:
        config.stash[STOPPED] = str(problem)
        _stop(problem)
        raise


def under_test(item: pytest.Item, case: Case, rounds: tuple[Observation, ...]) -> CaseUnderTest:
    """The `case` of a test: it judges every round's observation when the test declares its expectation."""
    one = CaseUnderTest(case, rounds, runner_of(item.config).limitation(case))
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
    verdict = under_test.verdict
    if verdict is None:
        if report.passed:
            report.outcome, report.longrepr = "failed", "the test declared no expectation: case.expect was never called"
        return report
    test = getattr(item, "function")  # noqa: B009
    record = case_record(runner_of(item.config).catalogue, under_test, title=test.__name__)
    setattr(report, RECORD, case_to_json(record))
    if isinstance(call.excinfo and call.excinfo.value, (NotMet, Inconclusive)):
        # The summary at the end explains it; here one line is enough.
        report.longrepr = f"{verdict.outcome}: {verdict.reason}"
    if verdict.outcome is Outcome.LIMITATION_LIFTED:
        report.wasxfail = verdict.reason
    return report


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    outcome = _outcome(report)
    if outcome is Outcome.INCONCLUSIVE:
        return "inconclusive", "I", ("INCONCLUSIVE", {"yellow": True})
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
        runner.make_run_dir()
    except UsageError as problem:
        _stop(problem)
    if OBSERVATORY not in config.stash:
        config.stash[OBSERVATORY] = Observatory(runner)
    observatory = config.stash[OBSERVATORY]
    node.workerinput["podwire_facts"] = runner.facts.to_dict()
    node.workerinput["podwire_address"] = observatory.address
    node.workerinput["podwire_key"] = observatory.key


# --- results ----------------------------------------------------------------------------------------------------------


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    text = getattr(report, RECORD, None)
    if text and _SESSION:
        _SESSION[0].stash[LEDGER].add(case_from_json(text))


_SESSION: list[pytest.Config] = []


def pytest_sessionstart(session: pytest.Session) -> None:
    if _is_worker(session.config):
        return
    _SESSION[:] = [session.config]
    signal.signal(signal.SIGTERM, _terminated)
    # Here, and not when it is first needed: an Exit during collection would be one error a module.
    runner = runner_of(session.config)
    if not session.config.option.collectonly:
        runner.begin()


def _terminated(number: int, frame: object) -> None:
    # pytest tears down on KeyboardInterrupt and on nothing else; a CI that cancels sends SIGTERM.
    raise KeyboardInterrupt("SIGTERM")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    if _is_worker(config) or RUNNER not in config.stash:
        return
    runner, ledger = config.stash[RUNNER], config.stash[LEDGER]
    if OBSERVATORY in config.stash:
        problem = config.stash[OBSERVATORY].error
        config.stash[OBSERVATORY].close()
        if problem is not None:
            session.exitstatus = problem.exit_code
            _say(config, str(problem))
    left = runner.close()
    for one in left:
        _say(config, f"could not be removed: {one}")
    if config.option.collectonly:
        return
    if not runner.planned:
        if exitstatus == pytest.ExitCode.NO_TESTS_COLLECTED:
            session.exitstatus = 2
            _say(config, "no case is left to run; look at the selection and at `podwire plan`")
        return
    ended_early = exitstatus == pytest.ExitCode.INTERRUPTED or STOPPED in config.stash
    interrupted = config.stash.get(STOPPED, "by a signal") if ended_early else None
    ledger.finish(runner, interrupted)
    if exitstatus == pytest.ExitCode.TESTS_FAILED or (exitstatus == pytest.ExitCode.OK and ledger.missing):
        session.exitstatus = ledger.exit_code(session.testsfailed)


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    if _is_worker(config) or LEDGER not in config.stash:
        return
    for line in config.stash[LEDGER].summary(colour=terminalreporter.isatty):
        terminalreporter.write_line(line)


def pytest_unconfigure(config: pytest.Config) -> None:
    if RUNNER in config.stash and not _is_worker(config):
        config.stash[RUNNER].close()
