"""Ports of nodes that lead to one pod."""

import pytest
from netlab import NetLab

WIN, WIN_B, WIN_2, LIN, LIN_2 = "windows-1/a", "windows-1/b", "windows-2/a", "linux-1/a", "linux-2/a"
PROTOCOLS = pytest.mark.parametrize("proto", ["tcp", "udp"])
PORT = 9300


@pytest.fixture(scope="module", name="lab", params=["overlay-win-overlay", "l2bridge-win-bridge"])
def _lab(request):
    with NetLab(request.param) as running:
        yield running


@PROTOCOLS
@pytest.mark.parametrize(("pod", "node"), [(WIN, "172.31.0.11"), (LIN, "172.31.0.1")])
def test_other_nodes_their_pods_and_the_outside_reach_the_pod(lab, pod, node, proto):
    lab.host_ports((pod, PORT))
    for client in ("outside", "linux-2", "windows-2", LIN_2, WIN_2):
        result = lab.exchange(client, node, port=PORT, proto=proto, record=[pod])
        assert (result.identity, result.peer) == (pod, node)
        assert {p.ports.dport for p in result.packets[pod] if p.ports.sport == result.seen_port} == {8080}
    assert lab.exchange("outside", node, port=PORT, proto=proto).seen == "203.0.113.10"


def test_a_linux_node_and_its_pods_reach_it_too(lab):
    lab.host_ports((LIN, PORT))
    for client in ("linux-1", LIN, "linux-1/b"):
        assert lab.exchange(client, "172.31.0.1", port=PORT, proto="tcp").identity == LIN


def test_an_address_narrows_it_and_the_port_goes_with_the_pod(lab):
    lab.host_ports((WIN, PORT), host_address="172.31.0.99")
    assert lab.exchange("outside", "172.31.0.11", port=PORT, proto="tcp").error == "ConnectionRefusedError"
    lab.host_ports((WIN, PORT), host_address="172.31.0.11")
    assert lab.exchange("outside", "172.31.0.11", port=PORT, proto="tcp").identity == WIN
    lab.host_ports()
    assert lab.exchange("outside", "172.31.0.11", port=PORT, proto="tcp").error == "ConnectionRefusedError"
