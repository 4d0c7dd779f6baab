"""A capture with pktmon, the packet monitor of Windows."""

from __future__ import annotations

import collections
import contextlib
import json
import os
import re
import shutil
import subprocess
import tempfile

from podwire.agent.loop import now
from podwire.agent.node.interfaces import interfaces
from podwire.agent.system import complain

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from podwire.agent.loop import Loop
    from podwire.agent.parameters import Parameters

MAC = re.compile(r"(?i)^([0-9a-f]{2}[:-]){5}[0-9a-f]{2}$")
WRITTEN = re.compile(r"(?im)^Packets formatted:[ \t]*([0-9][0-9,]*)[ \t\r]*$")
"""The line of pktmon that counts the packets which it wrote. On a Windows of another language nothing counts them."""

LEAST_MEGABYTES, FOR_A_CPU, MOST_MEGABYTES = 512, 64, 8192
"""In megabytes: the size of pktmon's file unless told otherwise (Microsoft: pktmon start), what it gets for each CPU,
and the end. That each CPU fills buffers of its own is how event tracing sessions work (Microsoft); that pktmon does so
too is an inference, and the size for each CPU is podwire's choice."""


def megabytes(cpus: int) -> int:
    """How large the file may be on a machine with so many CPUs."""
    return min(max(LEAST_MEGABYTES, FOR_A_CPU * cpus), MOST_MEGABYTES)


