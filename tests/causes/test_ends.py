"""Where the packets of a failing case end, from hand-made captures."""

import pytest
from changed import replace
from observed import POINTS, a_case, a_packet, a_tunnel, an_attempt, an_observation

from podwire.causes.ends import UNTRANSLATED, end_of
from podwire.causes.words import headline
from podwire.model.observations import Lookup, ProbeError
from podwire.model.verdicts import Finding, Outcome, Verdict

NO_ANSWER = Finding(expected="an answer from a Windows pod", actual="timeout at connect", where="client", met=False)
FAILED = Verdict(outcome=Outcome.FAIL, reason="r", findings=(NO_ANSWER,))
SYN = {"flags": "S", "seq": 100}
SYN_ACK = {"flags": "SA", "seq": 900, "ack": 101}


def seen(**packets):
    """An observation without an answer, of packets by capture point (`client_pod=`)."""
    by_point = {point.replace("_", "-"): several for point, several in packets.items()}
    observation = an_observation(attempt=an_attempt(error="timeout"), packets=by_point)
    names = {"client-pod": "windows-1-a", "server-pod": "windows-2-a"}
    captures = {
        point: replace(capture, where=names.get(point, "NIC")) for point, capture in observation.captures.items()
    }
    return replace(observation, captures=captures)


def end(observation, verdict=FAILED, case=None):
    return end_of(case or a_case(), observation, verdict)


def says(observation, verdict=FAILED):
    return headline(end(observation, verdict), observation, verdict)


def places(found):
    return found.kind, found.way, str(found.last), str(found.missing)


@pytest.mark.parametrize("reached", [1, 2, 3])
def test_a_request_ends_at_the_last_point_that_saw_it(reached):
    syn = a_packet(**SYN)
    found = end(seen(**{point.replace("-", "_"): [syn] for point in POINTS[:reached]}))
    names = ["pod windows-1-a", "the NIC of windows-1", "the NIC of windows-2", "pod windows-2-a"]
    assert places(found) == ("lost", "request", names[reached - 1], names[reached])


@pytest.mark.parametrize("reached", [1, 2, 3])
def test_an_answer_ends_on_its_way_back(reached):
    syn, answer = a_packet(**SYN), a_packet("reply", **SYN_ACK)
    back = POINTS[::-1][:reached]
    found = end(
        seen(**{point.replace("-", "_"): [syn, *([answer] if point in back else [])] for point in POINTS}),
    )
    names = ["pod windows-2-a", "the NIC of windows-2", "the NIC of windows-1", "pod windows-1-a"]
    assert places(found) == ("lost", "reply", names[reached - 1], names[reached])
    assert found.what == "SYN-ACK"


def test_a_request_that_arrives_and_is_not_answered_says_so():
    syn = a_packet(**SYN)
    found = seen(**{point.replace("-", "_"): [syn] for point in POINTS})
    assert places(end(found)) == ("unanswered", "request", "pod windows-2-a", "None")
    assert says(found) == "the request (SYN) was seen at pod windows-2-a, and nothing came back"


def test_a_capture_that_cannot_be_relied_on_is_no_end():
    syn = a_packet(**SYN)
    found = seen(client_pod=[syn], client_node=[], server_node=[syn], server_pod=[])
    captures = {**found.captures, "client-node": replace(found.captures["client-node"], usable=False)}
    assert places(end(replace(found, captures=captures)))[2:] == ("the NIC of windows-2", "pod windows-2-a")


def test_large_frames_that_are_lost_where_small_ones_pass_are_named():
    syn, large = a_packet(**SYN), a_packet(flags="PA", seq=101, ack=901, payload=b"x", length=1450)
    found = seen(client_pod=[syn, large], client_node=[syn, large], server_node=[syn], server_pod=[syn])
    assert end(found).size == 1450
    assert says(found) == (
        "the request (TCP data) was seen at the NIC of windows-1, and never at the NIC of windows-2, "
        "in a frame of 1450 bytes where smaller ones pass"
    )


def test_segments_that_a_network_card_merges_are_not_lost():
    syn = a_packet(**SYN)
    parts = [a_packet(flags="A", seq=101 + 1000 * n, ack=901, payload=b"x", length=1066) for n in range(3)]
    whole = a_packet(flags="PA", seq=101, ack=901, payload=b"x", length=3066)
    stages = {"client_pod": [syn, *parts], "client_node": [syn, *parts], "server_node": [syn, *parts]}
    found = seen(**stages, server_pod=[syn, whole])
    assert end(found).kind == "unanswered"


def test_a_wrong_outer_checksum_is_named_where_it_is_received():
    syn, arriving = a_packet(**SYN), a_packet(**SYN, outer=a_tunnel(wrong="UDP checksum"))
    found = seen(client_pod=[syn], client_node=[arriving], server_node=[arriving], server_pod=[])
    assert says(found) == (
        "the request (SYN) was seen at the NIC of windows-2, with a wrong outer UDP checksum, "
        "and never at pod windows-2-a"
    )


def test_a_request_that_leaves_still_addressed_to_the_service_says_so():
    to_service = a_packet(**SYN, dst="10.96.0.77", dport=80)
    found = seen(client_pod=[to_service], client_node=[to_service])
    found = replace(found, bindings={**found.bindings, "service.cluster_ip": "10.96.0.77", "target.ip": "10.96.0.77"})
    assert end(found).note == UNTRANSLATED


def test_a_reset_is_told_from_a_loss():
    syn, reset = a_packet(**SYN), a_packet("reply", flags="AR", seq=0, ack=101)
    found = seen(client_pod=[syn, reset], client_node=[syn, reset], server_node=[syn, reset], server_pod=[syn])
    refused = replace(found.attempts[0], error=ProbeError(stage="connect", kind="refused"))
    assert says(replace(found, attempts=(refused,))) == "a reset ended it, seen at the NIC of windows-2"


@pytest.mark.parametrize(
    ("rcode", "said"),
    [
        (None, "the DNS question was seen at pod windows-1-a, and nothing came back"),
        ("SERVFAIL", "DNS answered SERVFAIL"),
    ],
)
def test_a_name_that_does_not_resolve_says_what_dns_did(rcode, said):
    lookup = Lookup(name="a.b", type="A", server="10.96.0.10", protocol="udp", at=1.0, rcode=rcode)
    failed = replace(an_attempt(error="timeout"), error=ProbeError(stage="resolve", kind="timeout"))
    assert says(replace(seen(), attempts=(failed,), lookups=(lookup,))) == said


def test_a_case_that_is_answered_and_wrong_has_no_headline():
    unmet = Finding(expected="every packet with ttl = 128", actual="a packet has ttl = 64", where="NIC", met=False)
    verdict = Verdict(outcome=Outcome.FAIL, reason="r", findings=(unmet,))
    found = an_observation()
    assert end(found, verdict).what == "ttl"
    assert says(found, verdict) == ""


def test_backends_that_answer_nothing_are_named_and_those_that_do_are_not():
    unmet = Finding(
        expected="every backend answers at least one connection: 3 connections", actual="a 2", where="client", met=False
    )
    verdict = Verdict(outcome=Outcome.FAIL, reason="r", findings=(unmet,))
    answers = tuple(an_attempt(identity=name) for name in ("linux-1-a", "linux-1-a", "windows-1-a"))
    found = an_observation()
    backends = ("linux-1-a", "linux-2-a", "windows-1-a")
    found = replace(found, attempts=answers, bindings={**found.bindings, "server.identities": backends})
    assert says(found, verdict) == "of 3 backends linux-2-a answered none of 3 connections"
