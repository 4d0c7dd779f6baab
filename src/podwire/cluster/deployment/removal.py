"""The end of a run's namespace, with all that is in it."""

from __future__ import annotations

import contextlib
import shlex
import time
from typing import Any

from podwire.cluster.connect import Connection
from podwire.cluster.deployment.manifests import MANAGED_BY, MANAGER, RUN_LABEL
from podwire.cluster.malformed import understood
from podwire.cluster.rest import RestClient
from podwire.cluster.transport import Patience
from podwire.errors import ClusterError, Forbidden, NotFound, Unauthorized, UsageError

Object = dict[str, Any]

SECONDS = 90.0
FORCED_AFTER = 30.0
"""Seconds after which a pod that does not end is forgotten by the API: its node may be gone for good."""
_ASKING = Patience(connect=5.0, answer=10.0, total=3.0, whole=15.0)


def clean_up(connection: Connection, *namespaces: str, run_id: str = "", seconds: float = SECONDS) -> list[str]:
    """Remove a run's namespaces, as `undeploy` does; what stays, a line each (`command` gives what removes it). With
    `run_id` those of another run stay.

    Never raises, for what a run has found out must not depend on it. Ctrl-C ends the wait, not the removal.
    """
    removals = {namespace: _Removal(connection.rest, namespace, run_id) for namespace in namespaces}
    for removal in list(removals.values())[1:]:
        with contextlib.suppress(Exception, KeyboardInterrupt):
            removal.ask()  # They end at the same time.
    return [line for namespace, removal in removals.items() for line in _cleaned_up(namespace, removal, seconds)]


def _cleaned_up(namespace: str, removal: _Removal, seconds: float) -> list[str]:
    try:
        return removal.run(seconds)
    except KeyboardInterrupt:
        with contextlib.suppress(Exception, KeyboardInterrupt):
            removal.ask()
        return [f"namespace {namespace} may still exist: podwire was interrupted before it ended"]
    except Exception as error:
        return [f"namespace {namespace} may still exist: {error}"]


def command(connection: Connection, run_id: str, namespace: str = "") -> str:
    """What removes all that a run has left in a cluster, or in a `namespace` that it did not make."""
    there = ["--namespace", namespace] if namespace else []
    return shlex.join(["podwire", "cleanup", *connection.options, *there, "--run", run_id])


def undeploy(connection: Connection, namespace: str, *, seconds: float = SECONDS) -> list[str]:
    """Remove a run's namespace and wait until it is gone. Returns what stays, a line each; nothing when all is gone.

    An API server that is away meanwhile is waited for. Raises `UsageError` when the namespace is not one of ours.
    """
    return _Removal(connection.rest, namespace).run(seconds)


class _Removal:
    """The removal of one namespace. `found` is the namespace as it was last seen."""

    def __init__(self, rest: RestClient, namespace: str, run_id: str = "") -> None:
        self._rest, self._namespace, self._run_id = rest.with_patience(_ASKING), namespace, run_id
        self._found: Object = {}
        self._asked = self._forced = False

    def run(self, seconds: float) -> list[str]:
        began = time.monotonic()
        pause = 0.02
        while True:
            problem: ClusterError | None = None
            try:
                self.ask()
                if time.monotonic() - began > FORCED_AFTER:
                    self._force()
            except NotFound:
                return []
            except (Unauthorized, Forbidden) as error:
                return [f"namespace {self._namespace} may still exist: {error}"]  # Waiting mends no rights.
            except ClusterError as error:
                problem = error
            if time.monotonic() - began >= seconds:
                return self._stays(seconds, problem)
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)

    def ask(self) -> None:
        """Look at the namespace, and ask for its deletion unless that was done. Raises `NotFound` when it is gone."""
        self._found = self._rest.get("namespaces", None, self._namespace)
        if self._asked:
            return
        run_id = run_of(self._found)
        if self._run_id and run_id not in (None, self._run_id):
            raise UsageError(f"namespace {self._namespace} is that of run {run_id}; podwire does not remove it")
        if run_id is None:
            raise UsageError(
                f"namespace {self._namespace} is not podwire's (no label {MANAGED_BY}={MANAGER}); "
                "podwire does not remove it"
            )
        if not self._found["metadata"].get("deletionTimestamp"):
            self._end_pods(run_id)
            self._rest.delete("namespaces", None, self._namespace)
        self._asked = True

    def _end_pods(self, run_id: str) -> None:
        """End what would hold the namespace back. All of it goes with the namespace, whatever fails here."""
        labels = f"{RUN_LABEL}={run_id}"
        with contextlib.suppress(ClusterError):
            for pod in self._rest.list("pods", self._namespace, labels=labels):
                if pod["metadata"].get("deletionTimestamp"):
                    # No grace ends a preStop hook that runs already (kubelet: executePreStopHook).
                    self._rest.delete("pods", self._namespace, pod["metadata"]["name"], grace=0)
        for resource in ("pods", "services", "configmaps"):
            with contextlib.suppress(ClusterError):
                # Nobody waits for a probe: one that lingers for its case would hold the whole namespace back.
                self._rest.delete_collection(
                    resource, self._namespace, labels=labels, grace=1 if resource == "pods" else None
                )

    def _force(self) -> None:
        if not self._forced:
            for pod in self._rest.list("pods", self._namespace):
                self._rest.delete("pods", self._namespace, pod["metadata"]["name"], grace=0)
            self._forced = True

    def _stays(self, seconds: float, problem: ClusterError | None) -> list[str]:
        name = self._namespace
        if problem is not None:
            return [f"namespace {name} may still exist, after {seconds:.0f} s: {problem}"]
        try:
            self._found = self._rest.get("namespaces", None, name)
        except NotFound:
            return []
        except ClusterError:
            pass  # It was there a moment ago.
        not_removed = [f"namespace {name} is still being deleted after {seconds:.0f} s"]
        with contextlib.suppress(ClusterError), understood(f"namespace {name}"):
            for pod in self._rest.list("pods", name):
                node = (pod.get("spec") or {}).get("nodeName", "no node")
                not_removed.append(f"pod {name}/{pod['metadata']['name']} on {node} has not ended")
            for condition in (self._found.get("status") or {}).get("conditions") or []:
                if condition.get("status") == "True":
                    not_removed.append(f"namespace {name}: {' '.join(str(condition.get('message')).split())}")
        return not_removed


def run_of(namespace: Object) -> str | None:
    """The run that a Namespace belongs to, or None when it is not ours."""
    labels = namespace["metadata"].get("labels") or {}
    return labels.get(RUN_LABEL) if labels.get(MANAGED_BY) == MANAGER else None