class PktmonCapture:
    """A capture with the command line of pktmon (Microsoft: pktmon), which has one session for the whole host.

    A packet appears once for each component that it passes, so the file is converted once for each requested component.
    The default is one component for each MAC in `pktmon list`, the adapter itself before its virtual copies.
    """

    def __init__(self, loop: Loop, names: list[str], addresses: list[str], filters: list[list[str]]) -> None:
        self._loop, self._names, self._addresses, self._filters = loop, names, addresses, filters
        self._folder = ""
        self._components: list[Parameters] = []

    async def start(self) -> None:
        """Start the session. ValueError if pktmon refuses, or has no such component."""
        await self._loop.in_thread(self._start, now() + 60.0)

    async def stop(self) -> Parameters:
        """End the session and return its packets."""
        return dict(await self._loop.in_thread(self._stop, now() + 600.0))

    async def read(self) -> Parameters:
        """Refuse: pktmon returns packets at the end only."""
        raise ValueError("pktmon returns packets only when its session ends")

    def describe(self) -> list[Parameters]:
        """The captured components: id, name, type, group, MAC."""
        return self._components

    def close(self) -> None:
        """End the session, which otherwise outlives this process."""
        if self._folder:
            try:
                pktmon("stop", timeout=10.0)
            except ValueError as error:
                complain(str(error))
            self._remove_filters()
            self._clean()

    def _start(self) -> None:
        self._components = self._choose(components(pktmon("list", "--json")))
        self._end_forgotten()
        self._folder = tempfile.mkdtemp(prefix="podwire-")
        with open(self._marker(), "w", encoding="utf-8") as marker:
            marker.write(self._folder)
        try:
            pktmon("filter", "remove")
            try:
                for words in self._filters:
                    pktmon("filter", "add", *words)
            except ValueError as error:
                complain(f"pktmon refuses the filters, so it captures all packets: {error}")
                pktmon("filter", "remove")
            size = ("--file-size", str(megabytes(os.cpu_count() or 1)), "--file-name", self._file("capture.etl"))
            pktmon("start", "--capture", "--comp", "all", "--pkt-size", "0", *size)
        except ValueError:
            self._clean()
            raise

    def _stop(self) -> Parameters:
        output = pktmon("stop")
        self._remove_filters()
        lost = re.search(r"(?i)([0-9]+) events? (?:were )?lost", output)
        parts: list[tuple[str, str, bytes]] = []
        accepted: dict[str, int] = {}
        try:
            for component in self._components:
                out = self._file(f"component-{component['id']}.pcapng")
                number = str(component["id"])
                said = pktmon("etl2pcap", self._file("capture.etl"), "--out", out, "--component-id", number)
                written = WRITTEN.search(said)
                if written:
                    accepted[component["name"]] = int(written.group(1).replace(",", ""))
                with open(out, "rb") as file:
                    parts.append((component["name"], "pcapng", file.read()))
        except OSError as error:
            raise ValueError(f"pktmon etl2pcap left no file: {error}") from None
        finally:
            self._clean()
        return {"dropped": int(lost.group(1)) if lost else 0, "count": None, "accepted": accepted, "parts": parts}

    def _remove_filters(self) -> None:
        """Remove the filters, which otherwise outlive the session and apply to the next one, podwire's or not."""
        if self._filters:
            with contextlib.suppress(ValueError):
                pktmon("filter", "remove", timeout=10.0)

    def _choose(self, listed: list[Parameters]) -> list[Parameters]:
        if self._names:
            chosen = [
                component
                for component in listed
                if component["name"] in self._names or str(component["id"]) in self._names
            ]
            missing = set(self._names) - {
                name for component in chosen for name in (component["name"], str(component["id"]))
            }
            if missing:
                raise ValueError(f"pktmon has no component {', '.join(sorted(missing))}")
        else:
            macs = self._macs()
            chosen = [component for component in listed if component["mac"] and (not macs or component["mac"] in macs)]
            best: dict[str, Parameters] = {}
            for component in sorted(chosen, key=rank):
                best.setdefault(component["mac"], component)
            chosen = list(best.values())
        if not chosen:
            raise ValueError("pktmon lists no component to capture at")
        names = collections.Counter(component["name"] for component in chosen)
        return [
            {
                **component,
                "name": component["name"]
                if names[component["name"]] == 1
                else f"{component['name']} #{component['id']}",
            }
            for component in chosen
        ]

    def _macs(self) -> list[str]:
        """The MACs of the addresses, each a MAC or an IP address of this host."""
        macs = []
        macs_by_address = {
            address: interface["mac"] for interface in interfaces() for address in interface["addresses"]
        }
        for address in self._addresses:
            mac = address.lower().replace("-", ":") if MAC.match(address) else macs_by_address.get(address)
            if not mac:
                raise ValueError(f"address {address} is neither a MAC nor an IP address of this host")
            macs.append(mac)
        return macs

    def _file(self, name: str) -> str:
        return os.path.join(self._folder, name)

    @staticmethod
    def _marker() -> str:
        return os.path.join(tempfile.gettempdir(), "podwire-pktmon-session")

    def _end_forgotten(self) -> None:
        """End the session of an earlier agent that was killed. Sessions of other programs go on."""
        try:
            with open(self._marker(), encoding="utf-8") as marker:
                self._folder = marker.read()
        except OSError:
            return
        with contextlib.suppress(ValueError):  # It may have ended, for example at a restart of the node.
            pktmon("stop")
        self._clean()

    def _clean(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = ""
        with contextlib.suppress(OSError):  # Gone already.
            os.remove(self._marker())


def pktmon(*arguments: str, timeout: float = 300.0) -> str:
    """Run pktmon and return its output. ValueError with its own words if it fails."""
    try:
        done = subprocess.run(
            ("pktmon", *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=timeout,
            check=False,
        )
    except FileNotFoundError:
        raise ValueError("pktmon is missing; Windows Server 2022 and later have it, on the host") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"pktmon {arguments[0]}: {error}") from None
    output = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        raise ValueError(f"pktmon {arguments[0]}: exit code {done.returncode}: {' '.join(output.split())[:300]}")
    return output


def components(text: str) -> list[Parameters]:
    """The components in the output of `pktmon list --json`: groups of components, each with an Id and properties."""
    listed: list[Parameters] = []
    try:
        for group in json.loads(text[text.index("[") :]):
            for component in group.get("Components", [group]):
                values = [str(entry.get("Value")) for entry in component.get("Properties") or ()]
                mac = next((value.lower().replace("-", ":") for value in values if MAC.match(value)), "")
                names = {key.lower(): str(component.get(key, "")) for key in ("Name", "Type")}
                listed.append({"id": component["Id"], "group": str(group.get("Group", "")), "mac": mac, **names})
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"pktmon list --json: cannot be read: {error!r}") from None
    return listed


def rank(component: Parameters) -> int:
    """The order of components with the same MAC: adapter, port of the virtual switch, the host's virtual adapter."""
    kind, name = component["type"].lower(), component["name"].lower()
    if "virtual ethernet" in name:
        return 2
    return 0 if kind in ("miniport", "netvsc") else 1
