"""Processes of the lab that many others wait for, and so must not wait for them on a busy machine."""

from __future__ import annotations

import contextlib
import os

FIRST, BEFORE_OTHERS = -20, -10
"""Of nice(2). With -10 a process gets nine times the share of an ordinary one; captures in containers need theirs."""


def be_served(nice: int) -> None:
    """Give this process and its session this priority where they may have it.

    The kernel shares a processor between sessions first (sched(7), autogroup), then between the processes of a session,
    and each container of the lab is a session. An ordinary user may not raise priorities: then nothing changes.
    """
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, nice)
    with contextlib.suppress(OSError), open("/proc/self/autogroup", "w") as autogroup:
        autogroup.write(str(nice))
