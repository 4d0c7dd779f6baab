"""What a node tells of itself becomes values of its cases, or the reason why there are none."""

import pytest
from changed import replace
from deployments import a_deployment
from plans_for_tests import L2BRIDGE, cases

from podwire.model.binding import bind
from podwire.model.machines import Machine
from podwire.model.patterns import Unbound, in_ranges, meets
from podwire.planning.prerequisites import needs_of
from podwire.platforms.windows_state import NoState, WindowsState, state_in
from podwire.probing.bindings.cases import bindings_of
from podwire.probing.node_facts import with_states
from podwire.probing.node_states import NodeState
from podwire.probing.targets import target_of

WINDOWS = {"client": "windows", "server": "linux", "placement": "cross-node", "via": "pod-ip"}
AKS = {f"{protocol} ipv4": ("16385-29999", "32768-65535") for protocol in ("tcp", "udp")}
CLIENT = Machine("client")
OWN = ["10.244.11.1", "10.244.11.0"]


def bound(state=None, facts=L2BRIDGE, interfaces=(), others=frozenset()):
    (case,) = cases(facts, **WINDOWS)
    deployment = replace(a_deployment(facts, needs_of([case], facts)), addresses_of_others=others)
    hello = {"interfaces": [{"name": "eth0", "mac": "02:00:00:00:00:01", "addresses": list(interfaces), "mtu": 1450}]}
    hellos = {f"{case.client.node}-host": hello} if interfaces else {}
    states = {case.client.node: state} if state else {}
    values = bindings_of(case, target_of(case, deployment, facts), deployment, facts, hellos, states)
    return case, deployment, hellos, values


def test_the_ports_of_a_node_are_what_it_tells():
    _, _, _, values = bound(NodeState(ports=AKS))
    wanted = bind(in_ranges(CLIENT.ports), values)
    assert [meets(port, wanted) for port in (16384, 16385, 29999, 30000, 32767, 32768, 65535)] == [
        *(False, True, True),
        *(False, False),
        *(True, True),
    ]
    assert str(wanted) == "16385..29999 or 32768..65535"


def test_a_node_that_tells_none_is_judged_by_what_is_stated():
    stated = replace(L2BRIDGE, network=replace(L2BRIDGE.network, windows_ports=("33000-65535",)))
    _, _, _, values = bound(NodeState(no_ports="there is no netsh"), stated)
    assert values["client.node.ports"] == ("33000-65535",)
    _, _, _, values = bound(NodeState(ports=AKS), stated)
    assert values["client.node.ports"] == AKS["tcp ipv4"]


def test_else_the_reason_says_how_to_state_them():
    case, _, _, values = bound(NodeState(no_ports="there is no netsh"))
    with pytest.raises(Unbound) as missing:
        bind(in_ranges(CLIENT.ports), values)
    assert str(missing.value) == (
        f"client.node.ports: {case.client.node}: there is no netsh; "
        "state them with `windows_ports: [49152-65535]` in --facts FILE"
    )


def test_observations_from_before_know_the_usual_ports_and_the_pod_network():
    before = {"client.node.ip": "172.31.0.11", "client.node.pod_network": "10.244.11.0/24"}
    ports, own = bind(in_ranges(CLIENT.ports), before), bind(CLIENT.own_addresses, before)
    assert [meets(port, ports) for port in (49151, 49152, 65535)] == [False, True, True]
    assert [meets(ip, own) for ip in ("172.31.0.11", "10.244.11.9", "10.244.12.9")] == [True, True, False]
    with pytest.raises(Unbound, match=r"client\.node\.pod_network"):
        meets("10.244.11.9", bind(CLIENT.own_addresses, {"client.node.ip": "172.31.0.11"}))


def test_a_node_is_known_by_its_interfaces_and_by_endpoints_of_no_pod():
    windows = WindowsState(endpoints=("10.244.11.2", "10.244.11.40", "10.244.11.50"), gateways=("10.244.11.1",))
    _, _, _, values = bound(
        NodeState(windows=windows), interfaces=("172.31.0.11", "127.0.0.1", "::1"), others=frozenset({"10.244.11.50"})
    )
    assert values["client.node.addresses"] == ("172.31.0.11",)
    assert values["client.node.hns_addresses"] == ("10.244.11.40", "10.244.11.1")  # .2 is a probe, .50 another pod
    own = bind(CLIENT.own_addresses, values)
    admitted = [meets(ip, own) for ip in ("172.31.0.11", "10.244.11.40", "10.244.11.1", "10.244.11.2", "10.244.11.99")]
    assert admitted == [True, True, True, False, False]


def test_an_hns_that_cannot_be_asked_voids_only_what_it_would_tell():
    _, _, _, values = bound(NodeState(no_windows="there is no module"), interfaces=("172.31.0.11",))
    own = bind(CLIENT.own_addresses, values)
    assert meets("172.31.0.11", own)
    with pytest.raises(Unbound, match="there is no module"):
        meets("10.244.11.99", own)


def test_a_node_without_a_host_probe_says_so():
    case, _, _, values = bound()
    for name in ("addresses", "hns_addresses", "ports"):
        assert values[f"client.node.{name}.unknown"] == f"node {case.client.node} has no host probe that reports them"


def test_facts_have_what_nodes_told():
    windows = WindowsState(hns="10.0.20348.2762", overrides=("3105872524=1",), switches=("HNSControlFlag=80",))
    windows = replace(windows, translation=("all but 10.96.0.0/12",))
    state = NodeState(ports=AKS, proxy="kernelspace", windows=windows)
    name = bound()[0].client.node
    node = next(node for node in L2BRIDGE.nodes if node.name == name)
    _, deployment, hellos, _ = bound(state, interfaces=node.addresses)
    facts = with_states(L2BRIDGE, {name: state}, deployment, hellos)
    told = next(node.told for node in facts.nodes if node.name == name)
    assert told.ports == ("tcp ipv4 16385-29999, 32768-65535", "udp ipv4 16385-29999, 32768-65535")
    assert (told.mtu, told.pod_mtu, told.proxy_mode, told.hns) == (1450, None, "kernelspace", "10.0.20348.2762")
    assert told.overrides == ("3105872524=1", "HNSControlFlag=80")
    assert told.translation == ("all but 10.96.0.0/12",)
    said = [signal for signal in facts.origin.signals if signal.startswith("kube-proxy of")]
    assert said == [f"kube-proxy of {name}: mode kernelspace"]
    assert with_states(facts, {name: state}, deployment, hellos) == facts


@pytest.mark.parametrize("text", ["", "[]", "7", "[" * 100000])
def test_what_is_no_list_of_a_windows_node_is_refused(text):
    with pytest.raises(NoState, match="PowerShell printed no list"):
        state_in(text)


def test_lists_of_one_and_of_nothing_are_read_as_powershell_writes_them():
    told = state_in(
        '{"Hns":null,"Endpoints":"10.244.11.2","Gateways":[null,"x"],"Overrides":{},"Switches":["b=1","a=0"]}'
    )
    assert told == WindowsState(endpoints=("10.244.11.2",), switches=("a=0", "b=1"))
