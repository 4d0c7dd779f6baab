"""A lab for tests and a small client of its API: plain HTTP, dicts in and out."""

import json
import re
import subprocess
import time
import urllib.error
import urllib.request

import yaml

from podwire.cluster.deployment.agent_archive import agent_archive
from podwire_lab.lifecycle import process

_KINDS = {
    "configmaps": "ConfigMap",
    "endpointslices": "EndpointSlice",
    "namespaces": "Namespace",
    "pods": "Pod",
    "securitygrouppolicies": "SecurityGroupPolicy",
    "services": "Service",
}


def start_lab(profile, **options):
    """A lab whose host outside runs the agent of this checkout."""
    return process.start_lab(profile, agent=agent_archive, **options)


class Api:
    """Requests to a lab's API server."""

    def __init__(self, lab):
        self.kubeconfig = str(lab.kubeconfig)
        config = yaml.safe_load(lab.kubeconfig.read_text())
        self._server = config["clusters"][0]["cluster"]["server"]
        self._token = config["users"][0]["user"]["token"]

    def __call__(self, method, path, body=None):
        if method == "POST":
            group, _, plural = path.rpartition("/")
            version = group.removeprefix("/apis/").removeprefix("/api/").partition("/namespaces")[0]
            body = {"apiVersion": version, "kind": _KINDS[plural], **body}
        data = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        request = urllib.request.Request(self._server + path, data=data, method=method, headers=headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read())

    def text(self, path):
        request = urllib.request.Request(self._server + path, headers={"Authorization": f"Bearer {self._token}"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read().decode()

    def exists(self, path):
        try:
            self("GET", path)
        except urllib.error.HTTPError as error:
            if error.code != 404:
                raise
            return False
        return True

    def pod(self, name, namespace="default"):
        return self("GET", f"/api/v1/namespaces/{namespace}/pods/{name}")

    def run(self, name, *command, namespace="default", container=None, **spec):
        """Create a pod with one container `c`."""
        made = {
            "name": "c",
            "image": "python:3.12",
            **({"command": list(command)} if command else {}),
            **(container or {}),
        }
        body = {
            "metadata": {"name": name, "labels": {"app": name}},
            "spec": {
                "restartPolicy": "Never",
                "terminationGracePeriodSeconds": 1,
                "automountServiceAccountToken": False,
                "containers": [made],
                **spec,
            },
        }
        return self("POST", f"/api/v1/namespaces/{namespace}/pods", body)

    def wait(self, name, met, namespace="default", seconds=10):
        """Wait until `met` is true of the pod. Returns the pod."""
        return until(lambda: (pod := self.pod(name, namespace)) and met(pod) and pod, seconds, lambda: self.pod(name))

    def exec(self, name, *command, namespace="default"):
        """Exit code and output through kubectl, without kubectl's own log lines."""
        words = ["kubectl", "--kubeconfig", self.kubeconfig, "exec", "-n", namespace, name, "--", *command]
        done = subprocess.run(words, capture_output=True, text=True, timeout=20, check=False)
        return done.returncode, done.stdout + re.sub(r"(?m)^[EWI]\d{4} .*\n?", "", done.stderr)


def until(met, seconds=10, shown=lambda: ""):
    """The first true result of `met`, tried every 20 ms."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = met()
        if answer:
            return answer
        time.sleep(0.02)
    raise AssertionError(f"not within {seconds} s: {shown()}")


def ready(pod):
    return any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", ()))


def phase(*names):
    return lambda pod: pod["status"].get("phase") in names


def state(pod):
    """The state of the pod's one container, e.g. ("waiting", {...})."""
    statuses = pod["status"].get("containerStatuses") or [{"state": {"waiting": {}}}]
    return next(iter(statuses[0]["state"].items()))
