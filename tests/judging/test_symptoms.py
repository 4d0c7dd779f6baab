"""A documented limit is excused only when it shows as documented; every other way of failing stays a failure."""

import pytest
from changed import replace
from observed import BINDINGS, a_case, a_flow, a_packet, a_tunnel, an_attempt, an_observation

from podwire import answered_by
from podwire.catalogue.load import load
from podwire.content import suites_folder
from podwire.judging.expectation import expectation
from podwire.judging.judge import judge
from podwire.judging.symptoms.table import OVERLAY_MENDED, symptom
from podwire.model.flows import Peer
from podwire.model.observations import ControlResult, Lookup
from podwire.model.requirements import Limitation
from podwire.model.verdicts import Outcome

OUTSIDE = a_flow(server=Peer(role="server", kind="outside", os="outside"), protocol="icmp", placement="outside")
PING = {"protocol": "icmp", "sport": None, "dport": None}


def shows(name, case, observation):
    return all(finding.met for finding in symptom(name)(case, observation))


def lookup(name, rcode="NXDOMAIN", answers=(), server="10.96.0.10"):
    return Lookup(name=name, type="A", server=server, protocol="udp", at=0, rcode=rcode, answers=answers)


def ping(at_pod=("request",), at_node=(), error="timeout"):
    packets = {"client-pod": [a_packet(one, **PING) for one in at_pod], "client-node": list(at_node)}
    return an_observation(an_attempt(error=error), packets=packets)


def test_ping_that_leaves_the_pod_and_dies_is_untranslated_icmp():
    assert shows("untranslated", a_case(OUTSIDE), ping())
    assert shows(
        "untranslated", a_case(OUTSIDE), ping(at_node=[a_packet(**PING)])
    )  # with the pod's address: not documented


@pytest.mark.parametrize(
    "observation",
    [
        ping(at_pod=()),
        ping(at_pod=("request", "reply")),
        ping(error="unreachable"),
        ping(at_node=[a_packet(**PING, src="172.31.0.11")]),
        ping(at_node=[a_packet(**PING, outer=a_tunnel())]),
    ],
)
def test_ping_that_fails_in_another_way_is_not(observation):
    assert not shows("untranslated", a_case(OUTSIDE), observation)


def dotted(lookups, packets=(), error="not-found"):
    attempt = an_attempt(error=error)
    attempt = replace(attempt, error=type(attempt.error)(stage="resolve", kind=error))
    seen = an_observation(attempt, packets={"client-pod": list(packets)}, lookups=tuple(lookups))
    return replace(seen, bindings={**seen.bindings, "target.name": "web.ns"})


def test_a_dotted_name_asked_as_it_is_and_not_found_is_as_documented():
    assert shows("name-not-found", a_case(), dotted([lookup("web.ns")]))


@pytest.mark.parametrize(
    "observation",
    [
        dotted([]),
        dotted([lookup("web.ns"), lookup("web.ns.svc.cluster.local")]),
        dotted([lookup("web.ns", rcode="SERVFAIL")]),
        dotted([lookup("web.ns", rcode=None)]),
        dotted([lookup("web.ns")], packets=[a_packet()]),
        dotted([lookup("web.ns")], error="timeout"),
    ],
)
def test_a_dotted_name_that_fails_in_another_way_is_not(observation):
    assert not shows("name-not-found", a_case(), observation)


def error_case(at_node=True, at_pod=False, error="timeout"):
    quoted = a_packet(protocol="udp").packet
    icmp = a_packet("reply", protocol="icmp", icmp_type=3, quoted=quoted, sport=None, dport=None)
    packets = {"client-node": [icmp] if at_node else [], "client-pod": [icmp] if at_pod else []}
    return an_observation(an_attempt(error=error), packets=packets)


def test_an_icmp_error_that_stays_at_the_node_is_as_documented():
    assert shows("error-kept-at-node", a_case(OUTSIDE), error_case())


