"""The pytest plugin: options, and the hooks of `podwire.testing.session` where suites of podwire are collected.

pytest loads it in every run of podwire's environment. Outside podwire's suites it only adds its options.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from podwire.running.options import joined_paths, rows_of


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("podwire", "podwire: network conformance of a Kubernetes cluster")
    for row in rows_of("pytest"):
        group.addoption(row.flag, **row.declaration())


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Restart pytest with `--option=PATH` if the command line has `--option PATH`.

    pytest looks for its configuration before it knows the options of plugins, and starts at every existing path among
    the arguments: `--kubeconfig FILE` would move the root of the run to the folder of that file.
    """
    arguments = [str(argument) for argument in early_config.invocation_params.args]
    joined = joined_paths(arguments)
    if joined == arguments:
        return
    # xdist hands these words to its workers, for which a folder may be there by then that this process has yet to make.
    early_config.invocation_params = replace(early_config.invocation_params, args=tuple(joined))
    if early_config.inipath is not None:
        return
    capture = early_config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.stop_global_capturing()  # Otherwise the new process writes into this one's capture files.
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *joined])


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Look at the options before pytest says a word: what is wrong with them is one line and an exit code."""
    asked_only = config.option.help or config.option.version or config.option.markers
    if asked_only or hasattr(config, "workerinput") or not suites_wanted(config):
        return None
    try:
        from podwire.testing import session as pytest_session

        return pytest_session.prepare(config)
    except KeyboardInterrupt:
        print("podwire: interrupted", file=sys.stderr)
        return int(pytest.ExitCode.INTERRUPTED)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if not suites_wanted(config):
        return
    # Only now: what a session of suites needs takes longer to import than all of pytest.
    from podwire.testing import session as pytest_session

    config.pluginmanager.register(pytest_session, "podwire-session")
    if config.getoption("allure_report_dir", None):
        from podwire.testing import allure

        if hasattr(config, "workerinput"):
            # allure-pytest empties the folder in each process, also in a worker that begins when results are there.
            config.option.clean_alluredir = False
        config.pluginmanager.register(allure, "podwire-allure")


def suites_wanted(config: pytest.Config) -> bool:
    """Whether the arguments of this run name the suites, without a collection."""
    from podwire.content import is_checkout, suites_folder

    worker_input = getattr(config, "workerinput", None)
    if worker_input is not None:
        return "podwire_facts" in worker_input
    suites = suites_folder().resolve()
    places = [Path(str(config.invocation_params.dir), arg.split("::")[0]).resolve() for arg in config.args]
    # pytest does not collect an installed package from a folder above its environment.
    above = is_checkout() and any(suites.is_relative_to(place) for place in places)
    return above or any(place.is_relative_to(suites) for place in places)
