"""The events of the cluster in one time line, from watches of nodes, pods and events of Kubernetes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from podwire.cluster.malformed import understood
from podwire.cluster.rest import RestClient
from podwire.cluster.watches import Kind, ObjectWatch, Watched
from podwire.errors import ClusterError, MalformedAnswer
from podwire.model.facts import OS
from podwire.model.gaps.durations import moment_words
from podwire.records.watch import MOST_EVENTS, TimedEvent
from podwire.watching.changes import NODE_EVENTS, node_changes, node_state, pod_changes, pod_state
from podwire.watching.downs import Downs
from podwire.watching.members import Member, member

Object = dict[str, Any]
Say = Callable[[str], object]


class TimeLine:
    """The events so far, from any thread. Moments are milliseconds since `began`, a time of `time.monotonic`."""

    def __init__(self, say: Say) -> None:
        self._say, self._lock = say, threading.Lock()
        self.began = time.monotonic()
        self._events: list[TimedEvent] = []
        self.left_off = 0
        self.is_open = False

    def open(self) -> None:
        """From now on events count: the watch begins."""
        with self._lock:
            self.began, self.is_open = time.monotonic(), True

    def now(self) -> int:
        """This moment."""
        return round((time.monotonic() - self.began) * 1000)

    def add(self, kind: str, subject: str, text: str) -> None:
        """Note that something happened, and say it."""
        with self._lock:
            if not self.is_open:
                return
            at, most = self.now(), MOST_EVENTS // 2 if kind == "event" else MOST_EVENTS
            if len(self._events) < most:  # Events of Kubernetes must not push out what happened to nodes and pods.
                self._events.append(TimedEvent(at=at, kind=kind, subject=subject, text=text))
            else:
                self.left_off += 1
        if kind != "event":
            self._say(f"{moment_words(at):>9}  {subject}: {text}")

    def events(self) -> tuple[TimedEvent, ...]:
        """The events so far, in the order of time."""
        with self._lock:
            return tuple(self._events)


class ClusterWatch:
    """Watches what happens to the nodes, to the pods of a watch, and to the pods of kube-proxy and of the CNI.

    `networks` are the namespaces of the DaemonSets of these, by name.
    """

    def __init__(self, rest: RestClient, namespace: str, networks: Mapping[str, str], line: TimeLine) -> None:
        self._line, self._networks = line, dict(networks)
        self._lock = threading.Lock()
        self._states: dict[str, dict[str, str]] = {}
        self._members: dict[str, Member] = {}
        self._open: dict[str, OS] = {}
        self.downs = Downs()
        self.refused: list[str] = []
        """What podwire may not follow any more, in sentences."""
        self.changed = threading.Event()
        """Set when a member of the watch is another than before."""
        rows: list[tuple[Watched, Callable[[Kind, Object], None]]] = [
            (Watched(resource="nodes"), self._node),
            (Watched(resource="pods", namespace=namespace), self._pod),
            (Watched(resource="events", fields="involvedObject.kind=Node"), self._event),
            *(
                (Watched(resource="pods", namespace=space), self._network_pod)
                for space in sorted(set(networks.values()))
            ),
        ]
        self._watches = []
        for number, (watched, react) in enumerate(rows):
            # One watch tells of the server's absence: all of them would tell the same.
            away = self._away if number == 0 else lambda why: None
            back = self._back if number == 0 else lambda seconds: None
            self._watches.append(ObjectWatch(rest, watched, self._guarded(react), away, back, self._refused))

    def start(self, seconds: float = 20.0) -> list[str]:
        """Begin, and wait until all is listed, for at most that long. Returns what cannot be watched, in words.

        Raises `ClusterError` for what no watch can do without: nodes and its own pods.
        """
        for watch in self._watches:
            watch.start()
        end = time.monotonic() + seconds
        for watch in self._watches:
            watch.listed.wait(max(0.0, end - time.monotonic()))
        for watch in self._watches[:2]:
            if watch.problem or not watch.listed.is_set():
                why = watch.problem or f"the API server has not listed {watch.what} within {seconds:.0f} s"
                raise ClusterError(f"{why}; podwire watch needs the rights of manifests/rbac-watch.yaml")
        return [watch.problem for watch in self._watches if watch.problem]

    def close(self) -> None:
        """End all watches. Safe to call twice."""
        for watch in self._watches:
            watch.close()

    def members(self) -> list[Member]:
        """The pods of the watch, by name."""
        with self._lock:
            return sorted(self._members.values(), key=lambda one: one.name)

    def open_nodes(self, os: OS) -> list[str]:
        """The nodes of this system that are ready and take pods."""
        with self._lock:
            return sorted(name for name, system in self._open.items() if system == os)

    def _guarded(self, react: Callable[[Kind, Object], None]) -> Callable[[Kind, Object], None]:
        """Objects that make no sense are left out: a watch goes on."""

        def guarded(kind: Kind, obj: Object) -> None:
            try:
                with understood("a watched object"):
                    react(kind, obj)
            except MalformedAnswer:
                return

        return guarded

    def _away(self, why: str) -> None:
        self.downs.api_away(self._line.now())
        self._line.add("api", "API server", f"does not answer: {why}")

    def _back(self, seconds: float) -> None:
        self.downs.api_back(self._line.now())
        self._line.add("api", "API server", f"answers again after {seconds:.1f} s")

    def _refused(self, why: str) -> None:
        self._line.add("watch", "podwire", f"is refused: {why}")
        self.refused.append(f"podwire was refused during the watch, so what it knows of the cluster is old: {why}")

    def _node(self, kind: Kind, node: Object) -> None:
        name, key = node["metadata"]["name"], f"node/{node['metadata']['name']}"
        if kind == "DELETED":
            self._states.pop(key, None)
            with self._lock:
                self._open.pop(name, None)
            self.downs.node_restarted(name, self._line.now())
            self._line.add("node", name, "deleted")
            return
        now, before = node_state(node), self._states.get(key)
        self._states[key] = now
        if before is not None and "" != before["boot"] != now["boot"]:
            self.downs.node_restarted(name, self._line.now())
        os = (node["metadata"].get("labels") or {}).get("kubernetes.io/os")
        if os in ("linux", "windows"):
            with self._lock:
                self._open.pop(name, None)
                if not now["trouble"] and not now["cordoned"]:
                    self._open[name] = os
        if before is None:
            self._line.add("node", name, "new")
            return
        for text in node_changes(before, now):
            self._line.add("node", name, text)

    def _pod(self, kind: Kind, pod: Object) -> None:
        self._follow("pod", kind, pod)
        uid = pod["metadata"].get("uid", "")
        self.downs.lives_on(uid, str((pod.get("spec") or {}).get("nodeName") or ""))
        with self._lock:
            before = self._members.pop(uid, None)
            now = None if kind == "DELETED" else member(pod)
            if now is not None:
                self._members[uid] = now
        if now != before:
            self.changed.set()

    def _network_pod(self, kind: Kind, pod: Object) -> None:
        owners = pod["metadata"].get("ownerReferences") or ()
        names = {str(owner.get("name")) for owner in owners} | {str(pod["metadata"].get("name"))}
        if any(name == wanted or name.startswith(f"{wanted}-") for name in names for wanted in self._networks):
            self._follow("network", kind, pod)

    def _follow(self, what: str, kind: Kind, pod: Object) -> None:
        name, uid = pod["metadata"]["name"], pod["metadata"].get("uid", "")
        before = self._states.get(f"pod/{uid}")
        now = None if kind == "DELETED" else pod_state(pod)
        if now is None:
            self._states.pop(f"pod/{uid}", None)
        else:
            self._states[f"pod/{uid}"] = now
            if before is not None and int(now["restarts"]) > int(before["restarts"]):
                self.downs.restarted(uid, self._line.now())
        for text in pod_changes(before, now):
            self._line.add(what, name, text)

    def _event(self, kind: Kind, event: Object) -> None:
        if kind == "DELETED" or event.get("reason") in NODE_EVENTS:
            return
        about = event.get("involvedObject") or {}
        text = " ".join(str(event.get("message") or "").split())[:200]
        self._line.add("event", str(about.get("name", "?")), f"{event.get('reason')}: {text}")
