#!/bin/sh
# kubernetes 35.0.0 (PyPI): an exec stream that is being opened takes REST calls of other threads with it.
#
# kubernetes.stream.stream() puts a WebSocket call in the place of api_client.request for the time of its call, and every
# thread that shares the client uses it. A list of pods that begins in that moment is sent as a WebSocket handshake: it
# ends with an error, although server, path and rights are right. One client for each thread does not help a program that
# hands one ApiClient to several API objects; one ApiClient for exec and another one for REST does.
#
# Seen (3.11, one client, the exec handshake held open by the server): the list fails with ApiException, "Handshake
# status 200 OK"; with a client of its own it succeeds. Exit code 0 as long as that is so, 1 when it changes.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"${PYTHON:-python3}" -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -q --disable-pip-version-check kubernetes==35.0.0 websocket-client==1.9.0
cat >"$work/try.py" <<'PY'
import http.server
import threading

from kubernetes import client
from kubernetes.stream import stream

opening, let_go = threading.Event(), threading.Event()


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        if "/exec" in self.path:
            opening.set()
            let_go.wait(20)
            self.send_error(404)
            return
        body = b'{"kind":"PodList","apiVersion":"v1","metadata":{},"items":[]}'
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *words):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()


def made():
    settings = client.Configuration(host=f"http://127.0.0.1:{server.server_port}")
    return client.CoreV1Api(client.ApiClient(settings))


def execute(api):
    try:
        stream(api.connect_get_namespaced_pod_exec, "pod", "default", command=["true"], stdout=True)
    except Exception:
        pass  # The server refuses the exec in the end; what happens meanwhile is the point.


shared, own = made(), made()
executing = threading.Thread(target=execute, args=(shared,), daemon=True)
executing.start()
assert opening.wait(20), "the exec did not reach the server"
outcomes = {}
for name, api in (("the same client", shared), ("a client of its own", own)):
    try:
        api.list_namespaced_pod("default", _request_timeout=5)
        outcomes[name] = "listed"
    except Exception as error:
        outcomes[name] = f"{type(error).__name__}: {str(error).split(chr(10))[1][:70]}"
let_go.set()
executing.join(20)
for name, outcome in outcomes.items():
    print(f"list of pods while an exec opens, by {name}: {outcome}")
assert "ApiException" in outcomes["the same client"], "the behaviour changed: the shared client lists"
assert outcomes["a client of its own"] == "listed"
PY
"$work/venv/bin/python" "$work/try.py"
