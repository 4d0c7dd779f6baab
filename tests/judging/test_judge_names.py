"""What the judge makes of look-ups and of the questions that were on the wire."""

import dns.message
import pytest
from changed import replace
from observed import a_case, a_flow, a_packet, an_attempt, an_observation

from podwire import (
    asked,
    asked_in_order,
    at_dns,
    each_asked,
    first_asked,
    not_asked,
    not_found,
    only_asked,
    resolves_to,
    tool,
)
from podwire.judging.expectation import expectation
from podwire.judging.judge import judge
from podwire.model.flows import Peer
from podwire.model.observations import Lookup, ProbeError
from podwire.model.verdicts import Outcome

FLOW = a_flow(
    server=Peer(role="server", kind="dns", os="dns"), via="short-name", protocol="dns", placement="cross-node"
)
CASE = a_case(FLOW)
FULL = "web.ns.svc.cluster.local"
BINDINGS = {
    "target.name": "web",
    "target.fqdn": FULL,
    "target.suffix.1": FULL,
    "target.suffix.2": "web.svc.cluster.local",
    "target.suffix.3": "web.cluster.local",
    "service.cluster_ip": "10.96.0.5",
    "service.backends": ("10.244.1.2", "10.244.2.2"),
    "server.name": "Echo.Outside.example",
    "dns.ip": ("10.96.0.10",),
}
FOUND = {"rcode": "NOERROR", "answers": ("10.96.0.5",)}
NONE = {"rcode": "NXDOMAIN"}


def lookup(name=FULL, at=0.0, **more):
    return Lookup(**{"name": name, "type": "A", "server": "10.96.0.10", "protocol": "udp", "at": at, **more})


def resolved(*addresses, **more):
    return replace(an_attempt(), reply=None, resolved=addresses, **more)


def failed(kind="not-found", **more):
    return resolved(error=ProbeError(stage="resolve", kind=kind), **more)


FINE = resolved("10.96.0.5")


def outcome(part, *lookups, attempts=(FINE,), packets=(), **bindings):
    seen = an_observation(
        attempts=tuple(attempts),
        lookups=tuple(lookups),
        packets={"server-node": list(packets)},
        bindings={**BINDINGS, **bindings},
        unusable=() if packets else ("server-node",),
    )
    return judge(CASE, expectation(part), seen)


def meets(questions, *lookups, **more):
    return outcome(at_dns(questions), *lookups, **more).outcome is Outcome.PASS


def test_a_name_leads_to_all_of_its_addresses_and_to_no_others():
    one = resolves_to(FLOW.service.cluster_ip)
    many = resolves_to(FLOW.service.backends)
    assert outcome(one).outcome is Outcome.PASS
    assert outcome(one, attempts=[resolved("10.96.0.6")]).outcome is Outcome.FAIL
    assert outcome(one, attempts=[failed()]).outcome is Outcome.FAIL
    assert outcome(many, attempts=[resolved("10.244.2.2", "10.244.1.2")]).outcome is Outcome.PASS
    assert outcome(many, attempts=[resolved("10.244.1.2")]).outcome is Outcome.FAIL
    assert outcome(many, attempts=[resolved("10.244.1.2", "10.244.2.2", "10.244.3.2")]).outcome is Outcome.FAIL


@pytest.mark.parametrize("kind", ["timeout", "other"])
def test_only_a_clean_no_counts_as_a_name_that_does_not_exist(kind):
    assert outcome(not_found(), attempts=[failed()]).outcome is Outcome.PASS
    assert outcome(not_found(), attempts=[failed(kind)]).outcome is Outcome.FAIL
    assert outcome(not_found()).outcome is Outcome.FAIL


def test_a_question_is_known_by_its_name_its_answer_its_server_its_transport_and_its_alias():
    assert meets(asked(FLOW.fqdn, answer=FLOW.service.cluster_ip), lookup(**FOUND))
    assert not meets(asked(FLOW.fqdn), lookup("web.svc.cluster.local", **FOUND))
    assert not meets(asked(FLOW.fqdn, answer=FLOW.service.cluster_ip), lookup(rcode="NOERROR", answers=("10.96.0.6",)))
    assert meets(asked(FLOW.fqdn, of=FLOW.dns_ip), lookup())
    assert not meets(asked(FLOW.fqdn, of=FLOW.dns_ip), lookup(), lookup(server="203.0.113.10"))
    assert meets(asked(FLOW.fqdn, over="tcp"), lookup(rcode="truncated"), lookup(protocol="tcp", **FOUND))
    assert not meets(asked(FLOW.fqdn, over="tcp"), lookup(**FOUND))
    assert meets(asked(FLOW.fqdn, alias=FLOW.server.name), lookup(alias="echo.outside.example"))
    assert not meets(asked(FLOW.fqdn, alias=FLOW.server.name), lookup(**FOUND))


