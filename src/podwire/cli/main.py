"""The command line: `podwire COMMAND`, from `facts`, `plan` and `run` to `gate`, `signoff` and `cleanup`.

Exit codes: 0 all judged and none failed, 1 failures, 2 usage or input, 3 the cluster could not be used, 10 only
inconclusive. A user's mistake is one line on stderr, never a traceback.
"""

from __future__ import annotations

import argparse
import functools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from podwire import __version__
from podwire.cli.agent import add_agent_command
from podwire.cli.lab import DEFAULT_LAB, add_lab_commands, dsr_of, known_profile
from podwire.cli.profiles import add_profiles_command
from podwire.cli.replay import add_replay_command
from podwire.cli.runs import add_run_commands
from podwire.cli.signoff import add_signoff_commands
from podwire.errors import PodwireError, UsageError

if TYPE_CHECKING:
    import pytest

    from podwire.cluster.connect import Connection
    from podwire.model.facts import ClusterFacts, ExternalHost
    from podwire.running.runner import RunOptions


_Options = Sequence[tuple[str, str | None, tuple[str, ...] | None, bool, str]]

# Options that `run` hands to pytest as they are, and that `plan` understands: (flag, metavar or None, choices or None,
# whether it may be repeated, help).
_CLUSTER: _Options = (
    ("--lab", "PROFILE", None, False, f"the embedded lab with this profile (the default: {DEFAULT_LAB})"),
    ("--dsr", None, ("on", "off"), False, "lab only: Direct Server Return on Windows nodes"),
    ("--windows-build", "BUILD", None, False, "lab only: what Windows nodes run, e.g. 17763.1000 (20348.2762)"),
    ("--fault", "NAME", None, True, "lab only: inject this fault (repeatable)"),
    ("--kubeconfig", "FILE", None, False, "a real cluster; 'in-cluster' for the service account of this pod"),
    ("--context", "NAME", None, False, "context of the kubeconfig"),
    ("--facts", "FILE", None, False, "facts that the API does not tell, stated by you and held against what is seen"),
    ("--external-host", "NAME[=ADDRESS]", None, False, "a host outside the cluster that runs the agent's echo"),
    ("--external-agent", "COMMAND", None, False, "a command line that runs `agent.pyz rpc` on that host"),
)
_SELECTION: _Options = (
    ("--area", "AREA", None, True, "only this area (repeatable)"),
    ("--requirement", "ID", None, True, "only this requirement (repeatable)"),
    ("--family", None, ("ipv4", "ipv6", "both"), False, "IP family of the flows (both)"),
    ("--nodes-per-os", "N", None, False, "nodes of each OS that take part (2)"),
)
_RUN: _Options = (
    ("--linux-image", "IMAGE", None, False, "image of the probes on Linux nodes"),
    ("--windows-image", "IMAGE", None, False, "image of the probes on Windows nodes"),
    ("--run-dir", "DIR", None, False, "where the run leaves its results (reports/runs/<run-id>)"),
    ("--evidence", None, ("failed", "all"), False, "whose packets to keep (failed)"),
    ("--probe-timeout", "SECONDS", None, False, "how long a flow waits (4)"),
    ("--history", "FILE", None, False, "earlier runs on the Allure page, and where this one is added"),
    ("--repeat", "N", None, False, "rounds on the same probes; the worst one counts (1)"),
)
_SWITCHES = (
    ("--load-balancer", "Services of type LoadBalancer get addresses in this cluster"),
    ("--fill-nodes", "fill one Windows node with pods, where a limit of addresses is known"),
    ("--keep", "leave the probes in the cluster after the run"),
    ("--no-report", "do not make the Allure page (its results are kept)"),
)


