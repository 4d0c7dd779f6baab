"""The agent on Windows as a client: what it asks of a Linux server across a cable, and what it says of failures."""

import re

import pytest
from agent_for_tests import TOKEN, exchange
from wine_places import LINUX, LINUX_V6, NOWHERE, REJECTED, SILENT_PORT, WINDOWS, WINDOWS_V6

from podwire.packets.dissect import decode
from podwire.packets.pcap import read_frames
from podwire.probing.client import AgentError

FAMILIES = pytest.mark.parametrize(("host", "own"), [(LINUX, WINDOWS), (LINUX_V6, WINDOWS_V6)], ids=["v4", "v6"])


def ask(client, method, **params):
    return client.call(method, params, 60.0).result(70)


@pytest.fixture
def cable(linux):
    """Gives the packets that were on the cable since the test began, by a capture on the Linux side."""
    ask(linux, "capture_start", capture="cable", via="af_packet", interfaces=["left"])

    def packets():
        taken = linux.capture_read("cable").result(20)
        return [decode(frame.data) for frame in read_frames(taken.interfaces["left"], "left")]

    yield packets
    linux.capture_stop("cable").result(20)


def test_hello_tells_the_system_and_its_interfaces(windows):
    hello = ask(windows, "hello")
    assert (hello["platform"], hello["python"]) == ("win32", "3.11.9")
    cards = [interface for interface in hello["interfaces"] if WINDOWS in interface["addresses"]]
    assert [one["mac"] for one in cards] == ["02:09:00:00:01:01"], hello
    assert WINDOWS_V6 in cards[0]["addresses"]


@FAMILIES
@pytest.mark.parametrize(("proto", "port"), [("tcp", 8080), ("udp", 8080), ("http", 8000)])
def test_a_question_is_answered_with_both_ends(windows, linux_server, proto, port, host, own):
    result = exchange(windows, proto, port, host)
    assert result["error"] is None
    told = {"source": own, "source_port": result["local"][1], "destination": host, "destination_port": port}
    assert result["reply"] == {"identity": "linux", **told}
    assert (result["local"][0], result["peer"]) == (own, [host, port])


@FAMILIES
def test_a_large_question_arrives_as_it_was_sent(windows, linux_server, host, own):
    result = exchange(windows, "tcp", 8080, host, size=1_000_000)
    assert (result["error"], result["sent"]) == (None, 1_000_000)


@FAMILIES
def test_a_datagram_that_needs_fragments_arrives(windows, linux_server, host, own):
    result = exchange(windows, "udp", 8080, host, size=4000)
    assert (result["error"], result["reply"]["source"]) == (None, own)


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_source_port_and_source_address_are_kept(windows, linux_server, proto):
    result = exchange(windows, proto, 8080, LINUX, source_port=40123, bind_address=WINDOWS)
    assert (result["error"], result["local"]) == (None, [WINDOWS, 40123])
    assert (result["reply"]["source"], result["reply"]["source_port"]) == (WINDOWS, 40123)


def test_a_path_of_http_is_asked_for(windows, linux_server):
    result = exchange(windows, "http", 8000, LINUX, path="/healthz")
    assert (result["status"], result["reply"]["identity"]) == (200, "")


@FAMILIES
def test_a_closed_port_refuses_with_the_winsock_number(windows, host, own):
    error = exchange(windows, "tcp", 7, host)["error"]
    assert (error["stage"], error["kind"], error["number"]) == ("connect", "refused", 10061)


@pytest.mark.parametrize(("proto", "stage", "sent"), [("tcp", "connect", 0), ("udp", "receive", 2)])
def test_silence_is_a_timeout(windows, proto, stage, sent):
    result = exchange(windows, proto, SILENT_PORT, LINUX, timeout=1.3)
    assert (result["error"]["stage"], result["error"]["kind"], result["sent"]) == (stage, "timeout", sent)


def test_an_address_without_a_route_is_unreachable(windows):
    error = exchange(windows, "tcp", 8080, NOWHERE)["error"]
    assert (error["stage"], error["kind"], error["number"]) == ("connect", "unreachable", 10051)


def test_a_name_is_resolved_in_both_families(windows):
    for family, address in ((4, LINUX), (6, LINUX_V6)):
        answer = ask(windows, "resolve", name="linux.test", family=family, timeout=10.0)
        assert (answer["error"], answer["addresses"]) == (None, [address])
    named = ask(windows, "lookup", name="linux.test", family=4, timeout=10.0, canonical=True)
    assert (named["error"], named["resolved"]) == (None, [LINUX])


