"""Addresses of Services from outside the cluster: ingress addresses of load balancers, and external IPs."""

import pytest
from netlab import NetLab

WIN, WIN_B, WIN_2, LIN, LIN_2 = "windows-1/a", "windows-1/b", "windows-2/a", "linux-1/a", "linux-2/a"
OVERLAY, L2BRIDGE = "overlay-win-overlay", "l2bridge-win-bridge"
VIP, ADDRESS = "10.96.0.70", "198.51.100.7"
VIP6, ADDRESS6 = "fd10:96::70", "2001:db8:1b::7"
PROTOCOLS = pytest.mark.parametrize("proto", ["tcp", "udp"])
KINDS = pytest.mark.parametrize("kind", ["ingress_ips", "external_ips"])
ENTRIES = pytest.mark.parametrize("entry", ["linux_1", "windows_1"])


@pytest.fixture(scope="module", name="lab", params=[(OVERLAY, True), (L2BRIDGE, True), (L2BRIDGE, False)])
def _lab(request):
    with NetLab(request.param[0], dsr=request.param[1]) as running:
        yield running


def ask(lab, client, **more):
    return lab.exchange(client, ADDRESS, port=80, **more)


@PROTOCOLS
@KINDS
@ENTRIES
def test_the_outside_reaches_every_backend_through_any_node(lab, entry, kind, proto):
    lab.lead(**{entry: ADDRESS})
    for backend in (WIN, WIN_2, LIN, LIN_2):
        lab.service(VIP, backend, **{kind: (ADDRESS,)})
        result = ask(lab, "outside", proto=proto)
        assert (result.identity, result.peer) == (backend, ADDRESS)
        assert result.seen != "203.0.113.10"


@PROTOCOLS
@KINDS
def test_pods_are_led_to_a_backend_on_their_own_node(lab, kind, proto):
    lab.lead(linux_2=ADDRESS)
    lab.service(VIP, WIN_B, **{kind: (ADDRESS,)})
    for client in (WIN, LIN, "linux-1", WIN_B):
        node = client.partition("/")[0]
        result = ask(lab, client, proto=proto, record=[node])
        assert result.identity == WIN_B
        assert ADDRESS not in {address for p in result.packets[node] for address in (p.ip.src, p.ip.dst)}


@PROTOCOLS
@ENTRIES
def test_the_local_policy_keeps_the_client_and_forwards_nothing(lab, entry, proto):
    node = entry.replace("_", "-")
    lab.lead(**{entry: ADDRESS})
    lab.service(VIP, f"{node}/a", ingress_ips=(ADDRESS,), external_local=True)
    result = ask(lab, "outside", proto=proto)
    assert (result.identity, result.seen, result.seen_port) == (f"{node}/a", "203.0.113.10", result.sport)
    other = WIN_2 if "windows" in node else LIN_2
    lab.service(VIP, other, ingress_ips=(ADDRESS,), external_local=True)
    result = ask(lab, "outside", proto=proto, record=[other, "fabric:router"])
    assert result.error == "TimeoutError"
    assert result.packets[other] == []
    assert len({p.ip.ttl for p in result.packets["fabric:router"]}) == 1  # no packet came back to the router


@PROTOCOLS
def test_linux_keeps_to_the_source_ranges_and_windows_does_not(lab, proto):
    for ranges, there in ((("203.0.113.0/24", "192.0.2.0/24"), True), (("192.0.2.0/24",), False)):
        lab.service(VIP, LIN_2, ingress_ips=(ADDRESS,), source_ranges=ranges, node_port=30070)
        lab.lead(linux_1=ADDRESS)
        assert ask(lab, "outside", proto=proto).error == ("" if there else "TimeoutError")
        lab.lead(windows_1=ADDRESS)
        assert ask(lab, "outside", proto=proto).identity == LIN_2
    for node in ("172.31.0.1", "172.31.0.11"):
        assert lab.exchange("outside", node, port=30070, proto=proto).identity == LIN_2


