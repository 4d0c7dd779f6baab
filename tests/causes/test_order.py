"""The most basic requirement first, by what the record says of its cases."""

import random
from typing import get_args

from changed import replace
from records_for_tests import case

from podwire.causes.order import basic_first, requirement_ranks
from podwire.model.ways import NEEDS, Via, steps

ANSWERED = "answered by the server, a Linux pod"


def asked(requirement, via, *expected, words="x"):
    base = case()
    return replace(
        base,
        id=f"area/{requirement}[{words}]",
        requirement=requirement,
        parameters={**base.parameters, "via": via},
        expected=expected or (ANSWERED,),
    )


BY_POD = asked("BY-POD", "pod-ip", ANSWERED, "at the server: every request with src = client.ip, dst = server.ip")
BY_SERVICE = asked("BY-SERVICE", "cluster-ip")
BY_NAME = asked("BY-NAME", "fqdn")
BY_NODE_PORT = asked("BY-NODE-PORT", "node-port")
SILENT = asked("SILENT", "pod-ip", "nobody answers")
TUNNEL = asked("TUNNEL", "pod-ip", ANSWERED, "at the wire: every request with vni = 4096, src = client.ip")
ALL = [BY_POD, SILENT, BY_SERVICE, BY_NAME, BY_NODE_PORT, TUNNEL]


def names(cases):
    return [case.requirement for case in cases]


def test_reachability_comes_before_services_names_and_details_of_packets():
    mixed = ALL[::-1]
    found = names(basic_first(mixed, mixed))
    assert found[:3] == ["BY-POD", "SILENT", "BY-SERVICE"]
    assert set(found[3:5]) == {"BY-NAME", "BY-NODE-PORT"}
    assert found[-1] == "TUNNEL"


def test_a_requirement_is_as_basic_as_the_last_way_that_it_needs():
    both = [asked("BOTH", "pod-ip"), asked("BOTH", "node-port", words="y")]
    assert names(basic_first([*both, BY_SERVICE], [*both, BY_SERVICE]))[0] == "BY-SERVICE"


def test_the_place_does_not_depend_on_what_is_shown():
    many = [asked("MANY", "pod-ip", words=str(n)) for n in range(3)]
    assert names(basic_first([BY_POD, many[0]], [BY_POD, *many])) == ["MANY", "BY-POD"]


def test_cases_of_one_requirement_keep_their_order():
    several = [asked("ONE", "pod-ip", words=str(n)) for n in (3, 1, 2)]
    assert [one.id for one in basic_first(several, several)] == [one.id for one in several]


def test_ranks_are_places():
    cases = ALL[:]
    random.Random(3).shuffle(cases)
    assert sorted(requirement_ranks(cases).values()) == list(range(len(ALL)))


def test_every_way_that_is_needed_is_a_way_and_none_needs_itself():
    ways = set(get_args(Via))
    assert set(NEEDS) | {way for needed in NEEDS.values() for way in needed} <= ways
    assert all(steps(way) <= len(ways) for way in ways)
    assert (steps("pod-ip"), steps("cluster-ip"), steps("fqdn"), steps("load-balancer")) == (0, 1, 2, 3)
