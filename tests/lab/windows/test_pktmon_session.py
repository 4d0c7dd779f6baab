"""Captures of the emulated pktmon on a node of the lab's network, its files read by scapy."""

import json
import shlex
import sys

import pytest
from netlab import NetLab
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.utils import rdpcap

from podwire.agent.capture.pktmon import components
from podwire.packets.pcap import read_frames
from podwire_lab.windows.programs import pktmon
from podwire_lab.windows.programs.pktmon.session import NOT_RUNNING

NODE, POD, PEER = "windows-1", "windows-1/a", "linux-1/a"


@pytest.fixture(scope="module")
def lab():
    with NetLab("overlay-win-overlay") as running:
        yield running


class Monitor:
    """The command in the namespace of a node; what it prints, with `code` of the last one."""

    def __init__(self, lab, folder):
        self._lab, self._folder, self.code = lab, folder, 0

    def __call__(self, *words, node=NODE):
        command = shlex.join([sys.executable, "-I", "-S", pktmon.__path__[0], *map(str, words)])
        state = f"PODWIRE_PKTMON_STATE={shlex.quote(str(self._folder))}"
        text, _, code = self._lab.command(node, "sh", "-c", f"{state} {command}; echo $?").rstrip().rpartition("\n")
        self.code = int(code)
        return text

    def start(self, *words):
        said = self("start", "--capture", "--file-name", self._folder / "log.etl", *words)
        assert self.code == 0, said
        return said

    def packets(self, component=None, *words):
        """The packets of the stopped session, by scapy."""
        out = self._folder / "out.pcapng"
        only = () if component is None else ("--component-id", component)
        said = self("etl2pcap", self._folder / "log.etl", "--out", out, *only, *words)
        assert self.code == 0, said
        return list(rdpcap(str(out))) if list(read_frames(out.read_bytes())) else []


@pytest.fixture
def monitor(lab, tmp_path):
    made = Monitor(lab, tmp_path)
    yield made
    made("stop")
    made("stop", node="windows-2")


def test_components_are_the_nic_and_the_ports_of_the_pods_with_their_macs(lab, monitor):
    macs = lab.facts()["macs"]
    found = components(monitor("list", "--json"))
    assert [one["mac"] for one in found] == [macs[NODE], macs[POD], macs["windows-1/b"]]
    assert [one["id"] for one in found] == [1, 2, 3]
    assert "--" in monitor("comp", "list")


def test_a_packet_is_seen_at_the_pods_port_and_in_the_tunnel_at_the_nic(lab, monitor):
    monitor.start("--pkt-size", 0)
    result = lab.exchange(POD, PEER, size=700)
    assert result.ok
    assert "(No events lost)" in monitor("stop")
    asked = [p for p in monitor.packets(2) if UDP in p and p[UDP].sport == result.sport]
    outer = [p for p in monitor.packets(1) if VXLAN in p and p[VXLAN][UDP].sport == result.sport]
    assert len(asked) == len(outer) == 1
    assert bytes(asked[0][IP]) != bytes(outer[0][VXLAN][IP])  # one hop less to live
    assert asked[0][IP].ttl == outer[0][VXLAN][IP].ttl + 1
    assert bytes(asked[0][UDP]) == bytes(outer[0][VXLAN][UDP])
    assert (outer[0][UDP].dport, outer[0][VXLAN].vni) == (4789, 4096)
    assert asked[0].time < outer[0].time < asked[0].time + 1
    assert not [p for p in monitor.packets(3) if UDP in p and p[UDP].sport == result.sport]


def test_fragments_are_captured_as_they_passed(tmp_path):
    """The node's bridge puts them together and apart again, and writes the next frame over the one that came."""
    with NetLab("l2bridge-win-bridge") as lab:
        monitor = Monitor(lab, tmp_path)
        monitor.start("--pkt-size", 0)
        assert lab.exchange(POD, PEER, family="ipv6", size=2000).ok
        assert "(No events lost)" in monitor("stop")
        fragments = [packet for packet in monitor.packets(2) if IPv6ExtHdrFragment in packet]
        own = lab.facts()["macs"][POD]
        sent = [(packet[Ether].dst, packet[IPv6].hlim) for packet in fragments if packet[Ether].src == own]
    assert sent == [("02:20:00:00:00:0b", 128)] * 2


def test_a_session_outlives_the_port_of_a_pod(lab, monitor):
    lab.attach(NODE, "c")
    monitor.start()
    lab.detach(NODE, "c")
    assert lab.exchange(POD, PEER).ok
    assert "(No events lost)" in monitor("stop")
    assert [packet for packet in monitor.packets(2) if UDP in packet]


