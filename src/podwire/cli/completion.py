"""The command `podwire completion`: a script that completes commands, options and the names that they take."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from typing import Any

from podwire.cli.lists import SUBJECTS
from podwire.cli.options import TABLE, add_command
from podwire.cli.output import suites_as_input
from podwire.running.option_values import require_names

SHELLS = ("bash", "zsh", "fish")

NAMES = {
    "--lab": "profiles",
    "--lab-variation": "variations",
    "--fault": "faults",
    "--area": "areas",
    "--requirement": "requirements",
    "PROFILE": "profiles",
    "FAULT": "faults",
}
"""The subject of `podwire list` that an option takes, by its flag, or the words behind a command, by their metavar."""

_FOLDERS_AND_FILES = ("RUN", "BUNDLE", "BEFORE", "AFTER")


def add_completion_command(commands: Any, parser: Callable[[], argparse.ArgumentParser]) -> None:
    """Add the command to the command line; `parser` makes the whole one, which the script is written from."""
    text = f"write a completion script for a shell: {', '.join(SHELLS)}"
    command = add_command(commands, "completion", _completion, text)
    command.add_argument("shell", metavar="SHELL", help=" | ".join(SHELLS))
    command.set_defaults(parser=parser)


def _completion(options: argparse.Namespace) -> int:
    require_names("completion", (options.shell,), SHELLS)
    import shtab

    paths = {row.flag for row in TABLE if row.is_path} | set(_FOLDERS_AND_FILES)
    with suites_as_input():
        names = {place: tuple(SUBJECTS[subject]()) for place, subject in NAMES.items()}
    names |= {"WHAT": tuple(SUBJECTS), "SHELL": SHELLS}
    whole = options.parser()
    for action in _actions(whole):
        place = action.dest if action.option_strings else str(action.metavar)
        if place in paths:
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif place in names:
            action.choices = names[place]
    print(shtab.complete(whole, shell=options.shell), end="")
    return 0


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Each option and positional of all commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for below in action.choices.values():
                yield from _actions(below)
        else:
            yield action
