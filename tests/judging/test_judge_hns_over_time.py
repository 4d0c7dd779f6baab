"""What HNS lists at the start and at the end of acts, held against an expectation."""

import json

import pytest
from changed import replace
from observed import BINDINGS, a_case, an_attempt, an_observation

from podwire import hns
from podwire.judging.expectation import expectation
from podwire.judging.judge import judge
from podwire.model.machines import ANY_FRONTEND
from podwire.model.observations import Reading
from podwire.model.verdicts import Outcome

CASE = a_case()
NODE = CASE.flow.client.node
PASS, FAIL, INCONCLUSIVE = Outcome.PASS, Outcome.FAIL, Outcome.INCONCLUSIVE
RAN = replace(an_attempt(error="other"), error=None)


def verdict(part, output, **values):
    seen = an_observation(RAN, output=output, bindings={**BINDINGS, **values})
    return judge(CASE, expectation(part), seen)


def actual(found):
    return [finding.actual for finding in found.findings if not finding.met]


def endpoints(*states, remote=()):
    return json.dumps(
        [
            {"IPAddress": f"10.244.11.{at}", "MacAddress": "00-15-5D-00-00-01", "Remote": at in remote, "State": state}
            for at, state in enumerate(states, 1)
        ]
    )


@pytest.mark.parametrize(
    ("output", "outcome", "said"),
    [
        (endpoints(3, 3, 3), PASS, []),
        (endpoints(2, 2), PASS, []),
        (endpoints(3, 1, 3), FAIL, ["10.244.11.1 AttachedSharing, 10.244.11.2 Created"] * 2),
        (endpoints(3, 3, 1), FAIL, ["10.244.11.1 AttachedSharing, 10.244.11.2 AttachedSharing"]),
        (endpoints(4, 4, 4), FAIL, ["10.244.11.1 Detached, 10.244.11.2 Detached"]),
        (endpoints(3, 3, 3, remote=(2,)), FAIL, ["10.244.11.1 AttachedSharing; none for 10.244.11.2"]),
        ("", FAIL, ["none; none for 10.244.11.1, 10.244.11.2"]),
        ('[{"IPAddress": "10.244.11.1"}, {"IPAddress": "10.244.11.2"}]', INCONCLUSIVE, []),
        ("no module", INCONCLUSIVE, []),
    ],
)
def test_endpoints_of_ready_pods_are_attached_and_like_those_of_others(output, outcome, said):
    pods = {"client.node.pods": ("10.244.11.1", "10.244.11.2"), "client.node.other_pods": ("10.244.11.3", "10.1.1.1")}
    found = verdict(hns.attached(NODE.pods, NODE.other_pods), output, **pods)
    assert found.outcome is outcome
    assert outcome is not FAIL or actual(found) == said


def ports(*macs):
    lines = []
    for name, mac in macs:
        lines += [f"Port name : {name}", f"Port Friendly name : {name}", "Switch name : S", f"MAC address : {mac}"]
    return "\n".join(lines)


CARD, HOST = ("ExternalPort", "02-10-00-00-00-0B"), ("host", "02-10-00-00-00-0B")
OWN, OTHER = ("pod", "0E-2A-00-00-00-01"), ("other", "0E-2A-00-00-00-02")


@pytest.mark.parametrize(
    ("macs", "outcome"),
    [
        ([CARD, HOST, OWN, OTHER], PASS),
        ([CARD, ("a", "00-00-00-00-00-00"), ("b", "00-00-00-00-00-00"), OWN], PASS),
        ([CARD, OWN, OTHER, ("stale", OWN[1])], FAIL),
        ([CARD, OTHER], FAIL),
        ([], INCONCLUSIVE),
    ],
)
def test_each_port_has_its_own_mac_but_for_card_and_node(macs, outcome):
    found = verdict(hns.macs_differ(CASE.flow.server.mac), ports(*macs), **{"server.mac": "0e:2a:00:00:00:01"})
    assert found.outcome is outcome


def balancers(*frontends, **more):
    return json.dumps(
        {
            "LoadBalancers": [
                {"VIPs": [vip] if vip else [], "Protocol": protocol, "Port": port, "IsDSR": True, **more}
                for vip, protocol, port in frontends
            ]
        }
    )


DNS, WEB, NODE_PORT = ("10.96.0.10", 17, 53), ("10.96.0.80", 6, 80), ("", 6, 30080)


