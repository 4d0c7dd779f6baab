"""The agent on a genuine Windows CPython, under Wine: its protocol, its sockets and its ICMP, not Windows' network.

Wanted: `wine` on PATH, and in PODWIRE_WINDOWS_PYTHON the python.exe of an embeddable Windows build (3.11: later ones
need more than Wine 8 has). A Wine prefix is made once per session, in a temporary folder.
"""

import os
import re
import shutil
import socket
import subprocess
import sys

import dns.message
import dns.query
import dns.rcode
import pytest
from agent_for_tests import AGENT, TOKEN, agent, echo_server, exchange, free_port

from podwire.probing.client import AgentError

PYTHON = os.environ.get("PODWIRE_WINDOWS_PYTHON", "")
MISSING = [
    *([] if shutil.which("wine") else ["wine is not on PATH"]),
    *([] if os.path.isfile(PYTHON) else ["PODWIRE_WINDOWS_PYTHON names no python.exe"]),
]
pytestmark = pytest.mark.skipif(bool(MISSING), reason="NOTHING OF THE WINDOWS AGENT IS TESTED: " + "; ".join(MISSING))

WINDOWS_AGENT = ("-I", "-S", f"Z:{AGENT[-1]}")


@pytest.fixture(scope="module")
def wine(tmp_path_factory):
    """The environment of a fresh Wine prefix."""
    prefix = tmp_path_factory.mktemp("wine")
    env = {**os.environ, "WINEPREFIX": str(prefix), "WINEDEBUG": "-all", "DISPLAY": ""}
    subprocess.run(["wineboot", "-i"], env=env, check=True, capture_output=True, timeout=180)
    yield env
    subprocess.run(["wineserver", "-k"], env=env, check=False, capture_output=True, timeout=30)


@pytest.fixture(scope="module")
def client(wine):
    env = {**wine, "CONTAINER_SANDBOX_MOUNT_POINT": "C:\\C\\0123"}
    with agent("wine", PYTHON, *WINDOWS_AGENT, "rpc", env=env, stderr=subprocess.PIPE) as one:
        yield one


def wait_for(process, pattern):
    """Read what the process complains of, Wine's own lines too, until it is that."""
    said = ""
    while not re.search(pattern, said):
        line = process.stderr.readline().decode()
        assert line, said
        said += line


@pytest.fixture(scope="module")
def server(wine):
    """An echo server on Windows; gives its port."""
    port = free_port()
    command = ["wine", PYTHON, *WINDOWS_AGENT, "serve", "--port", str(port)]
    env = {**wine, "PODWIRE_IDENTITY": "windows"}
    process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    wait_for(process, r"echo on port \d+")
    yield port
    process.kill()
    process.communicate()


def test_hello(client):
    hello = client.call("hello").result(60)
    assert hello["platform"] == "win32"
    assert any("127.0.0.1" in one["addresses"] for one in hello["interfaces"]), hello
    assert all(re.fullmatch("([0-9a-f]{2}:){5}[0-9a-f]{2}|", one["mac"]) for one in hello["interfaces"])


@pytest.mark.parametrize(
    ("proto", "host"), [("tcp", "127.0.0.1"), ("tcp", "::1"), ("udp", "127.0.0.1"), ("udp", "::1")]
)
def test_a_windows_client_reaches_a_linux_server(client, proto, host):
    with echo_server() as port:
        result = exchange(client, proto, port, host)
    assert result["error"] is None
    assert result["reply"]["identity"] == "server"
    assert [result["reply"]["source"], result["reply"]["source_port"]] == result["local"]


@pytest.mark.parametrize(
    ("proto", "host"), [("tcp", "127.0.0.1"), ("tcp", "::1"), ("udp", "127.0.0.1"), ("http", "127.0.0.1")]
)
def test_a_linux_client_reaches_a_windows_server(server, proto, host):
    with agent(sys.executable, *AGENT, "rpc") as linux:
        result = exchange(linux, proto, server, host, size=5000)
    assert result["error"] is None
    assert result["reply"]["identity"] == "windows"
    assert result["reply"]["destination"] == host


def test_a_closed_port_refuses_with_the_winsock_number(client):
    error = exchange(client, "tcp", free_port())["error"]
    assert (error["stage"], error["kind"], error["number"]) == ("connect", "refused", 10061)


def test_silence_is_a_time_out(client):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        result = exchange(client, "udp", silent.getsockname()[1], timeout=1.3)
    assert (result["error"]["stage"], result["error"]["kind"], result["sent"]) == ("receive", "timeout", 2)


def test_a_source_port_is_kept(client):
    with echo_server() as port:
        wanted = free_port()
        assert exchange(client, "tcp", port, source_port=wanted)["local"] == ["127.0.0.1", wanted]


