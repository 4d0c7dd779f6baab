"""A small Kubernetes API server for the tests of the cluster's side: answers by a function, or from a store."""

import json
import re
import threading
from collections import deque
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import yaml

PLURALS = {"Namespace": "namespaces", "Pod": "pods", "Service": "services", "ConfigMap": "configmaps"}
PATH = re.compile(
    r"/(?:api|apis/[^/]+)/v1(?:beta1)?(?:/namespaces/(?P<ns>[^/]+))?/(?P<plural>[a-z]+)(?:/(?P<name>[^/]+))?"
)
NAMESPACES = re.compile(r"/api/v1/namespaces(?:/(?P<name>[^/]+))?")


def status(code, reason, message):
    """A Status object of an API server."""
    return code, {"kind": "Status", "status": "Failure", "reason": reason, "message": message, "code": code}


@contextmanager
def serving(answer):
    """An HTTP server on loopback; `answer(method, path, query, body)` gives (status, object or bytes[, headers])."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # one segment an answer, or each costs the client's delayed acknowledgement

        def _answer(self):
            url = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            code, obj, *headers = answer(self.command, url.path, query, body)
            data = obj if isinstance(obj, bytes) else json.dumps(obj).encode()
            self.send_response(code)
            for name, value in {"Content-Length": str(len(data)), **(headers[0] if headers else {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def kubeconfig(path, server, *, user=None, **cluster):
    """Write a kubeconfig with one context, `test`, and return its path."""
    tree = {
        "current-context": "test",
        "contexts": [{"name": "test", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "u", "user": user or {"token": "t"}}],
    }
    path.write_text(yaml.safe_dump(tree))
    return path


class FakeCluster:
    """A store of objects behind `answer`. `pod_status(pod)` makes the status that pods are listed with."""

    def __init__(self, nodes=(), pod_status=None, refuse=None):
        self.objects = {("nodes", None, n["metadata"]["name"]): n for n in nodes}
        self.pod_status = pod_status or (lambda pod: running(pod, len(self.objects)))
        self.refuse = refuse or (lambda method, plural, obj: None)
        self.requests = deque()
        self.endless = False
        self._lock = threading.Lock()

    def names(self, plural):
        return sorted(name for kind, _, name in self.objects if kind == plural)

    def answer(self, method, path, query, body):
        with self._lock:
            self.requests.append((method, path, query))
            if path == "/version":
                return 200, {"gitVersion": "v1.34.0"}
            match = NAMESPACES.fullmatch(path) or PATH.fullmatch(path)
            if not match:
                return 404, b"404 page not found"
            found = match.groupdict()
            plural, ns, name = found.get("plural", "namespaces"), found.get("ns"), found.get("name")
            refusal = self.refuse(method, plural, body)
            return refusal or getattr(self, f"_{method.lower()}")(plural, ns, name, query, body)

    def _get(self, plural, ns, name, query, body):
        if name:
            obj = self.objects.get((plural, ns, name))
            return (200, obj) if obj else status(404, "NotFound", f'{plural} "{name}" not found')
        wanted = [pair.split("=") for pair in query.get("labelSelector", "").split(",") if pair]
        chosen = [
            obj
            for (kind, where, _), obj in self.objects.items()
            if kind == plural
            and (ns is None or ns == where)
            and all((obj["metadata"].get("labels") or {}).get(key) == value for key, value in wanted)
        ]
        if plural == "pods":
            chosen = [self._placed({**pod, "status": self.pod_status(pod)}) for pod in chosen]
        if plural == "endpointslices":
            chosen = [
                {
                    "metadata": {"name": name, "labels": {"kubernetes.io/service-name": name}},
                    "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
                }
                for name in self.names("services")
            ]
        return 200, {"items": chosen, "metadata": {}}

    def _placed(self, pod):
        """The pod on the node that its selector names, unless its spec names the node."""
        wanted = pod.get("spec", {}).get("nodeSelector", {}).get("kubernetes.io/hostname")
        nodes = [obj["metadata"] for (kind, _, _), obj in self.objects.items() if kind == "nodes"]
        fitting = [
            node["name"]
            for node in nodes
            if (node.get("labels") or {}).get("kubernetes.io/hostname", node["name"]) == wanted
        ]
        return {**pod, "spec": {"nodeName": fitting[0], **pod["spec"]}} if fitting else pod

    def _post(self, plural, ns, name, query, body):
        key = (plural, ns, body["metadata"]["name"])
        if key in self.objects:
            return status(409, "AlreadyExists", f'{plural} "{key[2]}" already exists')
        body["metadata"].setdefault("creationTimestamp", "2026-11-24T00:00:00Z")
        self.objects[key] = body
        return 201, body

    def _patch(self, plural, ns, name, query, body):
        if plural == "services" and body["spec"].get("clusterIP") != "None":
            number = len(self.objects)
            body["spec"] |= {"clusterIPs": [f"10.96.0.{number}", f"fd10:96::{number}"]}
        self.objects[plural, ns, name] = body
        return 201, body

    def _delete(self, plural, ns, name, query, body):
        if plural == "namespaces" and self.endless:
            self.objects[plural, ns, name]["metadata"]["deletionTimestamp"] = "2026-11-24T00:00:00Z"
            self.objects[plural, ns, name]["status"] = {
                "conditions": [
                    {"type": "NamespaceContentRemaining", "status": "True", "message": "pods. has 1 resource"}
                ]
            }
            return 200, {}
        deleted = [
            key
            for key in self.objects
            if (plural == "namespaces" and (key[1] == name or key == (plural, ns, name)))
            or (name is None and key[:2] == (plural, ns))
        ]
        for key in deleted:
            del self.objects[key]
        return 200, {}


def running(pod, number=1):
    """The status of a pod that is ready."""
    return {
        "phase": "Running",
        "conditions": [{"type": "Ready", "status": "True"}],
        "podIPs": [{"ip": f"10.244.0.{number}"}, {"ip": f"fd10::{number}"}],
    }
