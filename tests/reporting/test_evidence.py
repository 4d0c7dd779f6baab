"""Evidence of a case: safe folders, captures that can be read again, the transcript of the sockets."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from records_for_tests import TOKEN, case, frame, observation

from podwire.model.observations import Capture
from podwire.model.verdicts import Outcome
from podwire.packets.pcap import read_frames
from podwire.reporting.evidence import folder_of, write_evidence

CASE = case(Outcome.FAIL)
FOLDER = "evidence/services/SVC-CLUSTER-IP/tcp-v4-linux-windows-cross-node"


def test_a_folder_is_named_after_its_case() -> None:
    assert folder_of(CASE.id) == FOLDER


def test_unsafe_ids_get_folders_of_their_own() -> None:
    ids = ["a/B[x y]", "a/B[x:y]", "a/B[x_y]", "../../etc/passwd", "a/B[../..]", "", "a/B[" + "x" * 500 + "]"]
    folders = [folder_of(one) for one in ids]
    assert len(set(folders)) == len(ids)
    for folder in folders:
        assert folder.count("/") == 3
        assert not {"..", ".", ""} & set(folder.split("/"))


@given(st.text(max_size=40), st.text(max_size=40))
def test_two_ids_never_share_a_folder(one: str, other: str) -> None:
    same = folder_of(one).lower() == folder_of(other).lower()
    assert same == (one == other) or one.lower() == other.lower()


def test_files_of_every_point_are_written_and_listed(tmp_path: Path) -> None:
    frames = {"client-node": [frame(), frame(after=0.5)], "server-node": [frame(after=0.1)]}
    files = write_evidence(tmp_path, observation(CASE.id, frames), CASE.verdict, frames)
    assert [Path(file).name for file in files] == [
        "client-node.txt",
        "client-node.pcap",
        "server-node.txt",
        "server-node.pcap",
        "attempts.json",
        "bindings.json",
        "verdict.json",
    ]
    assert all((tmp_path / file).is_file() and file.startswith(FOLDER) for file in files)
    capture = (tmp_path / FOLDER / "client-node.pcap").read_bytes()
    assert list(read_frames(capture, "eth0")) == frames["client-node"]


def test_the_transcript_tells_what_the_sockets_said(tmp_path: Path) -> None:
    write_evidence(tmp_path, observation(CASE.id), CASE.verdict)
    told = json.loads((tmp_path / FOLDER / "attempts.json").read_text())
    assert told["attempts"][0]["error"]["kind"] == "timeout"
    assert told["attempts"][1]["reply"]["identity"] == "windows-1/a"
    assert told["controls"][0]["name"] == "outside-tcp"
    assert told["lookups"][0]["rcode"] == "NXDOMAIN"
    assert told["captures"]["client-node"]["packets"] == 2
    assert json.loads((tmp_path / FOLDER / "bindings.json").read_text())["server.port"] == 8080
    assert json.loads((tmp_path / FOLDER / "verdict.json").read_text())["outcome"] == "fail"


def test_a_decode_says_when_its_capture_proves_nothing(tmp_path: Path) -> None:
    blind = Capture(point="client-pod", where="windows-1", usable=False, reason="no beacon before")
    write_evidence(tmp_path, observation(CASE.id, captures={"client-pod": blind}), CASE.verdict)
    text = (tmp_path / FOLDER / "client-pod.txt").read_text()
    assert text == "# client-pod at windows-1 - NOT USABLE: no beacon before\n# no packets\n"


def test_a_decode_has_a_line_for_each_packet(tmp_path: Path) -> None:
    write_evidence(tmp_path, observation(CASE.id), CASE.verdict)
    lines = (tmp_path / FOLDER / "client-node.txt").read_text().splitlines()
    assert lines[1].startswith("# 2 packets, +0 is 2026-05-28T20:26:40.25")
    assert lines[2].startswith(" +0.000000 eth0 ")
    assert f"-> 10.244.1.2:50000 > 10.244.11.2:8080 udp payload 20 ttl 64 length 112 token {TOKEN}" in lines[3]
