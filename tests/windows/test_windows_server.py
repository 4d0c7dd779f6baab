"""The agent on Windows as a server: what a Linux client gets from it across a cable."""

import subprocess
import sys

import pytest
from agent_for_tests import TOKEN, exchange
from wine_places import LINUX, LINUX_V6, WINDOWS, WINDOWS_V6

pytestmark = pytest.mark.usefixtures("windows_server")
FAMILIES = pytest.mark.parametrize(("host", "own"), [(WINDOWS, LINUX), (WINDOWS_V6, LINUX_V6)], ids=["v4", "v6"])

ASK_FOR_A_NAME = """
import sys, dns.message, dns.query, dns.rcode
answer = getattr(dns.query, sys.argv[1])(dns.message.make_query("server.example", "A"), sys.argv[2], timeout=10)
print(dns.rcode.to_text(answer.rcode()))
"""


@FAMILIES
@pytest.mark.parametrize(
    ("proto", "port"), [("tcp", 8080), ("udp", 8080), ("tcp", 8081), ("udp", 8081), ("http", 8000)]
)
def test_a_question_is_answered_with_what_was_seen(linux, proto, port, host, own):
    result = exchange(linux, proto, port, host)
    assert result["error"] is None
    told = {"source": own, "source_port": result["local"][1], "destination": host, "destination_port": port}
    assert result["reply"] == {"identity": "windows", **told}


@FAMILIES
def test_a_large_question_arrives_as_it_was_sent(linux, host, own):
    result = exchange(linux, "tcp", 8080, host, size=1_000_000)
    assert (result["error"], result["sent"]) == (None, 1_000_000)


@FAMILIES
def test_a_datagram_that_came_in_fragments_is_answered(linux, host, own):
    result = exchange(linux, "udp", 8080, host, size=4000)
    assert (result["error"], result["reply"]["source"]) == (None, own)


def test_many_connections_at_once_are_answered(linux):
    one = {"proto": "tcp", "host": WINDOWS, "port": 8080, "token": TOKEN, "size": 300, "timeout": 30.0}
    attempts = linux.call("burst", {"exchanges": [one] * 700}, 60.0).result(70)["attempts"]
    assert [attempt["error"] for attempt in attempts if not attempt["reply"]] == []


@pytest.mark.parametrize("proto", ["tcp", "udp"])
def test_its_server_of_names_denies_every_name(places, proto):
    command = places.linux(sys.executable, "-c", ASK_FOR_A_NAME, proto, WINDOWS)
    asked = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert asked.stdout == "NXDOMAIN\n", asked.stderr


def test_a_second_server_on_its_port_is_refused_in_one_line(places):
    command = places.on_windows("serve", "--port", "8080")
    done = subprocess.run(command, env=places.environment, capture_output=True, check=False, timeout=60)
    assert done.returncode == 1
    assert b"cannot listen on 0.0.0.0 port 8080" in done.stderr
