"""When a change counts as seen by a client, and how long it took."""

from concurrent.futures import Future

import pytest
from changed import replace
from deployments import a_deployment
from plans_for_tests import L2BRIDGE, cases

from podwire.planning.prerequisites import needs_of
from podwire.probing.acts import settling
from podwire.probing.acts.settling import STEADY, STEADY_OF_BACKENDS, Settling
from podwire.probing.client import ChannelLost
from podwire.probing.dispatch import tokens
from podwire.probing.source_ports import SourcePorts

LOST = "lost"
REFUSED = "refused"


class Agent:
    """An agent whose exchanges end as told, one after the other: the identity that answers, '' for silence; the last
    one stays."""

    def __init__(self, *ends):
        self.ends, self.asked = list(ends), 0

    def call(self, method, parameters, timeout):
        future = Future()
        exchanges = parameters["exchanges"] if method == "sequence" else [parameters]
        attempts = [self.attempt(exchange["token"]) for exchange in exchanges]
        if None in attempts:
            future.set_exception(ChannelLost("the stream broke"))
        else:
            future.set_result({"attempts": attempts} if method == "sequence" else attempts[0])
        return future

    def attempt(self, token):
        self.asked += 1
        end = self.ends.pop(0) if len(self.ends) > 1 else self.ends[0]
        if end == LOST:
            return None
        answered = end not in ("", REFUSED)
        reply = {"identity": end, "source": "10.0.0.1", "source_port": 1} if answered else None
        error = None if answered else {"stage": "connect", "kind": end or "timeout"}
        times = {"started": CLOCK.monotonic(), "elapsed": 0.001}
        return {"token": token, "reply": reply, "error": error, "sent": 1, "received": 1, **times}


class Clock:
    """A clock that goes on by a tenth of a millisecond each time it is read, however slow the machine is."""

    def __init__(self):
        self.now = 1000.0

    def monotonic(self):
        self.now += 0.0001
        return self.now


CLOCK = Clock()


@pytest.fixture(autouse=True)
def _impatient(monkeypatch):
    monkeypatch.setattr(settling, "time", CLOCK)
    monkeypatch.setattr(settling, "SETTLE", 0.3)
    monkeypatch.setattr(settling, "LATER", 0.1)
    monkeypatch.setattr(settling, "BETWEEN", 0.001)


def idle():
    return 0.0


def settled(*ends, members=None, settles="answered", waited=idle, ago=0.0, **axes):
    """What came of a change of one case, and how many exchanges that took; the API had it for `ago` seconds."""
    axes = {"client": "linux", "server": "windows", "placement": "cross-node", "via": "cluster-ip", **axes}
    (case,) = cases(after="pods-leaving", settles=settles, **axes)
    deployment = a_deployment(L2BRIDGE, needs_of([case], L2BRIDGE))
    if members:
        deployment.members[case.flow.service.kind] = frozenset(members)
    agent, name = Agent(*ends), f"{case.client.node}-a"
    ports, bounds = SourcePorts(), {"within": 0.1, "waited": waited}
    made = Settling(deployment, L2BRIDGE, {name: agent}, lambda case: name, tokens(), ports, **bounds)
    return made.settle([case], CLOCK.monotonic() - ago).get(case.id), agent.asked


@pytest.mark.parametrize("early", [(), ("",) * 3, ("a", "", ""), (LOST,)])
def test_a_change_is_seen_when_a_row_of_exchanges_is_answered(early):
    seen, asked = settled(*early, "a")
    assert (seen.never, asked) == (False, len(early) + STEADY)
    assert 0 < seen.seconds < settling.SETTLE + 1


def test_an_answer_that_no_other_follows_is_none():
    seen, _ = settled("a", "")
    assert (seen.never, seen.seconds) == (True, settling.SETTLE)


def test_a_busy_machine_waits_longer_and_says_how_long_it_was_busy():
    silence = [""] * 350  # More than fit into the usual patience.
    assert settled(*silence, "a")[0].never
    busy = settled(*silence, "a", waited=lambda: CLOCK.now)[0]
    assert (busy.never, busy.seconds > settling.SETTLE) == (False, True)
    assert 0 < busy.waited <= busy.seconds


def test_silence_counts_where_the_change_silences_and_a_broken_stream_does_not():
    assert settled("a", "a", "", settles="unanswered")[1] == 2 + STEADY
    assert settled(LOST, "", settles="unanswered")[1] == 1 + STEADY
    assert settled("a", settles="unanswered")[0].never


def test_an_exchange_that_a_busy_machine_loses_is_no_silence_and_a_refusal_is_the_change():
    assert settled("", "a", "a", "", "", settles="unanswered")[1] == 5
    assert settled("a", REFUSED, settles="unanswered")[1] == 2


BACKENDS = {"server_kind": "backends", "placement": "anywhere", "service": "spread"}
A, B, OLD = "linux-1-a", "linux-2-a", "linux-1-b"


def test_every_new_backend_must_answer_and_no_other():
    both = settled(*(OLD, A, B) * 3, *(A, B) * 20, members=(A, B), **BACKENDS)
    assert not both[0].never
    assert 9 + STEADY_OF_BACKENDS - 2 <= both[1] <= 9 + 2 * STEADY_OF_BACKENDS
    assert settled(A, members=(A, B), **BACKENDS)[0].never
    assert settled(*(A, B, OLD) * 2000, members=(A, B), **BACKENDS)[0].never


def test_a_backend_that_was_added_shows_with_its_first_answer():
    early = settled(*(A, B) * 20, members=(A, B), **BACKENDS)[0].seconds
    late = settled(*(A,) * 60, *(A, B) * 20, members=(A, B), **BACKENDS)[0].seconds
    assert early < late


@pytest.mark.parametrize("early", [(), ("",), ("", "a", "", "", ""), (LOST,) * 4], ids=str)
def test_a_change_that_was_there_before_anybody_asked_is_not_late(early):
    seen, _ = settled(*early, "a", ago=100.0)
    assert 0 < seen.seconds < 100


def test_a_change_that_was_long_in_the_api_and_is_missed_first_counts_from_there():
    seen, _ = settled("", "", "", "a", ago=100.0)
    assert seen.seconds > 100


def test_a_flow_that_may_or_may_not_be_answered_is_not_waited_for():
    assert settled("", settles="unasked") == (None, 0)


def test_a_case_without_a_target_is_left_to_its_flow():
    (case,) = cases(client="linux", server="windows", placement="cross-node", via="cluster-ip", after="pods-leaving")
    deployment = a_deployment(L2BRIDGE)
    made = Settling(deployment, L2BRIDGE, {}, lambda case: "x", tokens(), SourcePorts(), within=0.1)
    assert made.settle([replace(case)], CLOCK.monotonic()) == {}
