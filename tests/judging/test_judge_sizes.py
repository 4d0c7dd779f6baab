"""How long a packet may be: what arrived, where longer ones ended, and whether a server that was told sends less."""

import pytest
from flat_packets import a_packet_with
from msgspec import structs
from observed import BINDINGS, POINTS, a_case, a_flow, a_packet, an_attempt, an_observation

from podwire import carries, shrinks
from podwire.agent.messages import question
from podwire.judging.expectation import Expectation, ExpectationError, expectation
from podwire.judging.judge import judge
from podwire.model.observations import SeenPacket
from podwire.model.verdicts import Outcome

WANTED = 1422


def a_question(size, **changes):
    return a_packet(protocol="udp", payload=question("pw0123456789abcdef", size), **{"df": True, **changes})


def carried(sizes, **changes):
    """The verdict where datagrams of these sizes were seen at each point."""
    flow = a_flow(protocol="udp", size="carried")
    packets = {point: [a_question(size, **changes) for size in sizes[at]] for at, point in enumerate(POINTS)}
    answered = WANTED in sizes[-1]
    observation = an_observation(
        attempt=an_attempt() if answered else an_attempt(error="timeout"),
        packets=packets,
        bindings={**BINDINGS, "flow.size": WANTED},
    )
    return judge(a_case(flow), Expectation((carries(flow.size_in_bytes),)), observation)


def test_a_path_carries_what_arrives_in_one_packet():
    verdict = carried([[WANTED]] * 4)
    assert verdict.outcome is Outcome.PASS
    assert verdict.findings[0].actual == "1422 bytes arrived"


@pytest.mark.parametrize(
    ("sizes", "said"),
    [
        (
            [[WANTED, 1000, 1200], [WANTED, 1000, 1200], [1000], [1000]],
            "the longest that arrived has 1000: one of 1200 bytes was seen at the client-node (the client-node), and "
            "never at the server-node (the server-node)",
        ),
        ([[WANTED], [], [], []], "none arrived: one of 1422 bytes was seen at the client-pod (the client-pod), "),
        ([[1000], [1000], [1000], [1000]], "the longest that arrived has 1000: the client's system sent none of 1422"),
    ],
)
def test_where_longer_packets_end_is_named(sizes, said):
    verdict = carried(sizes)
    assert verdict.outcome is Outcome.FAIL
    assert said in verdict.reason


def test_a_packet_that_routers_may_divide_proves_nothing():
    verdict = carried([[WANTED]] * 4, df=False)
    assert verdict.outcome is Outcome.FAIL
    assert "Don't Fragment" in verdict.reason


def test_what_arrives_in_fragments_is_not_carried():
    assert carried([[WANTED]] * 4, fragment=True, ident=7).outcome is Outcome.FAIL


def test_a_capture_that_lost_frames_proves_no_loss():
    flow = a_flow(protocol="udp", size="carried")
    observation = an_observation(
        attempt=an_attempt(error="timeout"),
        packets={"client-pod": [a_question(WANTED)]},
        bindings={**BINDINGS, "flow.size": WANTED},
    )
    holey = structs.replace(observation.captures["server-pod"], reason="frames were lost")
    observation = structs.replace(observation, captures={**observation.captures, "server-pod": holey})
    verdict = judge(a_case(flow), Expectation((carries(flow.size_in_bytes),)), observation)
    assert verdict.outcome is Outcome.INCONCLUSIVE
    assert "frames were lost" in verdict.reason


def test_it_reads_a_flow_of_that_size_only():
    with pytest.raises(ExpectationError, match="size='carried'"):
        expectation(carries(1)).check(a_flow(protocol="udp"))


def told(*packets):
    flow = a_flow()
    return judge(a_case(flow), Expectation((shrinks(to=1280),)), an_observation(packets=[a_packet(), *packets]))


def a_reply(at, ip_length):
    return a_packet("reply", at=at, length=ip_length + 14, payload=b"x" * (ip_length - 40))


def an_error(at):
    quoted = a_packet("reply").packet
    return SeenPacket(
        direction="error", packet=a_packet_with(at=at, protocol="icmp", icmp_type=3, icmp_code=4, quoted=quoted)
    )


@pytest.mark.parametrize(
    ("packets", "outcome"),
    [
        ((a_reply(2.0, 1450), an_error(3.0), a_reply(4.0, 1280), a_reply(5.0, 210)), Outcome.PASS),
        ((a_reply(2.0, 1450), an_error(3.0), a_reply(4.0, 1450)), Outcome.INCONCLUSIVE),
        ((a_reply(2.0, 1450), an_error(3.0)), Outcome.FAIL),
        ((a_reply(2.0, 1280), an_error(3.0), a_reply(4.0, 1280)), Outcome.FAIL),
        ((a_reply(2.0, 1450), a_reply(4.0, 1280)), Outcome.FAIL),
    ],
)
def test_a_server_shrinks_when_it_sends_less_after_the_error_than_before_it(packets, outcome):
    assert told(*packets).outcome is outcome