@pytest.mark.parametrize("over", ["udp", "tcp"])
def test_each_of_several_servers_is_asked_and_says_the_same(over):
    pods = {"dns.pods": ("10.244.1.10", "10.244.2.10")}
    each = each_asked(FLOW.fqdn, of=FLOW.dns_pods, answer=FLOW.service.cluster_ip, over=over)
    one, other = (lookup(server=server, protocol=over, **FOUND) for server in pods["dns.pods"])
    assert meets(each, one, other, **pods)
    assert not meets(each, one, **pods)
    assert not meets(each, one, replace(other, rcode=None, answers=()), **pods)
    assert not meets(each, one, replace(other, rcode="NXDOMAIN", answers=()), **pods)
    assert not meets(each, one, replace(other, answers=("10.96.0.6",)), **pods)
    assert not meets(each, one, replace(other, protocol="udp" if over == "tcp" else "tcp"), **pods)
    said = outcome(at_dns(each), one, replace(other, rcode="NXDOMAIN", answers=()), **pods).findings[0].actual
    assert said.startswith("10.244.1.10: web.ns.svc")
    assert said.endswith("NXDOMAIN")
    assert "10.244.2.10: " in said


def test_only_and_first_are_about_the_other_spellings():
    other = lookup("web.svc.cluster.local", at=1.0, **NONE)
    assert meets(only_asked(FLOW.fqdn), lookup(), lookup(at=1.0))
    assert not meets(only_asked(FLOW.fqdn), lookup(), other)
    assert meets(first_asked(FLOW.fqdn), other, lookup())
    assert not meets(first_asked(FLOW.fqdn), lookup(at=2.0), other)
    assert not meets(first_asked(FLOW.fqdn), other)


def test_names_in_order_follow_each_other_after_a_no():
    suffixes = asked_in_order(*(FLOW.with_suffix(number) for number in (1, 2, 3)))
    names = (FULL, "web.svc.cluster.local", "web.cluster.local")
    in_order = [lookup(name, at=float(at), **NONE) for at, name in enumerate(names)]
    assert meets(suffixes, *in_order)
    assert meets(suffixes, *reversed(in_order))
    assert meets(suffixes, in_order[0], replace(in_order[0], at=0.5), *in_order[1:])
    assert not meets(suffixes, *in_order[:2])
    assert not meets(suffixes, *(replace(one, at=-one.at) for one in in_order))
    assert not meets(suffixes, replace(in_order[0], rcode=None), *in_order[1:])
    assert not meets(suffixes, replace(in_order[0], **FOUND), *in_order[1:])
    assert not meets(suffixes)


def test_a_name_that_must_not_be_asked():
    assert meets(not_asked(FLOW.name))
    assert not meets(not_asked(FLOW.name), lookup())
    assert str(not_asked(FLOW.name)) == "no question for target.name"


def alike(*attempts):
    verdict = outcome(not_found(), attempts=attempts)
    return verdict.outcome, next(finding for finding in verdict.findings if finding.expected.startswith("all of"))


def test_many_look_ups_must_all_end_alike():
    found, finding = alike(*(failed(elapsed=at / 1000) for at in range(1000)))
    assert (found, finding.actual) == (Outcome.PASS, "1000 do; 99 of 100 within 990 ms")
    assert "one lost in 100 would go unseen with a chance of 4e-05" in finding.expected
    found, finding = alike(*[failed()] * 997, failed("timeout"), failed("timeout"), resolved("192.0.2.1"))
    assert found is Outcome.FAIL
    assert finding.actual.startswith("997 do, 1 end as an answer, 2 end as timeout at resolve;")


def burst(*attempts, lookups=()):
    verdict = outcome(not_found(), *lookups, attempts=attempts)
    return verdict.outcome, verdict.reason, [finding.actual for finding in verdict.findings]


NEVER = ProbeError(stage="resolve", kind="timeout", text="not asked: too many before it had no answer")


