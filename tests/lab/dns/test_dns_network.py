"""DNS servers and the Windows client in network namespaces: real sockets, real getaddrinfo, and what is on the wire.

pod (10.9.1.1) -- node (10.9.1.2, 10.9.2.2: the cluster's DNS) -- outside (10.9.2.3: the outside's DNS)
"""

import asyncio
import socket
import time

import apart
import pytest

from podwire_lab.dns.records import outside_zone
from podwire_lab.dns.server import Damage, DnsServer
from podwire_lab.pods.resolvers import Resolver
from podwire_lab.windows.dns_client import (
    ADDRESS,
    BACKWARDS,
    NO_SUFFIX,
    OPTIONS,
    SEARCH_LIST,
    SILENT_ON_DOTS,
    WindowsDnsClient,
)

CLUSTER, OUTSIDE = "10.9.1.2", "10.9.2.3"
SUFFIX = "ns.svc.cluster.local"
EVERYWHERE = (SUFFIX, "svc.cluster.local", "cluster.local")
MANY = 200


def service(name, **spec):
    return {"metadata": {"name": name, "namespace": "ns"}, "spec": spec}


SERVICES = [
    service("web", clusterIPs=["10.96.0.5", "fd10:96::5"]),
    service("many", clusterIPs=[f"10.96.1.{number}" for number in range(MANY)]),
    service("away", type="ExternalName", externalName="echo.outside.example"),
]


async def world(system, names, quirks=(), fault=None, family=0, suffixes=(SUFFIX,)):
    """What getaddrinfo in the pod says to each name, and the questions that reached the cluster's DNS."""
    pod, node, outside = apart.cabled("pod", "node", "outside")
    beyond = DnsServer(outside_zone("echo.outside.example", ["203.0.113.10", "2001:db8:e::10"]))
    await beyond.serve(outside, [OUTSIDE])
    server, asked = DnsServer(forward_to=(OUTSIDE, 53)), []
    server.set_records(SERVICES, [])

    def watch(name, kind, client):
        asked.append((name, kind, client))
        return fault

    server.fault = watch
    await server.serve(node, [CLUSTER])
    settings = Resolver(servers=(CLUSTER,), search=EVERYWHERE, options=("ndots:5", "timeout:1", "attempts:1"))
    if system == "windows":
        await WindowsDnsClient(suffixes, [CLUSTER], frozenset(quirks)).serve(pod)
        settings = Resolver(servers=(ADDRESS,), options=OPTIONS)
    with apart.instead_of("/etc/resolv.conf", settings.to_file()):
        said = {name: await asyncio.to_thread(resolve, pod, name, family) for name in names}
    return said, asked


def resolve(pod, name, family):
    with pod.entered():
        try:
            return sorted({found[4][0] for found in socket.getaddrinfo(name, 80, family, socket.SOCK_STREAM)})
        except socket.gaierror as error:
            return error.errno


def names_asked(asked):
    return list(dict.fromkeys(name for name, _, _ in asked))


def test_windows_appends_its_one_suffix_to_a_single_label_and_asks_both_types():
    said, asked = apart.run(world, "windows", ["web"])
    assert said["web"] == ["10.96.0.5", "fd10:96::5"]
    assert sorted(asked) == [(f"web.{SUFFIX}", kind, "10.9.1.1") for kind in ("A", "AAAA")]


@pytest.mark.parametrize("name", ["web.ns", "web.ns.svc", "nobody.example"])
def test_windows_asks_for_a_name_with_a_dot_as_it_is_and_hears_that_there_is_none(name):
    said, asked = apart.run(world, "windows", [name])
    assert said[name] == socket.EAI_NONAME
    assert sorted(asked) == [(name, kind, "10.9.1.1") for kind in ("A", "AAAA")]


@pytest.mark.parametrize("name", [f"web.{SUFFIX}", f"web.{SUFFIX}."])
def test_windows_asks_once_for_a_full_name(name):
    said, asked = apart.run(world, "windows", [name])
    assert said[name] == ["10.96.0.5", "fd10:96::5"]
    assert sorted(asked) == [(f"web.{SUFFIX}", kind, "10.9.1.1") for kind in ("A", "AAAA")]


