"""`podwire lab up|down|status|shell`: a lab that stays up."""

from __future__ import annotations

import argparse
from typing import Any

from podwire.cli.options import add_command
from podwire.errors import UsageError


def add_lab_commands(commands: Any) -> None:
    """Add them to the command line."""
    lab = commands.add_parser("lab", help="a lab that stays up, for kubectl", description="A lab that stays up.")
    actions = lab.add_subparsers(metavar="up|down|status|shell", required=True)
    add_command(actions, "lab up", _up, "start it and say how kubectl reaches it")
    add_command(actions, "lab down", _down, "end it")
    add_command(actions, "lab status", _status, "is it up, and how is it reached")
    shell = add_command(actions, "lab shell", _shell, "a shell in one of its pods")
    shell.add_argument("pod", metavar="[NAMESPACE/]POD")
    shell.add_argument("arguments", nargs=argparse.REMAINDER, metavar="COMMAND", help="instead of a shell")


def _up(options: argparse.Namespace) -> int:
    from podwire.cluster.deployment.agent_archive import agent_archive
    from podwire.running.run_options import run_options
    from podwire_lab.lifecycle.process import LabError
    from podwire_lab.lifecycle.staying import lab_up

    asked = run_options(options.values).lab
    try:
        state = lab_up(
            asked.profile,
            agent=agent_archive,
            faults=asked.faults,
            dsr=asked.dsr,
            build=asked.windows_build,
            pod_mtu=asked.pod_mtu,
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
