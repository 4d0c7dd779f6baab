"""pods/exec, frame by frame, against the recording of a real API server and kubelet."""

from __future__ import annotations

import json
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import websocket

RECORDED = json.loads((Path(__file__).parent / "recordings" / "exec.json").read_text())
SOCKETS = [each for each in RECORDED if "frames" in each]
REFUSED = [each for each in RECORDED if "handshake" in each]
V5 = "v5.channel.k8s.io"


def pod(name: str, image: str = "local/python:1", **spec: Any) -> dict[str, Any]:
    container = {"name": "x" if spec else "probe", "image": image, "command": ["sh", "-c", "echo out; exit 3"]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name},
        "spec": {"nodeName": "n1", "containers": [container], **spec},
    }


@pytest.fixture(scope="module")
def cluster(shared_api: Any) -> Any:
    api = shared_api
    api.ask("POST", "/api/v1/namespaces", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "rec"}})
    pods = (pod("a"), pod("b"), pod("ends", restartPolicy="Never"), pod("noimage", "local/none:1", priority=0))
    for each in pods:
        assert api.ask("POST", "/api/v1/namespaces/rec/pods", each).status == 201
    for each in pods:
        path = f"/api/v1/namespaces/rec/pods/{each['metadata']['name']}"
        api.until(path, lambda reply: "containerStatuses" in reply.json["status"])
    return api


def connect(api: Any, path: str, offered: list[str]) -> websocket.WebSocket:
    return websocket.create_connection(
        api.url.replace("http", "ws", 1) + path,
        header=[f"Authorization: Bearer {api.token}"],
        subprotocols=offered,
        timeout=10,
    )


def frames_of(socket: websocket.WebSocket) -> tuple[list[tuple[int, bytes]], int | None]:
    """Every (channel, data) until the server closes, and its code."""
    frames = []
    while True:
        code, data = socket.recv_data()
        if code == websocket.ABNF.OPCODE_CLOSE:
            return frames, int.from_bytes(data[:2], "big")
        assert code == websocket.ABNF.OPCODE_BINARY
        frames.append((data[0], data[1:]))


def joined(frames: list[tuple[int, bytes]]) -> dict[int, bytes]:
    """Bytes by channel: how output is cut is not promised."""
    result: dict[int, bytes] = {}
    for channel, data in frames:
        result[channel] = result.get(channel, b"") + data
    return result


@pytest.mark.parametrize("recorded", SOCKETS, ids=lambda each: each["title"])
def test_an_exec_is_carried_as_recorded(cluster: Any, recorded: dict[str, Any]) -> None:
    socket = connect(cluster, recorded["path"], recorded["offered"])
    assert socket.getsubprotocol() == recorded["chosen"]
    if "killed during" in recorded["title"]:
        cluster.ask("DELETE", "/api/v1/namespaces/rec/pods/b?gracePeriodSeconds=0")
    sent = b""
    for frame in recorded["frames"]:
        if "raw" in frame:
            socket.send_binary(bytes.fromhex(frame["raw"]))
        elif "to" in frame:
            data = bytes(range(256)) if frame["bytes"] == 256 else frame["data"].encode()
            assert len(data) == frame["bytes"]
            socket.send_binary(b"\x00" + data)
            sent += data
    if any("(ended by)" in frame for frame in recorded["frames"]):
        assert [socket.recv(), socket.recv()] == [b"\x01", b"\x01" + sent]
        socket.settimeout(0.2)
        with pytest.raises(websocket.WebSocketTimeoutException):
            socket.recv()
        socket.shutdown()
        return
    frames, close = frames_of(socket)
    expected = [frame for frame in recorded["frames"] if "from" in frame]
    assert close == expected[-1]["close"]
    assert frames[0] == (1, b"")
    assert max(len(data) for _, data in frames) <= 32 * 1024
    found = joined(frames)
    sizes: dict[int, int] = {}
    for frame in expected[:-1]:
        sizes[frame["channel"]] = sizes.get(frame["channel"], 0) + frame["bytes"]
    assert found.keys() == sizes.keys()
    if sent:
        assert found[1] == sent
    for frame in expected[:-1]:
        if frame["channel"] == 3 and len(frame["data"]) == frame["bytes"]:
            assert json.loads(found[3]) == json.loads(frame["data"])
        elif frame["channel"] == 3:  # the recording is cut: the runtime's own words
            common = re.match(r".*?failed to exec in container: ", frame["data"])
            assert common is not None
            assert found[3].decode().startswith(common[0])
            assert json.loads(found[3])["reason"] == "InternalError"
        elif frame["channel"] in (1, 2):
            assert len(found[frame["channel"]]) == sizes[frame["channel"]]


