"""The agent as one file: the same bytes each time, byte code for this Python, sources for every other one."""

import hashlib
import io
import os
import subprocess
import sys
import zipfile

import pytest
from agent_for_tests import AGENT

from podwire.agent.framing import PREAMBLE, Decoder, Encoder, Kind
from podwire.cluster.deployment.agent_archive import agent_archive
from podwire.content import agent_folder

ELSEWHERE = """
import hashlib
from podwire.cluster.deployment.agent_archive import agent_archive
print(hashlib.sha256(agent_archive()).hexdigest())
"""
USAGE = b"usage: agent.pyz serve"


def entries(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {one.filename: archive.read(one) for one in archive.infolist()}


def ended_without_arguments(path, changes):
    """What an agent says whose entries are as in `changes`."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**entries(agent_archive()), **changes}.items():
            archive.writestr(name, data)
    done = subprocess.run([sys.executable, "-I", "-S", path], capture_output=True, timeout=20, check=False)
    return done.returncode, done.stderr


def test_every_module_is_in_it_with_source_and_byte_code():
    names = {name.removeprefix("podwire/agent/") for name in entries(agent_archive()) if "podwire/__init__" not in name}
    sources = {path.relative_to(agent_folder()).as_posix() for path in agent_folder().rglob("*.py")}
    assert names == sources | {f"{name}c" for name in sources}


def test_a_config_map_has_room_for_it():
    assert len(agent_archive()) < 300_000


@pytest.mark.parametrize(
    "before",
    [
        "",
        "import podwire.agent.echo, podwire.agent.tunnel, podwire.running.runner",
        "import sys; kept = [sys.intern(one) for one in (':', '[', '')]",
    ],
)
def test_it_is_the_same_whatever_else_a_process_holds(before):
    command = [sys.executable, "-O", "-c", f"{before}\n{ELSEWHERE}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == hashlib.sha256(agent_archive()).hexdigest()


def test_the_python_that_made_it_takes_the_byte_code_unchecked(tmp_path):
    broken = {name: b"1 / 0\n" for name in entries(agent_archive()) if name.endswith(".py")}
    code, said = ended_without_arguments(tmp_path / "agent.pyz", broken)
    assert (code, said[: len(USAGE)]) == (2, USAGE)


def test_another_python_takes_the_sources(tmp_path):
    """Another one is one whose number (the first two bytes) is not that of the byte code."""
    foreign = {n: b"\0\0" + data[2:] for n, data in entries(agent_archive()).items() if n.endswith(".pyc")}
    code, said = ended_without_arguments(tmp_path / "agent.pyz", foreign)
    assert (code, said[: len(USAGE)]) == (2, USAGE)


@pytest.mark.parametrize("mode", ["serve", "rpc"])
def test_a_start_imports_nothing_that_only_some_requests_need(mode):
    """A list of what a start must not cost: a time would depend on the machine."""
    command = [sys.executable, "-X", "importtime", *AGENT, mode, *(["--port", "0"] if mode == "serve" else [])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if mode == "rpc":
        process.stdin.write(PREAMBLE + Encoder().frame(Kind.REQUEST, 1, b'{"method":"hello"}'))
        process.stdin.flush()
        decoder, frames = Decoder(), []
        while not frames:  # The hello is answered before the stream ends: what it needs counts.
            data = os.read(process.stdout.fileno(), 1 << 16)
            assert data, "the agent has ended"
            frames = decoder.feed(data)
        assert frames[0][0] is Kind.RESULT
        _, said = process.communicate(timeout=20)
    else:
        said = b"".join(iter(process.stderr.readline, b"podwire agent: echo on port 0\n"))
        process.terminate()
        process.communicate(timeout=20)
    imported = {line.rpartition(b"|")[2].strip().decode() for line in said.splitlines()}
    assert "podwire.agent.loop" in imported
    # What importlib.import_module imports has no line of its own: `_hashlib` (OpenSSL) shows that hashlib was.
    openssl = {"_hashlib", "hashlib", "ssl"}
    expensive = {*openssl, "asyncio", "ctypes", "http.client", "mmap", "subprocess", "tempfile"}
    rare = {"capture.linux", "capture.pktmon", "node.network_card", "ping", "node.tools", "tunnel"}
    other_mode = "echo" if mode == "rpc" else "rpc"
    assert not imported & {*expensive, "typing", *(f"podwire.agent.{name}" for name in (*rare, other_mode))}
