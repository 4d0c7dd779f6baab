"""The end of the server: streams that are open do not hold it up."""

from __future__ import annotations

import contextlib
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
import websocket


@pytest.fixture
def running(api: Any) -> Any:
    """The context manager behind the fixture, to end a server within a test."""
    return sys.modules[type(api).__module__].running


def test_open_watches_and_execs_end_with_the_server(running: Any, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(running(tmp_path))
        pods = "/api/v1/namespaces/default/pods"
        container = {"name": "x", "image": "local:1"}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
                "spec": {"nodeName": "n1", "containers": [container]}}  # fmt: skip
        api.ask("POST", pods, body)
        api.until(f"{pods}/a", lambda reply: reply.json["status"]["phase"] == "Running")
        request = urllib.request.Request(f"{api.url}{pods}?watch=true")
        request.add_header("Authorization", f"Bearer {api.token}")
        watch = stack.enter_context(urllib.request.urlopen(request, timeout=10))
        assert b"ADDED" in watch.readline()
        socket = websocket.create_connection(
            api.url.replace("http", "ws", 1) + f"{pods}/a/exec?command=sleep&command=60&stdout=true",
            header=[f"Authorization: Bearer {api.token}"],
            subprotocols=["v5.channel.k8s.io"],
            timeout=10,
        )
        assert socket.recv() == b"\x01"
        [process] = next(iter(api.nodes.processes.values()))
        started = time.monotonic()
        api.call(api.runner.cleanup())
        assert time.monotonic() - started < 2
        assert watch.readline() == b""
        assert socket.recv_data()[0] == websocket.ABNF.OPCODE_CLOSE
        assert api.call(process.wait()) == 137