@pytest.mark.parametrize(
    "observation", [error_case(at_node=False), error_case(at_pod=True), error_case(error="refused")]
)
def test_an_icmp_error_that_fails_in_another_way_is_not(observation):
    assert not shows("error-kept-at-node", a_case(OUTSIDE), observation)


@pytest.mark.parametrize("end", ["timeout", "unreachable"])
def test_a_nodes_own_packets_to_a_service_leave_it_unanswered(end):
    packets = {"client-node": [a_packet(), a_packet(dst="10.244.12.2")]}
    assert shows("unserved", a_case(), an_observation(an_attempt(error=end), packets=packets))


@pytest.mark.parametrize(
    ("end", "packets"),
    [("timeout", []), ("timeout", [a_packet(dst="10.244.1.5")]), ("refused", [a_packet()]), (None, [a_packet()])],
    ids=["nothing leaves", "it is led to a backend", "refused", "answered"],
)
def test_a_node_that_is_served_or_sends_nothing_is_another_matter(end, packets):
    assert not shows("unserved", a_case(), an_observation(an_attempt(error=end), packets={"client-node": packets}))


@pytest.mark.parametrize(
    ("ends", "shown"),
    [
        ((an_attempt("linux-1-a"), an_attempt("linux-2-a")), True),
        ((an_attempt("linux-1-a"), an_attempt("linux-1-a")), False),
        ((an_attempt("linux-1-a"), an_attempt("linux-2-a"), an_attempt(error="timeout")), False),
    ],
    ids=["two backends", "one backend", "one is not answered"],
)
def test_affinity_is_missing_when_all_is_answered_by_several(ends, shown):
    assert shows("no-affinity", a_case(), an_observation(attempts=ends)) is shown


@pytest.mark.parametrize(
    ("ends", "packets", "shown"),
    [
        (("timeout", "timeout"), [a_packet()], True),
        (("timeout", None), [a_packet()], True),
        ((None, None), [a_packet()], False),
        (("timeout", "refused"), [a_packet()], False),
        (("timeout",), [], False),
    ],
    ids=["all", "in part", "none", "refused", "nothing sent"],
)
def test_requests_are_lost_when_some_end_as_timeout_and_none_in_another_way(ends, packets, shown):
    several = tuple(an_attempt(error=end) for end in ends)
    observation = an_observation(attempts=several, packets={"client-pod": packets})
    assert shows("lost", a_case(), observation) is shown


SERVED = ControlResult(name="windows-1-a reaches another Service over TCP", before=True, after=True)


def of_many_services(*ends, told=None, controls=(SERVED,)):
    bindings = BINDINGS if told is None else {**BINDINGS, "client.node.port_messages": told}
    several = tuple(an_attempt(error=end) for end in ends)
    made = an_observation(attempts=several, packets={"client-pod": [a_packet()]}, bindings=bindings)
    return replace(made, controls=(*made.controls, *controls))


@pytest.mark.parametrize(("told", "shown"), [(None, True), (3, True), (0, False)], ids=["no log", "said", "not said"])
def test_ports_are_used_up_when_services_are_lost_and_no_log_is_silent_about_it(told, shown):
    assert shows("ports_used_up", a_case(), of_many_services("timeout", None, told=told)) is shown
    assert shows("ports_used_up", a_case(), of_many_services("timeout", told=told)) is shown
    assert not shows("ports_used_up", a_case(), of_many_services(None, told=told))


@pytest.mark.parametrize("told", [None, 3], ids=["no log", "said"])
@pytest.mark.parametrize("ends", [("timeout",), ("timeout", None)], ids=["all", "in part"])
def test_a_node_that_serves_no_other_service_has_not_used_up_its_ports(ends, told):
    for unserved in (replace(SERVED, before=False), replace(SERVED, after=False), replace(SERVED, name="of itself")):
        observation = of_many_services(*ends, told=told, controls=(unserved,))
        assert not shows("ports_used_up", a_case(), observation)
    assert not shows("ports_used_up", a_case(), of_many_services(*ends, told=told, controls=()))


