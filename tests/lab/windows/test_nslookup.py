"""nslookup of an emulated Windows pod: what it asks, and what it says.

pod (10.9.1.1) -- node (10.9.1.2: the cluster's DNS) -- outside (10.9.2.3: the outside's DNS)
"""

import asyncio
import contextlib
import io

import apart
import pytest

from podwire_lab.dns.records import outside_zone
from podwire_lab.dns.server import Damage, DnsServer
from podwire_lab.pods.resolvers import Resolver
from podwire_lab.windows.programs import nslookup

CLUSTER, OUTSIDE = "10.9.1.2", "10.9.2.3"
SUFFIX = "ns.svc.cluster.local"
MANY = 200
HEAD = [f"Server:  dns.{SUFFIX}", f"Address:  {CLUSTER}"]


def service(name, **spec):
    return {"metadata": {"name": name, "namespace": "ns"}, "spec": spec}


SERVICES = [
    service("dns", clusterIPs=[CLUSTER]),
    service("web", clusterIPs=["10.96.0.5", "fd10:96::5"]),
    service("many", clusterIPs=[f"10.96.1.{number}" for number in range(MANY)]),
    service("away", type="ExternalName", externalName="echo.outside.example"),
]


async def world(arguments, adapter, fault=None):
    """Exit code, output, and the questions that reached the cluster's DNS."""
    pod, node, outside = apart.cabled("pod", "node", "outside")
    beyond = DnsServer(outside_zone("echo.outside.example", ["203.0.113.10"]))
    await beyond.serve(outside, [OUTSIDE])
    server, asked = DnsServer(forward_to=(OUTSIDE, 53)), []
    server.set_records(SERVICES, [])

    def watch(name, kind, client):
        asked.append((name, kind))
        return fault

    server.fault = watch
    await server.serve(node, [CLUSTER])

    def run():
        said = io.StringIO()
        with pod.entered(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            code = nslookup.main(arguments, adapter)
        return code, [line for line in said.getvalue().splitlines() if line]

    return *await asyncio.to_thread(run), asked


@pytest.fixture
def ask(tmp_path):
    adapter = tmp_path / "adapter.conf"
    adapter.write_text(Resolver(servers=(CLUSTER,), search=(SUFFIX, "two.example")).to_file())
    return lambda *arguments, fault=None: apart.run(world, list(arguments), str(adapter), fault)


def names(asked):
    return list(dict.fromkeys(name for name, kind in asked if kind != "PTR"))


def test_a_single_label_gets_the_suffix_and_both_types_are_asked(ask):
    code, said, asked = ask("web")
    assert (code, said) == (
        0,
        [*HEAD, f"Name:    web.{SUFFIX}", "Addresses:  10.96.0.5", "\t  fd10:96::5"],
    )
    assert asked == [("2.1.9.10.in-addr.arpa", "PTR"), (f"web.{SUFFIX}", "A"), (f"web.{SUFFIX}", "AAAA")]


def test_a_name_with_a_dot_gets_the_suffixes_too_and_then_is_asked_as_it_is(ask):
    _, said, asked = ask("echo.outside.example")
    assert names(asked) == [f"echo.outside.example.{each}" for each in (SUFFIX, "two.example")] + [
        "echo.outside.example"
    ]
    assert said[2:] == ["Non-authoritative answer:", "Name:    echo.outside.example", "Address:  203.0.113.10"]


def test_a_final_dot_or_an_option_keeps_the_suffixes_away(ask):
    assert names(ask("web.ns.")[2]) == ["web.ns"]
    assert names(ask("-nosearch", "web.ns")[2]) == ["web.ns"]


def test_a_name_that_does_not_exist_is_said_so_with_exit_code_0(ask):
    code, said, _ = ask("nobody")
    assert (code, said[2:]) == (0, [f"*** dns.{SUFFIX} can't find nobody: Non-existent domain"])


def test_a_long_answer_comes_by_tcp(ask):
    _, said, asked = ask("-type=A", "many")
    assert len(said) == len(HEAD) + 1 + MANY
    assert [kind for _, kind in asked] == ["PTR", "A", "A"]


def test_an_alias_is_named(ask):
    _, said, _ = ask("-q=a", "away")
    assert said[3:] == ["Name:    echo.outside.example", "Address:  203.0.113.10", f"Aliases:  away.{SUFFIX}"]


def test_an_address_is_asked_for_its_name(ask):
    assert ask("10.96.0.5")[1][2:] == [f"5.0.96.10.in-addr.arpa\tPTR = web.{SUFFIX}"]


def test_a_server_on_the_command_line_is_asked_instead(ask):
    _, said, asked = ask("-type=A", "echo.outside.example.", OUTSIDE)
    assert said == [
        "Server:  UnKnown",
        f"Address:  {OUTSIDE}",
        "Name:    echo.outside.example",
        "Address:  203.0.113.10",
    ]
    assert asked == []


def test_a_silent_server_times_out(ask):
    code, said, asked = ask("-timeout=0.05", "web", fault=Damage(kind="drop"))
    assert code == 0
    assert said[-1] == "*** Request to UnKnown timed-out"
    assert said.count("DNS request timed out.") == len(asked) == 4


@pytest.mark.parametrize("arguments", [(), ("-port=5", "web"), ("-type=NSEC", "web"), ("web", "no.address")])
def test_what_it_does_not_have_is_refused(ask, arguments):
    code, said, asked = ask(*arguments)
    assert (code, len(said), asked) == (1, 1, [])
