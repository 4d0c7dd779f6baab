"""What the judge makes of the answers that the agent's own DNS client got."""

import pytest
from changed import replace
from observed import a_case, a_flow, an_attempt, an_observation

from podwire import (
    as_spelled,
    at_dns,
    both_answered,
    has_ptr,
    has_srv,
    has_targets,
    no_data,
    no_such_name,
    replied,
    with_edns,
)
from podwire.judging.expectation import ExpectationError, expectation
from podwire.judging.judge import judge
from podwire.model.flows import Peer
from podwire.model.observations import Lookup, ProbeError
from podwire.model.verdicts import Outcome

FLOW = a_flow(
    server=Peer(role="server", kind="dns", os="dns"), via="fqdn", protocol="dns", asks="srv", placement="anywhere"
)
CASE = a_case(FLOW)
FQDN = "web.ns.svc.cluster.local"
SRV, REVERSE = f"_tcp._tcp.{FQDN}", "5.0.96.10.in-addr.arpa"
BINDINGS = {
    "target.fqdn": FQDN,
    "question.1": SRV,
    "question.2": REVERSE,
    "question.3": "wEb.nS",
    "service.port.tcp": 80,
    "service.backends": ("10.244.1.2", "10.244.2.2"),
    "run.namespace": "ns.svc.cluster.local",
}
OF_SERVICE = has_srv(FLOW.question(1), port=FLOW.service.port_named("tcp"), target=FLOW.fqdn)
OF_PODS = has_targets(
    FLOW.question(1), port=FLOW.service.port_named("tcp"), below=FLOW.fqdn, addresses=FLOW.service.backends
)
TIMEOUT = ProbeError(stage="receive", kind="timeout", text="no answer to 1 of 2 questions (8 datagrams)")


def lookup(name=FQDN, kind="A", **more):
    return Lookup(
        **{"name": name, "type": kind, "server": "10.96.0.10", "protocol": "udp", "at": 0.0, "rcode": "NOERROR", **more}
    )


def srv(*records, **more):
    return lookup(SRV, "SRV", records=records, **more)


def ptr(*names, **more):
    return lookup(REVERSE, "PTR", records=names, **more)


ANSWERED = an_attempt(identity="")


def verdict(part, *lookups, attempts=(ANSWERED,), **more):
    seen = an_observation(
        attempts=tuple(attempts), lookups=lookups, bindings=BINDINGS, unusable=("server-node",), **more
    )
    return judge(CASE, expectation(part), seen)


def meets(question, *lookups):
    return verdict(at_dns(question), *lookups).outcome is Outcome.PASS


def test_the_one_srv_record_of_a_service_has_its_port_and_its_name():
    assert meets(OF_SERVICE, srv(f"0 100 80 {FQDN}"))
    assert meets(OF_SERVICE, srv(f"10 1 80 {FQDN}"))
    assert not meets(OF_SERVICE, srv(f"0 100 81 {FQDN}"))
    assert not meets(OF_SERVICE, srv(f"0 100 80 other.{FQDN}"))
    assert not meets(OF_SERVICE, srv(f"0 100 80 {FQDN}", f"0 100 80 other.{FQDN}"))
    assert not meets(OF_SERVICE, srv())
    assert not meets(OF_SERVICE, srv(rcode="NXDOMAIN"))
    assert not meets(OF_SERVICE, lookup(f"_udp._udp.{FQDN}", "SRV", records=(f"0 100 80 {FQDN}",)))
    assert not meets(OF_SERVICE)


def test_a_cut_answer_counts_by_the_whole_one_after_it():
    cut = srv(rcode="truncated")
    assert meets(OF_SERVICE, cut, srv(f"0 100 80 {FQDN}", protocol="tcp"))
    assert not meets(OF_SERVICE, cut)


def test_a_wrong_record_is_told_by_its_names():
    found = verdict(at_dns(OF_SERVICE), srv("0 100 8080 other.ns.svc.cluster.local"))
    assert found.outcome is Outcome.FAIL
    assert f"{SRV} → 80 {FQDN}" in found.reason
    assert f"{SRV} SRV → 0 100 8080 other.ns.svc.cluster.local" in found.reason


TARGETS = (f"0 50 80 one.{FQDN}", f"0 50 80 two.{FQDN}")
ONE, TWO = lookup(f"one.{FQDN}", answers=("10.244.1.2",)), lookup(f"two.{FQDN}", answers=("10.244.2.2",))