@pytest.mark.parametrize("recorded", REFUSED, ids=lambda each: each["title"])
def test_an_exec_is_refused_as_recorded(cluster: Any, recorded: dict[str, Any]) -> None:
    with pytest.raises(websocket.WebSocketBadStatusException) as refusal:
        connect(cluster, recorded["path"], recorded["offered"])
    handshake = recorded["handshake"]
    assert refusal.value.status_code == handshake["status"]
    assert (refusal.value.resp_body or b"").decode() == handshake["body"]
    for name, value in handshake["headers"].items():
        assert refusal.value.resp_headers[name] == value


def test_a_ping_is_answered_while_a_command_runs(cluster: Any) -> None:
    socket = connect(cluster, "/api/v1/namespaces/rec/pods/a/exec?command=cat&stdin=true&stdout=true", [V5])
    assert socket.recv() == b"\x01"
    socket.ping(b"alive")
    assert socket.recv_data_frame(control_frame=True)[0] == websocket.ABNF.OPCODE_PONG
    socket.close()


def test_a_command_ends_with_its_client(cluster: Any) -> None:
    socket = connect(cluster, "/api/v1/namespaces/rec/pods/a/exec?command=sleep&command=60&stdout=true", [V5])
    assert socket.recv() == b"\x01"
    uid = cluster.ask("GET", "/api/v1/namespaces/rec/pods/a").json["metadata"]["uid"]
    process = cluster.nodes.processes[uid][-1]
    socket.shutdown()
    assert cluster.call(process.wait()) == 137


def test_a_command_that_waits_for_its_input_sees_it_end_with_its_client(cluster: Any) -> None:
    path = "/api/v1/namespaces/rec/pods/a/exec?command=sh&command=-c&command=cat%3B%20exit%207&stdin=true&stdout=true"
    socket = connect(cluster, path, [V5])
    assert socket.recv() == b"\x01"
    uid = cluster.ask("GET", "/api/v1/namespaces/rec/pods/a").json["metadata"]["uid"]
    process = cluster.nodes.processes[uid][-1]
    socket.shutdown()
    assert cluster.call(process.wait()) == 7


def test_bad_exec_requests_say_what_is_missing(cluster: Any) -> None:
    path = "/api/v1/namespaces/rec/pods/a/exec?command=true"
    assert "at least 1 of stdin, stdout, stderr" in cluster.ask("GET", path).json["message"]
    reply = cluster.ask("POST", path + "&stdout=true")
    assert (reply.status, reply.json["reason"]) == (400, "BadRequest")


def test_thousands_of_small_messages_go_through_one_exec_in_order(cluster: Any) -> None:
    socket = connect(cluster, "/api/v1/namespaces/rec/pods/a/exec?command=cat&stdin=true&stdout=true", [V5])
    lines = [f"{number:07d}\n".encode() for number in range(5000)]

    def send() -> None:
        for line in lines:
            socket.send_binary(b"\x00" + line)
        socket.send_binary(b"\xff\x00")

    sender = threading.Thread(target=send)
    started = time.monotonic()
    sender.start()
    frames, _ = frames_of(socket)
    sender.join()
    assert joined(frames)[1] == b"".join(lines)
    assert time.monotonic() - started < 10
