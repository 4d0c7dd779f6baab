"""A filtered capture of a real agent: the kernel runs the program, on frames of this and of other traffic."""

import shutil
import subprocess
import sys

import pytest
from agent_for_tests import AGENT, agent
from nic_frames import FOREIGN_ONES, INTEREST, OURS, WAYS, framed

from podwire.packets.pcap import read_frames
from podwire.probing.client import AgentError
from podwire.probing.filters import bpf

UP = """ip link add left type veth peer name right && ip link set left up && ip link set right up && exec "$@" """
INSIDE = ("unshare", "--user", "--map-root-user", "--net", "sh", "-c", UP, "sh")
SEND = """
import socket, sys
sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
sock.bind(("left", 0))
for line in sys.stdin:
    sock.send(bytes.fromhex(line))
"""


def _refusal():
    if not all(shutil.which(tool) for tool in ("unshare", "nsenter", "ip")):
        return "unshare, nsenter or ip is missing"
    done = subprocess.run([*INSIDE, "true"], capture_output=True, text=True, check=False)
    return " ".join(done.stderr.split()) if done.returncode else ""


pytestmark = pytest.mark.skipif(bool(_refusal()), reason=f"no user namespace with links here: {_refusal()}")


@pytest.fixture
def client():
    with agent(*INSIDE, sys.executable, *AGENT, "rpc") as one:
        yield one


def send(client, frames):
    """Send frames over the cable that the agent captures at."""
    inside = ["nsenter", "--preserve-credentials", "--user", "--net", "--target"]
    where = str(client.call("hello").result(10)["pid"])
    lines = "\n".join(frame.hex() for frame in frames)
    subprocess.run([*inside, where, sys.executable, "-c", SEND], input=lines, text=True, check=True, timeout=30)


def capture(client, frames, **more):
    client.call("capture_start", {"capture": "c", "via": "af_packet", "interfaces": ["right"], **more}).result(10)
    send(client, frames)
    return {frame.data for frame in read_frames(client.capture_stop("c").result(20).interfaces["right"])}


def every(packets):
    return {bytes(framed(way(packet))) for way in WAYS for packet in packets.values()}


def test_the_kernel_lets_through_what_can_be_of_the_run_and_nothing_else(client):
    ours, foreign = every(OURS), every(FOREIGN_ONES)
    captured = capture(client, [*ours, *foreign], filter=bpf(INTEREST))
    assert ours <= captured
    assert not foreign & captured


def test_without_a_filter_everything_is_captured(client):
    foreign = every(FOREIGN_ONES)
    assert foreign <= capture(client, foreign)


def test_a_program_that_is_none_is_refused(client):
    with pytest.raises(AgentError, match="Invalid argument"):
        capture(client, [], filter=[[0x15, 200, 200, 0]])