def test_names_are_resolved_and_missing_ones_not_found(client):
    assert (
        "127.0.0.1"
        in client.call("resolve", {"name": "localhost", "family": 4, "timeout": 10.0}).result(20)["addresses"]
    )
    error = client.call("resolve", {"name": "nothing.invalid", "family": 4, "timeout": 10.0}).result(20)["error"]
    assert (error["kind"], error["number"]) == ("not-found", 11001)


def test_ping(client):
    result = client.call("ping", {"host": "127.0.0.1", "token": TOKEN, "timeout": 3.0, "size": 64}).result(20)
    assert result["reply"], result
    assert result["peer"] == ["127.0.0.1", 0]


def test_more_exchanges_than_select_takes_at_once(client):
    with echo_server() as port:
        one = {"proto": "tcp", "host": "127.0.0.1", "port": port, "token": TOKEN, "size": 300, "timeout": 30.0}
        attempts = client.call("burst", {"exchanges": [one] * 700}, 60.0).result(70)["attempts"]
    assert [attempt["error"] for attempt in attempts if not attempt["reply"]] == []


def test_there_is_no_packet_capture_by_socket(client):
    with pytest.raises(AgentError, match="there is no AF_PACKET on win32"):
        client.call("capture_start", {"capture": "c", "via": "af_packet"}).result(20)


def test_pktmon_is_missing_under_wine_and_said_to_be(client):
    with pytest.raises(AgentError, match="there is no pktmon here"):
        client.call("capture_start", {"capture": "c", "via": "pktmon"}).result(60)


@pytest.mark.parametrize("way", ["eof", "bye"])
def test_it_ends_with_its_stream(wine, way):
    command = ["wine", PYTHON, *WINDOWS_AGENT, "rpc"]
    with agent(*command, env=wine, stderr=subprocess.PIPE) as one:
        process_id = one.call("hello").result(60)["pid"]
        if way == "bye":
            assert one.call("bye").result(20) == {}
    assert process_id


def test_a_windows_server_has_several_ports_and_one_for_names(wine):
    first, second, names = free_port(), free_port(), free_port()
    ports = [word for port in (first, second) for word in ("--port", str(port))]
    command = ["wine", PYTHON, *WINDOWS_AGENT, "serve", *ports, "--dns-port", str(names)]
    process = subprocess.Popen(command, env=wine, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        wait_for(process, rf"echo on port {first}, {second}")
        with agent(sys.executable, *AGENT, "rpc") as linux:
            for port in (first, second):
                for proto in ("tcp", "udp"):
                    assert exchange(linux, proto, port)["reply"]["destination_port"] == port
        query = dns.message.make_query("server.example", "A")
        for ask in (dns.query.udp, dns.query.tcp):
            assert ask(query, "127.0.0.1", port=names, timeout=5).rcode() == dns.rcode.NXDOMAIN
    finally:
        process.kill()
        process.communicate()


def test_a_windows_client_has_the_same_words(client, server):
    path = exchange(client, "http", server, path="/healthz")
    assert (path["status"], path["reply"]["identity"]) == (200, "")
    bound = exchange(client, "tcp", server, bind_address="127.0.0.1")
    assert bound["reply"]["source"] == "127.0.0.1"
    named = client.call("lookup", {"name": "localhost", "family": 4, "timeout": 10.0, "canonical": True}).result(20)
    assert (named["error"], named["resolved"]) == (None, ["127.0.0.1"])
    one = {"proto": "tcp", "host": "127.0.0.1", "port": server, "token": TOKEN, "size": 300, "timeout": 10.0}
    attempts = client.call("sequence", {"exchanges": [one] * 50, "at_once": 5}, 60.0).result(70)["attempts"]
    assert all(attempt["reply"] for attempt in attempts)


def test_a_windows_client_has_no_sctp(client):
    error = exchange(client, "sctp", free_port())["error"]
    assert (error["stage"], error["kind"]) == ("bind", "unsupported"), error


def test_programs_are_run_on_windows(client):
    told = client.call("tool", {"name": "ipconfig", "arguments": ["/all"], "timeout": 30.0}, 60.0).result(60)
    assert told["code"] == 0, told
    for name in ("C:\\opt\\cni\\bin\\win-bridge.exe", "%CONTAINER_SANDBOX_MOUNT_POINT%\\opt\\cni\\bin\\win-bridge.exe"):
        with pytest.raises(AgentError, match=r"there is no .*win-bridge\.exe here") as missing:
            client.call("tool", {"name": name, "timeout": 30.0}, 60.0).result(60)
        assert missing.value.kind == "not-found"
