"""AF_PACKET captures of a real agent, in a user and network namespace of its own."""

import itertools
import shutil
import struct
import subprocess
import sys

import pytest
from agent_for_tests import AGENT, TOKEN, agent, changed_agent

from podwire.packets.pcap import read_frames
from podwire.probing.client import AgentError

UP = """ip link set lo up && ip link add left type veth peer name right &&
ip link set left up && ip link set right up && ip addr add 10.1.1.1/24 dev left &&
ip neigh add 10.1.1.2 lladdr 02:00:00:00:00:02 dev left && exec """
INSIDE = ("unshare", "--user", "--map-root-user", "--net", "sh", "-c", UP + '"$@"', "sh")


def _refusal():
    if not (shutil.which("unshare") and shutil.which("ip")):
        return "unshare or ip is missing"
    done = subprocess.run([*INSIDE, "true"], capture_output=True, text=True, check=False)
    return " ".join(done.stderr.split()) if done.returncode else ""


pytestmark = pytest.mark.skipif(bool(_refusal()), reason=f"no user namespace with links here: {_refusal()}")


MACHINE = "how much a socket holds is a setting of the machine"
NO_RING = """
def refuse(*arguments):
    raise OSError(22, "no ring on this kernel")
from podwire.agent.capture import linux as capture_linux
capture_linux.Ring = refuse
"""


@pytest.fixture(params=["ring", "queue"])
def client(request):
    command = (sys.executable, *AGENT, "rpc") if request.param == "ring" else changed_agent(NO_RING, "rpc")
    with agent(*INSIDE, *command) as one:
        one.by = request.param
        yield one


def begin(client, **more):
    return client.call("capture_start", {"capture": "c", "via": "af_packet", **more}).result(10)["interfaces"]


def beacon(client, token=TOKEN, **more):
    client.call("beacon", {"host": "127.0.0.1", "port": 9, "token": token, "count": 3, **more}).result(10)


def test_loopback_is_captured_when_it_is_named(client):
    assert [one["name"] for one in begin(client, interfaces=["lo"])] == ["lo"]
    beacon(client)
    data = client.capture_stop("c").result(20)
    frames = list(read_frames(data.interfaces["lo"], "lo"))
    carrying = [frame for frame in frames if TOKEN.encode() in frame.data[42:70]]
    assert len(carrying) >= 6  # Each is seen as it leaves and as it arrives.
    assert data.dropped == 0
    assert data.count == len(frames) == len(data.directions["lo"])
    assert set(data.directions["lo"]) == {0, 4}
    assert all(a.at_ns <= b.at_ns for a, b in itertools.pairwise(frames))
    assert all(frame.wire_length == len(frame.data) for frame in frames)


def test_all_but_loopback_are_captured_when_none_is_named(client):
    assert {one["name"] for one in begin(client)} == {"left", "right"}
    beacon(client)
    beacon(client, host="10.1.1.2")
    data = client.capture_stop("c").result(20)
    assert set(data.interfaces) == {"left", "right"}
    for name, raw in data.interfaces.items():
        found = [at for at, frame in enumerate(read_frames(raw, name)) if TOKEN.encode() in frame.data]
        assert len(found) == 3, name
        assert {data.directions[name][at] == 4 for at in found} == {name == "left"}


def test_the_kernel_counts_what_all_reads_together_have(client):
    begin(client, interfaces=["lo", "left"])
    beacon(client)
    reads = [client.capture_read("c").result(20)]
    beacon(client, host="10.1.1.2")
    beacon(client, count=200)
    reads.append(client.capture_stop("c").result(20))
    for name in ("lo", "left"):
        frames = sum(len(list(read_frames(data.interfaces[name]))) for data in reads)
        assert sum(data.accepted[name] for data in reads) == frames > 0


def test_without_names_nobody_counts_by_interface(client):
    begin(client)
    beacon(client, host="10.1.1.2")
    assert client.capture_stop("c").result(20).accepted == {}


def test_an_interface_with_no_packets_has_an_empty_file(client):
    begin(client, interfaces=["lo"])
    data = client.capture_stop("c").result(20)
    assert list(read_frames(data.interfaces["lo"])) == []


def test_what_does_not_fit_counts_as_dropped(client):
    begin(client, interfaces=["lo"], limit=1000)
    for _ in range(10):
        beacon(client)
    data = client.capture_stop("c").result(20)
    frames = list(read_frames(data.interfaces["lo"]))
    assert len(data.interfaces["lo"]) <= 1024
    assert data.dropped > 0
    assert data.dropped + len(frames) >= 60


def test_frames_are_cut_to_the_snaplen_and_keep_their_length(client):
    begin(client, interfaces=["lo"], snaplen=50)
    beacon(client)
    data = client.capture_stop("c").result(20)
    frames = list(read_frames(data.interfaces["lo"]))
    assert {len(frame.data) for frame in frames} == {50}
    assert min(frame.wire_length for frame in frames) > 50