@pytest.mark.parametrize("name", ["web", "web.ns", "web.ns.svc"])
def test_linux_goes_through_its_search_list(name):
    said, asked = apart.run(world, "linux", [name])
    assert said[name] == ["10.96.0.5", "fd10:96::5"]
    first = names_asked(asked)[0]
    assert first == f"{name}.{SUFFIX}"


@pytest.mark.parametrize("system", ["windows", "linux"])
def test_names_outside_and_aliases_of_them_come_through_the_cluster(system):
    said, _ = apart.run(world, system, ["echo.outside.example", "away"])
    assert said == {name: ["2001:db8:e::10", "203.0.113.10"] for name in said}


@pytest.mark.parametrize("system", ["windows", "linux"])
def test_an_answer_that_does_not_fit_into_a_datagram_comes_whole(system):
    names = ["many", f"many.{SUFFIX}"]
    said, _ = apart.run(world, system, names, (), None, socket.AF_INET)
    assert [len(said[name]) for name in names] == [MANY, MANY]


def test_windows_asks_the_network_once_for_an_answer_that_needs_tcp():
    said, asked = apart.run(world, "windows", ["many"])
    assert len(said["many"]) == MANY
    kinds = [kind for _, kind, _ in asked]
    # A by UDP, which is cut off, and then by TCP; glibc looks the name up again until its buffer is large enough.
    assert kinds.count("A") == 2 * kinds.count("AAAA")


def test_a_windows_client_with_a_search_list_resolves_names_with_a_dot():
    said, _ = apart.run(world, "windows", ["web.ns"], (SEARCH_LIST,))
    assert said["web.ns"] == ["10.96.0.5", "fd10:96::5"]


def test_a_windows_client_that_is_silent_on_dots_lets_the_program_wait():
    said, asked = apart.run(world, "windows", ["web.ns"], (SILENT_ON_DOTS,))
    assert said["web.ns"] == socket.EAI_AGAIN
    assert asked == []


def test_a_windows_client_without_a_suffix_asks_for_bare_names_as_they_are():
    said, asked = apart.run(world, "windows", ["web"], (NO_SUFFIX,), None, socket.AF_INET)
    assert said["web"] == socket.EAI_NONAME
    assert asked == [("web", "A", "10.9.1.1")]


@pytest.mark.parametrize(("quirks", "order"), [((), ("first", "second")), ((BACKWARDS,), ("second", "first"))])
def test_a_windows_client_tries_its_suffixes_in_order_or_with_a_fault_backwards(quirks, order):
    suffixes = ("first.cluster.local", "second.cluster.local")
    said, asked = apart.run(world, "windows", ["nobody"], quirks, None, socket.AF_INET, suffixes)
    assert said["nobody"] == socket.EAI_NONAME
    assert names_asked(asked) == [f"nobody.{one}.cluster.local" for one in order]


def test_windows_asks_three_times_when_nobody_answers():
    said, asked = apart.run(world, "windows", ["web"], (), Damage(kind="drop"), socket.AF_INET)
    assert said["web"] == socket.EAI_AGAIN
    assert asked == [(f"web.{SUFFIX}", "A", "10.9.1.1")] * 3


def test_a_forwarded_answer_can_be_damaged_too():
    said, _ = apart.run(world, "windows", ["echo.outside.example"], (), Damage(kind="address", address="10.9.9.9"), 2)
    assert said["echo.outside.example"] == ["10.9.9.9"]


async def silence_beyond():
    pod, node, _ = apart.cabled("pod", "node", "outside")
    server = DnsServer(forward_to=(OUTSIDE, 5353))
    await server.serve(node, [CLUSTER])
    began = time.monotonic()
    with apart.instead_of("/etc/resolv.conf", f"nameserver {CLUSTER}\noptions timeout:5 attempts:1\nsearch .\n"):
        return await asyncio.to_thread(resolve, pod, "echo.outside.example", socket.AF_INET), time.monotonic() - began


def test_without_the_server_outside_a_question_for_it_fails_and_does_not_hang():
    said, seconds = apart.run(silence_beyond)
    assert said == socket.EAI_AGAIN
    assert seconds < 4
