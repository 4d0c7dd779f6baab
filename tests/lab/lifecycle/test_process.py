"""A lab starts, answers, and leaves nothing, whatever way it ends."""

import json
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest
from runninglab import Api, start_lab, until

from podwire.cluster.deployment.agent_archive import agent_archive
from podwire_lab.lifecycle import rundir, staying
from podwire_lab.lifecycle.process import LabError

PROFILE = "overlay-win-overlay"
OWNER = f"""
import json, sys, tempfile, time
from podwire.cluster.deployment.agent_archive import agent_archive
from podwire_lab.lifecycle.process import start_lab
tempfile.gettempdir()
print("starting", flush=True)
lab = start_lab({PROFILE!r}, agent=agent_archive)
print(json.dumps([lab.pid, str(lab.kubeconfig)]), flush=True)
time.sleep(600)
"""


def of_lab(mark):
    """Processes whose environment has the mark: everything that the owner started, directly or not."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def swept(folder):
    """Whether the next start would leave nothing. A process that ends lets go of its lock after its environment."""
    rundir.remove_stale()
    return not list(folder.iterdir())


@pytest.fixture
def private_tmp(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    yield tmp_path
    monkeypatch.undo()


def test_a_lab_answers_and_is_gone_after_close(private_tmp):
    with start_lab(PROFILE) as lab:
        nodes = Api(lab)("GET", "/api/v1/nodes")["items"]
        assert [node["metadata"]["name"] for node in nodes] == ["linux-1", "linux-2", "windows-1", "windows-2"]
        assert {n["metadata"]["labels"]["podwire.dev/emulated"] for n in nodes} == {"true"}
        assert lab.kubeconfig.stat().st_mode & 0o777 == 0o600
        assert lab.external_host.name == "echo.outside.example"
        assert lab.external_host.addresses == ("203.0.113.10", "2001:db8:e::10")
        supervisor = lab.pid
    assert not Path(f"/proc/{supervisor}").exists()
    assert list(private_tmp.iterdir()) == []


@pytest.mark.parametrize(
    "delay", [0.0, 0.1, 0.25, 0.4, None], ids=lambda d: "when-ready" if d is None else f"after-{d}s"
)
def test_nothing_stays_when_the_owner_is_killed(private_tmp, delay, monkeypatch):
    monkeypatch.setattr(rundir, "_UNLOCKED_SECONDS", -1)  # Nobody else makes a lab in this folder.
    mark = f"PODWIRE_TEST_MARK={uuid.uuid4()}"
    name, value = mark.split("=")
    owner = subprocess.Popen([sys.executable, "-c", OWNER], env={**os.environ, name: value}, stdout=subprocess.PIPE)
    try:
        assert owner.stdout.readline() == b"starting\n"
        if delay is None:
            json.loads(owner.stdout.readline())
        else:
            with pytest.raises(subprocess.TimeoutExpired):
                owner.wait(delay or 0.001)
    finally:
        owner.kill()
        owner.wait()
        owner.stdout.close()
    until(lambda: not of_lab(mark), 5, lambda: of_lab(mark))
    until(lambda: swept(private_tmp), 5)


def test_killing_the_supervisor_ends_everything(private_tmp, monkeypatch):
    mark = f"PODWIRE_TEST_MARK={uuid.uuid4()}"
    monkeypatch.setenv(*mark.split("="))
    with start_lab(PROFILE) as lab:
        monkeypatch.delenv("PODWIRE_TEST_MARK")
        assert len(of_lab(mark)) >= 3
        os.kill(lab.pid, signal.SIGKILL)
        until(lambda: not [pid for pid in of_lab(mark) if pid != lab.pid], 5)
    until(lambda: swept(private_tmp), 5)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"profile": "nothing-like-it"}, "unknown lab profile 'nothing-like-it'"),
        ({"profile": PROFILE, "faults": ["no-such-fault"]}, "unknown lab fault 'no-such-fault'"),
    ],
    ids=["profile", "fault"],
)
def test_a_wrong_choice_is_one_clear_line(private_tmp, arguments, words):
    with pytest.raises(LabError, match=words) as caught:
        start_lab(**arguments)
    assert "\n" not in str(caught.value)
    assert list(private_tmp.iterdir()) == []


def test_without_nft_the_user_is_told_what_to_install(monkeypatch):
    from podwire_lab import __main__ as lab_main
    from podwire_lab.lifecycle.start import CannotBuild

    monkeypatch.setattr("shutil.which", lambda name, path=None: None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(CannotBuild, match="nftables"):
        lab_main.check_tools()


def test_a_lab_that_stays_is_found_and_ended(private_tmp, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(private_tmp / "run"))
    (private_tmp / "run").mkdir()
    assert staying.lab_status() is None
    state = staying.lab_up(PROFILE, agent=agent_archive)
    try:
        assert staying.lab_status() == state
        with pytest.raises(LabError, match="already up"):
            staying.lab_up(PROFILE, agent=agent_archive)
        assert Path(state.kubeconfig).exists()
    finally:
        assert staying.lab_down()
    assert staying.lab_status() is None
    assert not staying.lab_down()
    assert not Path(f"/proc/{state.pid}").exists() or "Z" in Path(f"/proc/{state.pid}/stat").read_text()