def test_a_large_capture_arrives_whole(client):
    if client.by == "queue":
        pytest.skip(MACHINE)
    begin(client, interfaces=["lo"])
    big = {"proto": "udp", "host": "127.0.0.1", "port": 9, "token": TOKEN, "size": 60_000, "timeout": 0.5}
    client.call("burst", {"exchanges": [big] * 30}).result(20)
    data = client.capture_stop("c").result(20)
    frames = list(read_frames(data.interfaces["lo"]))
    assert data.dropped == 0
    assert sum(len(frame.data) for frame in frames) > 30 * 60_000 * 2
    assert data.count == len(frames)


def test_a_burst_that_nobody_reads_in_the_meantime_finds_room(client):
    if client.by == "queue":
        pytest.skip(MACHINE)
    begin(client, interfaces=["lo"])
    beacon(client, count=4000)  # The agent reads nothing while it sends.
    data = client.capture_stop("c").result(20)
    carrying = [one for one in read_frames(data.interfaces["lo"], "lo") if TOKEN.encode() in one.data[42:70]]
    assert (data.dropped, len(carrying)) == (0, 8000)


def test_two_captures_run_side_by_side_and_end_one_by_one(client):
    begin(client, interfaces=["lo"])
    client.call("capture_start", {"capture": "d", "via": "af_packet", "interfaces": ["lo"]}).result(10)
    beacon(client, "pwaaaaaaaaaaaaaaaa")
    first = client.capture_stop("c").result(20)
    beacon(client, "pwbbbbbbbbbbbbbbbb")
    second = client.capture_stop("d").result(20)
    assert (b"pwbbbb" in first.interfaces["lo"], b"pwbbbb" in second.interfaces["lo"]) == (False, True)


def test_what_is_read_in_between_does_not_come_again(client):
    begin(client, interfaces=["lo"])
    tokens = [f"pw{letter * 16}" for letter in "abc"]
    taken = []
    for token in tokens:
        beacon(client, token)
        last = token == tokens[-1]
        taken.append((client.capture_stop if last else client.capture_read)("c").result(20))
    for token, data in zip(tokens, taken, strict=True):
        frames = list(read_frames(data.interfaces["lo"]))
        assert data.count == len(frames) == len(data.directions["lo"])
        assert data.dropped == 0
        assert {sent for sent in tokens if sent.encode() in data.interfaces["lo"]} == {token}


def test_what_does_not_fit_is_counted_once_and_room_comes_with_each_reading(client):
    begin(client, interfaces=["lo"], limit=2000)
    for _ in range(20):
        beacon(client)
    assert client.capture_read("c").result(20).dropped > 0
    beacon(client, "pwbbbbbbbbbbbbbbbb")
    last = client.capture_stop("c").result(20)
    assert last.dropped == 0
    assert b"pwbbbb" in last.interfaces["lo"]


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"via": "af_packet", "interfaces": ["none0"]}, "interface none0: No such device"),
        ({"via": "tcpdump"}, "'tcpdump' is not af_packet or pktmon"),
        ({"via": "pktmon"}, "pktmon is missing"),
    ],
)
def test_a_capture_that_cannot_start_says_why(client, params, text):
    with pytest.raises(AgentError, match=text):
        client.call("capture_start", {"capture": "c", **params}).result(10)


def test_names_of_captures_are_checked(client):
    begin(client, interfaces=["lo"])
    with pytest.raises(AgentError, match="'c' runs already"):
        begin(client, interfaces=["lo"])
    client.capture_stop("c").result(20)
    for ask in (client.capture_stop, client.capture_read):
        with pytest.raises(AgentError, match="no capture 'c' runs"):
            ask("c").result(20)


def test_the_header_says_nanoseconds_and_ethernet(client):
    begin(client, interfaces=["lo"])
    raw = client.capture_stop("c").result(20).interfaces["lo"]
    magic, *_, link = struct.unpack("<IHHiIII", raw)
    assert (magic, link) == (0xA1B23C4D, 1)


def test_a_capture_of_the_newest_frames_has_a_limit_and_a_read_takes_nothing_away(client):
    begin(client, interfaces=["lo"], newest=True, limit=4000, snaplen=96)
    tokens = [f"{number:018d}" for number in range(60)]
    for token in tokens:
        beacon(client, token)
    for _ in range(2):
        data = client.capture_read("c").result(20).interfaces["lo"]
        frames = list(read_frames(data, "lo"))
        assert 1000 < len(data) <= 4000
        assert all(len(frame.data) <= 96 for frame in frames)
        assert tokens[-1].encode() in frames[-1].data
        assert not any(tokens[0].encode() in frame.data for frame in frames)
        assert all(a.at_ns <= b.at_ns for a, b in itertools.pairwise(frames))
