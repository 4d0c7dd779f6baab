"""The pytest plugin: options, and the hooks of `podwire.testing.session` where suites of podwire are collected.

Loaded in every pytest run of the environment that podwire is installed in, it adds its options there, and no more.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("podwire", "podwire: network conformance of a Kubernetes cluster")
    group.addoption(
        "--lab", metavar="PROFILE", help="run on the embedded lab with this profile (the default: overlay-win-overlay)"
    )
    group.addoption("--dsr", choices=("on", "off"), help="lab only: Direct Server Return on Windows nodes")
    group.addoption("--windows-build", metavar="BUILD", help="lab only: what Windows nodes run, e.g. 17763.1000")
    group.addoption(
        "--fault", action="append", default=[], metavar="NAME", help="lab only: inject this fault (repeatable)"
    )
    group.addoption("--kubeconfig", metavar="FILE", help="run on a real cluster")
    group.addoption("--context", metavar="NAME", help="context of the kubeconfig")
    group.addoption(
        "--run-dir", metavar="DIR", type=Path, help="where the run leaves its results (reports/runs/<run-id>)"
    )
    group.addoption("--area", action="append", default=[], metavar="AREA", help="only this area (repeatable)")
    group.addoption(
        "--requirement", action="append", default=[], metavar="ID", help="only this requirement (repeatable)"
    )
    group.addoption("--family", default="both", metavar="ipv4|ipv6|both", help="IP family of the flows")
    group.addoption("--nodes-per-os", type=int, default=2, metavar="N", help="nodes of each OS that take part (2)")
    group.addoption(
        "--fill-nodes", action="store_true", help="fill one Windows node with pods, where a limit of addresses is known"
    )
    group.addoption("--linux-image", metavar="IMAGE", help="image of the probes on Linux nodes")
    group.addoption("--windows-image", metavar="IMAGE", help="image of the probes on Windows nodes")
    group.addoption(
        "--facts",
        metavar="FILE",
        type=Path,
        help="facts that the API does not tell, stated by you and held against what is seen",
    )
    group.addoption(
        "--external-host", metavar="NAME[=ADDRESS]", help="a host outside the cluster that runs the agent's echo"
    )
    group.addoption("--evidence", choices=("failed", "all"), default="failed", help="whose packets to keep")
    group.addoption(
        "--external-agent",
        metavar="COMMAND",
        help="a command line that runs `agent.pyz rpc` on the external host (ssh HOST python3 agent.pyz rpc)",
    )
    group.addoption(
        "--load-balancer", action="store_true", help="Services of type LoadBalancer get addresses in this cluster"
    )
    group.addoption("--keep", action="store_true", help="leave the probes in the cluster after the run")
    group.addoption("--no-report", action="store_true", help="do not make the Allure page (its results are kept)")
    group.addoption(
        "--history", type=Path, metavar="FILE", help="earlier runs on the Allure page, and where this one is added"
    )
    group.addoption(
        "--repeat", type=int, default=1, metavar="N", help="rounds on the same probes; the worst one counts (1)"
    )
    group.addoption("--probe-timeout", type=float, default=4.0, metavar="SECONDS", help="how long a flow waits (4)")


PATH_OPTIONS = ("--run-dir", "--kubeconfig", "--facts")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Start again with `--option=path` when pytest took such a path for one of the places to collect from.

    pytest looks for its configuration before it knows the options of plugins, from every existing path among the
    arguments; `--kubeconfig FILE` would move the root of the run to the folder of that file.
    """
    given = [str(argument) for argument in early_config.invocation_params.args]
    apart = [at for at, word in enumerate(given[:-1]) if word in PATH_OPTIONS]
    if early_config.inipath is not None or not apart:
        return
    joined = [word for at, word in enumerate(given) if at - 1 not in apart]
    for at in apart:
        joined[joined.index(given[at])] = f"{given[at]}={given[at + 1]}"
    capture = early_config.pluginmanager.getplugin("capturemanager")
    if capture is not None:
        capture.stop_global_capturing()  # or the new process would write into the files of this one's capture
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *joined])


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
