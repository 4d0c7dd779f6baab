"""Words of documented limits, and their symptoms: crowds of endpoints, families, exit codes, the nodes' network."""

import pytest
from changed import replace
from observed import BINDINGS, a_case, a_flow, a_packet, a_tunnel, an_attempt, an_observation

from podwire import at_client_node, known, other_than, seen, tool
from podwire.cluster.deployment import manifests
from podwire.judging.expectation import expectation
from podwire.judging.judge import judge
from podwire.judging.symptoms.table import symptom
from podwire.model.addressing.nobody import nobody_of
from podwire.model.axes.matrix import matrix
from podwire.model.cases import SuiteTest, pod_point
from podwire.model.conditions import Condition
from podwire.model.flows import Flow, Peer
from podwire.model.observations import Attempt
from podwire.model.requirements import Catalogue, Requirement
from podwire.model.symbols import ServiceSymbols, Symbol
from podwire.model.verdicts import Outcome
from podwire.planning.assignment import CROWDS
from podwire.planning.plan import Selection, make_plan
from podwire.probing.requests import CNI_PLUGIN, attempts_in, request_of
from podwire.probing.targets import Target
from podwire_lab.model.planned import planned_facts
from podwire_lab.model.profiles import PROFILES

OVERLAY = planned_facts(PROFILES["overlay-win-overlay"])
CASE = a_case()


def planned(facts=OVERLAY, **axes):
    flows = matrix(**{"protocol": "tcp", "family": "ipv4", **axes})
    rule = Requirement(id="R", area="limits", level="MUST", statement="It holds.", sources=())
    test = SuiteTest(name="t", module="m", requirement="R", matrices=(flows,), function=lambda flow, case: None)
    return make_plan(Catalogue(requirements={"R": rule}), [test], facts, Selection())


@pytest.mark.parametrize(("kind", "number"), [("crowd-64", 179), ("crowd-65", 182), ("crowd-1000", 2873)])
def test_connections_to_a_crowd_are_as_many_as_it_takes_to_meet_a_pod_in_it(kind, number):
    plan = planned(client=("linux",), server_kind="backends", via=("cluster-ip",), service=(kind,), miss_risk=1e-5)
    assert [case.flow.load.connections for case in plan.cases.values()] == [number]


@pytest.mark.parametrize("kind", CROWDS)
def test_a_crowd_has_as_many_endpoints_as_its_name_says(kind):
    assert not manifests.service("run", kind)["spec"].get("selector")
    slices = manifests.endpoint_slices("run", kind, [("10.244.1.10", "linux-1")], nobody_of(OVERLAY))
    addresses = [endpoint["addresses"][0] for each in slices for endpoint in each["endpoints"]]
    assert len(addresses) == len(set(addresses)) == CROWDS[kind]
    assert addresses[0] == "10.244.1.10"


def test_pods_without_a_family_are_asked_for_it_only_where_the_test_says_so():
    axes = {"client": ("windows",), "server": ("linux",), "via": ("pod-ip",), "family": ("ipv6",)}
    assert not planned(**axes).cases
    assert len(planned(**axes, unaddressed=True).cases) == 1
    alone = replace(OVERLAY, families=("ipv4",))
    assert not planned(alone, **axes, unaddressed=True).cases


def test_a_limitation_may_be_of_one_placement():
    near, far = a_flow(placement="same-node"), a_flow(placement="cross-node")
    admitted = [Condition.of(placement=("cross-node",)).admits(flow, OVERLAY, ()) for flow in (near, far)]
    assert admitted == [False, True]


def test_a_pod_on_its_nodes_network_is_seen_at_the_nodes_card():
    there = Peer(role="server", kind="pod", os="linux", pod="host-network")
    assert pod_point(there) == "server-node"
    assert pod_point(replace(there, pod="")) == "server-pod"


def tool_case(mode):
    flow: Flow = a_flow(protocol="tool", tool=CNI_PLUGIN, via="node-ip")
    return request_of(replace(CASE, flow=flow), Target(host="172.31.0.11", port=0, ip=""), ["pw0"], [0], 4.0, mode)


@pytest.mark.parametrize(("mode", "plugin"), [("overlay", "win-overlay"), ("l2bridge", "win-bridge")])
def test_the_plugin_of_the_network_mode_is_asked_to_check_a_container_that_is_not_there(mode, plugin):
    method, parameters, _ = tool_case(mode)
    assert method == "tool"
    assert parameters["name"] == f"C:\\opt\\cni\\bin\\{plugin}.exe"
    assert parameters["environment"]["CNI_COMMAND"] == "CHECK"
    assert f'"type": "{plugin}"' in parameters["stdin"]


def test_a_tools_exit_code_is_told_with_its_words():
    case = replace(CASE, flow=a_flow(protocol="tool", tool=CNI_PLUGIN))
    answer = {"code": 3, "stdout": "no such container\n", "stderr": "", "elapsed": 0.1}
    (attempt,), output = attempts_in(case, answer, ["pw0"])
    assert (attempt.status, output) == (3, "no such container")


