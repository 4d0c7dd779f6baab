"""Every way in which exec is refused is a typed error of one line; what cannot change is not worth another try."""

import socket

import pytest
from exec_server import RECORDINGS, configuration, exec_server

from podwire.cluster.exec.channel import (
    ContainerNotRunning,
    ContainerUnknown,
    ExecChannel,
    ExecForbidden,
    ExecRefused,
    ExecUnauthorized,
    PodNotFound,
)
from podwire.errors import ApiError, ClusterError, Forbidden, NotFound, Unauthorized, Unreachable
from podwire.probing.client import AgentClient, ChannelLost

FORBIDDEN = (
    '{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"pods \\"a\\" is forbidden: User '
    '\\"eve\\" cannot get resource \\"pods/exec\\" in API group \\"\\" in the namespace \\"rec\\"",'
    '"reason":"Forbidden","code":403}'
)
UNAUTHORIZED = (
    '{"kind":"Status","apiVersion":"v1","status":"Failure","message":"Unauthorized","reason":"Unauthorized","code":401}'
)


@pytest.fixture
def server():
    with exec_server() as one:
        yield one


def opened(server, **more):
    return ExecChannel(configuration(server, **more), "rec", "none", "x", ["true"], timeout=2)


@pytest.mark.parametrize(
    ("title", "kind", "text", "permanent"),
    [
        ("no such pod", PodNotFound, 'cannot exec in pod rec/none: pods "none" not found (404)', True),
        (
            "no such container",
            ContainerUnknown,
            "cannot exec in pod rec/none: container nope is not valid for pod a (400)",
            True,
        ),
        (
            "pod that has ended",
            ContainerNotRunning,
            'cannot exec in pod rec/none: container not found ("x") (500)',
            False,
        ),
        (
            "pod whose container waits",
            ContainerNotRunning,
            'cannot exec in pod rec/none: container not found ("x") (500)',
            False,
        ),
    ],
)
def test_recorded_refusals(server, title, kind, text, permanent):
    server.play = title
    with pytest.raises(ExecRefused) as refused:
        opened(server)
    assert type(refused.value) is kind
    assert str(refused.value) == text
    assert refused.value.permanent is permanent


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (
            403,
            FORBIDDEN,
            ExecForbidden,
            'resource pods/exec): pods "a" is forbidden: User "eve" cannot get resource "pods/exec"',
        ),
        (
            403,
            "",
            ExecForbidden,
            "not allowed to exec in pod rec/none (verb get or create, resource pods/exec): no message",
        ),
        (401, UNAUTHORIZED, ExecUnauthorized, "401 Unauthorized: the credentials are missing, wrong or expired"),
        (503, "no healthy upstream\n", ContainerNotRunning, "cannot exec in pod rec/none: no healthy upstream (503)"),
        (418, "x", ExecRefused, "cannot exec in pod rec/none: x (418)"),
    ],
)
def test_other_refusals(server, monkeypatch, status, body, kind, text):
    monkeypatch.setitem(RECORDINGS, "now", {"handshake": {"status": status, "headers": {}, "body": body}})
    server.play = "now"
    with pytest.raises(ExecRefused) as refused:
        opened(server)
    assert type(refused.value) is kind
    assert refused.value.status == status
    assert text in str(refused.value)
    assert "\n" not in str(refused.value)


def test_refusals_are_the_errors_of_the_rest_client_too():
    for kind, known in ((PodNotFound, NotFound), (ExecForbidden, Forbidden), (ExecUnauthorized, Unauthorized)):
        assert issubclass(kind, (known, ApiError))
        assert kind.exit_code == 3


def test_a_server_that_is_not_there(server):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(Unreachable, match=f"API server {host}: no exec stream: Connection refused"):
            opened(server, host=host)


def test_a_name_that_is_none(server):
    with pytest.raises(Unreachable, match="its name cannot be resolved"):
        opened(server, host="http://nothing.invalid")


def test_a_server_that_does_not_answer(server):
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(Unreachable, match="no answer in time"):
        opened(server, host=f"http://127.0.0.1:{silent.getsockname()[1]}")


def test_a_web_server_that_is_no_api_server(server, monkeypatch):
    monkeypatch.setitem(RECORDINGS, "now", {"handshake": {"status": 200, "headers": {}, "body": "hello"}})
    server.play = "now"
    with pytest.raises(ClusterError, match=r"cannot exec in pod rec/none: hello \(200\)"):
        opened(server)


def test_the_environments_proxy_is_not_used(server, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    server.play = "exit code 3"
    channel = opened(server)
    channel.close()


def test_a_proxy_of_the_configuration_is(server):
    server.play = "exit code 3"
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.settimeout(5)
        settings = {"proxy": f"http://me:pw@127.0.0.1:{proxy.getsockname()[1]}", "host": "http://cluster.example:6443"}
        with pytest.raises(Unreachable):
            opened(server, **settings)
        asked, _ = proxy.accept()
        with asked:
            head = asked.recv(4096).decode()
    assert head.startswith("CONNECT cluster.example:6443 HTTP/1.1\r\n")
    assert "Proxy-Authorization: Basic bWU6cHc=" in head


def test_a_client_stops_at_once_when_the_pod_is_gone_and_tries_again_while_it_starts(server):
    server.play = "no such pod"
    with pytest.raises(ChannelLost, match=r'pods "none" not found \(404\)$'):
        AgentClient("a", lambda: opened(server), pause=0.01).call("hello").result(10)
    assert len(server.requests) == 1
    server.play = "pod whose container waits"
    with pytest.raises(ChannelLost, match=r"container not found .* \(tried 3 times\)"):
        AgentClient("a", lambda: opened(server), tries=3, pause=0.01).call("hello").result(10)
    assert len(server.requests) == 4


def test_a_client_tells_why_the_agent_did_not_start(server):
    server.play = "command not found"
    with pytest.raises(ChannelLost, match=r"Internal error occurred: .* OCI runtime exec failed"):
        AgentClient("a", lambda: opened(server), tries=1).call("hello").result(10)
