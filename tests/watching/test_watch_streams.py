"""The streams of a watch, with agents that are played: started, followed, and ended as members come and go."""

from concurrent.futures import Future

import pytest
from changed import replace

from podwire.probing.calls import ChannelLost
from podwire.watching.members import Member
from podwire.watching.plan import Places
from podwire.watching.streams import Pace, Streams

PLACES = Places(services={"linux": "10.96.0.1"})


def a_member(name, node):
    return Member(
        name=name, uid=name, node=node, os="linux", kind="pod", address="10.0.0.1", usable=True, leaving=False
    )


class PlayedAgent:
    """Answers like an agent whose streams all get their answers, but for those to the hosts in `silent`."""

    def __init__(self, silent=()):
        self.connected, self.generation, self.closed = True, 1, False
        self.streams, self.silent, self.lost = {}, set(silent), False

    def call(self, method, params, timeout):
        future = Future()
        if self.lost:
            future.set_exception(ChannelLost("the node is gone"))
        else:
            future.set_result(getattr(self, method)(params))
        return future

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
        return {"started": 1.0, "ran": 1000, "ended": False, "counts": counts, "longest": 700, "gaps": gaps}

    def close(self):
        self.closed = True


@pytest.fixture
def played():
    return {}


@pytest.fixture
def streams(played):
    def opened(member):
        return played.setdefault(member.name, PlayedAgent())

    lost, gaps = [], []
    made = Streams(opened, Pace(every=0.2, threshold=0.5), lambda: 4000, lambda *gap: gaps.append(gap), lost.append)
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
    record = streams.tallies["pod-pod linux-linux tcp"].record()
    assert (record.sent, record.streams, record.longest) == (20, 2, 700)
    assert [(path, gap.at) for path, gap in streams.told_gaps if path == "pod-pod linux-linux tcp"] == [
        ("pod-pod linux-linux tcp", 4100),
        ("pod-pod linux-linux tcp", 4100),
    ]


def test_a_member_that_leaves_ends_its_streams_and_those_to_it(streams, played):
    members = [a_member("a", "n1"), a_member("b", "n2")]
    streams.follow(members, PLACES)
    streams.follow([members[0], replace(members[1], usable=False, leaving=True)], PLACES)
    assert {str(slot.path) for slot in streams.slots()} == {
        "pod-service linux-linux tcp",
        "pod-service linux-linux udp",
    }
    assert played["b"].closed
    assert streams.tallies["pod-pod linux-linux tcp"].unseen == 0
    streams.follow([members[0], a_member("c", "n2")], PLACES)
    assert len(streams.slots()) == 8


def test_streams_of_an_agent_that_is_gone_count_as_unseen_and_start_again(streams, played):
    members = [a_member("a", "n1"), a_member("b", "n2")]
    streams.follow(members, PLACES)
    played["b"].generation, played["b"].streams = 2, {}
    streams.follow(members, PLACES)
    assert streams.told_lost == ["b"]
    assert len(streams.slots()) == 8
    assert streams.tallies["pod-pod linux-linux tcp"].unseen == 1
    played["b"].lost = True
    streams.close()
    assert streams.tallies["pod-pod linux-linux tcp"].unseen == 2
    assert played["a"].closed
    assert played["b"].closed


def test_a_path_without_an_answer_is_left_out_and_a_single_stream_named(streams, played):
    played["a"] = PlayedAgent(silent=["10.96.0.1", "10.0.0.1"])
    played["b"] = PlayedAgent(silent=["10.96.0.1"])
    members = [a_member("a", "n1"), a_member("b", "n2")]
    streams.follow(members, PLACES)
    streams.poll()
    assert len(streams.unanswered()) == 6
    assert streams.begin_anew() == ["pod-service linux-linux tcp", "pod-service linux-linux udp"]
    assert streams.partly_silent == ["pod-pod linux-linux tcp of a", "pod-pod linux-linux udp of a"]
    assert streams.tallies == {}
    streams.follow(members, PLACES)
    assert {(slot.client, str(slot.path)) for slot in streams.slots()} == {
        ("b", "pod-pod linux-linux tcp"),
        ("b", "pod-pod linux-linux udp"),
    }