NO_FACTS_OF_A_LAB = "--facts: is for a real cluster; what a lab is, its profile says"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit code."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        # argparse ends the process itself: 2 for usage, 0 after --help and --version.
        options = parser().parse_args(given)
        return int(options.command(options))
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 2
    except PodwireError as problem:
        print(f"podwire: {problem}", file=sys.stderr)
        return problem.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("podwire: interrupted", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    made = argparse.ArgumentParser(
        prog="podwire", description="Packet-level conformance of Kubernetes networking with Windows and Linux nodes."
    )
    made.add_argument("--version", action="version", version=f"podwire {__version__}")
    commands = made.add_subparsers(metavar="COMMAND", required=True)
    facts = _command(commands, "facts", _facts, "what is discovered of a cluster, as YAML", _CLUSTER)
    _add_switches(facts, _SWITCHES[:1])
    facts.add_argument(
        "--wire", action="store_true", help="also put probes into the cluster and look at the packets of two flows"
    )
    told = "cases with expectations, exclusions with reasons"
    plan = _command(commands, "plan", _plan, told, _CLUSTER, _SELECTION)
    _add_switches(plan, _SWITCHES[:2])
    told = "run the suite; arguments after -- go to pytest"
    run = _command(commands, "run", _run, told, _CLUSTER, _SELECTION, _RUN)
    _add_switches(run, _SWITCHES)
    run.add_argument("pytest", nargs="*", metavar="-- PYTEST ARGUMENT", help="e.g. -- -k tcp -n 2 --collect-only")
    rows = _command(commands, "catalogue", _catalogue, "the rows of the domain notes, and what each of them became")
    rows.add_argument("--areas", nargs="+", type=int, default=[], metavar="N", help="only these areas of the notes")
    rows.add_argument("--json", action="store_true", help="as JSON")
    add_run_commands(commands, _command)
    add_signoff_commands(commands, _command)
    add_lab_commands(commands, _command)
    add_profiles_command(commands, _command)
    add_agent_command(commands, _command)
    add_replay_command(commands, _command)
    told = "one run a fault of the lab: which requirement notices it"
    mutants = _command(commands, "mutants", _mutants, told, _CLUSTER[:2], _SELECTION)
    mutants.add_argument("names", nargs="*", metavar="FAULT", help="only these faults")
    mutants.add_argument("--whole", action="store_true", help="run all cases each time: who else notices a fault")
    cleanup = _command(commands, "cleanup", _cleanup, "remove what runs left in a cluster")
    cleanup.add_argument("--kubeconfig", metavar="FILE", help="the cluster (default: what kubectl would take)")
    cleanup.add_argument("--context", metavar="NAME", help="context of the kubeconfig")
    cleanup.add_argument("--run", metavar="ID", help="only this run")
    cleanup.add_argument(
        "--older-than", metavar="AGE", default="0", help="only runs of that age or more (90s, 15m, 2h, 1d)"
    )
    cleanup.add_argument("--dry-run", action="store_true", help="only say what would be removed")
    return made


def _command(
    commands: Any, name: str, function: Callable[[argparse.Namespace], int], text: str, *options: _Options
) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.set_defaults(command=function)
    for several in options:
        _add(parser, several)
    return parser


def _add(parser: argparse.ArgumentParser, options: _Options) -> None:
    for flag, metavar, choices, repeated, text in options:
        extra: dict[str, Any] = {"choices": choices} if choices else {"metavar": metavar}
        if repeated:
            extra |= {"action": "append", "default": []}
        parser.add_argument(flag, help=text, **extra)


def _add_switches(parser: argparse.ArgumentParser, switches: Sequence[tuple[str, str]]) -> None:
    for flag, text in switches:
        parser.add_argument(flag, action="store_true", help=text)


# --- facts, plan, run -------------------------------------------------------------------------------------------------


def _facts(options: argparse.Namespace) -> int:
    import yaml

    from podwire.cluster.discovery.discover import discover
    from podwire.platforms.profiles import profile_of
    from podwire.platforms.stated_file import stated_in, with_stated
    from podwire_lab.model.planned import stated_facts as lab_states
    from podwire_lab.model.profiles import profile_named

    facts: ClusterFacts
    if options.wire:
        from podwire.running.facts_from_wire import facts_from_wire

        with _suites_as_input():
            facts = facts_from_wire(_run_options(options), lambda text: print(f"podwire: {text}", file=sys.stderr))
    else:
        stated = stated_in(Path(options.facts)) if options.facts else None
        with _cluster(options) as (connection, external):
            on_lab = not (options.kubeconfig or options.context)
            facts = discover(connection, external, load_balancer=on_lab or options.load_balancer)
        if on_lab:
            stated = lab_states(profile_named(options.lab or DEFAULT_LAB))
        facts = with_stated(facts, stated) if stated else facts
    tree = {"profile": profile_of(facts), **facts.to_dict()}
    print(yaml.safe_dump(tree, sort_keys=False, allow_unicode=True, width=120), end="")
    return 0


@contextmanager
def _cluster(options: argparse.Namespace) -> Iterator[tuple[Connection, ExternalHost | None]]:
    """The cluster that the options name, connected; a lab is started for it and ended after it."""
    from podwire.cluster.connect import connect, parse_external_host

    external = parse_external_host(options.external_host) if options.external_host else None
    external = external.with_agent(bool(options.external_agent)) if external else None
    if options.kubeconfig or options.context:
        if options.lab or options.fault or options.dsr or options.windows_build:
            raise UsageError("--lab, --fault, --dsr and --windows-build cannot be used with --kubeconfig or --context")
        connection = connect(options.kubeconfig, options.context)
        try:
            yield connection, external
        finally:
            connection.close()
        return
    from podwire.cluster.deployment.agent_archive import agent_archive
    from podwire_lab.lifecycle.process import LabError, start_lab

    if options.facts:
        raise UsageError(NO_FACTS_OF_A_LAB)
    profile = known_profile(options.lab or DEFAULT_LAB)
    try:
        lab = start_lab(
            profile, agent=agent_archive, faults=options.fault, dsr=dsr_of(options), build=options.windows_build
        )
    except LabError as error:
        raise UsageError(str(error)) from error
    with lab:
        connection = connect(lab.kubeconfig, lab.context)
        try:
            yield connection, external or lab.external_host.with_agent(True)
        finally:
            connection.close()


@contextmanager
def _suites_as_input() -> Iterator[None]:
    """What is wrong in the suites is a mistake of their author's: one line."""
    from podwire.catalogue.load import CatalogueError
    from podwire.planning.plan import PlanError

    try:
        yield
    except (CatalogueError, PlanError) as error:
        raise UsageError(str(error)) from error


def _catalogue(options: argparse.Namespace) -> int:
    from podwire.catalogue.load import rows_told

    with _suites_as_input():
        print(rows_told(options.areas, as_json=options.json), end="")
    return 0


def _plan(options: argparse.Namespace) -> int:
    from podwire.planning.plan import listing
    from podwire.running.runner import Runner
    from podwire.suite import expectation_of

    with _suites_as_input():
        runner = Runner(_run_options(options))
        try:
            plan = runner.plan
            tests = {f"{test.module}::{test.name}": test for test in runner.tests}
            sentences = {
                case.id: list(expectation_of(tests[case.test], case.flow).sentences()) for case in plan.cases.values()
            }
        finally:
            runner.close()
    print(listing(plan, sentences), end="")
    return 0


_REPEATED = {flag for flag, _, _, repeated, _ in (*_CLUSTER, *_SELECTION, *_RUN) if repeated}


class _Given:
    """Looks to the plugin like pytest's configuration, so that both read and check options in one place."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._values = vars(options)

    def getoption(self, name: str) -> Any:
        """The option's value, or the default that `pytest --help` names."""
        defaults = {
            "--family": "both",
            "--nodes-per-os": 2,
            "--evidence": "failed",
            "--probe-timeout": 4.0,
            "--repeat": 1,
        }
        value = self._values.get(name.removeprefix("--").replace("-", "_"))
        if value is None:
            return False if name in dict(_SWITCHES) else [] if name in _REPEATED else defaults.get(name)
        if name == "--nodes-per-os":
            try:
                return int(value)
            except ValueError:
                raise UsageError(f"{name} {value}: is not a number") from None
        return value


def _run_options(options: argparse.Namespace) -> RunOptions:
    from podwire.testing.session import options_of

    return options_of(cast("pytest.Config", _Given(options)))


def _run(options: argparse.Namespace) -> int:
    import pytest

    code = int(pytest.main(pytest_arguments(options)))
    # pytest has numbers of its own for wrong usage and for an empty selection.
    return 2 if code in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED) else code