@PROTOCOLS
def test_without_endpoints_linux_refuses_and_windows_is_silent(lab, proto):
    lab.service(VIP, ingress_ips=(ADDRESS,))
    lab.lead(linux_1=ADDRESS)
    assert ask(lab, "outside", proto=proto).error == "ConnectionRefusedError"
    lab.lead(windows_1=ADDRESS)
    assert ask(lab, "outside", proto=proto).error == "TimeoutError"


def test_a_preserved_destination_arrives_at_the_pod_as_it_was(lab):
    lab.lead(windows_1=ADDRESS)
    lab.service(VIP, WIN, port=8090, ports={WIN: 8090}, ingress_ips=(ADDRESS,), preserve_destination=True)
    own = lab.facts()["addresses"][WIN][0]
    for address in (ADDRESS, own):
        lab.serve(WIN, 8090, address)
    for proto in ("tcp", "udp"):
        for client in ("outside", WIN_B):
            result = lab.exchange(client, ADDRESS, port=8090, proto=proto, record=[WIN])
            assert (result.identity, result.peer) == (WIN, ADDRESS)
            assert {p.ip.dst for p in result.packets[WIN] if p.ports.dport == 8090} == {ADDRESS}
        assert lab.exchange("outside", ADDRESS, port=8090, proto=proto).seen == "203.0.113.10"
        inside = lab.exchange(LIN, VIP, port=8090, proto=proto, record=[WIN])
        # The last packets of the connection before may come while this one is recorded.
        assert {p.ip.dst for p in inside.packets[WIN] if p.ports.dport == 8090 and p.ip.src != "203.0.113.10"} == {own}


@PROTOCOLS
def test_a_preserved_destination_is_not_forwarded_to_another_node(lab, proto):
    lab.lead(windows_2=ADDRESS)
    lab.service(VIP, WIN, port=8080, ingress_ips=(ADDRESS,), preserve_destination=True, node_port=30070)
    for target, port in ((ADDRESS, 8080), ("172.31.0.12", 30070)):
        result = lab.exchange("outside", target, port=port, proto=proto, record=[WIN])
        assert (result.error, result.packets[WIN]) == ("TimeoutError", [])
    assert lab.exchange("outside", "172.31.0.11", port=30070, proto=proto).identity == WIN


def test_a_preserved_destination_goes_with_its_service(lab):
    lab.lead(windows_1=ADDRESS)

    def answers(*backends, **more):
        lab.service(VIP, *backends, port=8080, ingress_ips=(ADDRESS,), **more)
        return lab.exchange("outside", ADDRESS, port=8080, proto="tcp", record=[WIN])

    assert answers(WIN, WIN_B, preserve_destination=True).identity in (WIN, WIN_B)
    assert answers(WIN_B, preserve_destination=True).identity == WIN_B
    assert ADDRESS not in lab.command(WIN, "ip", "-o", "address")
    packets = answers(WIN).packets[WIN]
    assert {p.ip.dst for p in packets if p.ports.dport == 8080} == {lab.facts()["addresses"][WIN][0]}
    assert ADDRESS not in lab.command("windows-1", "ip", "-o", "route")


def test_ingress_addresses_of_ipv6():
    with NetLab(L2BRIDGE) as lab:
        for entry in ("linux_1", "windows_1"):
            lab.lead(**{entry: ADDRESS6})
            lab.service(VIP6, WIN_2, ingress_ips=(ADDRESS6,))
            for client in ("outside", WIN, LIN):
                assert lab.exchange(client, ADDRESS6, port=80, proto="tcp", family="ipv6").identity == WIN_2
        lab.service(VIP6, WIN, WIN_B, port=8080, ingress_ips=(ADDRESS6,), preserve_destination=True)
        result = lab.exchange("outside", ADDRESS6, port=8080, proto="tcp", family="ipv6")
        assert (result.identity in (WIN, WIN_B), result.seen) == (True, "2001:db8:e::10")
