"""The lab's network under test, in a child process with its own user and network namespaces.

    with NetLab("overlay-win-overlay") as lab:
        result = lab.exchange("windows-1/a", "linux-1/a", record=["windows-1"])

The child builds the network, gives every node two pods (`a`, `b`) and runs echo servers: 8080 in pods and outside (80
too), 18080 on nodes. An address may be given as it is, or as the name of a place.
"""

from __future__ import annotations

import json
import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

POD_PORT, HOST_PORT, CLOSED_PORT = 8080, 18080, 18999
BENCH = Path(__file__).with_name("netlab_bench.py")


class NetLab:
    """The parent's end: every method of `Bench` can be called on it."""

    def __init__(
        self, profile: str, dsr: bool | None = None, build: str | None = None, variations: tuple[str, ...] = ()
    ) -> None:
        options = {"dsr": dsr, "build": build, "variations": variations}
        command = [sys.executable, BENCH, profile, json.dumps(options)]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.startup: float = self._answer()

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            pickle.dump((name, args, kwargs), self._child.stdin)
            self._child.stdin.flush()
            return self._answer()

        return call

    def _answer(self) -> Any:
        try:
            ok, value = pickle.load(self._child.stdout)
        except EOFError:
            raise RuntimeError(f"the lab's process ended with {self._child.wait(10)}") from None
        if not ok:
            raise RuntimeError(value)
        return value

    def __enter__(self) -> NetLab:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.stdin.close()
        self._child.wait(10)
        self._child.stdout.close()
