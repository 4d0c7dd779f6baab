"""`podwire lab up|down|status|shell|upgrade`: a lab that stays up."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from podwire.cli.options import add_command
from podwire.errors import UsageError

if TYPE_CHECKING:
    from podwire_lab.lifecycle.staying import LabState


def add_lab_commands(commands: Any) -> None:
    """Add the commands to the command line."""
    lab = commands.add_parser(
        "lab",
        help="start, enter and stop a lab that stays up",
        description="A lab that stays up, for kubectl and podwire.",
    )
    actions = lab.add_subparsers(metavar="up|down|status|shell|upgrade", required=True)
    add_command(actions, "lab up", _up, "start the lab and print how to reach it")
    add_command(actions, "lab down", _down, "stop the lab")
    add_command(actions, "lab status", _status, "show whether the lab is up, and how to reach it")
    shell = add_command(actions, "lab shell", _shell, "open a shell in a pod of the lab")
    shell.add_argument("pod", metavar="[NAMESPACE/]POD")
    shell.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="COMMAND", help="a command to run instead of a shell"
    )
    add_command(actions, "lab upgrade", _upgrade, "upgrade the Windows nodes one after the other: drain, reboot, back")


def _up(options: argparse.Namespace) -> int:
    from podwire.cluster.deployment.agent_archive import agent_archive
    from podwire.running.run_options import run_options
    from podwire_lab.lifecycle.process import LabError
    from podwire_lab.lifecycle.staying import lab_up

    choice = run_options(options.values).lab
    try:
        state = lab_up(
            choice.profile,
            agent=agent_archive,
            faults=choice.faults,
            dsr=choice.dsr,
            build=choice.windows_build,
            pod_mtu=choice.pod_mtu,
            nodes=choice.nodes,
            ports=choice.windows_ports,
            variations=choice.variations,
        )
    except LabError as error:
        raise UsageError(str(error)) from error
    _print_state(state)
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
        print("no lab is up; start one with podwire lab up")
        return 1
    _print_state(state)
    return 0


def _print_state(state: LabState) -> None:
    print(f"lab {state.profile} is up (pid {state.pid}, {state.url})")
    print(f"host outside: --external-host {state.external_host}={','.join(state.external_addresses)}")
    print(f"export KUBECONFIG={state.kubeconfig}")


def _shell(options: argparse.Namespace) -> int:
    from podwire_lab.lifecycle.process import LabError
    from podwire_lab.lifecycle.shell import lab_shell

    command = tuple(word for word in options.arguments if word != "--")
    try:
        return lab_shell(options.pod, command) if command else lab_shell(options.pod)
    except LabError as error:
        raise UsageError(str(error)) from error


def _upgrade(options: argparse.Namespace) -> int:
    from podwire_lab.lifecycle.access import lab_api
    from podwire_lab.lifecycle.process import LabError
    from podwire_lab.lifecycle.upgrade import Upgrade, upgrade_windows_nodes

    asked = Upgrade(
        build=options.windows_build, kubelet=options.kubelet, away=options.away, faults=tuple(options.fault)
    )
    try:
        api = lab_api(", or upgrade one in a watch: podwire watch --lab PROFILE -- podwire lab upgrade")
        count = upgrade_windows_nodes(api, asked, lambda line: print(line, flush=True))
    except LabError as error:
        raise UsageError(str(error)) from error
    print(f"{count} Windows nodes upgraded")
    return 0