def test_a_name_is_resolved_before_an_exchange(windows, linux_server):
    result = exchange(windows, "tcp", 8080, "linux.test", resolve=True, family=6)
    assert (result["resolved"], result["reply"]["source"]) == ([LINUX_V6], WINDOWS_V6)


def test_a_name_that_the_server_denies_is_not_found(windows, linux_server, cable):
    error = ask(windows, "resolve", name="nothing.example", family=4, timeout=10.0)["error"]
    assert (error["kind"], error["number"]) == ("not-found", 11001)
    asked = [one for one in cable() if one.ports.dport == 53 and b"\x07nothing\x07example" in one.payload]
    assert [one.ip.src for one in asked[:1]] == [WINDOWS]


def test_a_ping_by_the_icmp_helper_goes_over_the_cable(windows, cable):
    result = ask(windows, "ping", host=LINUX, token=TOKEN, timeout=6.0, size=64, count=3)
    assert (result["error"], result["peer"], result["local"]) == (None, [LINUX, 0], [WINDOWS, 0])
    seen = [one.ip for one in cable() if one.ip.protocol == "icmp" and TOKEN.encode() in one.payload]
    echoes = [(ip.src, ip.dst) for ip in seen]
    assert {(WINDOWS, LINUX), (LINUX, WINDOWS)} <= set(echoes)


def test_a_ping_that_a_router_rejects_is_unreachable(windows):
    error = ask(windows, "ping", host=REJECTED, token=TOKEN, timeout=5.0)["error"]
    assert (error["kind"], error["number"]) == ("unreachable", 11002)


def test_a_ping_without_a_route_fails_with_an_ip_status(windows):
    error = ask(windows, "ping", host=NOWHERE, token=TOKEN, timeout=2.0)["error"]
    assert (error["kind"], error["number"]) == ("other", 11050)


def test_a_ping_that_nobody_answers_is_a_timeout(windows):
    result = ask(windows, "ping", host="10.9.1.77", token=TOKEN, timeout=1.0, count=2)
    assert (result["error"]["kind"], result["sent"]) == ("timeout", 2), result


def test_more_connections_than_select_takes_at_once(windows, linux_server):
    one = {"proto": "tcp", "host": LINUX, "port": 8080, "token": TOKEN, "size": 300, "timeout": 30.0}
    attempts = ask(windows, "burst", exchanges=[one] * 700)["attempts"]
    assert [attempt["error"] for attempt in attempts if not attempt["reply"]] == []


def test_a_sequence_of_connections_is_answered(windows, linux_server):
    one = {"proto": "tcp", "host": LINUX, "port": 8080, "token": TOKEN, "size": 300, "timeout": 10.0}
    attempts = ask(windows, "sequence", exchanges=[one] * 50, at_once=5)["attempts"]
    assert all(attempt["reply"] for attempt in attempts)


def test_a_beacon_is_seen_on_the_cable(windows, cable):
    ask(windows, "beacon", host=LINUX, port=9, token=TOKEN, count=3)
    assert len([one for one in cable() if one.payload == f"{TOKEN} beacon\n".encode()]) == 3


def test_sctp_is_not_supported(windows):
    error = exchange(windows, "sctp", 8080, LINUX)["error"]
    assert (error["stage"], error["kind"]) == ("bind", "unsupported"), error


def test_a_capture_by_socket_is_refused(windows):
    with pytest.raises(AgentError, match="there is no AF_PACKET on win32"):
        ask(windows, "capture_start", capture="c", via="af_packet")


def test_a_capture_by_pktmon_is_refused_where_there_is_none(windows):
    with pytest.raises(AgentError, match="pktmon is missing"):
        ask(windows, "capture_start", capture="c", via="pktmon")


def test_a_program_of_windows_is_run(windows):
    told = ask(windows, "tool", name="ipconfig", arguments=["/all"], timeout=30.0)
    assert told["code"] == 0, told
    assert re.search(WINDOWS.replace(".", r"\."), told["stdout"]), told


@pytest.mark.parametrize("folder", ["C:", "%CONTAINER_SANDBOX_MOUNT_POINT%"])
def test_a_cni_plugin_that_is_missing_is_not_found(windows, folder):
    with pytest.raises(AgentError, match=r"win-bridge\.exe is missing on this node") as missing:
        ask(windows, "tool", name=rf"{folder}\opt\cni\bin\win-bridge.exe", timeout=30.0)
    assert missing.value.kind == "not-found"
