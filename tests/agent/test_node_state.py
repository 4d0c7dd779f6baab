"""What a node tells of its network: netsh in any language, the files of Linux, and kube-proxy's own word."""

import pytest
from agent_loop import run_coroutine

from podwire.agent.loop import Loop
from podwire.agent.node import state

ENGLISH = """
Protocol tcp Dynamic Port Range
---------------------------------
Start Port      : 16385
Number of Ports : 49151

"""
GERMAN = """
Protokoll tcp - Dynamischer Portbereich
---------------------------------
Startport       : 16385
Anzahl der Ports: 49151

"""
JAPANESE = "\nプロトコル tcp の動的ポートの範囲\n---------\n開始ポート      : 16385\nポート数        : 49151\n"
EXCLUDED = """
Protocol tcp Port Exclusion Ranges

Start Port    End Port
----------    --------
      5985        5985
     30000       32767     *
     50000       50063
     50064       50127

* - Administered port exclusions.
"""


@pytest.mark.parametrize("said", [ENGLISH, GERMAN, JAPANESE, ENGLISH.replace("\n", "\r\n")])
def test_the_numbers_count_and_not_the_words(said):
    assert state.dynamic_range(said) == [16385, 65535]


@pytest.mark.parametrize(
    "said",
    [
        "",
        "Access is denied.\n",
        "Start Port : 49152\n",
        "a : 0\nb : 16384\n",
        "a : 60000\nb : 16384\n",
        "a : 1\nb : 0\n",
    ],
)
def test_what_tells_no_range_is_said_to_tell_none(said):
    with pytest.raises(ValueError, match="reports no dynamic port range"):
        state.dynamic_range(said)


def test_only_what_an_administrator_excludes_is_taken_out():
    """The blocks without a star are what HNS and WinNAT translate to."""
    assert state.kept_back(EXCLUDED) == [[30000, 32767]]
    assert state.kept_back(EXCLUDED.replace("\n", "\r\n")) == [[30000, 32767]]
    assert state.without([16385, 65535], [[30000, 32767]]) == [[16385, 29999], [32768, 65535]]


@pytest.mark.parametrize(
    ("excluded", "left"),
    [
        ([], [[10, 20]]),
        ([[1, 9], [21, 30]], [[10, 20]]),
        ([[1, 12]], [[13, 20]]),
        ([[18, 30]], [[10, 17]]),
        ([[14, 15], [12, 12]], [[10, 11], [13, 13], [16, 20]]),
        ([[12, 15], [14, 17]], [[10, 11], [18, 20]]),
        ([[1, 30]], []),
    ],
)
def test_a_range_without_others(excluded, left):
    assert state.without([10, 20], excluded) == left


def test_linux_tells_its_range_without_what_is_reserved(tmp_path, monkeypatch):
    ports, reserved = tmp_path / "range", tmp_path / "reserved"
    ports.write_text("32768\t60999\n")
    reserved.write_text("40000,41000-41999\n")
    monkeypatch.setattr(state, "LOCAL_PORTS", str(ports))
    monkeypatch.setattr(state, "RESERVED_PORTS", str(reserved))
    assert state.ports_of_linux()["udp ipv6"] == [[32768, 39999], [40001, 40999], [42000, 60999]]
    reserved.write_text("\n")
    assert state.ports_of_linux()["tcp ipv4"] == [[32768, 60999]]


def ask(os, **changes):
    loop = Loop()
    return run_coroutine(loop, lambda: state.node_state(loop, {"os": os, "timeout": 5.0, **changes}))


@pytest.fixture(name="program")
def _program(tmp_path, monkeypatch):
    """A `netsh` that is this shell script."""

    def put(text):
        path = tmp_path / "netsh"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    return put


def test_windows_is_asked_by_netsh_for_each_protocol_and_family(program, tmp_path):
    (tmp_path / "dynamicport").write_text(ENGLISH)
    (tmp_path / "excludedportrange").write_text(EXCLUDED)
    program(f'cat "{tmp_path}/$4"')
    told = ask("windows")["ports"]["value"]
    assert set(told) == {"tcp ipv4", "tcp ipv6", "udp ipv4", "udp ipv6"}
    assert told["tcp ipv4"] == [[16385, 29999], [32768, 65535]]


def test_a_netsh_that_refuses_is_a_problem_and_the_rest_is_told(program):
    program("echo no; exit 1")
    told = ask("windows")
    assert told["ports"]["problem"] == "netsh int ipv4 show dynamicport tcp ends with code 1: no"
    assert "problem" in told["proxy"] or "value" in told["proxy"]


def test_a_node_without_netsh_says_so(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "netsh" in ask("windows")["ports"]["problem"]