def test_look_ups_that_were_not_asked_are_no_losses_and_decide_nothing():
    found, reason, said = burst(*[failed()] * 5, *(resolved(error=NEVER, elapsed=at) for at in range(3)))
    assert (found, reason) == (
        Outcome.INCONCLUSIVE,
        "3 of 8 look-ups were not asked: too many before them had no answer",
    )
    assert said[-1] == "5 do, 3 were not asked; 99 of 100 within 2000 ms"
    found, _, said = burst(*[failed()] * 5, resolved(error=NEVER), failed("timeout"))
    assert found is Outcome.FAIL
    assert said[-1].startswith("5 do, 1 end as timeout at resolve, 1 were not asked;")


@pytest.mark.parametrize(
    ("answers", "ended"),
    [
        ({"rcode": "NXDOMAIN"}, Outcome.PASS),
        ({"rcode": None}, Outcome.FAIL),
        ({"rcode": "NXDOMAIN", "lost": 1}, Outcome.FAIL),  # The resolver asked again, which was answered.
        ({"rcode": "SERVFAIL"}, Outcome.FAIL),
    ],
)
@pytest.mark.parametrize(
    "error",
    [
        ProbeError(stage="resolve", kind="timeout"),
        ProbeError(stage="resolve", kind="other", number=-3, text="Temporary failure in name resolution"),
        ProbeError(stage="resolve", kind="other", number=11002, text="a non-authoritative host was not found"),
    ],
    ids=["timeout", "glibc", "winsock"],
)
def test_a_question_that_was_answered_on_the_wire_was_not_lost(answers, ended, error):
    late = resolved(error=error, token="pw00000000000000aa")
    found, _, said = burst(failed(), failed(), late, lookups=[lookup("pw00000000000000aa.web.ns.svc", **answers)])
    assert found is ended
    assert ("1 were answered on the wire although the resolver gave up" in said[-1]) is (ended is Outcome.PASS)


def test_a_resolver_that_gives_up_for_another_reason_lost_the_question():
    wrong = resolved(error=ProbeError(stage="resolve", kind="other", number=-4), token="pw00000000000000aa")
    assert (
        burst(failed(), failed(), wrong, lookups=[lookup("pw00000000000000aa.web.ns.svc", **NONE)])[0] is Outcome.FAIL
    )


def test_a_resolver_that_takes_no_answer_at_all_is_not_late():
    late = [failed("timeout", token=f"pw00000000000000a{at}") for at in range(2)]
    answered = [lookup(f"{one.token}.web.ns.svc", **NONE) for one in late]
    assert burst(*late, lookups=answered)[0] is Outcome.FAIL


def test_an_answer_that_only_the_resolver_got_was_not_captured():
    expected = at_dns(asked(FLOW.fqdn, answer=FLOW.service.cluster_ip))
    assert outcome(expected, lookup()).outcome is Outcome.INCONCLUSIVE
    assert outcome(expected, lookup(), attempts=[failed()]).outcome is Outcome.FAIL
    assert outcome(expected, lookup(), lookup("other", **FOUND)).outcome is Outcome.FAIL


def question(name=FULL, protocol="udp"):
    wire = dns.message.make_query(name, "A").to_wire()
    framed = len(wire).to_bytes(2, "big") + wire if protocol == "tcp" else wire
    return a_packet(protocol=protocol, dport=53, payload=framed)


def test_each_question_must_arrive_at_the_node_of_the_dns_server():
    expected = at_dns(asked(FLOW.fqdn))
    both = lookup(rcode="truncated"), lookup(protocol="tcp", **FOUND)
    assert outcome(expected, *both, packets=[question(), question(protocol="tcp")]).outcome is Outcome.PASS
    lost = outcome(expected, *both, packets=[question()])
    assert (lost.outcome, lost.findings[-1].actual) == (Outcome.FAIL, f"not {FULL} over TCP")


def test_what_a_tool_prints_may_be_known_only_by_the_run():
    expected = expectation(tool.prints(FLOW.service.cluster_ip))
    seen = an_observation(bindings=BINDINGS, output="Address:  10.96.0.5\n")
    assert judge(CASE, expected, seen).outcome is Outcome.PASS
    assert judge(CASE, expected, replace(seen, output="can't find web")).outcome is Outcome.FAIL


def test_questions_to_a_cache_on_the_own_node_are_not_looked_for_at_the_server():
    question = asked(FLOW.fqdn)
    other = a_packet("request", dport=53)
    assert not meets(question, lookup(**FOUND), packets=[other])
    assert meets(question, lookup(**FOUND), packets=[other], **{"dns.cache": True})
