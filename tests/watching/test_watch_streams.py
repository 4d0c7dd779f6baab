"""The streams of a watch, with agents that are played: started, followed, and ended as members come and go."""

from concurrent.futures import Future
from types import SimpleNamespace

import pytest
from changed import replace

from podwire.probing.calls import ChannelLost
from podwire.watching import agents
from podwire.watching.downs import Downs
from podwire.watching.members import Member
from podwire.watching.plan import Places
from podwire.watching.streams import Pace, Streams

POD_POD = "pod-pod linux-linux tcp"
PLACES = Places(services={"linux": "10.96.0.1"})


def a_member(name, node):
    return Member(
        name=name, uid=name, node=node, os="linux", kind="pod", address="10.0.0.1", usable=True, leaving=False
    )


class PlayedAgent:
    """Answers like an agent whose streams all get their answers, but for those to the hosts in `silent`."""

    def __init__(self, silent=()):
        self.connected, self.generation, self.closed, self.gave_up = True, 1, False, False
        self.streams, self.silent, self.lost = {}, set(silent), False

    def call(self, method, params, timeout):
        future = Future()
        if self.lost:
            future.set_exception(ChannelLost("the node is gone"))
        else:
            future.set_result(getattr(self, method)(params))
        return future

    def capture_start(self, params):
        return {"interfaces": []}

    def stream_start(self, params):
        self.streams[params["stream"]] = {"params": params, "polls": 0}
        return {"started": 1.0}

    def stream_state(self, params):
        return {"streams": {name: self._facts(stream) for name, stream in self.streams.items()}}

    def stream_stop(self, params):
        return {"streams": {name: self._facts(self.streams.pop(name)) for name in params["streams"]}}

    def _facts(self, stream):
        stream["polls"] += 1
        sent = 5 * stream["polls"]
        answered = 0 if stream["params"]["host"] in self.silent else sent
        counts = {"sent": sent, "answered": answered, "lost": sent - answered}
        gaps = [[100, 700, 3, 0]] if stream["polls"] == 1 else []
        return {
            "started": 1.0,
            "ran": 1000,
            "ended": False,
            "counts": counts,
            "longest": 700,
            "gaps": gaps,
            "totals": {"gaps": 1},
        }

    def close(self):
        self.closed = True


@pytest.fixture
def played():
    return {}


@pytest.fixture
def clock():
    return SimpleNamespace(now=4000)


def of(streams, witness=None):
    """The record of the path between pods."""
    return next(path for path in streams.records(witness or Downs()) if path.path == POD_POD)


@pytest.fixture
def streams(played, clock):
    def opened(member):
        return played.setdefault(member.name, PlayedAgent())

    lost, gaps = [], []
    pace = Pace(every=0.2, threshold=0.5)
    made = Streams(opened, pace, lambda: clock.now, lambda *gap: gaps.append(gap), lost.append)
    made.told_lost, made.told_gaps = lost, gaps
    return made


def test_streams_start_with_their_members_and_their_numbers_add_up(streams, played):
    members = [a_member("a", "n1"), a_member("b", "n2")]
    streams.follow(members, PLACES)
    streams.poll()
    streams.poll()
    # Pods of both nodes: tcp and udp to the other pod and to the Service.
    assert len(streams.slots()) == 8
    assert {stream["params"]["host"] for stream in played["a"].streams.values()} == {"10.0.0.1", "10.96.0.1"}
    record = of(streams)
    assert (record.counts.sent, record.counts.streams, record.longest, record.gap_count) == (20, 2, 700, 2)
    # The moment is that of the answer, less the time since the gap by the client's clock.
    assert [(path, gap.at) for path, gap in streams.told_gaps if path == POD_POD] == [(POD_POD, 3100)] * 2
    assert (record.blind, record.gone) == ((), False)


def test_a_member_that_leaves_ends_its_streams_and_those_to_it(streams, played):
    members = [a_member("a", "n1"), a_member("b", "n2")]
    streams.follow(members, PLACES)
    streams.follow([members[0], replace(members[1], usable=False, leaving=True)], PLACES)
    assert {str(slot.path) for slot in streams.slots()} == {
        "pod-service linux-linux tcp",
        "pod-service linux-linux udp",
    }
    assert played["b"].closed
    assert of(streams).counts.unseen == 0
    assert streams.missing() == ["pod-pod linux-linux tcp", "pod-pod linux-linux udp"]
    assert of(streams).gone
    streams.follow([members[0], a_member("c", "n2")], PLACES)
    assert len(streams.slots()) == 8


