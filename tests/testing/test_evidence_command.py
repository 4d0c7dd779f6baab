"""`podwire evidence`: the packets of a case, with those that decided marked, and a user's mistakes in one line."""

import os
import shutil
import subprocess

import pytest
from running import CHECKOUT, PATIENCE, command, environment, run

from podwire.cli import main as cli
from podwire.reporting.case_packets import case_evidence

CASE = "encapsulation/OVL-RESERVED[udp-v4-linux-linux-cross-node]"
PASSED = "encapsulation/OVL-ECN[udp-v4-linux-linux-cross-node]"
SOME = ("--lab", "overlay-flannel-vxlan", "--requirement", "OVL-RESERVED", "--requirement", "OVL-ECN")


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    done = run(tmp_path_factory.mktemp("run"), *SOME, "--fault", "vxlan-reserved-bit-set")
    assert done.code == 1, done.text
    return done.folder


def evidence(capsys, *words):
    code = cli.main(["evidence", *words])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_the_packets_of_the_place_that_decided_are_shown_and_marked(broken, capsys):
    code, text, _ = evidence(capsys, CASE, "--in", str(broken))
    assert code == 0
    assert text.startswith(f"{CASE}: fail\n")
    assert "reserved2 = 0x1" in text
    marked = [line for line in text.splitlines() if line.startswith(">>> ")]
    assert any(line.endswith("a packet has vxlan_reserved = 1") for line in marked)
    assert "also kept: client-pod, server-pod" in text


def test_a_point_is_shown_when_it_is_named(broken, capsys):
    code, text, _ = evidence(capsys, CASE, "server-pod", "--in", str(broken / "run.json"))
    assert (code, "VXLAN" in text, ">>> 1." in text) == (0, False, False)
    assert "checksum of UDP from port" in text
    assert "also kept: client-pod, client-node, server-node" in text


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((CASE[:-1],), "has no such case; did you mean encapsulation/OVL-RESERVED["),
        (("dns/X[y]",), "has no such case; "),
        ((PASSED,), "the run kept no packets of this case; run it again with --evidence all"),
        ((CASE, "nowhere"), "were kept there; use one of: client-pod, client-node, server-node, server-pod"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(broken, capsys, words, line):
    code, text, problem = evidence(capsys, *words, "--in", str(broken))
    assert (code, text, problem.count("\n")) == (2, "", 1)
    assert problem.startswith("podwire: ")
    assert line in problem


def test_without_in_it_is_the_newest_run_and_without_a_run_one_line(broken, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("podwire.content.runs_folder", lambda: tmp_path)
    code, _, problem = evidence(capsys, CASE)
    assert (code, problem) == (2, f"podwire: evidence: {tmp_path} has no run; name its folder with --in RUN\n")
    for age, name in enumerate(("newest", "older")):
        shutil.copytree(broken, tmp_path / name)
        os.utime(tmp_path / name / "run.json", (1e9 - age, 1e9 - age))
    assert str(tmp_path / "newest" / "evidence") in evidence(capsys, CASE)[1]


def test_a_file_that_is_gone_is_one_line(broken, tmp_path, capsys):
    shutil.copytree(broken, tmp_path / "run")
    for file in (tmp_path / "run").rglob("*.pcap"):
        file.unlink()
    code, _, problem = evidence(capsys, CASE, "--in", str(tmp_path / "run"))
    assert (code, problem.count("\n"), "No such file" in problem) == (2, 1, True)


def test_the_line_for_tshark_is_offered_where_it_is_installed(broken, monkeypatch, capsys):
    monkeypatch.setattr(case_evidence.shutil, "which", lambda name: None)
    assert "tshark" not in evidence(capsys, CASE, "--in", str(broken))[1]
    monkeypatch.setattr(case_evidence.shutil, "which", lambda name: f"/usr/bin/{name}")
    line = next(line for line in evidence(capsys, CASE, "--in", str(broken))[1].splitlines() if "tshark" in line)
    assert line.startswith("tshark -r ")
    assert line.endswith("client-node.pcap' -V -d udp.port==4789,vxlan -d udp.port==8472,vxlan".replace("'", ""))


def test_a_run_does_not_import_scapy(tmp_path):
    (tmp_path / "modules.py").write_text(
        "import sys\n\n\ndef pytest_unconfigure(config):\n    print('scapy imported:', 'scapy' in sys.modules)\n"
    )
    words = command(
        tmp_path / "run", "-p", "modules", "--requirement", "OVL-RESERVED", "--lab", "overlay-flannel-vxlan"
    )
    done = subprocess.run(
        words,
        cwd=CHECKOUT,
        env=environment() | {"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "scapy imported: False" in done.stdout
