"""The emulated pktmon: its command line without a session, and its files. Its captures are judged by every run."""

import json

import pytest

from podwire.packets.pcap import read_frames
from podwire_lab.windows.programs.pktmon.command import main
from podwire_lab.windows.programs.pktmon.log_file import HEADING, RECORD


def record(number, data, at=1_700_000_000_123_456_789, wire=None):
    return RECORD.pack(at, number, wire or len(data), len(data)) + data


@pytest.fixture
def log(tmp_path):
    places = [{"id": 1, "name": "eth0", "type": "Miniport", "mac": "02:10:00:00:00:0b"}, {"id": 2, "name": "pod10"}]
    path = tmp_path / "log.etl"
    records = record(1, b"a" * 60) + record(2, b"b" * 61, wire=1500) + record(1, b"c" * 62)
    path.write_bytes(HEADING + json.dumps(places).encode() + b"\n" + records)
    return path


def test_a_log_becomes_pcapng_with_nanoseconds_and_lengths(log, tmp_path):
    out = tmp_path / "all.pcapng"
    assert main(["etl2pcap", str(log), "--out", str(out)]) == 0
    frames = list(read_frames(out.read_bytes()))
    assert [(frame.interface, frame.data[:1], frame.wire_length) for frame in frames] == [
        ("eth0", b"a", 60),
        ("pod10", b"b", 1500),
        ("eth0", b"c", 62),
    ]
    assert frames[0].at_ns == 1_700_000_000_123_456_789


def test_one_component_alone_can_be_converted(log, tmp_path):
    out = tmp_path / "one.pcapng"
    assert main(["etl2pcap", str(log), "--out", str(out), "--component-id", "2"]) == 0
    assert [frame.interface for frame in read_frames(out.read_bytes())] == ["pod10"]


@pytest.mark.parametrize("content", [b"", b"ElfFile\0", b"podwire"])
def test_another_file_is_refused(content, tmp_path, capsys):
    path = tmp_path / "other.etl"
    path.write_bytes(content)
    assert main(["etl2pcap", str(path), "--out", str(tmp_path / "out")]) == 1
    assert "not a log file" in capsys.readouterr().out


def test_stop_without_a_session_fails_as_pktmon_does(capsys):
    assert main(["stop"]) == 1
    assert "not running" in capsys.readouterr().out


def test_an_unknown_command_fails(capsys):
    assert main(["teleport"]) == 1