@pytest.mark.parametrize(
    ("listed", "possible", "outcome", "said"),
    [
        ([DNS, WEB, NODE_PORT], (), PASS, None),
        ([DNS, WEB, NODE_PORT, NODE_PORT], (), PASS, None),  # one for each family
        ([DNS, WEB, NODE_PORT, ("10.96.0.9", 6, 1)], ("10.96.0.9 tcp 1",), PASS, None),
        ([DNS, WEB, NODE_PORT, ("10.96.0.9", 6, 1)], (ANY_FRONTEND,), PASS, None),
        (
            [DNS, WEB, NODE_PORT, ("10.96.0.9", 6, 1)],
            ("10.96.0.8 tcp 1",),
            FAIL,
            "4: that no Service needs: 10.96.0.9 tcp 1",
        ),
        ([DNS, WEB, WEB, NODE_PORT], (ANY_FRONTEND,), FAIL, "4: more than one for 10.96.0.80 tcp 80"),
        ([DNS], (), FAIL, "1: none for 10.96.0.80 tcp 80, node-port tcp 30080"),
        ([], (ANY_FRONTEND,), FAIL, "0: none for 10.96.0.10 udp 53, 10.96.0.80 tcp 80, node-port tcp 30080"),
    ],
)
def test_hns_serves_what_it_must_once_and_nothing_of_no_service(listed, possible, outcome, said):
    values = {
        "client.node.frontends": ("10.96.0.10 udp 53", "10.96.0.80 tcp 80", "node-port tcp 30080"),
        "client.node.possible_frontends": possible,
    }
    found = verdict(hns.serves(NODE.frontends, NODE.possible_frontends), balancers(*listed), **values)
    assert found.outcome is outcome
    assert said is None or actual(found) == [said]


def test_without_ports_or_services_nothing_is_said_of_load_balancers():
    part, known = hns.serves(NODE.frontends, NODE.possible_frontends), {"client.node.frontends": ()}
    possible = {"client.node.possible_frontends": ()}
    assert verdict(part, balancers(DNS, Port=None), **known, **possible).outcome is INCONCLUSIVE
    unknown = {"client.node.frontends.unknown": "not allowed to list services", **possible}
    assert verdict(part, balancers(DNS), **unknown).outcome is INCONCLUSIVE


def in_acts(part, *outputs, values=None):
    """The verdict on readings at the start and at the end of acts, each with an output and the values of its moment."""
    moments = [(act, at) for act in range(len(outputs)) for at in ("start", "end")]
    readings = tuple(
        Reading(act=act, at=at, started=1.0, output=output, bindings=(values or {}).get((act, at), {}))
        for (act, at), output in zip(moments, outputs, strict=False)
    )
    return judge(CASE, expectation(part), replace(an_observation(RAN, output=outputs[-1]), readings=readings))


@pytest.mark.parametrize(
    ("outputs", "outcome", "said"),
    [
        (['{"Hns":7,"Proxy":[9]}', '{"Hns":7,"Proxy":9}'], PASS, []),
        (['{"Hns":7,"Proxy":null}', '{"Hns":7,"Proxy":[]}'], PASS, []),
        (
            ['{"Hns":7,"Proxy":[9]}', '{"Hns":7,"Proxy":[9]}', '{"Hns":8,"Proxy":[9]}', '{"Hns":8,"Proxy":[9]}'],
            FAIL,
            ["it runs since 1601-01-01 00:00:00 UTC, at the start of act 1"],
        ),
        (
            ['{"Hns":7,"Proxy":[9]}', '{"Hns":7,"Proxy":[134300000000000000]}'],
            FAIL,
            ["it runs since 2026-07-31 19:33:20 UTC, at the end of act 0"],
        ),
        (
            ['{"Hns":7,"Proxy":[9]}', '{"Hns":7,"Proxy":[]}'],
            FAIL,
            ["it runs since never: there is no such process, at the end of act 0"],
        ),
        (['{"Hns":7,"Proxy":[9]}'], INCONCLUSIVE, []),
        (['{"Hns":null,"Proxy":[]}'] * 2, INCONCLUSIVE, []),
        (["", ""], INCONCLUSIVE, []),
    ],
)
def test_a_process_that_began_later_is_another_one(outputs, outcome, said):
    verdict_of_acts = in_acts(hns.not_restarted(), *outputs)
    assert verdict_of_acts.outcome is outcome
    assert outcome is not FAIL or actual(verdict_of_acts) == said


SERVES = hns.serves(NODE.frontends, NODE.possible_frontends)
WITH_WEB = {"client.node.frontends": ("10.96.0.10 udp 53", "10.96.0.80 tcp 80"), "client.node.possible_frontends": ()}
WITHOUT = {"client.node.frontends": ("10.96.0.10 udp 53",), "client.node.possible_frontends": ()}
UNREAD = {"client.node.frontends.unknown": "not allowed", "client.node.possible_frontends": ()}


@pytest.mark.parametrize(
    ("values", "outcome", "said"),
    [
        ((WITH_WEB, WITHOUT, WITHOUT), PASS, []),
        ((WITH_WEB, WITHOUT, WITH_WEB), FAIL, ["1: none for 10.96.0.80 tcp 80, at the start of act 1"]),
        ((WITH_WEB, WITH_WEB, UNREAD), FAIL, ["1: none for 10.96.0.80 tcp 80, at the end of act 0"]),
        ((WITH_WEB, WITHOUT, UNREAD), INCONCLUSIVE, []),
    ],
)
def test_each_reading_is_held_against_the_services_of_its_moment(values, outcome, said):
    of_moment = dict(zip(((0, "start"), (0, "end"), (1, "start")), values, strict=True))
    verdict_of_acts = in_acts(SERVES, balancers(DNS, WEB), balancers(DNS), balancers(DNS), values=of_moment)
    assert verdict_of_acts.outcome is outcome
    assert outcome is not FAIL or actual(verdict_of_acts) == said
