"""What a resolver does with what servers say: a lost question is asked again, and a name that is none may fail."""

import pytest
from changed import replace
from observed import a_case, a_flow, an_attempt, an_observation

from podwire import asked_in_order, at_dns, not_found, resolves_to
from podwire.judging.expectation import expectation
from podwire.judging.judge import judge
from podwire.judging.resolvers import failed_upstream, heard, in_words
from podwire.judging.symptoms.table import symptom
from podwire.model.flows import Peer
from podwire.model.observations import Lookup, ProbeError
from podwire.model.verdicts import Outcome

FLOW = a_flow(
    server=Peer(role="server", kind="dns", os="dns"), via="unknown-name", protocol="dns", placement="cross-node"
)
SUFFIXES = ("ns.svc.cluster.local", "svc.cluster.local", "cluster.local")
NAMES = [f"web.{suffix}" for suffix in SUFFIXES]
BINDINGS = {
    "target.name": "web",
    "target.fqdn": NAMES[0],
    **{f"target.suffix.{at}": name for at, name in enumerate(NAMES, 1)},
}


def lookup(name, at=0.0, rcode="NXDOMAIN", **more):
    return Lookup(
        **{"name": name, "type": "A", "server": "10.96.0.10", "protocol": "udp", "at": at, "rcode": rcode, **more}
    )


def failed(kind="other"):
    return replace(an_attempt(), reply=None, error=ProbeError(stage="resolve", kind=kind, number=-3))


def seen(*lookups, attempt=None, **bindings):
    made = an_observation(attempts=(attempt or failed(),), lookups=tuple(lookups), unusable=("server-node",))
    return replace(made, bindings={**made.bindings, **BINDINGS, **bindings})


def verdict(*lookups, part=None, **more):
    return judge(a_case(FLOW), expectation(part or not_found()), seen(*lookups, **more))


SEARCHED = [lookup(name, at) for at, name in enumerate(NAMES)]


def test_a_bare_name_that_fails_after_a_no_to_every_name_of_the_cluster_is_not_found():
    found = verdict(*SEARCHED, lookup("web", 3.0, "SERVFAIL"))
    assert found.outcome is Outcome.PASS
    assert found.findings[0].actual == (
        "no name of the cluster is found; web, which is none, ends in SERVFAIL (the server failed) at resolve"
    )


@pytest.mark.parametrize(
    "lookups",
    [
        [lookup("web", 3.0, "SERVFAIL")],  # Nothing says that the cluster has no such name.
        [*SEARCHED[:2], lookup(NAMES[2], 2.0, "SERVFAIL"), lookup("web", 3.0, "SERVFAIL")],
        [*SEARCHED[:2], lookup(NAMES[2], 2.0, None), lookup("web", 3.0, "SERVFAIL")],
        [*SEARCHED[:2], lookup(NAMES[2], 2.0, "NOERROR", answers=("10.0.0.1",)), lookup("web", 3.0, "SERVFAIL")],
        [*SEARCHED, lookup("web", 1.5, "SERVFAIL")],  # Asked before the cluster had said no.
        [*SEARCHED, lookup("web", 3.0, "REFUSED")],
        [*SEARCHED, lookup("web", 3.0, None)],
        SEARCHED,
    ],
)
def test_any_other_failure_is_one(lookups):
    assert verdict(*lookups).outcome is Outcome.FAIL


def test_a_resolver_that_gets_no_word_at_all_has_not_been_told_no():
    assert verdict(*SEARCHED, lookup("web", 3.0, "SERVFAIL"), attempt=failed("timeout")).outcome is Outcome.FAIL


@pytest.mark.parametrize("name", [NAMES[0], f"{NAMES[0]}."])
def test_a_full_name_of_the_cluster_must_not_fail(name):
    found = verdict(lookup(NAMES[0], 0.0, "SERVFAIL"), **{"target.name": name})
    assert found.outcome is Outcome.FAIL
    assert "SERVFAIL (the server failed) at resolve" in found.reason


def test_a_name_that_must_lead_somewhere_says_which_code_it_ended_in():
    found = verdict(lookup("web", 0.0, "REFUSED"), part=resolves_to("10.0.0.1"))
    assert found.findings[0].actual == "REFUSED (the server refuses to answer) at resolve"


@pytest.mark.parametrize(
    ("attempt", "lookups", "words"),
    [
        (failed(), (), "other at resolve"),
        (failed("timeout"), (lookup("web", 0.0, "SERVFAIL"),), "timeout at resolve"),
        (failed(), (lookup("web", 0.0, "SERVFAIL"), lookup("x", 1.0)), "SERVFAIL (the server failed) at resolve"),
        (failed(), (lookup("web", 0.0, "RCODE11"),), "other at resolve"),
        (an_attempt(), (), "nothing"),
    ],
)
def test_an_end_in_words(attempt, lookups, words):
    assert in_words(attempt, lookups) == words


def test_windows_dotted_name_that_nobody_can_be_asked_about_is_as_documented():
    dotted = {"target.name": "web.ns"}
    assert all(
        one.met for one in symptom("name-not-found")(a_case(), silent(lookup("web.ns", 0.0, "SERVFAIL"), **dotted))
    )
    other = silent(lookup("web.ns", 0.0, "REFUSED"), **dotted)
    assert not all(one.met for one in symptom("name-not-found")(a_case(), other))


def silent(*lookups, **bindings):
    made = an_observation(attempts=(failed(),), lookups=tuple(lookups), packets={"client-pod": []})
    return replace(made, bindings={**made.bindings, **BINDINGS, **bindings})


def test_a_lost_question_that_was_asked_again_is_no_answer_of_the_server():
    lost = lookup(NAMES[1], 0.5, None)
    in_order = at_dns(asked_in_order(FLOW.with_suffix(1), FLOW.with_suffix(2), FLOW.with_suffix(3)))
    again = [SEARCHED[0], lost, lookup(NAMES[1], 5.5), lookup(NAMES[2], 6.0)]
    assert heard(tuple(again)) == (again[0], *again[2:])
    assert verdict(*again, part=in_order).outcome is Outcome.PASS
    assert verdict(SEARCHED[0], lost, lookup(NAMES[2], 6.0), part=in_order).outcome is Outcome.FAIL


def test_a_question_that_is_lost_after_an_answer_to_it_is_lost_all_the_same():
    late = (lookup("web", 0.0), lookup("web", 1.0, None))
    assert heard(late) == late
    assert heard((lookup("web", 0.0, None, type="AAAA"), lookup("web", 1.0)))[0].type == "AAAA"


def test_nothing_failed_upstream_where_the_target_has_no_name():
    assert failed_upstream(seen(lookup("web", 3.0, "SERVFAIL"), **{"target.name": "", "target.fqdn": ""})) is None