def test_a_node_where_no_service_answers_at_all_confirms_no_limit():
    documented = Limitation(
        id="L", requirements=("R",), kind="documented", statement="Ports.", symptom="ports_used_up", sources=()
    )
    wanted = expectation(answered_by(a_flow().server))
    dead = replace(SERVED, before=False, after=False, detail="timeout")

    def outcome(*controls):
        found = of_many_services("timeout", "timeout", controls=controls)
        return judge(a_case(limitation="L"), wanted, found, documented).outcome

    assert outcome(SERVED) is Outcome.LIMITATION_CONFIRMED
    assert outcome(dead) is Outcome.INCONCLUSIVE
    assert outcome() is Outcome.FAIL


def to_a_port(at_pod=("request",), at_server=(), error="timeout"):
    packets = {"client-pod": [a_packet(one) for one in at_pod], "server-pod": list(at_server)}
    return an_observation(an_attempt(error=error), packets=packets)


def test_a_request_that_is_lost_where_it_enters_reaches_no_server():
    assert shows("lost-at-entry", a_case(), to_a_port())
    assert shows("never-forwarded", a_case(), to_a_port(at_pod=(), error="refused"))


def test_a_client_that_is_the_server_sees_its_own_requests_there():
    assert shows("lost-at-entry", a_case(a_flow(placement="itself")), to_a_port(at_server=[a_packet()]))


@pytest.mark.parametrize(
    "observation",
    [
        to_a_port(at_pod=()),
        to_a_port(at_pod=("request", "reply")),
        to_a_port(at_server=[a_packet()]),
        to_a_port(error="refused"),
        to_a_port(error=None),
    ],
)
def test_a_request_that_is_lost_elsewhere_is_not(observation):
    assert not shows("lost-at-entry", a_case(), observation)


@pytest.mark.parametrize("observation", [to_a_port(at_server=[a_packet()]), to_a_port(error="unreachable")])
def test_a_request_that_is_forwarded_or_ends_otherwise_is_not(observation):
    assert not shows("never-forwarded", a_case(), observation)


def test_a_server_that_sees_another_address_than_the_clients():
    assert shows("client-hidden", a_case(), an_observation(an_attempt(source="172.31.0.12")))
    assert not shows("client-hidden", a_case(), an_observation(an_attempt()))
    assert not shows("client-hidden", a_case(), an_observation(an_attempt(error="timeout")))


def asking(name, *lookups, error="not-found"):
    seen = dotted(lookups, error=error)
    bindings = {**seen.bindings, "target.suffix.1": "web.ns.svc.cluster.local", "dns.ip": ("10.96.0.10",)}
    return shows(name, a_case(), replace(seen, bindings=bindings))


def test_one_suffix_is_the_one_of_the_namespace_and_a_clean_no():
    own, other = lookup("web.ns.svc.cluster.local"), lookup("web.svc.cluster.local")
    assert asking("one-suffix", own)
    assert not asking("one-suffix")
    assert not asking("one-suffix", own, other)
    assert not asking("one-suffix", other)
    assert not asking("one-suffix", lookup(own.name, rcode=None), error="timeout")


def test_the_resolver_of_the_node_is_another_server_that_says_no():
    there, here = (lookup("web.ns.svc.cluster.local", server=ip) for ip in ("203.0.113.10", "10.96.0.10"))
    assert asking("node-resolver", there)
    assert not asking("node-resolver")
    assert not asking("node-resolver", there, here)
    assert not asking("node-resolver", lookup(there.name, server=there.server, rcode=None), error="timeout")
    assert not asking("node-resolver", there, error="other")


