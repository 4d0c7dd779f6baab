"""A server that cannot be used is one line with its address and the reason, after a bounded wait."""

import socket
import sys
import time

import pytest
from fake_api import kubeconfig, serving, status

from podwire.cluster.connect import connect
from podwire.cluster.transport import Patience
from podwire.errors import ClusterError, Forbidden, NotFound

SOON = Patience(connect=0.5, answer=0.5, total=0.3)
VERSION = {"gitVersion": "v1.34.0-eks-1"}


def refusal(tmp_path, server, **user):
    began = time.monotonic()
    with pytest.raises(ClusterError) as caught:
        connect(kubeconfig(tmp_path / "k", server, user=user or None), patience=SOON)
    assert time.monotonic() - began < 5
    assert caught.value.exit_code == 3
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_port_where_nobody_listens(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = f"http://127.0.0.1:{listener.getsockname()[1]}"
    assert refusal(tmp_path, server) == f"API server {server}: no connection: Connection refused"


def test_a_server_that_says_nothing(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert refusal(tmp_path, server) == f"API server {server}: connected, but no answer came in time"


def test_a_server_that_speaks_no_tls(tmp_path):
    with serving(lambda *_: (200, VERSION)) as server:
        assert "TLS: " in refusal(tmp_path, server.replace("http:", "https:"))


def test_a_name_that_is_nowhere(tmp_path):
    assert refusal(tmp_path, "http://nowhere.invalid").endswith("its name cannot be resolved")


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (
            status(401, "Unauthorized", "Unauthorized"),
            "401 Unauthorized: the credentials are missing, wrong or expired (user 'u'",
        ),
        ((200, b"<html>welcome</html>"), "something that is not a JSON object ('<html>welcome</html>')"),
        ((200, {"hello": 1}), "check that this address is a Kubernetes API server"),
        ((404, b"no such page"), "answered 404 to get /version without a Kubernetes status ('no such page')"),
        ((200, {"gitVersion": "v1.24.17"}), "is Kubernetes 1.24.17; podwire needs 1.26 or newer"),
        (status(500, "InternalError", "etcd is down"), "cannot get /version: etcd is down (500)"),
    ],
)
def test_an_answer_that_cannot_be_used(tmp_path, answer, said):
    with serving(lambda *_: answer) as server:
        assert said in refusal(tmp_path, server)


def test_a_plugin_that_gives_no_credentials(tmp_path):
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": ["-c", "exit(3)"]}
    with serving(lambda *_: (200, VERSION)) as server:
        said = refusal(tmp_path, server, exec=plugin)
        assert f"user 'u': no credentials: its exec plugin {sys.executable} ended with exit code 3" in said


def test_a_connection_knows_its_server_and_version(tmp_path):
    with serving(lambda *_: (200, VERSION)) as server:
        connection = connect(kubeconfig(tmp_path / "k", server))
    assert (connection.name, connection.server, connection.version) == ("test", server, "1.34.0-eks-1")


def test_a_server_that_hides_its_version_is_taken(tmp_path):
    with serving(lambda *_: status(403, "Forbidden", "no")) as server:
        assert connect(kubeconfig(tmp_path / "k", server)).version == ""


def test_a_busy_server_is_asked_again_and_its_pages_are_joined(tmp_path):
    asked = []

    def answer(method, path, query, body):
        if path == "/version":
            return 200, VERSION
        asked.append(query.get("continue"))
        if len(asked) == 1:
            return 429, b"slow down", {"Retry-After": "0"}
        more = {} if query.get("continue") else {"continue": "next"}
        return 200, {"items": [{"metadata": {"name": str(len(asked))}}], "metadata": more}

    with serving(answer) as server:
        pods = connect(kubeconfig(tmp_path / "k", server)).rest.list("pods")
    assert asked == [None, None, "next"]
    assert [(pod["kind"], pod["metadata"]["name"]) for pod in pods] == [("Pod", "2"), ("Pod", "3")]


def test_a_forbidden_verb_is_named_with_its_resource_and_namespace(tmp_path):
    words = 'pods is forbidden: User "weak" cannot create resource "pods" in API group "" in the namespace "a"'
    with serving(lambda method, *_: (200, VERSION) if method == "GET" else status(403, "Forbidden", words)) as server:
        rest = connect(kubeconfig(tmp_path / "k", server)).rest
        with pytest.raises(Forbidden, match="not allowed to create pods in namespace a: pods is forbidden: User"):
            rest.create({"kind": "Pod", "metadata": {"namespace": "a", "name": "b"}})


def test_a_kind_that_the_server_does_not_have_is_not_found(tmp_path):
    def answer(method, path, query, body):
        return (200, VERSION) if path == "/version" else (404, b"404 page not found")

    with serving(answer) as server, pytest.raises(NotFound):
        connect(kubeconfig(tmp_path / "k", server)).rest.list("ippools")
