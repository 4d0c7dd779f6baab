"""The pytest plugin: options, and the hooks of `podwire.testing.session` where suites of podwire are collected.

Loaded in every pytest run of the environment that podwire is installed in, it adds its options there, and no more.
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
    """Start again with `--option=path` when pytest took such a path for one of the places to collect from.

    pytest looks for its configuration before it knows the options of plugins, from every existing path among the
    arguments; `--kubeconfig FILE` would move the root of the run to the folder of that file.
    """
    given = [str(argument) for argument in early_config.invocation_params.args]
    joined = joined_paths(given)
    if joined == given:
        return
    # xdist hands these words to its workers, for which a folder may be there by then that this process has yet to make.
    early_config.invocation_params = replace(early_config.invocation_params, args=tuple(joined))
    if early_config.inipath is not None:
        return
    capture = early_config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.stop_global_capturing()  # or the new process would write into the files of this one's capture
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *joined])


def pytest_cmdline_main(config: pytest.Config) -> int | None:
    """Look at the options before pytest says a word: what is wrong with them is one line and an exit code."""
    asked_only = config.option.help or config.option.version or config.option.markers
    if asked_only or hasattr(config, "workerinput") or not suites_wanted(config):
        return None
    from podwire.testing import session as pytest_session

    return pytest_session.prepare(config)


def pytest_configure(config: pytest.Config) -> None:
    if suites_wanted(config):
        # Only now: what a session of suites needs takes longer to import than all of pytest.
        from podwire.testing import session as pytest_session

        config.pluginmanager.register(pytest_session, "podwire-session")


def suites_wanted(config: pytest.Config) -> bool:
    """Whether the arguments of this run reach the suites, as far as can be told without collecting."""
    from podwire.content import is_checkout, suites_folder

    given = getattr(config, "workerinput", None)
    if given is not None:
        return "podwire_facts" in given
    suites = suites_folder().resolve()
    places = [Path(str(config.invocation_params.dir), arg.split("::")[0]).resolve() for arg in config.args]
    # An installed package lies in an environment, which pytest does not look into from above.
    above = is_checkout() and any(suites.is_relative_to(place) for place in places)
    return above or any(place.is_relative_to(suites) for place in places)
