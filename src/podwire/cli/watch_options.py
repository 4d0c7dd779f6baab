"""Options of `podwire watch`, of `podwire lab upgrade`, and of the gate over a watch."""

from __future__ import annotations

from podwire.running import option_values as values
from podwire.running.option import Option

UPGRADE = "lab upgrade"

WATCH_OPTIONS = (
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
        read=values.kubelet_version,
        help="kubelet that the Windows nodes get, e.g. v1.36.3; otherwise the next patch of their own",
        commands=(UPGRADE,),
    ),
    Option(
        flag="--away",
        metavar="DURATION",
        read=values.duration,
        default="2s",
        help="how long each node is down",
        commands=(UPGRADE,),
    ),
    Option(
        flag="--fault",
        metavar="NAME[=DURATION]",
        read=values.timed_fault,
        several="repeatable",
        help="each node comes back with this fault, for this time or for good",
        commands=(UPGRADE,),
    ),
)