def ran(code, output=""):
    return an_observation(Attempt(token="pw0", started=1.0, elapsed=0.1, status=code), packets=[], output=output)


def test_an_exit_code_is_judged():
    wanted = expectation(tool.exits_with(other_than(0)))
    assert judge(CASE, wanted, ran(3)).outcome is Outcome.PASS
    assert judge(CASE, wanted, ran(0)).outcome is Outcome.FAIL


def test_a_fact_may_be_held_against_another_fact():
    wanted = expectation(known(Symbol("server.ip"), Symbol("server.node.ip")))
    assert judge(CASE, wanted, an_observation()).outcome is Outcome.FAIL
    same = {**BINDINGS, "server.ip": "172.31.0.12"}
    assert judge(CASE, wanted, an_observation(bindings=same)).outcome is Outcome.PASS


def test_packets_alone_may_decide_though_nobody_answers():
    flow = a_flow(server=Peer(role="server", kind="backends", os="backends"), service=ServiceSymbols("crowd-1000"))
    bindings = {**BINDINGS, "service.backends": ("198.18.0.1", "198.18.0.2")}
    attempts = (an_attempt(error="timeout"),) * 2
    wanted = expectation(at_client_node(seen(dst=flow.service.backends)))

    def outcome(dst):
        packets = [a_packet(dst=dst)]
        observation = an_observation(packets=packets, bindings=bindings, attempts=attempts)
        return judge(replace(CASE, flow=flow), wanted, observation).outcome

    assert outcome("198.18.0.2") is Outcome.PASS
    assert outcome("10.96.0.7") is Outcome.FAIL


def shows(name, observation, case=CASE):
    return all(finding.met for finding in symptom(name)(case, observation))


def unanswered(kind="timeout", packets=(), stage="connect", **bindings):
    attempt = an_attempt(error=kind)
    attempt = replace(attempt, error=replace(attempt.error, stage=stage))
    return an_observation(attempt, packets=list(packets), bindings={**BINDINGS, **bindings})


BACKENDS = {"service.backends": ("198.18.0.1",)}
BOTH = ("ipv4", "ipv6")
FAMILIES = {"client.families": ("ipv4",), "server.families": BOTH}
TO_LINUX = a_case(a_flow(server=Peer(role="server", kind="pod", os="linux")))
TUNNELLED = a_packet(outer=a_tunnel())


@pytest.mark.parametrize(
    ("name", "observation", "as_documented"),
    [
        ("never-in-the-tunnel", unanswered(), True),
        ("never-in-the-tunnel", unanswered(packets=[a_packet()]), True),
        ("never-in-the-tunnel", unanswered(packets=[TUNNELLED]), False),
        ("never-in-the-tunnel", unanswered("refused"), False),
        ("not-balanced", unanswered(packets=[a_packet(dst="10.96.0.7")], **BACKENDS), True),
        ("not-balanced", unanswered(packets=[a_packet(dst="198.18.0.1")], **BACKENDS), False),
        ("not-balanced", unanswered("refused", **BACKENDS), False),
        ("not-on-the-node", unanswered("refused", **{"server.ip": "172.31.0.12"}), True),
        ("not-on-the-node", unanswered(**{"server.ip": "172.31.0.12"}), True),
        ("not-on-the-node", unanswered(), False),
        ("not-on-the-node", unanswered("reset", **{"server.ip": "172.31.0.12"}), False),
        ("one-family", an_observation(bindings={**BINDINGS, **FAMILIES}), True),
        ("one-family", an_observation(bindings={**BINDINGS, **FAMILIES, "client.families": ("ipv6",)}), False),
        ("no-ipv6", unanswered("unreachable", **FAMILIES), True),
        ("no-ipv6", unanswered("timeout", **FAMILIES), False),
        ("no-ipv6", unanswered("unreachable", packets=[a_packet()], **FAMILIES), False),
        ("check-finds-nothing", ran(0), True),
        ("check-finds-nothing", ran(0, "looks wrong"), False),
        ("check-finds-nothing", ran(1), False),
    ],
)
def test_a_limit_is_excused_as_it_is_documented_and_in_no_other_way(name, observation, as_documented):
    assert shows(name, observation, TO_LINUX) is as_documented


@pytest.mark.parametrize("name", ["one-family", "no-ipv6"])
def test_windows_lacks_a_family_only_where_a_pod_of_linux_has_both(name):
    def lacking(**bindings):
        told = {**FAMILIES, **bindings}
        return unanswered("unreachable", **told)

    assert shows(name, lacking(), TO_LINUX)
    assert not shows(name, lacking(**{"server.families": ("ipv4",)}), TO_LINUX)
    assert not shows(name, lacking(), CASE), "another pod of Windows is no control"
    unknown = unanswered("unreachable", **{"client.families": ("ipv4",)})
    assert not shows(name, unknown, TO_LINUX)
