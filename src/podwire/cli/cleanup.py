"""The command `podwire cleanup`: remove what runs left in a cluster."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from podwire.cli.options import add_command

if TYPE_CHECKING:
    from podwire.cluster.connect import Connection


def add_cleanup_command(commands: Any) -> None:
    """Add the command to the command line."""
    add_command(
        commands,
        "cleanup",
        _cleanup,
        "remove what runs left in a cluster; without options, in the one that kubectl would use",
    )


def _cleanup(options: argparse.Namespace) -> int:
    from podwire.cluster.connect import connect
    from podwire.cluster.deployment.cleanup import cleanup, describe_age, find_leftovers

    connection = connect(options.kubeconfig, options.context)
    if options.namespace:
        return _leave(connection, options)
    try:
        leftovers = find_leftovers(connection, run=options.run, older_than=options.older_than)
        if not leftovers:
            print(f"context {connection.name}: nothing to remove")
            return 0
        if options.dry_run:
            for leftover in leftovers:
                age = describe_age(leftover.age)
                print(f"would remove namespace {leftover.namespace} (run of {leftover.owner}, {age} old)")
            return 0
        not_removed = cleanup(connection, leftovers, say=print)
    finally:
        connection.close()
    for line in not_removed:
        print(f"podwire: {line}", file=sys.stderr)
    return 3 if not_removed else 0


def _leave(connection: Connection, options: argparse.Namespace) -> int:
    """Remove what runs left in a namespace that they did not make."""
    from podwire.cluster.deployment.guest import leave, runs_in

    try:
        runs = [options.run] if options.run else runs_in(connection, options.namespace)
        if not runs:
            print(f"namespace {options.namespace}: nothing to remove")
        not_removed = []
        for run_id in runs:
            if options.dry_run:
                print(f"would remove what run {run_id} made in namespace {options.namespace}")
                continue
            lines = leave(connection, options.namespace, run_id)
            not_removed += lines
            if not lines:
                print(f"removed what run {run_id} made in namespace {options.namespace}")
    finally:
        connection.close()
    for line in not_removed:
        print(f"podwire: {line}", file=sys.stderr)
    return 3 if not_removed else 0
