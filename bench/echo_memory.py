"""The memory of an echo server with slow clients: VmRSS while 2,000 connections have each sent 60 kB of an unfinished
HTTP head, from one address and from many; and whether another client still gets an answer.

Old is the agent of a commit before the limits, written there by `podwire agent -o FILE`.

    python bench/echo_memory.py [--old FILE] [--connections N]
"""

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from podwire.cluster.deployment.agent_archive import agent_archive

HEAD = b"GET /slow HTTP/1.1\r\nX-Padding: " + b"x" * 60_000


def resident(pid):
    """Megabytes of memory that a process has."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1000 for line in lines if line.startswith("VmRSS"))


def slow(port, number, peers):
    """One more slow client, or None if the server refuses it."""
    sock = socket.socket()
    sock.bind((f"127.0.{1 + number % peers}.1", 0))
    sock.settimeout(5)
    with suppress(OSError):
        sock.connect(("127.0.0.1", port))
        sock.sendall(HEAD)
        return sock
    sock.close()
    return None


def answered(port):
    """Milliseconds until another client has its answer."""
    began = time.perf_counter()
    with socket.create_connection(("127.0.0.1", port), 5) as sock:
        sock.sendall(b"token 6\n")
        assert json.loads(sock.recv(4096))["token"] == "token"
    return (time.perf_counter() - began) * 1000


def measure(name, command, connections, peers):
    server = subprocess.Popen([*command, "serve", "--port", "0"], stderr=subprocess.PIPE)
    try:
        server.stderr.readline()
        port = listening(server.pid)
        before, made = resident(server.pid), []
        made = [sock for number in range(connections) if (sock := slow(port, number, peers))]
        answer_ms = answered(port)
        after = resident(server.pid)
        where = "one address" if peers == 1 else f"{peers} addresses"
        print(
            f"{name}: {len(made):,} slow clients at {where}: {before:.1f} MB before, {after:.1f} MB after;"
            f" another client is answered in {answer_ms:.1f} ms"
        )
        for sock in made:
            sock.close()
    finally:
        server.kill()
        server.wait()
        server.stderr.close()


def listening(pid):
    """The TCP port that a process listens at, by its descriptors."""
    inodes = {link.readlink().name for link in Path(f"/proc/{pid}/fd").iterdir()}
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and f"socket:[{fields[9]}]" in inodes:
            return int(fields[1].rpartition(":")[2], 16)
    raise SystemExit("the agent listens nowhere")


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--old", type=Path)
    options.add_argument("--connections", type=int, default=2000)
    arguments = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        current = Path(folder, "agent.pyz")
        current.write_bytes(agent_archive())
        for name, path in (("old", arguments.old), ("new", current)):
            for peers in (1, 40) if path else ():
                measure(name, [sys.executable, "-I", "-S", str(path)], arguments.connections, peers)


main()
