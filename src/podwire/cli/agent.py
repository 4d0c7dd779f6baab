"""`podwire agent`: the agent as one file, for a host that podwire does not put it on."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

from podwire.errors import UsageError

Command = Callable[[Any, str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]


def add_agent_command(commands: Any, command: Command) -> None:
    """Add it to the command line; `command` makes one."""
    agent = command(commands, "agent", _agent, "write the agent as one file, for a host outside the cluster")
    agent.add_argument("-o", "--output", metavar="FILE", default="agent.pyz", help="where to (agent.pyz)")


def _agent(options: argparse.Namespace) -> int:
    from podwire.cluster.deployment.agent_archive import agent_archive

    path, data = Path(options.output), agent_archive()
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError(f"-o {path}: cannot be written: {error.strerror}") from error
    version = ".".join(platform.python_version_tuple()[:2])
    print(f"{path}: {len(data) // 1000} kB; starts quickest on Python {version}, runs on every Python from 3.8 on")
    return 0