def test_an_agent_that_is_lost_leaves_a_time_that_nobody_knows_of(streams, played, clock):
    members = [a_member("a", "n1"), a_member("b", "n2")]
    streams.follow(members, PLACES)
    streams.poll()
    clock.now = 9000
    played["b"].connected = False
    streams.follow(members, PLACES)
    assert streams.told_lost == ["b"]
    assert {slot.client for slot in streams.slots()} == {"a"}
    # Its next stream has an answer within 700 ms of its start, 1000 ms before it is asked.
    played["b"].connected, played["b"].generation, played["b"].streams = True, 2, {}
    clock.now = 12_000
    streams.follow(members, PLACES)
    streams.poll()
    assert len(streams.slots()) == 8
    record = of(streams)
    assert [(time.client, time.at, time.length) for time in record.blind] == [("b", 4000, 7700)]
    assert (record.counts.unseen, record.gone) == (1, False)


def test_a_client_that_was_itself_down_leaves_no_such_time(streams, played, clock):
    members = [a_member("a", "n1"), a_member("b", "n2")]
    streams.follow(members, PLACES)
    streams.poll()
    clock.now, played["b"].connected = 9000, False
    streams.follow(members, PLACES)
    assert of(streams).blind
    downs = Downs()
    downs.restarted("b", 8000)
    assert of(streams, downs).blind == ()
    # But not where the API server was away: then podwire lost all agents.
    downs.api_away(8500)
    assert of(streams, downs).blind


def test_a_client_that_leaves_ends_the_time_that_nobody_knows_of(streams, played, clock):
    members = [a_member("a", "n1"), a_member("b", "n2")]
    streams.follow(members, PLACES)
    streams.poll()
    clock.now, played["b"].connected = 9000, False
    streams.follow(members, PLACES)
    clock.now = 10_000
    streams.follow([members[0], replace(members[1], usable=False, leaving=True)], PLACES)
    clock.now = 50_000
    assert [(time.at, time.length) for time in of(streams).blind] == [(4000, 6000)]


def test_what_no_agent_answers_at_the_end_is_unknown_until_the_end(streams, played, clock):
    members = [a_member("a", "n1"), a_member("b", "n2")]
    streams.follow(members, PLACES)
    streams.poll()
    clock.now, played["b"].lost = 20_000, True
    record = next(path for path in streams.finish(Downs()) if path.path == POD_POD)
    assert [(time.client, time.at, time.length) for time in record.blind] == [("b", 4000, 16_000)]
    assert played["a"].closed
    assert played["b"].closed
    assert not record.gone


def test_an_agent_that_is_refused_for_good_is_opened_again(streams, played, monkeypatch):
    members = [a_member("a", "n1"), a_member("b", "n2")]
    played["b"] = refused = PlayedAgent()
    refused.connected, refused.gave_up = False, True
    streams.follow(members, PLACES)
    assert {slot.client for slot in streams.slots()} == {"a"}
    monkeypatch.setattr(agents, "REOPENED", -1.0)
    del played["b"]
    streams.follow(members, PLACES)
    assert refused.closed
    assert len(streams.slots()) == 8


def test_of_very_many_nodes_some_ask_and_all_are_asked(streams, played):
    hosts = [replace(a_member(f"h{n}", f"n{n}"), kind="host") for n in range(200)]
    pods = [a_member("a", "n1"), a_member("b", "n2")]
    streams.follow([*pods, *hosts], PLACES)
    before = {name for name, agent in played.items() if not agent.closed}
    assert (len(before), streams.only_asked) == (agents.MOST_HOSTS + 2, 170)
    # Those that ask go on, whoever comes.
    more = [replace(a_member(f"more{n}", f"m{n}"), kind="host") for n in range(50)]
    streams.follow([*pods, *more, *hosts], PLACES)
    assert {name for name, agent in played.items() if not agent.closed} == before


def test_a_path_without_an_answer_is_left_out_and_a_single_stream_named(streams, played):
    played["a"] = PlayedAgent(silent=["10.96.0.1", "10.0.0.1"])
    played["b"] = PlayedAgent(silent=["10.96.0.1"])
    members = [a_member("a", "n1"), a_member("b", "n2")]
    streams.follow(members, PLACES)
    streams.poll()
    assert len(streams.unanswered()) == 6
    assert streams.begin_anew() == ["pod-service linux-linux tcp", "pod-service linux-linux udp"]
    assert streams.partly_silent == ["pod-pod linux-linux tcp of a", "pod-pod linux-linux udp of a"]
    assert of(streams).counts.sent == 0
    streams.follow(members, PLACES)
    assert {(slot.client, str(slot.path)) for slot in streams.slots()} == {
        ("b", "pod-pod linux-linux tcp"),
        ("b", "pod-pod linux-linux udp"),
    }