OLD, MENDED, SERVER_2022 = (17763, 378), (17763, 379), (20348, 1)
ASKED, ANSWERED = a_packet(), a_packet("reply")
ASKED_BY_TUNNEL, ANSWERED_BY_TUNNEL = a_packet(outer=a_tunnel()), a_packet("reply", outer=a_tunnel())


def by_tunnel(at_client=(), at_server=(), delivered=(), error="timeout", back=(), builds=(OLD, OLD)):
    """What is seen at the NICs of the client's node and of the server's, in the server's pod and back in the client's,
    on nodes of these builds."""
    packets = {
        "client-node": at_client,
        "server-node": at_server,
        "server-pod": delivered,
        "client-pod": (ASKED, *back),
    }
    client, server = ({f"{role}.node.build": build} if build else {} for role, build in zip(ROLES, builds, strict=True))
    return an_observation(an_attempt(error=error), packets=packets, bindings={**BINDINGS, **client, **server})


ROLES = ("client", "server")
THERE = {"at_client": [ASKED_BY_TUNNEL], "at_server": [ASKED_BY_TUNNEL]}
BACK = {"at_client": [ASKED_BY_TUNNEL, ANSWERED_BY_TUNNEL], "at_server": [ASKED_BY_TUNNEL, ANSWERED_BY_TUNNEL]}
SERVED_IN_VAIN = {**BACK, "delivered": [ASKED, ANSWERED]}


@pytest.mark.parametrize(
    "observation",
    [
        by_tunnel(**THERE),
        by_tunnel(**THERE, builds=(None, OLD)),
        by_tunnel(**SERVED_IN_VAIN, builds=(OLD, None)),
        by_tunnel(**SERVED_IN_VAIN, builds=(OLD, MENDED)),
    ],
    ids=["request", "of a Linux node", "reply, from a Linux node", "reply, from a mended node"],
)
def test_what_crosses_the_underlay_and_ends_at_an_old_overlay_node_is_the_known_issue(observation):
    assert shows("undelivered", a_case(), observation)


@pytest.mark.parametrize(
    "observation",
    [
        by_tunnel(at_client=[ASKED_BY_TUNNEL]),
        by_tunnel(at_client=[ASKED_BY_TUNNEL, ASKED_BY_TUNNEL], delivered=[]),
        by_tunnel(),
        by_tunnel(at_client=[ASKED], at_server=[ASKED]),
        by_tunnel(**{**BACK, "at_client": [ASKED_BY_TUNNEL]}, delivered=[ASKED, ANSWERED]),
        by_tunnel(**THERE, delivered=[ASKED]),
        by_tunnel(**SERVED_IN_VAIN, back=[ANSWERED]),
        by_tunnel(**THERE, builds=(OLD, MENDED)),
        by_tunnel(**THERE, builds=(OLD, SERVER_2022)),
        by_tunnel(**THERE, builds=(OLD, None)),
        by_tunnel(**THERE, error="refused"),
    ],
    ids=[
        "the underlay drops it",
        "and again",
        "it never leaves",
        "it is bare",
        "the underlay drops the reply",
        "the server does not answer",
        "the client has its reply",
        "a mended node loses it",
        "a newer Windows loses it",
        "a Linux node loses it",
        "refused",
    ],
)
def test_an_overlay_that_fails_in_another_way_is_not(observation):
    assert not shows("undelivered", a_case(), observation)


def test_without_a_capture_at_the_pod_nothing_is_known_to_be_undelivered():
    there = by_tunnel(**THERE)
    blind = {point: capture for point, capture in there.captures.items() if point != "server-pod"}
    assert not shows("undelivered", a_case(), replace(there, captures=blind))


def test_the_catalogue_and_the_symptom_name_the_same_build():
    (issue,) = (
        limitation for limitation in load(suites_folder())[0].limitations if limitation.symptom == "undelivered"
    )
    assert issue.when.flow.builds == ("17763.0", f"{OVERLAY_MENDED[0]}.{OVERLAY_MENDED[1] - 1}")
