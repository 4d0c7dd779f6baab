"""A capture by Windows' own packet monitor."""

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


class PktmonCapture:
    """Windows' own packet monitor, by its command line (Microsoft: pktmon). There is one session for the whole host.

    A packet appears once for each component that it passes, so the file is converted once for each component that is
    asked for: by default one for each MAC that `pktmon list` shows, the adapter itself before its virtual copies.
    """

    def __init__(self, loop: Loop, names: list[str], addresses: list[str], filters: list[list[str]]) -> None:
        self._loop, self._names, self._addresses, self._filters = loop, names, addresses, filters
        self._folder = ""
        self._components: list[Parameters] = []

    async def start(self) -> None:
        """Begin the session. ValueError when pktmon refuses, or has no such component."""
        await self._loop.in_thread(self._start, now() + 60.0)

    async def stop(self) -> Parameters:
        """End the session, and hand over what it captured."""
        return dict(await self._loop.in_thread(self._stop, now() + 600.0))

    async def read(self) -> Parameters:
        """Refused: pktmon hands packets over at the end only."""
        raise ValueError("pktmon hands packets over when its session ends, not before")

    def describe(self) -> list[Parameters]:
        """The components that are captured at: id, name, type, group, MAC."""
        return self._components

    def close(self) -> None:
        """End the session, which would outlive this process."""
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
                complain(f"captures everything: {error}")
                pktmon("filter", "remove")
            pktmon("start", "--capture", "--comp", "all", "--pkt-size", "0", "--file-name", self._file("capture.etl"))
        except ValueError:
            self._clean()
            raise

    def _stop(self) -> Parameters:
        said = pktmon("stop")
        self._remove_filters()
        lost = re.search(r"(?i)([0-9]+) events? (?:were )?lost", said)
        parts: list[tuple[str, str, bytes]] = []
        try:
            for component in self._components:
                out = self._file(f"component-{component['id']}.pcapng")
                pktmon("etl2pcap", self._file("capture.etl"), "--out", out, "--component-id", str(component["id"]))
                with open(out, "rb") as file:
                    parts.append((component["name"], "pcapng", file.read()))
        except OSError as error:
            raise ValueError(f"pktmon etl2pcap left no file: {error}") from None
        finally:
            self._clean()
        return {"dropped": int(lost.group(1)) if lost else 0, "count": None, "parts": parts}

    def _remove_filters(self) -> None:
        """They would outlive the session, and change what the next one sees, whosever it is."""
        if self._filters:
            with contextlib.suppress(ValueError):
                pktmon("filter", "remove", timeout=10.0)

    def _choose(self, found: list[Parameters]) -> list[Parameters]:
        if self._names:
            chosen = [one for one in found if one["name"] in self._names or str(one["id"]) in self._names]
            missing = set(self._names) - {name for one in chosen for name in (one["name"], str(one["id"]))}
            if missing:
                raise ValueError(f"pktmon has no component {', '.join(sorted(missing))}")
        else:
            macs = self._macs()
            chosen = [one for one in found if one["mac"] and (not macs or one["mac"] in macs)]
            best: dict[str, Parameters] = {}
            for one in sorted(chosen, key=rank):
                best.setdefault(one["mac"], one)
            chosen = list(best.values())
        if not chosen:
            raise ValueError("pktmon lists no component to capture at")
        names = collections.Counter(one["name"] for one in chosen)
        return [
            {**one, "name": one["name"] if names[one["name"]] == 1 else f"{one['name']} #{one['id']}"} for one in chosen
        ]

    def _macs(self) -> list[str]:
        """Addresses are MACs, or IPs of this host's own interfaces."""
        macs = []
        known = {address: one["mac"] for one in interfaces() for address in one["addresses"]}
        for address in self._addresses:
            mac = address.lower().replace("-", ":") if MAC.match(address) else known.get(address)
            if not mac:
                raise ValueError(f"address {address} is neither a MAC nor one of this host")
            macs.append(mac)
        return macs

    def _file(self, name: str) -> str:
        return os.path.join(self._folder, name)

    @staticmethod
    def _marker() -> str:
        return os.path.join(tempfile.gettempdir(), "podwire-pktmon-session")

    def _end_forgotten(self) -> None:
        """A session that an agent before left behind when it was killed. A session of somebody else is left alone."""
        try:
            with open(self._marker(), encoding="utf-8") as marker:
                self._folder = marker.read()
        except OSError:
            return
        with contextlib.suppress(ValueError):  # It has ended already, with the node's last start perhaps.
            pktmon("stop")
        self._clean()

    def _clean(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = ""
        with contextlib.suppress(OSError):  # Gone already.
            os.remove(self._marker())


def pktmon(*arguments: str, timeout: float = 300.0) -> str:
    """Run it, and what it said. ValueError with its own words when it failed."""
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
        raise ValueError("there is no pktmon here: Windows Server 2022 or later has it, on the host") from None
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ValueError(f"pktmon {arguments[0]}: {error}") from None
    said = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        raise ValueError(f"pktmon {arguments[0]}: exit code {done.returncode}: {' '.join(said.split())[:300]}")
    return said


def components(text: str) -> list[Parameters]:
    """What `pktmon list --json` names: groups of components, each with an Id and named properties."""
    found: list[Parameters] = []
    try:
        for group in json.loads(text[text.index("[") :]):
            for one in group.get("Components", [group]):
                values = [str(each.get("Value")) for each in one.get("Properties") or ()]
                mac = next((value.lower().replace("-", ":") for value in values if MAC.match(value)), "")
                names = {key.lower(): str(one.get(key, "")) for key in ("Name", "Type")}
                found.append({"id": one["Id"], "group": str(group.get("Group", "")), "mac": mac, **names})
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"pktmon list --json: cannot be read: {error!r}") from None
    return found


def rank(component: Parameters) -> int:
    """An adapter before a port of the virtual switch, and that before the host's virtual adapter of the same MAC."""
    kind, name = component["type"].lower(), component["name"].lower()
    if "virtual ethernet" in name:
        return 2
    return 0 if kind in ("miniport", "netvsc") else 1
