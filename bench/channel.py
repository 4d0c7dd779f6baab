"""The channel: exchanges per second through one agent, beside one new process for each exchange.

(a) the agent as a local process with pipes, on loopback; (b) in a pod of the lab, through pods/exec.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager

from podwire.cluster.connect import connect
from podwire.cluster.deployment.agent_archive import agent_archive
from podwire.cluster.deployment.workloads import DeployOptions, deploy
from podwire.cluster.discovery.discover import discover
from podwire.cluster.exec.channel import ExecChannel
from podwire.probing.client import AgentClient, AgentError, ChannelLost
from podwire_lab.lifecycle.process import start_lab

FOLDER = tempfile.TemporaryDirectory()
AGENT = [sys.executable, "-I", "-S", f"{FOLDER.name}/agent.pyz"]
PORT = 18080
EXCHANGES = 10_000
IN_FLIGHT = 64
STARTS = 40


class PipeChannel:
    """The stdin and stdout of a local agent."""

    def __init__(self):
        self._process = subprocess.Popen([*AGENT, "rpc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)

    def start(self, on_data, on_end):
        threading.Thread(target=self._read, args=(on_data, on_end), daemon=True).start()

    def _read(self, on_data, on_end):
        while data := os.read(self._process.stdout.fileno(), 1 << 18):
            on_data(data)
        on_end(f"the agent ended with exit code {self._process.wait()}")

    def write(self, data):
        self._process.stdin.write(data)

    def close(self):
        self._process.stdin.close()
        self._process.wait(5)


def rate(client, host, port, proto, size=256):
    """Exchanges per second with `IN_FLIGHT` of them in flight, each a call of its own; and how many failed."""
    room, failed, landed = threading.Semaphore(IN_FLIGHT), [], []

    def land(future):
        room.release()
        problem = future.exception() or future.result()["error"]
        (failed if problem else landed).append(problem)

    common = {"proto": proto, "host": host, "port": port, "token": "pw" + "0" * 16, "size": size, "timeout": 5.0}
    began = time.perf_counter()
    for _ in range(EXCHANGES):
        room.acquire()
        client.call("exchange", common, 20.0).add_done_callback(land)
    for _ in range(IN_FLIGHT):
        room.acquire()
    return len(landed) / (time.perf_counter() - began), len(failed)


def round_trip(client, times=500):
    """Milliseconds of a call that sends nothing on the network."""
    began = time.perf_counter()
    for _ in range(times):
        try:
            client.call("resolve", {"name": "127.0.0.1", "timeout": 5.0, "family": 9}).result(10)
        except AgentError:
            continue  # The agent refuses the family: the shortest round trip.
    return (time.perf_counter() - began) / times * 1000


def per_start(start):
    """Exchanges per second with a new process (an agent that makes one exchange) for each, one after the other."""
    began = time.perf_counter()
    for _ in range(STARTS):
        start()
    return STARTS / (time.perf_counter() - began)


def figures(name, client, host, port, starts):
    print(f"{name}: {round_trip(client):.2f} ms a call that does nothing")
    for proto in ("tcp", "udp"):
        found, failed = rate(client, host, port, proto)
        of = f"{EXCHANGES:,}, {IN_FLIGHT} in flight, {failed} failed"
        text = f"{found:,.0f} exchanges a second through one channel ({of})"
        print(f"{name}: {proto}: {text}; {found / starts:,.0f} times one start per probe ({starts:.1f}/s)")


def one_probe(open_channel, host, port):
    """A new agent for one exchange, like a test that starts a process for each probe."""
    client = AgentClient("once", open_channel, tries=1)
    exchange = {"proto": "tcp", "host": host, "port": port, "token": "pw" + "0" * 16, "size": 256, "timeout": 5.0}
    try:
        client.call("exchange", exchange, 20.0).result(25)
    finally:
        client.close()


def memory(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        found = dict(line.split(":", 1) for line in status)
    return f"{int(found['VmHWM'].split()[0]) / 1024:.1f} MB at most, {int(found['VmRSS'].split()[0]) / 1024:.1f} MB now"


@contextmanager
def echo_server():
    command = [*AGENT, "serve", "--port", str(PORT)]
    server = subprocess.Popen(command, stderr=subprocess.PIPE, env={"PODWIRE_IDENTITY": "bench"})
    try:
        server.stderr.readline()
        yield server
    finally:
        server.terminate()
        server.wait(5)


def local():
    with echo_server() as server:
        began = time.perf_counter()
        client = AgentClient("local", PipeChannel)
        hello = client.call("hello").result(10)
        print(f"pipes: {(time.perf_counter() - began) * 1000:.0f} ms from nothing to the first answer of an agent")
        starts = per_start(lambda: one_probe(PipeChannel, "127.0.0.1", PORT))
        figures("pipes", client, "127.0.0.1", PORT, starts)
        print(f"pipes: memory of the client agent: {memory(hello['pid'])}; of the echo server: {memory(server.pid)}")
        client.close()


def in_lab():
    lab = start_lab("overlay-win-overlay", agent=agent_archive)
    try:
        connection = connect(lab.kubeconfig, lab.context)
        deployment = deploy(connection, discover(connection, lab.external_host), DeployOptions(run_id="bench"))
        client_pod, server_pod = (
            next(probe for probe in deployment.probes if probe.node == node and probe.slot == "a")
            for node in ("linux-1", "linux-2")
        )

        def channel():
            client = client_pod
            return ExecChannel(
                connection.configuration, deployment.namespace, client.pod, client.container, client.command
            )

        host = server_pod.addresses["ipv4"]
        starts = per_start(lambda: one_probe(channel, host, server_pod.port))
        client = AgentClient("lab", channel)
        print(
            "exec:",
            json.dumps({key: value for key, value in client.call("hello").result(10).items() if key != "interfaces"}),
        )
        figures("exec", client, host, server_pod.port, starts)
        client.close()
        connection.close()
    finally:
        lab.close()


def main():
    with open(AGENT[-1], "wb") as file:
        file.write(agent_archive())
    for part in (local, in_lab):
        try:
            part()
        except (AgentError, ChannelLost, OSError, RuntimeError) as problem:
            print(f"{part.__name__}: {problem}")


if __name__ == "__main__":
    main()
