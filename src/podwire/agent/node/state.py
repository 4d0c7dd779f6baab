"""What a node tells of its own network: its dynamic ports, and the mode of its kube-proxy."""

from __future__ import annotations

import http.client
import re
import subprocess

from podwire.agent.loop import now
from podwire.agent.parameters import wanted

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from typing import Callable

    from podwire.agent.loop import Loop
    from podwire.agent.parameters import Parameters

PROTOCOLS, FAMILIES = ("tcp", "udp"), ("ipv4", "ipv6")
LOCAL_PORTS, RESERVED_PORTS = "/proc/sys/net/ipv4/ip_local_port_range", "/proc/sys/net/ipv4/ip_local_reserved_ports"
PROXY = ("127.0.0.1", 10249)
"""Where kube-proxy of this node tells its mode, unless it is told otherwise (kubernetes.io: kube-proxy Configuration,
metricsBindAddress)."""
MOST_MODE = 32
BEFORE = 1.0
"""Seconds that kube-proxy has to tell it."""


async def node_state(loop: Loop, params: Parameters) -> Parameters:
    """What this node tells, in parts that each have a value or a `problem`: `ports` by protocol and IP family, each a
    list of first and last ports, and `proxy` in a word. `os` says how a node is asked, for the lab's Windows nodes run
    on Linux."""
    windows, limit = wanted(params, "os") == "windows", wanted(params, "timeout", float)

    def work() -> Parameters:
        ports = (lambda: ports_of_windows(limit)) if windows else ports_of_linux
        return {"ports": told(ports), "proxy": told(proxy_mode)}

    return dict(await loop.in_thread(work, now() + 10 * limit))


def told(ask: Callable[[], object]) -> Parameters:
    """What is told, or why nothing is."""
    try:
        return {"value": ask()}
    except (OSError, ValueError, http.client.HTTPException, subprocess.SubprocessError) as problem:
        return {"problem": " ".join(str(problem).split()) or type(problem).__name__}


def ports_of_linux() -> dict[str, list[list[int]]]:
    """kernel: ip-sysctl, ip_local_port_range and ip_local_reserved_ports, which hold for both families."""
    with open(LOCAL_PORTS, encoding="ascii") as file:
        first, last = map(int, file.read().split())
    with open(RESERVED_PORTS, encoding="ascii") as file:
        reserved = [[int(end) for end in part.split("-")] for part in file.read().strip().split(",") if part]
    ranges = without([first, last], [[ports[0], ports[-1]] for ports in reserved])
    return {f"{protocol} {family}": ranges for protocol in PROTOCOLS for family in FAMILIES}


def ports_of_windows(limit: float) -> dict[str, list[list[int]]]:
    """netsh tells them for each protocol and family (Microsoft: service overview and network port requirements)."""
    ranges = {}
    for protocol in PROTOCOLS:
        for family in FAMILIES:
            dynamic = dynamic_range(netsh("int", family, "show", "dynamicport", protocol, limit=limit))
            excluded = kept_back(netsh("int", family, "show", "excludedportrange", protocol, limit=limit))
            ranges[f"{protocol} {family}"] = without(dynamic, excluded)
    return ranges


def netsh(*words: str, limit: float) -> str:
    done = subprocess.run(("netsh", *words), capture_output=True, timeout=limit, check=False)
    output = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        raise ValueError(f"netsh {' '.join(words)} ends with code {done.returncode}: {output.strip()[:200]}")
    return output


def dynamic_range(output: str) -> list[int]:
    """First and last port of what `show dynamicport` says. Its words are in the language of the system; the numbers
    stand at the ends of their lines, the first port before how many there are."""
    numbers = [int(number) for number in re.findall(r"\d+(?=\s*$)", output, re.MULTILINE)]
    if len(numbers) != 2 or not (numbers[0] > 0 and numbers[1] and sum(numbers) <= 1 << 16):
        raise ValueError(f"netsh reports no dynamic port range: {output.strip()[:200]!r}")
    return [numbers[0], sum(numbers) - 1]


def kept_back(output: str) -> list[list[int]]:
    """The ranges that `show excludedportrange` marks with a star: an administrator excludes them. The others are blocks
    that a program of the node holds, as WinNAT and HNS do for what they translate, so translated flows use them."""
    return [[int(first), int(last)] for first, last in re.findall(r"^\s*(\d+)\s+(\d+)\s+\*\s*$", output, re.MULTILINE)]


def without(range_: list[int], excluded: list[list[int]]) -> list[list[int]]:
    """What of a range is left when others are taken out of it, in order."""
    left, (at, end) = [], range_
    for first, last in sorted(excluded):
        if last < at or first > end:
            continue
        if first > at:
            left.append([at, first - 1])
        at = last + 1
    return [*left, [at, end]] if at <= end else left


def proxy_mode() -> str:
    """`iptables`, `nftables`, `ipvs` or `kernelspace` (kubernetes.io: Virtual IPs and Service Proxies)."""
    connection = http.client.HTTPConnection(*PROXY, timeout=BEFORE)
    try:
        connection.request("GET", "/proxyMode")
        answer = connection.getresponse()
        mode = answer.read(MOST_MODE).decode("utf-8", "replace").strip()
    finally:
        connection.close()
    if answer.status != 200 or not mode.isalnum():
        raise ValueError(f"port {PROXY[1]} of the node does not report the mode of kube-proxy ({answer.status})")
    return mode
