"""pods/portforward with the Python client, and what is wrong before it begins; kubectl's way: docs/kubectl.md."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import websocket
from kubernetes import client, config
from kubernetes.stream import portforward
from spdyclient import opened

from podwire_lab.kube_api import spdy
from podwire_lab.kube_api.forwards import TUNNEL

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"},
       "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "local:1"}]}}  # fmt: skip
PATH = "/api/v1/namespaces/default/pods/a"


@pytest.fixture
def port() -> Iterator[int]:
    """A server that answers what it got, in capitals, at the end of it."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                got = b""
                while data := connection.recv(65536):
                    got += data
                    if got.endswith(b"."):
                        break
                connection.sendall(got.upper())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield listener.getsockname()[1]
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5)


@pytest.fixture
def pod(api: Any) -> Any:
    api.ask("POST", "/api/v1/namespaces/default/pods", POD)
    api.until(PATH, lambda reply: reply.json["status"].get("phase") == "Running")
    return api


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def forwarded(api: Any, port: int) -> Any:
    core = client.CoreV1Api(config.new_client_from_config(str(api.kubeconfig)))
    return portforward(core.connect_get_namespaced_pod_portforward, "a", "default", ports=str(port))


def test_the_python_client_talks_to_a_port(pod: Any, port: int) -> None:
    forward = forwarded(pod, port)
    end = forward.socket(port)
    end.setblocking(True)
    end.sendall(b"x" * 200_000 + b".")
    got = b""
    while data := end.recv(65536):
        got += data
    assert (len(got), got[:1], forward.error(port)) == (200_001, b"X", None)


def test_the_python_client_is_told_why_there_is_no_connection(pod: Any) -> None:
    port = closed_port()
    forward = forwarded(pod, port)
    assert forward.socket(port).recv(10) == b""
    assert forward.error(port).startswith(f"error forwarding port {port} to pod a, uid ")


class Tunnel:
    """SPDY in a WebSocket, as kubectl speaks it."""

    def __init__(self, api: Any) -> None:
        url = f"{api.url.replace('http', 'ws')}{PATH}/portforward"
        header = {"Authorization": f"Bearer {api.token}"}
        self.socket = websocket.create_connection(url, 10, subprotocols=[TUNNEL], header=header)
        self.framer = spdy.Framer()

    def send(self, data: bytes) -> None:
        self.socket.send_binary(data)

    def frames(self) -> Iterator[spdy.Frame]:
        while data := self.socket.recv():
            yield from self.framer.received(data)


def streams(port: int) -> bytes:
    named = {"port": str(port), "requestid": "0"}
    return opened((1, {"streamtype": "error", **named}), (3, {"streamtype": "data", **named}))


def talked(frames: Iterator[spdy.Frame]) -> tuple[bytes, bytes]:
    """What came on the error and the data stream, once both have ended."""
    got, ended = {1: b"", 3: b""}, set()
    for frame in frames:
        if frame.kind is None:
            got[frame.stream] += frame.payload
            ended |= {frame.stream} if frame.last else set()
        if ended == {1, 3}:
            break
    return got[1], got[3]


def test_a_tunnel_carries_both_directions_until_their_ends(pod: Any, port: int) -> None:
    tunnel = Tunnel(pod)
    tunnel.send(streams(port) + spdy.data(1, b"", last=True) + spdy.data(3, b"to and "))
    tunnel.send(spdy.data(3, b"fro", last=True))
    assert talked(tunnel.frames()) == (b"", b"TO AND FRO")
    tunnel.socket.close()


def test_a_tunnel_answers_pings_and_tells_a_refusal(pod: Any) -> None:
    tunnel, refused = Tunnel(pod), closed_port()
    tunnel.send(spdy.control(spdy.PING, struct.pack("!I", 1)))
    frames = tunnel.frames()
    assert (next(frames).kind, True) == (spdy.PING, True)
    tunnel.send(streams(refused))
    error, data = talked(frames)
    assert (f"error forwarding port {refused} to pod a" in error.decode(), data) == (True, b"")
    tunnel.socket.close()


def test_a_tunnel_that_breaks_the_protocol_is_closed(pod: Any) -> None:
    tunnel = Tunnel(pod)
    tunnel.send(spdy.control(spdy.SYN_STREAM, b"\0" * 14))
    assert not tunnel.socket.recv()
    assert not tunnel.socket.connected


def test_what_cannot_be_forwarded_is_said_before_it_begins(pod: Any) -> None:
    assert "over WebSocket only" in pod.ask("POST", f"{PATH}/portforward").json["message"]
    assert pod.ask("GET", "/api/v1/namespaces/default/pods/b/portforward").status == 404
    assert pod.ask("POST", f"{PATH}/portforward", token="weak").status == 403
    header = {"Authorization": f"Bearer {pod.token}"}
    url = f"{pod.url.replace('http', 'ws')}{PATH}/portforward"
    for query, protocol in (("", "v4.channel.k8s.io"), ("?ports=0", "v4.channel.k8s.io"), ("?ports=80", "v9")):
        with pytest.raises(websocket.WebSocketBadStatusException, match="400"):
            websocket.create_connection(url + query, 5, subprotocols=[protocol], header=header)
