"""Node ports, packet by packet: who reaches them, from where, and what the backend sees."""

import pytest
from netlab import NetLab

WIN, WIN_B, WIN_2, LIN, LIN_2 = "windows-1/a", "windows-1/b", "windows-2/a", "linux-1/a", "linux-2/a"
OVERLAY, L2BRIDGE = "overlay-win-overlay", "l2bridge-win-bridge"
VIP, VIP6 = "10.96.0.60", "fd10:96::60"
PORT = 30080
NODES = ("linux-1", "linux-2", "windows-1", "windows-2")
PROTOCOLS = pytest.mark.parametrize("proto", ["tcp", "udp"])


@pytest.fixture(scope="module", name="lab", params=[(OVERLAY, True), (OVERLAY, False), (L2BRIDGE, True)])
def _lab(request):
    with NetLab(request.param[0], dsr=request.param[1]) as running:
        yield running


def ask(lab, client, node, **more):
    return lab.exchange(client, lab.facts()["addresses"][node][0], port=PORT, **more)


@PROTOCOLS
@pytest.mark.parametrize("backend", [WIN, LIN])
@pytest.mark.parametrize("client", ["outside", WIN_B, WIN_2, LIN_2, "linux-2", "windows-2"])
def test_every_node_leads_to_every_backend(lab, client, backend, proto):
    lab.service(VIP, backend, node_port=PORT)
    for node in set(NODES) - ({client} if client == "windows-2" else set()):
        result = ask(lab, client, node, proto=proto)
        assert (result.identity, result.peer) == (backend, lab.facts()["addresses"][node][0]), node


@PROTOCOLS
def test_a_node_port_of_a_windows_node_is_not_for_the_node_itself(lab, proto):
    lab.service(VIP, WIN, node_port=PORT)
    result = ask(lab, "windows-1", "windows-1", proto=proto, record=[WIN])
    assert result.error == "TimeoutError"
    assert result.packets[WIN] == []
    assert ask(lab, "linux-1", "linux-1", proto=proto).identity == WIN


@PROTOCOLS
def test_the_backend_sees_the_node_that_was_asked(lab, proto):
    overlay = len(lab.facts()["addresses"][WIN]) == 1
    lab.service(VIP, WIN_2, node_port=PORT)
    assert ask(lab, "outside", "windows-1", proto=proto).seen == ("10.244.11.2" if overlay else "172.31.0.11")
    assert ask(lab, "outside", "linux-1", proto=proto).seen == ("10.244.1.0" if overlay else "172.31.0.1")


@PROTOCOLS
def test_a_pod_reaches_itself_through_its_own_node(lab, proto):
    lab.service(VIP, WIN, node_port=PORT)
    result = ask(lab, WIN, "windows-1", proto=proto, record=["windows-1"])
    assert (result.identity, result.seen, result.packets["windows-1"]) == (WIN, "172.31.0.11", [])
    lab.service(VIP, LIN, node_port=PORT)
    assert ask(lab, LIN, "linux-1", proto=proto).identity == LIN


@PROTOCOLS
def test_without_endpoints_linux_refuses_and_windows_is_silent(lab, proto):
    lab.service(VIP, node_port=PORT)
    assert ask(lab, "outside", "linux-1", proto=proto).error == "ConnectionRefusedError"
    assert ask(lab, "outside", "windows-1", proto=proto).error == "TimeoutError"


def test_the_numbers_of_node_port_and_target_may_be_equal(lab):
    lab.serve(WIN, 30081)
    lab.service(VIP, WIN, port=30081, node_port=30081, ports={WIN: 30081})
    for proto in ("tcp", "udp"):
        for node in ("linux-1", "windows-1"):
            assert lab.exchange("outside", lab.facts()["addresses"][node][0], port=30081, proto=proto).identity == WIN
        assert lab.exchange(LIN, VIP, port=30081, proto=proto).identity == WIN


@PROTOCOLS
def test_a_process_of_a_node_is_a_backend_for_other_nodes(lab, proto):
    lab.service(VIP, "windows-2", node_port=PORT)
    assert lab.exchange(WIN, VIP, port=80, proto=proto).identity == "windows-2"
    assert lab.exchange(WIN_2, VIP, port=80, proto=proto).error == "TimeoutError"
    for node in ("linux-1", "windows-1"):
        assert ask(lab, "outside", node, proto=proto).identity == "windows-2"


def test_the_source_is_the_node_when_a_backend_elsewhere_is_no_pod(lab):
    lab.serve("linux-2", 8080, "172.31.0.2")
    lab.service(VIP, "linux-2", LIN, ports={"linux-2": 8080}, node_port=PORT)
    found = {(result.identity, result.seen) for result in (ask(lab, "outside", "windows-1") for _ in range(16))}
    assert found == {("linux-2", "172.31.0.11"), (LIN, "172.31.0.11")}


def test_node_ports_of_ipv6():
    with NetLab(L2BRIDGE) as lab:
        lab.service(VIP6, WIN_2, node_port=PORT)
        for node, address in (("linux-1", "fd31::1"), ("windows-1", "fd31::b")):
            for client in ("outside", LIN_2, WIN):
                result = lab.exchange(client, address, port=PORT, proto="tcp", family="ipv6")
                assert result.identity == WIN_2, (node, client)
