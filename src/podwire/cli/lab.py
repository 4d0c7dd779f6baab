"""`podwire lab up|down|status|shell`: a lab that stays up."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from podwire.errors import UsageError

DEFAULT_LAB = "overlay-win-overlay"
Command = Callable[[Any, str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]


def add_lab_commands(commands: Any, command: Command) -> None:
    """Add them to the command line; `command` makes one."""
    lab = commands.add_parser("lab", help="a lab that stays up, for kubectl", description="A lab that stays up.")
    actions = lab.add_subparsers(metavar="up|down|status|shell", required=True)
    up = command(actions, "up", _up, "start it and say how kubectl reaches it")
    up.add_argument("--lab", metavar="PROFILE", default=DEFAULT_LAB, help=f"profile ({DEFAULT_LAB})")
    up.add_argument("--dsr", choices=("on", "off"), help="Direct Server Return on Windows nodes")
    up.add_argument("--windows-build", metavar="BUILD", help="what Windows nodes run, e.g. 17763.1000 (20348.2762)")
    up.add_argument("--fault", metavar="NAME", action="append", default=[], help="inject this fault (repeatable)")
    command(actions, "down", _down, "end it")
    command(actions, "status", _status, "is it up, and how is it reached")
    shell = command(actions, "shell", _shell, "a shell in one of its pods")
    shell.add_argument("pod", metavar="[NAMESPACE/]POD")
    shell.add_argument("arguments", nargs=argparse.REMAINDER, metavar="COMMAND", help="instead of a shell")


def known_profile(name: str) -> str:
    """The name of a profile that there is."""
    from podwire_lab.model.profiles import UnknownProfile, profile_named

    try:
        return profile_named(name).name
    except UnknownProfile as error:
        raise UsageError(f"--lab {name}: {error}") from error


def dsr_of(options: argparse.Namespace) -> bool | None:
    """Direct Server Return as asked for; None leaves it to the profile."""
    return None if options.dsr is None else options.dsr == "on"


def _up(options: argparse.Namespace) -> int:
    from podwire.cluster.deployment.agent_archive import agent_archive
    from podwire_lab.lifecycle.process import LabError
    from podwire_lab.lifecycle.staying import lab_up

    profile = known_profile(options.lab)
    try:
        state = lab_up(
            profile, agent=agent_archive, faults=options.fault, dsr=dsr_of(options), build=options.windows_build
        )
    except LabError as error:
        raise UsageError(str(error)) from error
    print(f"lab {state.profile} is up (pid {state.pid}, {state.url})")
    print(f"export KUBECONFIG={state.kubeconfig}")
    return 0


def _down(options: argparse.Namespace) -> int:
    from podwire_lab.lifecycle.process import LabError
    from podwire_lab.lifecycle.staying import lab_down

    try:
        ended = lab_down()
    except LabError as error:
        raise UsageError(str(error)) from error
    print("the lab is down" if ended else "no lab was up")
    return 0


def _status(options: argparse.Namespace) -> int:
    from podwire_lab.lifecycle.staying import lab_status

    state = lab_status()
    if state is None:
        print("no lab is up (podwire lab up starts one)")
        return 1
    outside = state.external_host + "".join(f" {address}" for address in state.external_addresses)
    print(f"lab {state.profile} is up (pid {state.pid}, {state.url})")
    print(f"outside host: {outside}")
    print(f"export KUBECONFIG={state.kubeconfig}")
    return 0


def _shell(options: argparse.Namespace) -> int:
    from podwire_lab.lifecycle.process import LabError
    from podwire_lab.lifecycle.shell import lab_shell

    command = tuple(word for word in options.arguments if word != "--")
    try:
        return lab_shell(options.pod, command) if command else lab_shell(options.pod)
    except LabError as error:
        raise UsageError(str(error)) from error
