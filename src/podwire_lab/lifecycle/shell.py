"""A terminal in a pod of the lab that stays up (`podwire lab shell POD`): exec over the API, as kubectl does it."""

from __future__ import annotations

import json
import os
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

import websocket

from podwire_lab.lifecycle.access import LabApi, lab_api
from podwire_lab.lifecycle.process import LabError

_PROTOCOL = "v5.channel.k8s.io"
_STDIN, _STDOUT, _STDERR, _STATUS = range(4)


def lab_shell(pod: str, command: tuple[str, ...] = ("sh",)) -> int:
    """Run a command in a pod (`NAME` or `NAMESPACE/NAME`) on this terminal. Returns its exit code.

    Raises:
        LabError: no lab is up, there is no such pod, or the command cannot start; the text is one line.
    """
    api = lab_api()
    server, token = api.server, api.token
    namespace, name = _find(api, pod)
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    query = [("command", word) for word in command]
    query += [
        ("stdin", "true"),
        ("stdout", "true"),
        ("stderr", str(not terminal).lower()),
        ("tty", str(terminal).lower()),
    ]
    path = f"/api/v1/namespaces/{quote(namespace)}/pods/{quote(name)}/exec?{urlencode(query)}"
    try:
        connection = websocket.create_connection(
            server.replace("http", "ws", 1) + path,
            subprotocols=[_PROTOCOL],
            header={"Authorization": f"Bearer {token}"},
            suppress_origin=True,
        )
    except websocket.WebSocketBadStatusException as error:
        why = (error.resp_body or b"").decode(errors="replace").strip() or f"status {error.status_code}"
        raise LabError(f"cannot run a command in pod {namespace}/{name}: {why}") from error
    except (OSError, websocket.WebSocketException) as error:
        raise LabError(f"cannot run a command in pod {namespace}/{name}: {error}") from error
    try:
        with _raw(terminal):
            return _converse(connection)
    finally:
        connection.close()


def _find(api: LabApi, pod: str) -> tuple[str, str]:
    """The namespace and name of the one running pod that `pod` means."""
    items = api.ask("GET", "/api/v1/pods")["items"]
    names = [(item["metadata"]["namespace"], item["metadata"]["name"]) for item in items]
    matches = [(namespace, name) for namespace, name in names if pod in (name, f"{namespace}/{name}")]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise LabError(f"several namespaces have a pod {pod}; name one of: {', '.join(map('/'.join, matches))}")
    raise LabError(f"no pod {pod} in the lab; its pods: {', '.join(map('/'.join, names)) or 'none'}")


@contextmanager
def _raw(terminal: bool) -> Iterator[None]:
    """Switch off line editing in the user's terminal: the pod's terminal does it."""
    if not terminal:
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setraw(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


def _converse(connection: websocket.WebSocket) -> int:
    threading.Thread(target=_send_input, args=(connection,), daemon=True).start()
    while True:
        try:
            message = connection.recv()
        except websocket.WebSocketConnectionClosedException:
            return 1
        data = message if isinstance(message, bytes) else message.encode()
        if not data:
            return 1
        if data[0] == _STATUS:
            return _exit_code(json.loads(data[1:]))
        if data[0] in (_STDOUT, _STDERR):
            os.write(1 if data[0] == _STDOUT else 2, data[1:])


def _send_input(connection: websocket.WebSocket) -> None:
    try:
        while data := os.read(0, 4096):
            connection.send_binary(bytes([_STDIN]) + data)
        connection.send_binary(bytes([255, _STDIN]))
    except (OSError, websocket.WebSocketException):
        return  # the command has ended


def _exit_code(status: dict[str, Any]) -> int:
    if status.get("status") == "Success":
        return 0
    causes = (status.get("details") or {}).get("causes") or ()
    for cause in causes:
        if cause.get("reason") == "ExitCode":
            return int(cause["message"])
    raise LabError(str(status.get("message", "the command failed")))
