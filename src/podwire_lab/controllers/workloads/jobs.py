"""Jobs: pods until enough of them have succeeded (kubernetes.io: "Jobs"), without a delay between failures."""

from __future__ import annotations

from datetime import UTC, datetime

from podwire_lab.controllers.removal import remove
from podwire_lab.controllers.workloads.dependents import deleting, ended, ready
from podwire_lab.controllers.workloads.workload import WorkloadController
from podwire_lab.kube_api.objects.fields import at, moment_of
from podwire_lab.model.interfaces import Object
from podwire_lab.model.pod_status import now


class Jobs(WorkloadController):
    """Makes pods, counts how they end, and says when the job is done or has failed."""

    watches = ("jobs", "pods")
    resource, component = "jobs", "job-controller"

    def _sync(self, owner: Object) -> None:
        if _finished(owner):
            self._expire(owner)
            return
        pods = self._dependents.claimed(owner)
        phases = [at(pod, "status", "phase") for pod in pods]
        active = [pod for pod in pods if not ended(pod) and not deleting(pod)]
        succeeded, failed = phases.count("Succeeded"), phases.count("Failed")
        end = self._end(owner, succeeded, failed, len(active))
        if end is not None or owner["spec"].get("suspend"):
            for pod in active:
                self._dependents.remove_pod(owner, pod)
            active = []
        else:
            for _ in range(self._wanted(owner, succeeded) - len(active)):
                if self._dependents.create_pod(owner):
                    break
            pods = self._dependents.claimed(owner)
            active = [pod for pod in pods if not ended(pod) and not deleting(pod)]
        self._write_status(owner, active, succeeded, failed, end)

    def _wanted(self, owner: Object, succeeded: int) -> int:
        spec = owner["spec"]
        completions = spec.get("completions")
        if completions is None:
            return 0 if succeeded else int(spec["parallelism"])
        return int(min(spec["parallelism"], completions - succeeded))

    def _end(self, owner: Object, succeeded: int, failed: int, active: int) -> tuple[str, str, str] | None:
        """Type, reason and message of the condition that ends the job; None while it goes on."""
        spec = owner["spec"]
        completions = spec.get("completions")
        if succeeded >= (1 if completions is None else completions) and (completions is not None or not active):
            text = "Reached expected number of succeeded pods"
            return "Complete", "CompletionsReached", text
        if failed > spec["backoffLimit"]:
            return "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
        limit, started = spec.get("activeDeadlineSeconds"), moment_of(at(owner, "status", "startTime") or "")
        if limit is not None and started is not None:
            left = limit - (datetime.now(UTC) - started).total_seconds()
            if left <= 0:
                return "Failed", "DeadlineExceeded", "Job was active longer than specified deadline"
            self._again_in(left)
        return None

    def _write_status(
        self, owner: Object, active: list[Object], succeeded: int, failed: int, end: tuple[str, str, str] | None
    ) -> None:
        before, moment = owner.get("status") or {}, now()
        counts = {"active": len(active), "succeeded": succeeded, "failed": failed}
        status: Object = {key: value for key, value in counts.items() if value}
        status |= {"ready": sum(map(ready, active)), "terminating": 0}
        if not owner["spec"].get("suspend"):
            status["startTime"] = before.get("startTime") or moment
            limit = owner["spec"].get("activeDeadlineSeconds")
            if limit is not None and "startTime" not in before:
                self._again_in(limit)
        if end is not None:
            kind, reason, message = end
            first = "SuccessCriteriaMet" if kind == "Complete" else "FailureTarget"
            stated = {"status": "True", "reason": reason, "message": message}
            times = {"lastProbeTime": moment, "lastTransitionTime": moment}
            status["conditions"] = [{"type": condition_type, **stated, **times} for condition_type in (first, kind)]
            if kind == "Complete":
                status["completionTime"] = moment
            warning = kind == "Failed"
            self._dependents.say(owner, reason if warning else "Completed", message, warning=warning)
        self._dependents.write_status("jobs", owner, status)

    def _expire(self, owner: Object) -> None:
        """Delete a job that has ended for as long as it says."""
        keep = owner["spec"].get("ttlSecondsAfterFinished")
        since = moment_of(owner["status"]["conditions"][-1]["lastTransitionTime"])
        if keep is None or since is None:
            return
        left = keep - (datetime.now(UTC) - since).total_seconds()
        if left > 0:
            self._again_in(left)
        else:
            remove(self._store, "jobs", owner)


def _finished(job: Object) -> bool:
    conditions = at(job, "status", "conditions") or ()
    return any(
        condition["type"] in ("Complete", "Failed") and condition["status"] == "True" for condition in conditions
    )
