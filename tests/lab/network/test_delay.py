"""A lab whose nodes are some milliseconds apart: every frame between them arrives, in order, and later."""

import socket

import pytest
from changed import replace

from podwire_lab.kernel.netns import NetworkNamespace, plain_frames
from podwire_lab.kernel.rtnetlink import Rtnetlink
from podwire_lab.model.profiles import PROFILES
from podwire_lab.model.variations import VARIATIONS, varied
from podwire_lab.network.delay import DelayedCables, DelayFailed

AN_HOUR = 3600.0


@pytest.fixture
def cable(request):
    """Two machines with a delayed cable between them; `request.param` is how many seconds frames of the first take."""
    spaces = [NetworkNamespace(name) for name in ("first", "second", "switch")]
    first, second, switch = (Rtnetlink(space) for space in spaces)
    for at, machine in enumerate((first, second), 1):
        switch.veth(f"to-{at}", f"02:00:00:00:01:0{at}", machine, "eth0", f"02:00:00:00:00:0{at}", mtu=1500)
        switch.up(f"to-{at}")
        machine.address("eth0", f"10.0.0.{at}/24")
        machine.up("eth0")
        machine.neighbour("eth0", f"10.0.0.{3 - at}", f"02:00:00:00:00:0{3 - at}")
    for links in (first, second, switch):
        links.commit()
    for space in spaces[:2]:
        plain_frames(space, "eth0")
    delayed = DelayedCables(spaces[2], request.param, 1500, {"to-1": "to-2"})
    yield spaces[0], spaces[1], delayed
    delayed.close()
    for links in (first, second, switch):
        links.close()
    for space in spaces:
        space.close()


def datagrams(space, address):
    opened = space.socket(socket.AF_INET, socket.SOCK_DGRAM)
    opened.bind((address, 9000))
    opened.settimeout(20)
    return opened


@pytest.mark.parametrize("cable", [0.01], indirect=True)
def test_frames_that_were_held_arrive_in_order(cable):
    here, there = datagrams(cable[0], "10.0.0.1"), datagrams(cable[1], "10.0.0.2")
    with here, there:
        for number in range(50):
            here.sendto(b"%d" % number, ("10.0.0.2", 9000))
        assert [int(there.recv(100)) for _ in range(50)] == list(range(50))


@pytest.mark.parametrize("cable", [0.005], indirect=True)
def test_a_burst_of_full_frames_loses_none(cable):
    here, there = datagrams(cable[0], "10.0.0.1"), datagrams(cable[1], "10.0.0.2")
    full = bytes(1472)
    with here, there:
        for _ in range(100):
            for _ in range(20):
                here.sendto(full, ("10.0.0.2", 9000))
            assert [there.recv(2000) == full for _ in range(20)] == [True] * 20


@pytest.mark.parametrize("cable", [AN_HOUR], indirect=True)
def test_frames_of_a_machine_are_held_and_those_to_it_are_not(cable):
    here, there = datagrams(cable[0], "10.0.0.1"), datagrams(cable[1], "10.0.0.2")
    with here, there:
        here.sendto(b"held", ("10.0.0.2", 9000))
        there.sendto(b"at once", ("10.0.0.1", 9000))
        assert here.recv(100) == b"at once"
        there.setblocking(False)
        with pytest.raises(BlockingIOError):
            there.recv(100)


@pytest.mark.parametrize("cable", [0.005], indirect=True)
def test_the_process_ends_with_its_cables(cable):
    delayed = cable[2]
    assert delayed.process.poll() is None
    delayed.close()
    assert delayed.process.returncode == 0


def test_an_interface_that_is_not_there_is_one_line():
    space = NetworkNamespace("empty")
    with pytest.raises(DelayFailed, match="to-1"):
        DelayedCables(space, 0.005, 1500, {"to-1": "to-2"})
    space.close()


def test_the_variation_delays_and_changes_nothing_else():
    profile = PROFILES["overlay-flannel-vxlan"]
    slow = varied(profile, ("delay-5ms",))
    assert slow.set_up.delay == 0.005
    assert replace(slow, set_up=profile.set_up) == profile
    assert "ms" in VARIATIONS["delay-5ms"].summary
