"""Network policies on the nodes of profiles with a policy engine: who reaches whom, with real packets."""

import pytest
from netlab import HOST_PORT, NetLab
from policed import HOME, Policed, block, pods, policy, team

from podwire_lab.model.policy_objects import NamedPort

CALICO = "calico-for-policies"
LABS = (
    ("overlay-calico-vxlan", ()),
    ("transparent-ovn", ()),
    ("l2tunnel-azure-cni", (CALICO,)),
)
LIN, LIN_B, LIN_2 = "linux-1/a", "linux-1/b", "linux-2/a"
WIN, WIN_B, WIN_2 = "windows-1/a", "windows-1/b", "windows-2/a"
SERVERS = (LIN, WIN)


@pytest.fixture(scope="module", params=LABS, ids=[name for name, _ in LABS])
def net(request):
    profile, variations = request.param
    with NetLab(profile, variations=variations) as lab:
        yield Policed(lab)


@pytest.fixture(autouse=True)
def no_policies(request):
    yield
    if "net" in request.fixturenames:
        request.getfixturevalue("net").apply()


def others(server):
    return [place for place in (LIN_B, LIN_2, WIN_B, WIN_2) if place != server]


@pytest.mark.parametrize("server", SERVERS)
def test_ingress_lets_in_what_a_rule_allows_and_nobody_else(net, server):
    assert net.reach(server, *others(server)) == others(server)
    net.apply(policy(server, ingress=[{"from": [pods(pod=LIN_2), pods(pod=WIN_2)], "ports": [{"port": 8080}]}]))
    assert net.reach(server, *others(server)) == [LIN_2, WIN_2]
    assert net.reach(server, LIN_2, WIN_2, proto="udp") == []
    net.apply()
    assert net.reach(server, *others(server)) == others(server)


@pytest.mark.parametrize("client", SERVERS)
def test_egress_lets_out_what_a_rule_allows_and_the_answers_to_it(net, client):
    servers = others(client)
    net.apply(
        policy(client, egress=[{"to": [pods(pod=LIN_2), pods(pod=WIN_2)]}], policyTypes=["Egress"]),
        policy(LIN_2, ingress=[{"from": [pods(pod=client)]}], egress=[]),
    )
    assert [server for server in servers if net.reach(server, client)] == [LIN_2, WIN_2]
    assert net.reach(client, *servers) == servers, "its answers are no connections of its own"


@pytest.mark.parametrize("server", SERVERS)
def test_a_closed_pod_is_open_to_its_own_node_only(net, server):
    node = server.partition("/")[0]
    other = "linux-2" if node != "linux-2" else "linux-1"
    net.apply(policy(server, ingress=[], egress=[], policyTypes=["Ingress", "Egress"]))
    assert net.reach(server, node, other) == [node]
    assert net.reach(node, server, port=HOST_PORT) == [server]


@pytest.mark.parametrize("server", SERVERS)
def test_namespaces_and_pods_of_one_peer_are_both_needed(net, server):
    places = {LIN_2: "blue", WIN_2: "blue", LIN_B: "green"}
    peer = {**team("blue"), **pods(pod=LIN_2)}
    net.apply(policy(server, ingress=[{"from": [peer]}]), places=places)
    assert net.reach(server, LIN_2, WIN_2, LIN_B, WIN_B) == [LIN_2]
    net.apply(policy(server, ingress=[{"from": [team("blue"), pods(pod=WIN_B)]}]), places=places)
    assert net.reach(server, LIN_2, WIN_2, LIN_B, WIN_B) == [LIN_2, WIN_2, WIN_B]
    net.apply(policy({}, namespace="blue", ingress=[]), places=places)
    assert net.reach(server, LIN_2, WIN_B) == [LIN_2, WIN_B], "it is a policy of another namespace"
    assert net.reach(LIN_2, server) == net.reach(WIN_2, server) == []


@pytest.mark.parametrize("server", SERVERS)
def test_a_policy_meets_the_pod_behind_a_service(net, server):
    net.lab.service("10.96.3.1", server)
    net.apply(policy(server, ingress=[{"from": [pods(pod=LIN_2), pods(pod=WIN_2)]}]))
    assert net.reach("10.96.3.1", *others(server), port=80) == [LIN_2, WIN_2]
    net.apply(policy(LIN_2, egress=[{"ports": [{"port": 8080}], "to": [pods(pod=server)]}], policyTypes=["Egress"]))
    assert net.reach("10.96.3.1", LIN_2, port=80) == [LIN_2], "the rule is about the pod's port"


@pytest.mark.parametrize("server", SERVERS)
def test_blocks_with_exceptions_and_named_ports_are_skipped_by_calico_on_windows(net, server):
    skips = server == WIN and net.lab.facts()["mode"] != "transparent"
    rule = {"from": [block("0.0.0.0/0", net.ip(WIN_2))]}
    net.apply(policy(server, ingress=[rule]))
    assert net.reach(server, LIN_2, WIN_2) == ([] if skips else [LIN_2])
    net.apply(policy(server, ingress=[{"ports": [{"port": "web"}]}]))
    assert net.reach(server, LIN_2, WIN_2) == ([] if skips else [LIN_2, WIN_2])
    net.apply(policy(server, ingress=[{"from": [block(net.ip(LIN_2))], "ports": [{"port": 8000, "endPort": 8080}]}]))
    assert net.reach(server, LIN_2, WIN_2) == [LIN_2]


def test_a_named_port_of_an_egress_rule_is_the_servers(net):
    elsewhere = {LIN_2: [NamedPort(name="web", protocol="TCP", number=8081)]}
    rule = {"ports": [{"port": "web"}], "to": [{"podSelector": {}}]}
    net.apply(policy(LIN, egress=[rule], policyTypes=["Egress"]), ports=elsewhere)
    assert [server for server in (LIN_2, WIN_2) if net.reach(server, LIN)] == [WIN_2]


def test_both_families_have_the_rules(net):
    if len(net.addresses[LIN]) < 2:
        pytest.skip("its pods have IPv4 only")
    net.apply(policy(LIN, ingress=[{"from": [pods(pod=LIN_2), block(net.ip(LIN_B, "ipv6"))]}]))
    assert net.reach(LIN, LIN_B, LIN_2, family="ipv6") == [LIN_B, LIN_2]
    assert net.reach(LIN, LIN_B, LIN_2, family="ipv4") == [LIN_2]


def test_a_new_pod_takes_nothing_until_the_engine_knows_it(net):
    net.apply(policy(LIN, namespace=HOME, ingress=[{}]))
    for node, asking in (("linux-2", LIN_B), ("windows-2", WIN_B)):
        net.lab.attach(node, "new")
        try:
            assert net.reach(f"{node}/new", asking) == []
            sends = net.reach(WIN_B, f"{node}/new") == [f"{node}/new"]
            # Only the inbound direction is blocked on an endpoint that Calico for Windows does not know.
            assert sends is (node == "windows-2" and net.lab.facts()["mode"] != "transparent")
        finally:
            net.lab.detach(node, "new")


@pytest.mark.parametrize("profile", ["overlay-flannel-vxlan", "awsvpc"])
def test_without_an_engine_everything_is_open(profile):
    with NetLab(profile) as lab:
        net = Policed(lab)
        net.apply(policy({}, ingress=[], policyTypes=["Ingress", "Egress"]))
        assert net.reach(WIN, LIN, WIN_2) == [LIN, WIN_2]
        assert net.reach(LIN, WIN, LIN_2) == [WIN, LIN_2]