def test_srv_records_of_a_headless_service_lead_to_all_its_pods_and_to_nothing_else():
    assert meets(OF_PODS, srv(*TARGETS), ONE, TWO)
    assert not meets(OF_PODS, srv(*TARGETS[:1]), ONE)
    assert not meets(OF_PODS, srv(*TARGETS), ONE)
    assert not meets(OF_PODS, srv(*TARGETS), ONE, replace(TWO, rcode="NXDOMAIN", answers=()))
    assert not meets(OF_PODS, srv(*TARGETS), ONE, replace(TWO, answers=("10.244.9.9",)))
    assert not meets(OF_PODS, srv(*TARGETS, TARGETS[0]), ONE, TWO)
    assert not meets(OF_PODS, srv(TARGETS[0], f"0 50 81 two.{FQDN}"), ONE, TWO)
    elsewhere = lookup("two.example", answers=("10.244.2.2",))
    assert not meets(OF_PODS, srv(TARGETS[0], "0 50 80 two.example"), ONE, elsewhere)
    assert not meets(OF_PODS, srv())


def test_a_target_of_the_other_family_may_have_no_address_of_this_one():
    other = lookup(f"three.{FQDN}")
    assert meets(OF_PODS, srv(*TARGETS, f"0 50 80 three.{FQDN}"), ONE, TWO, other)


def test_an_address_leads_back_to_one_name_or_to_one_among_those_below():
    one = has_ptr(FLOW.question(2), target=FLOW.fqdn)
    among = has_ptr(FLOW.question(2), target=FLOW.fqdn, below=FLOW.namespace)
    others = (FQDN, "10-244-1-2.other.ns.svc.cluster.local")
    assert meets(one, ptr(FQDN))
    assert not meets(one, ptr(*others))
    assert not meets(one, ptr("other.ns.svc.cluster.local"))
    assert not meets(one, ptr(rcode="NXDOMAIN"))
    assert meets(among, ptr(*others))
    assert not meets(among, ptr(*others[1:]))
    assert not meets(among, ptr(*others, "one.elsewhere.example"))


@pytest.mark.parametrize(
    ("found", "is_no_data", "is_no_name"),
    [
        (lookup(kind="AAAA"), True, False),
        (lookup(kind="AAAA", rcode="NXDOMAIN"), False, True),
        (lookup(kind="AAAA", rcode="SERVFAIL"), False, False),
        (lookup(kind="AAAA", answers=("fd00::1",)), False, False),
        (lookup(kind="AAAA", rcode=None), False, False),
        (lookup(kind="A"), False, False),
        (lookup("other", kind="AAAA"), False, False),
    ],
)
def test_a_name_without_records_is_another_no_than_a_name_that_does_not_exist(found, is_no_data, is_no_name):
    assert meets(no_data(FLOW.fqdn, "AAAA"), found) is is_no_data
    assert meets(no_such_name(FLOW.fqdn), found) is is_no_name


def test_the_answer_repeats_the_spelling_and_has_an_opt_record():
    spelled = as_spelled(FLOW.question(3))
    assert meets(spelled, lookup(spelled=("wEb.nS", "wEb.nS")))
    assert not meets(spelled, lookup(spelled=("wEb.nS", "web.ns")))
    assert not meets(spelled, lookup(spelled=("wEb.nS",), rcode=None))
    assert not meets(spelled, lookup())
    assert meets(with_edns(FLOW.fqdn), lookup(edns=True))
    assert not meets(with_edns(FLOW.fqdn), lookup(edns=True), lookup())
    assert not meets(with_edns(FLOW.fqdn))


def test_both_families_are_answered_as_often_as_they_are_asked():
    both, answered = both_answered(FLOW.fqdn), [lookup(id=1), lookup(kind="AAAA", id=2)]
    assert meets(both, *answered, lookup(id=3, lost=1), lookup(kind="AAAA", id=4))
    assert not meets(both, *answered, lookup(id=3))
    assert not meets(both, *answered, lookup(id=3), lookup(kind="AAAA", id=4, rcode="SERVFAIL"))
    assert not meets(both)


def test_an_answer_that_only_the_agent_got_proves_no_fault():
    unseen = verdict(at_dns(OF_SERVICE), srv(rcode=None))
    assert (unseen.outcome, unseen.reason) == (
        Outcome.INCONCLUSIVE,
        "an answer of the DNS server was not captured, but the agent got it",
    )
    lost = replace(ANSWERED, reply=None, error=TIMEOUT)
    assert verdict(at_dns(OF_SERVICE), srv(rcode=None), attempts=[lost]).outcome is Outcome.FAIL


def test_every_socket_has_its_answers():
    lost = replace(ANSWERED, reply=None, error=TIMEOUT)
    assert verdict(replied()).outcome is Outcome.PASS
    assert verdict(replied(), attempts=[ANSWERED, ANSWERED]).outcome is Outcome.PASS
    told = verdict(replied(), attempts=[ANSWERED, lost])
    assert told.outcome is Outcome.FAIL
    assert "no answer to 1 of 2 questions" in told.reason
    assert verdict(replied(), attempts=[lost], controls=(True, False)).outcome is Outcome.INCONCLUSIVE


def test_only_the_agents_own_client_is_told_to_have_replies():
    with pytest.raises(ExpectationError, match="the agent's own DNS client"):
        expectation(replied()).check(a_flow(via="fqdn", protocol="dns"))
