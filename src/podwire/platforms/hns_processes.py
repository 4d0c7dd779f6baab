"""Reads since when HNS and kube-proxy run on a Windows node: the agent's tool `hns-processes`. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from podwire.platforms.hns import NoListing

_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Processes:
    """When the processes of one node began, in units of 100 ns since 1601 (a FILETIME of Windows).

    `proxies` is empty where kube-proxy is no process of that name.
    """

    hns: int
    proxies: tuple[int, ...] = ()


def processes_in(printed: str) -> Processes:
    """The processes in the output of the tool: a JSON object with Hns (a number) and Proxy (a list of numbers, or one,
    or null).

    Raises:
        NoListing: it is something else.
    """
    try:
        tree = json.loads(printed)
    except (RecursionError, ValueError):
        raise NoListing(f"no JSON: {' '.join(printed.split())[:80] or 'nothing'}") from None
    hns = tree.get("Hns") if isinstance(tree, dict) else None
    if hns is None or not _is_time(hns):
        raise NoListing("JSON without the time at which HNS began")
    began = tree.get("Proxy")
    times = began if isinstance(began, list) else [] if began is None else [began]
    if not all(_is_time(time) for time in times):
        raise NoListing("JSON with a time of kube-proxy that is none")
    return Processes(hns=hns, proxies=tuple(sorted(times)))


def _is_time(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def as_text(time: int) -> str:
    """A FILETIME as UTC, for a person; the number itself if it is no date."""
    try:
        return f"{_EPOCH + timedelta(microseconds=time // 10):%Y-%m-%d %H:%M:%S} UTC"
    except OverflowError:
        return str(time)
