"""Ping and resolve of a real agent, and what it says of itself."""

import ctypes
import os
import socket

import pytest
from agent_for_tests import TOKEN, agent

from podwire.probing.client import AgentError, attempt_of


@pytest.fixture(scope="module")
def client():
    with agent() as one:
        yield one


def ping(client, host, **more):
    params = {"host": host, "token": TOKEN, "timeout": 2.0, "count": 3, "size": 64, **more}
    result = client.call("ping", params).result(10)
    if (result["error"] or {}).get("stage") == "bind":
        pytest.skip(f"ICMP: {result['error']['text']}")
    return result


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("size", [0, 64, 1473, 9000])
def test_an_echo_comes_back(client, host, size):
    attempt = attempt_of(ping(client, host, size=size))
    assert attempt.answered
    assert attempt.peer == (host, 0)
    assert attempt.local == (host, 0)
    assert (attempt.sent, attempt.received) == (1, 1)


def test_many_pings_at_once_do_not_take_each_others_answers(client):
    params = {"host": "127.0.0.1", "timeout": 5.0}
    answers = [client.call("ping", {**params, "token": f"{TOKEN}{n}"}) for n in range(60)]
    results = [answer.result(10) for answer in answers]
    if (results[0]["error"] or {}).get("stage") == "bind":
        pytest.skip(results[0]["error"]["text"])
    assert all(result["reply"] and result["sent"] == 1 for result in results)


@pytest.mark.skipif(os.geteuid() != 0, reason="taking CAP_NET_RAW away needs root")
def test_without_permission_it_says_so():
    with open("/proc/sys/net/ipv4/ping_group_range", encoding="ascii") as groups:
        low, high = map(int, groups.read().split())
    if low <= os.getegid() <= high:
        pytest.skip("everybody may ping here")
    libc = ctypes.CDLL(None)
    with agent(preexec_fn=lambda: libc.prctl(24, 13)) as client:  # PR_CAPBSET_DROP, CAP_NET_RAW
        error = client.call("ping", {"host": "127.0.0.1", "token": TOKEN, "timeout": 1.0}).result(10)["error"]
        with pytest.raises(AgentError, match=r"may not capture packets; it needs CAP_NET_RAW"):
            client.call("capture_start", {"capture": "c", "via": "af_packet"}).result(10)
    assert (error["stage"], error["kind"]) == ("bind", "other")
    assert "may not open ICMP sockets" in error["text"]


def test_a_name_has_addresses(client):
    result = client.call("resolve", {"name": "localhost", "family": 4, "timeout": 5.0}).result(10)
    assert (result["addresses"], result["error"]) == (["127.0.0.1"], None)
    assert result["elapsed"] > 0


def test_a_name_that_is_none_is_not_found(client):
    for name in ("nothing.invalid", "a" * 70 + ".invalid"):
        error = client.call("resolve", {"name": name, "timeout": 5.0}).result(10)["error"]
        assert error["stage"] == "resolve"
        assert error["kind"] in ("not-found", "other")
        assert name in error["text"]


def test_hello_tells_what_runs_where(client):
    hello = client.call("hello").result(10)
    assert hello["platform"] == "linux"
    assert isinstance(hello["dns"], list)
    loopback = next(interface for interface in hello["interfaces"] if interface["name"] == "lo")
    assert "127.0.0.1" in loopback["addresses"]
    names = {name for _, name in socket.if_nameindex()}
    assert {interface["name"] for interface in hello["interfaces"]} == names


def test_beacons_are_sent_and_not_answered(client):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        sock.settimeout(5)
        params = {"host": "127.0.0.1", "port": sock.getsockname()[1], "token": TOKEN, "count": 3}
        assert client.call("beacon", params).result(10) == {}
        assert [sock.recv(100) for _ in range(3)] == [TOKEN.encode() + b" beacon\n"] * 3
