"""Cables that hold every frame of a machine for some milliseconds, as the way between two sites does.

The kernel's own means is netem, which the kernel of a machine may lack. Here a process of its own (`held_frames`) takes
the frames that a machine sends and puts them out at the switch when their time has come: a thread of the lab would wait
for the lab's other threads. Frames to a machine are not held, and the kernel carries them.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Mapping

from podwire_lab.kernel import nft
from podwire_lab.kernel.netns import NetworkNamespace
from podwire_lab.network import held_frames

SECONDS_TO_END = 5.0
READY = b"ready\n"


class DelayFailed(OSError):
    """Frames cannot be delayed here; the text is one line."""


class DelayedCables:
    """The cables of one namespace: `cables` joins the interface of each machine's cable with one of a switch's cable.

    Raises:
        DelayFailed: the process did not start, or the kernel cannot forward frames between interfaces.
    """

    def __init__(self, namespace: NetworkNamespace, seconds: float, mtu: int, cables: Mapping[str, str]) -> None:
        try:
            nft.apply(namespace, _to_machines(cables))
        except nft.NftError as error:
            raise DelayFailed(f"frames cannot be delayed; the kernel needs nf_fwd_netdev ({error})") from error
        pairs = [f"{machine}:{switch}" for machine, switch in cables.items()]
        with namespace.entered():  # a child starts in the namespace of the thread that forks it
            self.process = subprocess.Popen(
                [sys.executable, "-m", held_frames.__name__, str(seconds), str(mtu), *pairs],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,  # which has its own share of the processors, see held_frames
            )
        assert self.process.stdout is not None
        if self.process.stdout.readline() != READY:
            self.close()
            raise DelayFailed("the process that delays frames did not start; the lab's log says why")

    def close(self) -> None:
        """End the process; frames that it holds are lost."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        self.process.stdout.close()
        try:
            self.process.wait(SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _to_machines(cables: Mapping[str, str]) -> str:
    """Forward what leaves the switch to the machine, unchanged and at once."""
    chains = "".join(
        f"""
  chain to-{machine} {{
    type filter hook ingress device "{switch}" priority 0;
    fwd to "{machine}"
  }}"""
        for machine, switch in cables.items()
    )
    return nft.table("netdev", "delayed-cables", chains)
