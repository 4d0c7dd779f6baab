"""The packets around gaps that a watch keeps."""

import gzip
from concurrent.futures import Future
from types import SimpleNamespace

import pytest

from podwire.model.gaps.paths import Path
from podwire.packets.pcap import Frame, read_frames, write_frames
from podwire.probing.calls import AgentError, CaptureData, ChannelLost
from podwire.records.watch import GapOfPath
from podwire.watching import packets
from podwire.watching.members import Member
from podwire.watching.packets import GapPackets

POD_POD = Path(kind="pod-pod", client="linux", server="linux")
SECOND = 1_000_000_000
SEEN = [Frame(at * SECOND, "eth0", bytes([at]) * 60, 60) for at in range(100, 131)]
"""One frame a second; the newest is of the moment of the fetch."""


def a_member(name, os="linux", kind="pod", usable=True):
    return Member(
        name=name, uid=f"uid-{name}", node="n1", os=os, kind=kind, address="10.0.0.1", usable=usable, leaving=False
    )


def a_gap(client="a", server="b", at=20_000, length=5_000):
    return GapOfPath(at=at, length=length, client=client, server=server)


def done(result):
    future = Future()
    future.set_exception(result) if isinstance(result, Exception) else future.set_result(result)
    return future


class PlayedAgent:
    """Captures like an agent; `starts` and `answer` are what its calls end with."""

    def __init__(self):
        self.started, self.reads, self.starts = [], 0, {"interfaces": []}
        self.answer = CaptureData(interfaces={"eth0": write_frames(SEEN)}, dropped=0)

    def call(self, method, params, timeout):
        assert (method, params["newest"]) == ("capture_start", True)
        self.started.append(params)
        return done(self.starts)

    def capture_read(self, capture, timeout):
        self.reads += 1
        return done(self.answer)


class PlayedAgents:
    def __init__(self):
        self.by_uid = {f"uid-{name}": PlayedAgent() for name in ("a", "b", "c")}
        self.generations = dict.fromkeys(self.by_uid, (1, 1))

    def of(self, uid):
        return self.by_uid[uid]

    def name(self, uid):
        return uid.removeprefix("uid-")

    def generation(self, uid):
        return self.generations.get(uid)


@pytest.fixture
def kept():
    """GapPackets of three Linux pods, with `agents`, and the files that it stored in `stored`."""
    stored, agents = {}, PlayedAgents()
    made = GapPackets(agents=agents, now=lambda: 26_000, keep=stored.__setitem__, active=True)
    made.follow([a_member("a"), a_member("b"), a_member("c")])
    made.collect()
    return SimpleNamespace(packets=made, agents=agents, stored=stored)


def reads(kept):
    return [agent.reads for agent in kept.agents.by_uid.values()]


