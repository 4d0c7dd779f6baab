"""Port-forward into real pods of the lab, with the Python client: each system, each family, the node's network."""

import pytest
from kubernetes import client, config
from kubernetes.stream import portforward
from runninglab import Api, ready, start_lab

SERVER = """
import socket, sys
end = socket.create_server((sys.argv[1], 7000), family=socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET)
print("up", flush=True)
while True:
    connection, peer = end.accept()
    connection.sendall(peer[0].encode())
    connection.close()
"""


@pytest.fixture(scope="module")
def lab():
    with start_lab("overlay-flannel-vxlan") as started:
        yield started


@pytest.fixture(scope="module")
def api(lab):
    return Api(lab)


@pytest.fixture(scope="module")
def core(lab):
    return client.CoreV1Api(config.new_client_from_config(str(lab.kubeconfig)))


def answer(core, name, port=7000, namespace="default"):
    forward = portforward(core.connect_get_namespaced_pod_portforward, name, namespace, ports=str(port))
    end = forward.socket(port)
    end.settimeout(10)
    got = b""
    while data := end.recv(4096):
        got += data
    return got.decode(), forward.error(port)


@pytest.mark.parametrize(
    ("name", "node", "address", "spec"),
    [
        ("v4", "linux-1", "127.0.0.1", {}),
        ("v6", "linux-1", "::1", {}),
        ("windows", "windows-1", "127.0.0.1", {}),
        ("host", "linux-2", "127.0.0.1", {"hostNetwork": True}),
    ],
)
def test_a_port_of_the_loopback_answers(api, core, name, node, address, spec):
    api.run(name, "python", "-c", SERVER, address, nodeName=node, **spec)
    api.wait(name, ready)
    said, error = until_up(core, name)
    assert (said, error) == (address, None)


def until_up(core, name):
    """The first answer: a pod without a readiness probe is ready before its server listens."""
    for _ in range(200):
        said, error = answer(core, name)
        if said:
            break
    return said, error


def test_a_port_that_nobody_listens_on_is_told(api, core):
    api.run("deaf", "python", "-c", "import signal; signal.pause()", nodeName="linux-1")
    api.wait("deaf", ready)
    said, error = answer(core, "deaf")
    assert (said, "127.0.0.1: connection refused, ::1: connection refused" in error) == ("", True)


def test_a_pod_that_the_lab_itself_is_cannot_be_forwarded(core):
    said, error = answer(core, "coredns-lab-linux-1", 53, "kube-system")
    assert (said, "the lab itself is pod coredns-lab-linux-1" in error) == ("", True)
