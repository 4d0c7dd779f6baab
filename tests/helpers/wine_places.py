"""Two namespaces at the ends of one cable, `windows` and `linux`, and Wine in the first of them.

    with Places() as places:
        subprocess.run(places.on_windows("rpc"), env=places.environment)
        subprocess.run(places.on_linux("rpc"), env=places.environment)

A process that is first in a PID namespace holds them and ends with this one. The kernel then ends all that was started
in them, Wine's services too, and the Wine prefix (some 700 MB) is removed. The prefix is made and used in `windows`
alone: its service processes send the ICMP, and they stay in the namespace where the first of them was started.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from agent_for_tests import AGENT

ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".tools/windows-python/python.exe"
WINDOWS, LINUX = "10.9.1.1", "10.9.1.2"
WINDOWS_V6, LINUX_V6 = "fd09:1::1", "fd09:1::2"
REJECTED, NOWHERE = "10.9.9.9", "192.0.2.1"
SILENT_PORT = 9
RULES = f"""
table inet rules {{
    chain in {{
        type filter hook input priority 0
        meta l4proto {{ tcp, udp }} th dport {SILENT_PORT} drop
    }}
    chain through {{
        type filter hook forward priority 0
        ip daddr {REJECTED} reject with icmp type net-unreachable
    }}
}}
"""
"""Of the Linux side, which is also a router."""
ETC = {
    "/etc/hosts": f"127.0.0.1 localhost\n{LINUX} linux.test\n{LINUX_V6} linux.test\n",
    "/etc/resolv.conf": f"nameserver {LINUX}\n",
    "/etc/nsswitch.conf": "hosts: files dns\n",
}


class Places:
    """`environment` is for all commands. `windows` and `linux` give the command that runs a program in a namespace;
    `on_windows` and `on_linux` the command that runs the shipped agent there.
    """

    def __init__(self) -> None:
        self._holder = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        assert self._holder.stdout is not None
        told = self._holder.stdout.readline()
        assert told, "no namespaces; the reason is on stderr"
        self._first, folder, self._descriptors = json.loads(told)
        *self._options, shipped = AGENT
        self._agent = shutil.copy(shipped, folder)  # /tmp, where it may lie, is another one in the namespaces.
        self.environment = {
            **os.environ,
            "WINEPREFIX": f"{folder}/prefix",
            "WINEDEBUG": "-all",
            "WINEDLLOVERRIDES": "mscoree,mshtml=",  # No offer to fetch Mono and Gecko.
            "DISPLAY": "",
        }

    def __enter__(self) -> Places:
        try:
            # Its pipes would be inherited by Wine's services, and stay open with them.
            quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            subprocess.run(self.windows("wineboot", "-i"), env=self.environment, check=True, timeout=180, **quiet)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._holder.communicate(timeout=60)

    def windows(self, *command: str) -> list[str]:
        return [*self._enter("windows"), *command]

    def on_windows(self, *arguments: str) -> list[str]:
        return self.windows("wine", str(PYTHON), *self._options, f"Z:{self._agent}", *arguments)

    def linux(self, *command: str) -> list[str]:
        return [*self._enter("linux"), *command]

    def on_linux(self, *arguments: str) -> list[str]:
        return self.linux(sys.executable, *self._options, self._agent, *arguments)

    def _enter(self, place: str) -> list[str]:
        first = f"/proc/{self._first}"
        options = (
            "--user",
            "--preserve-credentials",
            "--mount",
            "--pid",
            f"--net={first}/fd/{self._descriptors[place]}",
        )
        return ["nsenter", f"--target={self._first}", *options, "--"]


def main() -> None:
    """Make the namespaces, report process, folder and descriptors, and end them when standard input ends."""
    from podwire_lab.kernel import namespaces

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the test; standard input ends with it.
    namespaces.become_root_of_user_namespace()
    namespaces.unshare(namespaces.CLONE_NEWNS | namespaces.CLONE_NEWNET | namespaces.CLONE_NEWPID)
    (ROOT / ".tools").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="wine-", dir=ROOT / ".tools") as folder:
        ready, told = os.pipe()
        first = os.fork()
        if not first:
            os.close(ready)
            hold(Path(folder), told)
        os.close(told)
        with open(ready) as said:
            descriptors = said.read()
        if descriptors:
            print(json.dumps([first, folder, json.loads(descriptors)]), flush=True)
        os.waitpid(first, 0)


def hold(folder: Path, told: int) -> None:
    from apart import cabled

    from podwire_lab.kernel import namespaces, nft

    namespaces.prctl(namespaces.PR_SET_PDEATHSIG, signal.SIGKILL)
    namespaces.mount("none", "/", flags=namespaces.MS_REC | namespaces.MS_PRIVATE)
    with contextlib.suppress(OSError):  # Refused where parts of /proc are hidden.
        namespaces.mount("proc", "/proc", "proc")
    for path, text in ETC.items():
        if os.path.exists(path):
            (folder / Path(path).name).write_text(text)
            namespaces.bind(str(folder / Path(path).name), os.path.realpath(path))
    if not ROOT.is_relative_to("/tmp"):
        # Wine's server has its socket in /tmp/.wine-0, which is root's own if root has used Wine here.
        (folder / "tmp").mkdir()
        namespaces.bind(str(folder / "tmp"), "/tmp")
    windows, linux = cabled("windows", "linux")
    nft.apply(linux, RULES)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # Process 1 has the orphans of all others.
    with os.fdopen(told, "w") as pipe:
        json.dump({"windows": windows.fd, "linux": linux.fd}, pipe)
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main()