def test_both_ends_of_a_gap_keep_their_packets_from_two_seconds_before_it(kept):
    kept.packets.around(a_gap(), "uid-a", POD_POD)
    kept.packets.collect()
    kept.packets.collect()
    assert reads(kept) == [1, 1, 0]
    assert sorted(kept.stored) == ["000018000-000026000-a.pcap.gz", "000018000-000026000-b.pcap.gz"]
    frames = list(read_frames(gzip.decompress(kept.stored["000018000-000026000-a.pcap.gz"])))
    # Eight seconds: two before the gap, five in it, and one until podwire heard of its end.
    assert [frame.at_ns // SECOND for frame in frames] == list(range(122, 131))
    (first, _) = kept.packets.files
    assert (first.file, first.pod, first.at, first.until, first.packets) == (
        "000018000-000026000-a.pcap.gz",
        "a",
        18_000,
        26_000,
        9,
    )


def test_of_a_service_all_linux_pods_keep_theirs(kept):
    path = Path(kind="pod-service", client="windows", server="linux")
    kept.packets.around(a_gap(client="w", server="Service linux"), "uid-w", path)
    kept.packets.collect()
    assert reads(kept) == [1, 1, 1]


@pytest.mark.parametrize("path", [Path(kind="pod-service", server="windows"), Path(kind="pod-node", server="linux")])
def test_other_pods_are_not_asked(kept, path):
    kept.packets.around(a_gap(client="w", server="elsewhere"), "uid-w", path)
    kept.packets.collect()
    assert reads(kept) == [0, 0, 0]


def test_what_was_cut_before_the_watch_began_is_no_gap(kept):
    kept.packets.active = False
    kept.packets.around(a_gap(), "uid-a", POD_POD)
    kept.packets.collect()
    assert reads(kept) == [0, 0, 0]


def test_gaps_that_follow_each_other_are_fetched_together_later_and_at_the_end(kept):
    for at in (20_000, 21_000, 22_000):
        kept.packets.around(a_gap(at=at), "uid-a", POD_POD)
        kept.packets.collect()
    assert reads(kept) == [1, 1, 0]
    kept.packets.collect(last=True)
    assert reads(kept) == [2, 2, 0]
    assert {file.at for file in kept.packets.files} == {18_000, 19_000}


def test_only_linux_pods_that_are_there_capture_and_each_agent_once(kept):
    agents = kept.agents.by_uid
    kept.packets.follow(
        [a_member("a"), a_member("b", os="windows"), a_member("b", kind="host"), a_member("c", usable=False)]
    )
    assert [len(agent.started) for agent in agents.values()] == [1, 1, 1]
    kept.agents.generations["uid-a"] = (1, 2)
    kept.packets.follow([a_member("a")])
    assert [len(agent.started) for agent in agents.values()] == [2, 1, 1]
    assert agents["uid-a"].started[-1]["limit"] == packets.NEWEST


def test_pods_that_go_down_take_their_packets_along_and_are_named(kept):
    kept.agents.by_uid["uid-a"].answer = ChannelLost("the node is gone")
    kept.agents.generations["uid-b"] = None
    kept.packets.around(a_gap(), "uid-a", POD_POD)
    kept.packets.collect()
    assert (reads(kept), kept.stored) == ([1, 0, 0], {})
    assert kept.packets.remarks() == ["packets around gaps went with pods whose agents ended: a, b"]


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (AgentError("there is no capture 'watch'"), "there is no capture 'watch'"),
        (TimeoutError(), "they did not arrive in time"),
        (ValueError("not a pcap file"), "not a pcap file"),
    ],
)
def test_packets_that_cannot_be_fetched_are_said_to_be_missing(kept, answer, why):
    kept.agents.by_uid["uid-a"].answer = answer
    kept.packets.around(a_gap(server="elsewhere"), "uid-a", POD_POD)
    kept.packets.collect()
    assert (kept.stored, kept.packets.remarks()) == ({}, [f"packets around gaps of a are missing: {why}"])


def test_packets_that_are_still_on_their_way_at_the_end_are_said_to_be_missing(kept, monkeypatch):
    monkeypatch.setattr(packets, "LAST", 0.01)
    monkeypatch.setattr(kept.agents.by_uid["uid-a"], "capture_read", lambda capture, timeout: Future())
    kept.packets.around(a_gap(server="elsewhere"), "uid-a", POD_POD)
    kept.packets.collect(last=True)
    why = "they did not arrive within 0.01 s of the end of the watch"
    assert kept.packets.remarks() == [f"packets around gaps of a are missing: {why}"]


def test_a_pod_that_may_not_capture_is_named(kept):
    kept.agents.by_uid["uid-a"].starts = AgentError("the pod may not capture packets; it needs CAP_NET_RAW")
    kept.agents.generations["uid-a"] = (1, 2)
    kept.packets.follow([a_member("a")])
    kept.packets.collect()
    why = "the pod may not capture packets; it needs CAP_NET_RAW"
    assert kept.packets.remarks() == [f"packets around gaps of a are missing: {why}"]


def test_a_full_disk_and_a_full_watch_are_named_once(kept, monkeypatch):
    def refuse(name, content):
        raise OSError(28, "No space left on device")

    kept.packets.keep = refuse
    kept.packets.around(a_gap(), "uid-a", POD_POD)
    kept.packets.collect()
    assert kept.packets.remarks() == ["packets around gaps cannot be stored: No space left on device"]
    monkeypatch.setattr(packets, "MOST_FILES", 0)
    kept.packets.around(a_gap(), "uid-a", POD_POD)
    kept.packets.collect(last=True)
    assert packets.FULL in kept.packets.remarks()
    assert kept.packets.files == []
