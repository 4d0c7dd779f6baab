"""What kube-proxy of a Windows node logs about ports, from its pod or from its node, and what cannot be read."""

import pytest
from fake_api import kubeconfig, serving, status

from podwire.cluster.connect import connect
from podwire.cluster.discovery.proxy_log import PortMessages, port_messages
from podwire_lab.faults.limits import PORT_EXISTS

OTHER = "I1127 07:00:00.0 1 proxier.go:1] syncing\n"
POD_LOG = "/api/v1/namespaces/kube-system/pods/kube-proxy-windows-x/log"
NODE_LOG = "/api/v1/nodes/w-1/proxy/logs/"
NO_RIGHTS = status(403, "Forbidden", "you cannot do that")


class Server:
    """Answers of an API server: the names of the system's pods on a node, and logs by path."""

    def __init__(self):
        self.pods, self.logs, self.asked = ["coredns-1", "kube-proxy-windows-x"], {}, []

    def answer(self, method, path, query, body):
        if path == "/version":
            return 200, {"gitVersion": "v1.34.0"}
        self.asked.append((path, query))
        if path == "/api/v1/namespaces/kube-system/pods":
            return 200, {"items": [{"metadata": {"name": name}} for name in self.pods], "metadata": {}}
        found = self.logs.get(path, status(404, "NotFound", "the server could not find the requested resource"))
        return found if isinstance(found, tuple) else (200, found.encode())


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def rest(server, tmp_path):
    with serving(server.answer) as address:
        yield connect(kubeconfig(tmp_path / "k", address)).rest


def test_the_pod_of_the_node_is_read(server, rest):
    server.logs[POD_LOG] = OTHER + PORT_EXISTS + OTHER + PORT_EXISTS
    assert port_messages(rest, "w-1") == 2
    assert (
        "/api/v1/namespaces/kube-system/pods",
        {"limit": "500", "fieldSelector": "spec.nodeName=w-1"},
    ) in server.asked


def test_a_log_without_the_message_says_none(server, rest):
    server.logs[POD_LOG] = OTHER
    assert port_messages(rest, "w-1") == 0


@pytest.mark.parametrize("why", ["no pod", "no rights to its log"])
def test_else_the_log_of_the_node_is_asked_for(server, rest, why):
    if why == "no pod":
        server.pods = ["coredns-1"]
    server.logs |= {POD_LOG: NO_RIGHTS, NODE_LOG: PORT_EXISTS}
    assert port_messages(rest, "w-1") == 1
    assert server.asked[-1] == (NODE_LOG, {"query": "kube-proxy"})


def test_what_nobody_shows_is_not_known(server, rest):
    server.logs |= {POD_LOG: NO_RIGHTS, NODE_LOG: NO_RIGHTS}
    assert port_messages(rest, "w-1") is None
    assert PortMessages(rest, ["w-1"])("w-1") is None


def test_only_new_messages_count(server, rest):
    server.logs[POD_LOG] = PORT_EXISTS * 3
    new = PortMessages(rest, ["w-1"])
    assert new("w-1") == 0
    server.logs[POD_LOG] += PORT_EXISTS * 2
    assert new("w-1") == 2
    assert new("w-2") is None
    server.logs[POD_LOG] = PORT_EXISTS
    assert new("w-1") == 0, "a log that was begun anew has no fewer than none"
