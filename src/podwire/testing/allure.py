"""The bridge to allure-pytest: with `--alluredir DIR`, its results say of each case what podwire's own writer says.

allure-pytest writes a result when a test has ended, in the process that runs the test. Here the result gets the title,
labels, parameters, steps and links of the case first. When the run has ended, the process with the record adds what no
test knows alone: the evidence, and what red cases share. What a test gives Allure itself (its decorators, its dynamic
API, its steps and attachments) stays.

Everything passes the redactor. Written for allure-pytest 2.16.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

import allure_commons
import attr
import pytest
from allure_commons import model2
from allure_commons.logger import AllureFileLogger

from podwire.records.files import write_atomically
from podwire.records.run import CaseRecord
from podwire.records.run_form import case_from_json
from podwire.reporting.allure import CaseResults, host_of, write_about_the_run
from podwire.reporting.allure_case import case_result, labels
from podwire.testing.alluredir import folder_of
from podwire.testing.session import LEDGER, RECORD, RUNNER, cannot_write, is_worker, runner_of
from podwire.visible import visible_tree

UUID = "podwire_allure"
"""The field of a test's report with the id of its Allure result."""
_LISTENER = "allure_listener"
_RESULTS = "*-result.json"
_CASES: dict[str, str] = {}
"""In the process that has the record: case ids by the ids of their results."""
Known = tuple[CaseRecord, list[model2.Label], frozenset[str]]
"""A judged case, the labels that its test gave it, and the names of pytest's own parameters."""

KNOWN = pytest.StashKey[dict[str, Known]]()
"""In the process that runs the tests: the cases whose result is still to be written, by the id of the result."""


class RedactingLogger(AllureFileLogger):
    """Writes the files of allure-pytest, as podwire writes its own: without secrets, with the mode of a new file."""

    def __init__(self, folder: Path, config: pytest.Config) -> None:
        super().__init__(str(folder))  # type: ignore[no-untyped-call]
        self._folder, self._config = folder, config

    @allure_commons.hookimpl
    def report_result(self, result: model2.TestResult) -> None:
        """Write the result of a test, which becomes that of its case if the case was judged."""
        known = self._config.stash[KNOWN].pop(result.uuid, None)
        if known is not None:
            _become(result, known, self._config)
        self._report_item(result)

    @allure_commons.hookimpl
    def report_attached_file(self, source: str, file_name: str) -> None:
        write_atomically(self._folder / file_name, _safe(Path(source).read_bytes()))

    @allure_commons.hookimpl
    def report_attached_data(self, body: str | bytes, file_name: str) -> None:
        write_atomically(self._folder / file_name, body if isinstance(body, str) else _safe(body))

    def _report_item(self, item: Any) -> None:
        tree = attr.asdict(item, filter=lambda _, value: bool(value) or value is False or value == 0)
        _put(self._folder / item.file_pattern.format(prefix=uuid.uuid4()), tree)


def _safe(content: bytes) -> str | bytes:
    """Text as text, so that it loses its secrets; what is no text stays as it is."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        return content


def _put(path: Path, tree: Mapping[str, Any]) -> None:
    write_atomically(path, json.dumps(visible_tree(tree), ensure_ascii=False))


def _become(result: model2.TestResult, known: Known, config: pytest.Config) -> None:
    """Give allure-pytest's result what the case says. Its status, its own steps and its attachments stay."""
    case, own_labels, pytests = known
    facts = runner_of(config).scope.facts
    own = case_result(case, host_of(facts, emulated=facts.origin.emulated), (result.start or 0) / 1000)
    for name in (
        *("name", "fullName", "titlePath", "testCaseId", "historyId", "description", "statusDetails"),
        *("start", "stop", "stage"),
    ):
        setattr(result, name, getattr(own, name))
    result.descriptionHtml = None
    result.labels = [*own.labels, *(label for label in own_labels if label not in own.labels)]
    result.parameters = [*own.parameters, *(item for item in result.parameters if item.name not in pytests)]
    result.links = [*own.links, *(link for link in result.links if link not in own.links)]
    result.steps = [*result.steps, *own.steps]


# --- the hooks: this module is a plugin where a run of suites has --alluredir -----------------------------------------


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Take the place of allure-pytest's own logger until the session ends."""
    config, manager = session.config, allure_commons.plugin_manager
    folder = folder_of(config)
    assert folder is not None
    config.stash[KNOWN] = {}
    before = [plugin for plugin in manager.get_plugins() if type(plugin) is AllureFileLogger]
    for logger in before:
        manager.unregister(logger)
    ours = RedactingLogger(folder, config)
    manager.register(ours)

    def give_back() -> None:
        manager.unregister(ours)
        for logger in before:  # allure-pytest's own clean-up looks for it.
            manager.register(logger)

    config.add_cleanup(give_back)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Note which case the result of this test is of."""
    report = yield
    text = getattr(report, RECORD, None)
    listener = item.config.pluginmanager.getplugin(_LISTENER)
    result = listener.allure_logger.get_test(None) if text and listener else None
    if text and result is not None:
        marked = [
            label
            for mark in item.iter_markers("allure_label")
            for label in labels(*((str(mark.kwargs["label_type"]), str(value)) for value in mark.args))
        ]
        callspec = getattr(item, "callspec", None)
        names = frozenset(callspec.params) if callspec else frozenset()
        item.config.stash[KNOWN][result.uuid] = (case_from_json(text), [*result.labels, *marked], names)
        setattr(report, UUID, result.uuid)
    return report


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    text, result = getattr(report, RECORD, None), getattr(report, UUID, None)
    if text and result:
        _CASES[result] = case_from_json(text).id


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    """Complete the results once the record is written."""
    yield
    config = session.config
    written = config.stash[LEDGER].written if LEDGER in config.stash and not is_worker(config) else None
    folder = folder_of(config)
    if written is None or folder is None:
        return
    try:
        record, causes = written
        results = CaseResults(record, causes, config.stash[RUNNER].folder.path, folder, linked=False)
        cases = {case.id: case for case in record.cases}
        for path in sorted(folder.glob(_RESULTS)):
            _complete(path, results, cases, _CASES)
        write_about_the_run(record, folder)
    except OSError as problem:
        cannot_write(session, problem)


def _complete(
    path: Path, results: CaseResults, cases: Mapping[str, CaseRecord], case_by_result: Mapping[str, str]
) -> None:
    """Add to a result of this run what only the record knows; the results of other runs stay as they are."""
    try:
        tree = json.loads(path.read_bytes())
    except ValueError:
        return  # Of another run: ours are whole.
    identity = tree.get("uuid") if isinstance(tree, dict) else None
    case = cases.get(case_by_result.get(str(identity), ""))
    if case is None:
        return
    details = results.details(case)
    for label in tree["labels"]:
        if label["name"] == "host":
            label["value"] = results.host  # a worker has the facts of the plan, which may name the cluster otherwise
    for name, items in (("labels", results.cause_labels(case)), ("attachments", results.attached(case))):
        added = [_as_tree(item) for item in items]
        if added:
            tree[name] = [*tree.get(name, ()), *added]
    if details is not None:
        tree["statusDetails"] = _as_tree(details)
    _put(path, tree)


def _as_tree(item: Any) -> dict[str, Any]:
    return attr.asdict(item, filter=lambda _, value: bool(value) or value is False)