def pytest_arguments(options: argparse.Namespace) -> list[str]:
    """The arguments of the pytest run for `podwire run`: the configuration of the project, the suites, the options."""
    from podwire.content import content_root, is_checkout

    root = content_root()
    configuration = root / "pyproject.toml"
    arguments = [f"--rootdir={root}", "--import-mode=importlib"]
    # This process has imported podwire before pytest could rewrite its assertions; it has none for that.
    arguments += ["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"]
    if configuration.is_file():
        arguments += ["-c", str(configuration)]
    else:
        arguments += ["-c", os.devnull, "-o", f"pythonpath={root / 'fixtures'}", "--tb=short"]
    if not is_checkout():
        arguments += ["-p", "no:cacheprovider"]  # an installed package is not the place for a cache
    for flag, *_ in (*_CLUSTER, *_SELECTION, *_RUN):
        value = getattr(options, flag.removeprefix("--").replace("-", "_"))
        if flag in ("--kubeconfig", "--run-dir", "--history") and value and value != "in-cluster":
            value = str(Path(value).expanduser().absolute())
        for one in value if isinstance(value, list) else [value]:
            if one is not None:
                arguments.append(f"{flag}={one}")
    arguments += [flag for flag, _ in _SWITCHES if getattr(options, flag.removeprefix("--").replace("-", "_"))]
    chosen = any(not word.startswith("-") and (Path(word.split("::")[0]).exists()) for word in options.pytest)
    return [*arguments, *options.pytest] if chosen else [*arguments, *options.pytest, str(root / "suites")]


# --- mutants, cleanup -------------------------------------------------------------------------------------------------


def _mutants(options: argparse.Namespace) -> int:
    from podwire.running.mutants import run_mutants
    from podwire_lab.faults.registry import FAULTS

    unknown = next((name for name in options.names if name not in FAULTS), None)
    if unknown is not None:
        raise UsageError(f"mutants: unknown fault {unknown!r}; there are: {', '.join(FAULTS)}")
    with _suites_as_input():
        say = functools.partial(print, flush=True)
        return run_mutants(_run_options(options), options.names, say, whole=options.whole)


def _cleanup(options: argparse.Namespace) -> int:
    from podwire.cluster.connect import connect
    from podwire.cluster.deployment.cleanup import cleanup, describe_age, find_leftovers, parse_age

    older_than = parse_age(options.older_than)
    connection = connect(options.kubeconfig, options.context)
    try:
        found = find_leftovers(connection, run=options.run, older_than=older_than)
        if not found:
            print(f"context {connection.name}: nothing to remove")
            return 0
        if options.dry_run:
            for one in found:
                print(f"would remove namespace {one.namespace} (run of {one.owner}, {describe_age(one.age)} old)")
            return 0
        stays = cleanup(connection, found, say=print)
    finally:
        connection.close()
    for line in stays:
        print(f"podwire: {line}", file=sys.stderr)
    return 3 if stays else 0


if __name__ == "__main__":
    sys.exit(main())
