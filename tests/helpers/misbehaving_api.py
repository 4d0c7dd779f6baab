"""An API server that misbehaves on demand: the fake cluster, behind an HTTP server that can break its answers."""

import copy
import json
import re
import socket
import struct
import threading
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from fake_api import status

PATH = re.compile(
    r"/(?:api|apis/[^/]+)/v1(?:beta1)?(?:/namespaces/(?P<ns>[^/]+))?/(?P<plural>[a-z]+)(?:/(?P<name>.+))?"
)


@dataclass(frozen=True)
class Request:
    """A request. `number` counts the requests with this verb and kind, from 1."""

    verb: str
    plural: str
    name: str
    number: int
    query: dict
    body: object
    authorization: str


@dataclass(frozen=True)
class Act:
    """The server's reaction to one request.

    `done`: whether the server carries the request out first.
    `code`, `obj`, `headers`: parts that replace those of the true answer; `change` changes its object.
    `how`: `whole`; `reset` (no answer); `cut` (the JSON ends early); `short` (fewer bytes than promised); `slow` (byte
    by byte); `slow-head`; `silent`; `garbage` (no HTTP).
    """

    done: bool = True
    code: int = 0
    obj: object = None
    headers: dict = field(default_factory=dict)
    how: str = "whole"
    change: object = None


def refuse(code, reason="", message="no", done=False, **headers):
    """An act that answers with a Status."""
    _, obj = status(code, reason, message)
    return Act(done=done, code=code, obj=obj, headers=headers)


RESET = Act(how="reset")
RESET_BEFORE = Act(how="reset", done=False)
SILENT = Act(how="silent")
CUT = Act(how="cut")


class MisbehavingApi:
    """`rule(request)` gives an `Act`, or None for the true answer. `heal()` ends all misbehaviour."""

    def __init__(self, cluster, rule):
        self.cluster, self.rule = cluster, rule
        self.count = Counter()
        self.ended = threading.Event()
        self._lock = threading.Lock()

    def heal(self):
        self.rule = lambda request: None

    def acted(self, method, url, body, authorization):
        """The act and the true answer for a request; changes the cluster as the act says."""
        found = PATH.fullmatch(url.path)
        parts = found.groupdict() if found else {}
        plural, name = parts.get("plural") or "", parts.get("name") or ""
        if parts.get("ns") and plural == "":
            plural = "namespaces"
        namespaces = re.fullmatch(r"/api/v1/namespaces(?:/([^/]+))?", url.path)
        if namespaces:
            plural, name = "namespaces", namespaces[1] or ""
        verb = {"GET": "get" if name else "list", "POST": "create", "PATCH": "apply", "DELETE": "delete"}[method]
        plural = plural or url.path.strip("/")
        query = {key: values[0] for key, values in parse_qs(url.query).items()}
        with self._lock:
            self.count[verb, plural] += 1
            number = self.count[verb, plural]
        act = self.rule(Request(verb, plural, name, number, query, body, authorization)) or Act()
        code, obj = self.cluster.answer(method, url.path, query, body)[:2] if act.done else (200, {})
        if act.change is not None:
            obj = act.change(copy.deepcopy(obj))
        return act, act.code or code, obj if act.obj is None else act.obj


@contextmanager
def misbehaving(cluster, rule):
    """The URL of a misbehaving server, and its `MisbehavingApi`."""
    api = MisbehavingApi(cluster, rule)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = 0

        def _answer(self):
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            token = self.headers.get("Authorization", "")
            act, code, obj = api.acted(self.command, urlsplit(self.path), body, token)
            data = obj if isinstance(obj, bytes) else json.dumps(obj).encode()
            promised = len(data)
            if act.how == "cut":
                data, promised = data[: len(data) // 2], len(data) // 2
            head = {"Content-Length": str(promised), **act.headers}
            lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
            whole = f"HTTP/1.1 {code} X\r\n{lines}\r\n".encode() + data
            try:
                self._put(act.how, whole, len(whole) - len(data))
            except OSError:
                self.close_connection = True

        def _put(self, how, whole, head):
            if how in ("whole", "cut"):
                self.wfile.write(whole)
                return
            self.close_connection = True
            if how == "garbage":
                self.wfile.write(b"SSH-2.0-OpenSSH_9.6\r\n")
            elif how == "short":
                self.wfile.write(whole[: head + (len(whole) - head) // 2])
            elif how == "silent":
                api.ended.wait(20)
            elif how in ("slow", "slow-head"):
                at = head if how == "slow" else 0
                self.wfile.write(whole[:at])
                while at < len(whole) and not api.ended.wait(0.05):
                    self.wfile.write(whole[at : at + 1])
                    at += 1
            if how == "reset":
                linger = struct.pack("ii", 1, 0)
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.connection.close()

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", api
    finally:
        api.ended.set()
        server.shutdown()
        server.server_close()
