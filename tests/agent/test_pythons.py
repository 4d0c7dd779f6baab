"""The agent on every Python from 3.8 on that this machine has."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from agent_for_tests import AGENT, TOKEN, agent, echo_server, exchange

from podwire.cluster.deployment.agent_archive import agent_digest
from podwire.probing.streams.calls import streams_of

VERSIONS = [f"3.{minor}" for minor in range(8, 16)]


def find(version):
    """A working interpreter of that version: on PATH, or among pyenv's."""
    found = [shutil.which(f"python{version}")]
    if shutil.which("pyenv"):
        root = subprocess.run(["pyenv", "root"], capture_output=True, text=True, check=False).stdout.strip()
        found += sorted(map(str, Path(root).glob(f"versions/{version}.*/bin/python{version}")))
    for one in filter(None, found):
        if subprocess.run([one, "-I", "-S", "-c", ""], capture_output=True, check=False).returncode == 0:
            return one
    return None


@pytest.mark.parametrize("version", VERSIONS)
def test_the_agent_runs_on(version):
    python = find(version)
    if python is None:
        pytest.skip(f"no Python {version} here")
    with echo_server(python=python) as port, agent(python, *AGENT, "rpc", env={**os.environ}) as client:
        hello = client.call("hello").result(20)
        assert hello["python"].startswith(f"{version}.")
        assert hello["file"] == agent_digest()
        for proto in ("tcp", "udp", "http"):
            assert exchange(client, proto, port)["reply"]
        assert exchange(client, "udp", port, "::1")["reply"]
        for proto in ("tcp", "udp"):
            stream = {"stream": proto, "kind": "steady", "proto": proto, "host": "::1", "port": port, "token": TOKEN}
            client.call("stream_start", {**stream, "every": 0.05}).result(10)
        stopped = streams_of(client.call("stream_stop", {"linger": 5.0, "last": True}).result(10))
        assert [numbers.counts.sent == numbers.counts.answered > 0 for numbers in stopped.values()] == [True, True]
        named = client.call("resolve", {"name": "localhost", "family": 4, "timeout": 5.0}).result(10)
        assert named["addresses"] == ["127.0.0.1"]
        echoed = client.call("ping", {"host": "127.0.0.1", "token": TOKEN, "timeout": 2.0}).result(10)
        assert echoed["reply"] or echoed["error"]["stage"] == "bind"