def test_without_a_size_128_bytes_of_a_packet_are_kept(lab, monitor, tmp_path):
    monitor.start()
    lab.exchange(POD, PEER, size=700)
    monitor("stop")
    monitor.packets(2)
    frames = list(read_frames((tmp_path / "out.pcapng").read_bytes()))
    assert max(len(frame.data) for frame in frames) == 128
    assert 14 + 20 + 8 + 700 in {frame.wire_length for frame in frames}


def test_a_host_has_one_session_and_hosts_are_independent(monitor, tmp_path):
    assert monitor("status") == NOT_RUNNING
    monitor.start()
    assert "already running" in monitor("start", "--capture", "--file-name", tmp_path / "second.etl")
    assert monitor.code == 1
    assert not (tmp_path / "second.etl").exists()
    assert "log.etl" in monitor("status")
    monitor("start", "--capture", "--file-name", tmp_path / "other.etl", node="windows-2")
    assert monitor.code == 0
    monitor("stop")
    assert (monitor("stop"), monitor.code) == (NOT_RUNNING, 1)
    monitor.start()


def test_only_chosen_components_are_captured(lab, monitor):
    monitor.start("--comp", "nics")
    lab.exchange(POD, "windows-1/b")
    lab.exchange(POD, PEER)
    monitor("stop")
    assert monitor.packets(2) == []
    assert monitor.packets(1)
    monitor("start", "--capture", "--comp", "7")
    assert monitor.code == 1


def test_a_filter_lets_through_what_meets_all_its_conditions(lab, monitor):
    peer = lab.facts()["addresses"][PEER][0]
    monitor("filter", "add", "asked", "-i", peer, "-t", "UDP", "-p", 8080)
    assert "asked" in monitor("filter", "list")
    monitor.start("--comp", 2)
    for proto, server in (("tcp", PEER), ("udp", PEER), ("udp", "windows-1/b")):
        assert lab.exchange(POD, server, proto=proto).ok
    monitor("stop")
    assert [(UDP in p, peer in (p[IP].src, p[IP].dst)) for p in monitor.packets()] == [(True, True)] * 2
    monitor("filter", "remove")
    assert monitor("filter", "list").split() == ["Packet", "Filters:", "None"]


def test_a_filter_sees_into_a_tunnel_when_it_is_told_to(lab, monitor):
    own, peer = (lab.facts()["addresses"][pod][0] for pod in (POD, PEER))
    for tunnel, expected in ((), 0), (("-e",), 2), (("-e", 4789), 2), (("-e", 4790), 0):
        monitor("filter", "add", "-i", own, peer, "-p", 8080, *tunnel)
        assert monitor.code == 0
        monitor.start("--comp", "nics")
        assert lab.exchange(POD, PEER, proto="udp").ok
        assert lab.exchange("windows-1/b", PEER, proto="udp").ok
        monitor("stop")
        assert len(monitor.packets(1)) == expected, tunnel
        monitor("filter", "remove")


def test_counters_count_what_passes_a_component(lab, monitor):
    monitor.start("--comp", 2)
    lab.exchange(POD, PEER)
    counts = {one["Id"]: one for one in json.loads(monitor("counters", "--json"))}
    assert counts[2]["In.Packets"] >= 1
    assert counts[2]["Out.Packets"] >= 1
    assert "Rx Packets" in monitor("counters")


def test_nothing_is_dropped_by_a_component_here(lab, monitor):
    monitor.start()
    lab.exchange(POD, PEER)
    monitor("stop")
    assert monitor.packets(2)
    assert monitor.packets(2, "--drop-only") == []


def test_a_full_log_file_says_how_many_packets_are_lost(lab, monitor):
    monitor.start("--comp", 2, "--file-size", 0)
    lab.exchange(POD, PEER)
    assert "events lost" in monitor("stop").replace("No events lost", "")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("start", "--capture", "--file-name", "/nowhere/log.etl"), "cannot write the log file"),
        (("start", "--capture", "--pkt-size", "many"), "Invalid value for --pkt-size"),
        (("start",), "Usage"),
        (("start", "--capture", "--teleport"), "Unknown parameter '--teleport'"),
        (("filter", "add", "-i", "10.0.0.1/99"), "invalid value"),
        (("etl2pcap", "/nowhere/log.etl"), "cannot open"),
        (("etl2pcap",), "Usage"),
    ],
)
def test_a_command_that_cannot_be_done_says_why_and_leaves_no_session(monitor, words, said):
    assert said in monitor(*words)
    assert monitor.code == 1
    assert monitor("status") == NOT_RUNNING
