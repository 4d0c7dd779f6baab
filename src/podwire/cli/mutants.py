"""The command `podwire mutants`: one run of the lab for each fault, and the requirements that notice it."""

from __future__ import annotations

import argparse
import functools
from typing import Any

from podwire.cli.options import add_command
from podwire.cli.output import suites_as_input
from podwire.running.option_values import require_names


def add_mutants_command(commands: Any) -> None:
    """Add the command to the command line."""
    mutants = add_command(
        commands, "mutants", _mutants, "run the lab once for each fault, and show the requirements that notice it"
    )
    mutants.add_argument("names", nargs="*", metavar="FAULT", help="only these faults")


def _mutants(options: argparse.Namespace) -> int:
    from podwire.running.mutants import run_mutants
    from podwire.running.run_options import run_options
    from podwire.running.signals import interrupted_by_signals
    from podwire_lab.faults.registry import FAULTS

    require_names("mutants:", options.names, FAULTS, "podwire mutants --list")
    if options.list:
        for name in options.names or FAULTS:
            print(f"{name:36} {FAULTS[name].summary}\n{'':36} must be noticed by {', '.join(FAULTS[name].kills)}")
        return 0
    choice = run_options(options.values)
    with suites_as_input(), interrupted_by_signals():
        say = functools.partial(print, flush=True)
        return run_mutants(choice, options.names, say, whole=options.whole)
