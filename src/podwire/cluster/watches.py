"""Watches of API objects (kubernetes.io: "Kubernetes API Concepts", efficient detection of changes).

A watch lists the objects, then follows their changes. When the server has forgotten where the watch was (410), it lists
them again; objects that went meanwhile are told as deleted. A server that is away is asked again until it answers.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from podwire.cluster.resources import RESOURCES, describe
from podwire.cluster.rest import PAGE, RestClient
from podwire.cluster.transport import Lines, NoAnswer
from podwire.errors import ApiError, ClusterError, Forbidden, Unauthorized, Unreachable

Object = dict[str, Any]
Kind = Literal["ADDED", "MODIFIED", "DELETED"]
OnChange = Callable[[Kind, Object], None]
SERVER_SECONDS = 120
"""How long the server keeps one request; then the watch asks again from where it was."""
SILENCE = SERVER_SECONDS + 30.0
SHORTEST_PAUSE, LONGEST_PAUSE = 0.2, 5.0
LONG = 1.0
"""Seconds after which the end of a request to watch is usual: the pause before the next one is the shortest again."""
_EXPIRED = 410


class _Expired(Exception):
    """The server has forgotten where the watch was."""


@dataclass(frozen=True, kw_only=True)
class Watched:
    """The objects to watch. `labels` and `fields` are selectors; `namespace` None: all of them."""

    resource: str
    namespace: str | None = None
    labels: str = ""
    fields: str = ""

    def query(self) -> dict[str, str | int | bool]:
        given = {"labelSelector": self.labels, "fieldSelector": self.fields}
        return {name: text for name, text in given.items() if text}


class ObjectWatch:
    """One watch, in a thread of its own, until `close`.

    `on_change` gets each object that is there at first as ADDED, then its changes. `on_away` is called with the reason
    when the server does not answer, `on_back` with the seconds of its absence when it answers again. A watch that may
    not be made at first (401, 403) ends, and `problem` says why; one that is refused later calls `on_refused` once for
    each reason and tries again, because a token or a right may come back.
    """

    def __init__(
        self,
        rest: RestClient,
        watched: Watched,
        on_change: OnChange,
        on_away: Callable[[str], None] = lambda why: None,
        on_back: Callable[[float], None] = lambda seconds: None,
        on_refused: Callable[[str], None] = lambda why: None,
    ) -> None:
        self._rest, self._watched, self._on_change = rest, watched, on_change
        self._on_away, self._on_back, self._on_refused = on_away, on_back, on_refused
        self._refusals: set[str] = set()
        kind = RESOURCES[watched.resource]
        self._path, self.what = kind.path(watched.namespace), describe(kind, watched.namespace)
        self._known: dict[str, Object] = {}
        self._version = ""
        self._away_since: float | None = None
        self._lines: Lines | None = None
        self._closing = threading.Event()
        self.listed = threading.Event()
        """Set when the objects that were there at first are told, or the watch may not be made."""
        self.problem = ""
        self._thread = threading.Thread(target=self._run, name=f"watch {watched.resource}", daemon=True)

    def start(self) -> None:
        """Begin to watch."""
        self._thread.start()

    def close(self) -> None:
        """End the watch. No change is told afterwards. Safe to call twice."""
        self._closing.set()
        if self._lines is not None:
            self._lines.close()
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(1.0)

    def _run(self) -> None:
        pause = SHORTEST_PAUSE
        while not self._closing.is_set():
            began = time.monotonic()
            try:
                if not self._version:
                    self._list()
                    self._back()
                self._follow()
            except _Expired:
                self._version = ""
            except (Unauthorized, Forbidden) as error:
                if not self.listed.is_set():
                    self.problem = str(error)
                    self.listed.set()
                    return
                self._refuse(error)
            except (ClusterError, NoAnswer) as error:
                if getattr(error, "status", 0) == _EXPIRED:
                    self._version = ""
                else:
                    self._away(error)
            # What a server ends or forgets at once is not asked for in a tight loop.
            pause = SHORTEST_PAUSE if time.monotonic() - began > LONG else pause
            self._closing.wait(pause)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _refuse(self, error: Exception) -> None:
        if str(error) not in self._refusals and not self._closing.is_set():
            self._refusals.add(str(error))
            self._on_refused(str(error))

    def _away(self, error: Exception) -> None:
        # A stream that breaks once is no absence: only a server that cannot be asked is away.
        if self._away_since is None and isinstance(error, (Unreachable, ApiError)):
            self._away_since = time.monotonic()
            if not self._closing.is_set():
                self._on_away(str(error))

    def _back(self) -> None:
        since, self._away_since = self._away_since, None
        if since is not None:
            self._on_back(time.monotonic() - since)

    def _list(self) -> None:
        found: dict[str, Object] = {}
        version = ""
        query: dict[str, str | int | bool] = {"limit": PAGE, **self._watched.query()}
        while True:
            page = self._rest.request("list", "GET", self._path, query=query, what=self.what)
            head = page.get("metadata") or {}
            version = version or str(head.get("resourceVersion") or "0")
            for item in page.get("items") or []:
                if _name(item):
                    found[_name(item)] = item
            if not head.get("continue"):
                break
            query["continue"] = str(head["continue"])
        for name in self._known.keys() - found.keys():
            self._tell("DELETED", self._known.pop(name))
        for name, item in found.items():
            before = self._known.get(name)
            if before is None or _version(before) != _version(item):
                self._known[name] = _essence(item)
                self._tell("ADDED" if before is None else "MODIFIED", item)
        self._version = version
        self.listed.set()

    def _follow(self) -> None:
        query = {
            "watch": True,
            "allowWatchBookmarks": True,
            "resourceVersion": self._version,
            "timeoutSeconds": SERVER_SECONDS,
            **self._watched.query(),
        }
        lines = self._lines = Lines()
        try:
            if self._closing.is_set():
                return
            self._rest.follow(lines, self._path, query, self.what, SILENCE)
            self._back()
            for line in lines:
                if line.strip() and not self._closing.is_set():
                    self._take(line)
        finally:
            self._lines = None

    def _take(self, line: bytes) -> None:
        try:
            event: Mapping[str, Any] = json.loads(line)
            kind, item = str(event["type"]), event["object"]
        except (ValueError, KeyError, TypeError):
            raise NoAnswer("a line of its answer is no change of an object") from None
        if kind == "ERROR":
            if item.get("code") == _EXPIRED:
                raise _Expired
            raise NoAnswer(str(item.get("message", "the watch failed"))[:200])
        self._version = _version(item) or self._version
        if not _name(item):
            return
        if kind == "DELETED":
            self._known.pop(_name(item), None)
            self._tell("DELETED", item)
        elif kind in ("ADDED", "MODIFIED"):
            known = _name(item) in self._known
            self._known[_name(item)] = _essence(item)
            self._tell("MODIFIED" if known else "ADDED", item)

    def _tell(self, kind: Kind, item: Object) -> None:
        if not self._closing.is_set():
            self._on_change(kind, item)


def _name(item: object) -> str:
    metadata = item.get("metadata") if isinstance(item, dict) else None
    if not isinstance(metadata, dict) or not metadata.get("name"):
        return ""  # a bookmark
    return f"{metadata.get('namespace', '')}/{metadata['name']}"


def _version(item: Object) -> str:
    return str((item.get("metadata") or {}).get("resourceVersion") or "")


def _essence(item: Object) -> Object:
    """What a later deletion is told by: no more of each object stays in memory."""
    metadata = item["metadata"]
    kept = ("name", "namespace", "uid", "resourceVersion", "labels", "ownerReferences")
    return {"metadata": {name: metadata[name] for name in kept if name in metadata}}
