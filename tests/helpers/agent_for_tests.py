"""A real agent process with pipes, and an echo server beside it, for the tests of agent and client."""

import os
import re
import socket
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager, suppress
from pathlib import Path

from podwire.cluster.deployment.agent_archive import agent_archive
from podwire.probing.client import AgentClient

TOKEN = "pw0123456789abcdef"
_FOLDER = tempfile.TemporaryDirectory(prefix="podwire-agent-")
_FILE = Path(_FOLDER.name) / "agent.pyz"
_FILE.write_bytes(agent_archive())
AGENT = ["-I", "-S", str(_FILE)]


class PipeChannel:
    """The stdin and stdout of a child process, as a client's channel."""

    def __init__(self, *command, **options):
        command = command or (sys.executable, *AGENT, "rpc")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0, **options)

    def start(self, on_data, on_end):
        self._thread = threading.Thread(target=self._read, args=(on_data, on_end), daemon=True)
        self._thread.start()

    def _read(self, on_data, on_end):
        while data := os.read(self.process.stdout.fileno(), 1 << 16):
            on_data(data)
        on_end(f"the agent ended with exit code {self.process.wait()}")

    def write(self, data):
        self.process.stdin.write(data)

    def close(self):
        with suppress(OSError):
            self.process.stdin.close()


def changed_agent(change, *arguments):
    """The command of an agent whose modules the code of `change` has changed first."""
    run = f"""
import runpy, sys
sys.path.insert(0, {AGENT[-1]!r})
{change}
sys.argv = ["agent.pyz", *{arguments!r}]
runpy.run_path({AGENT[-1]!r}, run_name="__main__")
"""
    return sys.executable, "-I", "-S", "-c", run


def free_port(kind=socket.SOCK_STREAM, family=socket.AF_INET):
    with socket.socket(family, kind) as probe:
        probe.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def echo_server(*options, python=sys.executable, identity="server", prefix=()):
    """An echo server; yields its port. `options` go to its command line."""
    port = free_port()
    command = [*prefix, python, *AGENT, "serve", "--port", str(port), *options]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "PODWIRE_IDENTITY": identity})
    try:
        line = server.stderr.readline().decode()
        assert re.search(r"echo on port \d+", line), line
        yield port
    finally:
        server.terminate()
        server.wait(5)
        server.stderr.close()


@contextmanager
def changed_server(change):
    """An echo server in which something was changed."""
    port = free_port()
    command = changed_agent(change, "serve", "--port", str(port))
    with subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, "PODWIRE_IDENTITY": "x"}) as process:
        try:
            assert b"echo on port" in process.stderr.readline()
            yield port
        finally:
            process.terminate()


@contextmanager
def agent(*command, **options):
    """A client of a new agent process."""
    client = AgentClient("agent under test", lambda: PipeChannel(*command, **options), tries=1)
    try:
        yield client
    finally:
        client.close()


def exchange(client, proto, port, host="127.0.0.1", **extra):
    """One exchange, as the agent reports it."""
    params = {"proto": proto, "host": host, "port": port, "token": TOKEN, "size": 256, "timeout": 5.0, **extra}
    return client.call("exchange", params, 20.0).result(25)
