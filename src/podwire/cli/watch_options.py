"""Options of `podwire watch`, of `podwire lab upgrade`, and of the gate over a watch."""

from __future__ import annotations

from podwire.cli import watch_values
from podwire.running import option_values as values
from podwire.running.option import Option

UPGRADE = "lab upgrade"

WATCH_OPTIONS = (
    Option(
        flag="--for",
        metavar="DURATION",
        read=watch_values.time_span,
        help="how long to watch, e.g. 45m; without it: until the command ends, or Ctrl-C",
        commands=("watch",),
    ),
    Option(
        flag="--every",
        metavar="DURATION",
        read=watch_values.pace,
        default="200ms",
        help="time from one message of a stream to the next; no gap is measured more closely",
        commands=("watch",),
    ),
    Option(
        flag="--gap",
        metavar="'PATH: DURATION'",
        read=watch_values.budget,
        several="repeatable",
        help="longest gap that these paths may have, e.g. 'pod-service windows: 2s', '*: 5s' or 'pod-node: any'",
        commands=("watch", "gate"),
    ),
    Option(
        flag="--windows-build",
        metavar="BUILD",
        read=values.windows_build,
        help="build that the Windows nodes get, e.g. 20348.3091; otherwise the next revision of their own",
        commands=(UPGRADE,),
    ),
    Option(
        flag="--kubelet",
        metavar="VERSION",
        read=watch_values.kubelet_version,
        help="kubelet that the Windows nodes get, e.g. v1.36.3; otherwise the next patch of their own",
        commands=(UPGRADE,),
    ),
    Option(
        flag="--away",
        metavar="DURATION",
        read=watch_values.time_span,
        default="2s",
        help="how long each node is down",
        commands=(UPGRADE,),
    ),
    Option(
        flag="--fault",
        metavar="NAME[=DURATION]",
        read=watch_values.timed_fault,
        several="repeatable",
        help="each node comes back with this fault, for this time or for good",
        commands=(UPGRADE,),
    ),
)
