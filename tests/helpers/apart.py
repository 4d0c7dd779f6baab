"""Run a function of a test file in a child process that has user, network and mount namespaces of its own.

def answers(place): ...            # in the test file; may be a coroutine function
found = apart.run(answers, 1, 2)   # what it returns, pickled; its exception, as text, in an AssertionError
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import os
import pickle
import runpy
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any


def run(function: Callable[..., Any], *args: Any, timeout: float = 30) -> Any:
    """Call `function(*args)` in the child; the arguments and the result are plain values."""
    request = pickle.dumps((inspect.getsourcefile(function), function.__name__, args))
    done = subprocess.run([sys.executable, __file__], input=request, capture_output=True, timeout=timeout, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return pickle.loads(done.stdout)


@contextlib.contextmanager
def instead_of(path: str, text: str) -> Iterator[None]:
    """Show another text at a path of /etc, in this process's mount namespace only."""
    from podwire_lab.kernel import namespaces

    real = os.path.realpath(path)
    with tempfile.NamedTemporaryFile("w") as file:
        file.write(text)
        file.flush()
        namespaces.bind(file.name, real)
        try:
            yield
        finally:
            namespaces.unmount(real)


def cabled(*names: str) -> list[Any]:
    """Namespaces in a row, each cabled to the next: number n has 10.9.m.n/24 and fd09:m::n on the cable m it ends.

    Cable m joins numbers m and m + 1; every namespace forwards and has routes to all cables.
    """
    from podwire_lab.kernel.netns import NetworkNamespace, plain_frames
    from podwire_lab.kernel.rtnetlink import Rtnetlink, wait_ready

    quiet = {"net/ipv6/conf/all/accept_dad": "0", "net/ipv6/conf/default/accept_dad": "0", "net/ipv4/ip_forward": "1"}
    places = [NetworkNamespace(name, quiet) for name in names]
    links = [Rtnetlink(place) for place in places]
    for number, link in enumerate(links, 1):
        link.up("lo")
        if number < len(links):
            mac = f"02:09:00:00:{number:02x}:"
            link.veth("right", mac + "01", links[number], "left", mac + "02", mtu=1500)
    for number, link in enumerate(links, 1):
        for side, cable in (("left", number - 1), ("right", number)):
            if 0 < cable < len(links):
                link.up(side)
                link.address(side, f"10.9.{cable}.{number}/24")
                link.address(side, f"fd09:{cable}::{number}/64")
        if number > 1:
            link.route("10.9.0.0/16", "left", f"10.9.{number - 1}.{number - 1}")
        elif len(links) > 1:
            link.route("10.9.0.0/16", "right", "10.9.1.2")
        link.commit()
    for place, number in zip(places, range(1, len(places) + 1), strict=True):
        sides = [side for side, cable in (("left", number - 1), ("right", number)) if 0 < cable < len(links)]
        plain_frames(place, *sides)
    wait_ready(*links)
    return places


def _child() -> None:
    from podwire_lab.kernel import namespaces

    path, name, args = pickle.load(sys.stdin.buffer)
    namespaces.become_root_of_user_namespace()
    namespaces.unshare(namespaces.CLONE_NEWNS | namespaces.CLONE_NEWNET)
    answer, sys.stdout = sys.stdout.buffer, sys.stderr
    sys.path.insert(0, str(Path(path).parent))
    function = runpy.run_path(path, run_name="tested")[name]
    result = function(*args)
    if inspect.isawaitable(result):
        result = asyncio.run(_awaited(result))
    pickle.dump(result, answer)


async def _awaited(result: Any) -> Any:
    return await result


if __name__ == "__main__":
    _child()
