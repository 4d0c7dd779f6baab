"""The Services of a run: made one by one, refused one by one, complete when endpoints and addresses are there."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from fake_rest import FakeRest

from podwire.cluster.deployment.names_of_load_balancers import addresses_of
from podwire.cluster.deployment.services import ServicePort, Services, deployed
from podwire.errors import ApiError, Forbidden, Unauthorized

QUOTA = Forbidden("", status=403, message='services "x" is forbidden: exceeded quota: q')
RIGHTS = Forbidden("", status=403, message='User "weak" cannot patch resource "services" in API group ""')


def made(rest, *wanted, external="", look_up=lambda name, seconds: ()):
    services = Services(rest, "podwire-r1", "r1", wanted, look_up)
    with ThreadPoolExecutor(2) as threads:
        services.apply(threads, external)
    return services


def only(kind, error):
    return lambda obj: error if obj["metadata"]["name"].startswith(kind) else None


def ready(rest, *names):
    """The endpoints of these Services, as a cluster would make them."""
    for name in names:
        rest.objects["endpointslices", name] = {
            "metadata": {"labels": {"kubernetes.io/service-name": name}},
            "endpoints": [{"addresses": ["10.0.0.1"], "conditions": {"ready": True}}],
        }


def test_what_is_wanted_is_made_and_known_by_kind_and_pod():
    services = made(FakeRest(), ("echo", "l-a"), ("echo", "w-a"), ("spread", ""))
    assert {key: one.name for key, one in services.found.items()} == {
        ("echo", "l-a"): "echo-l-a",
        ("echo", "w-a"): "echo-w-a",
        ("spread", ""): "spread",
    }
    assert services.problems == {}
    assert set(services.found["echo", "l-a"].cluster_ips) == {"ipv4", "ipv6"}


def test_external_addresses_are_one_services_own():
    services = made(FakeRest(), ("external-ip", "l-a"), ("external-ip", "w-a"), ("external-ip", "w-b"))
    addresses = [one.external_ips["ipv4"] for one in services.found.values()]
    assert len(set(addresses)) == 3


def test_an_alias_leads_to_the_host_outside():
    rest = FakeRest()
    alias = made(rest, ("alias", ""), external="e.example").found["alias", ""]
    assert rest.objects["services", "alias"]["spec"]["externalName"] == "e.example"
    assert (alias.cluster_ips, alias.ports) == ({}, {})


@pytest.mark.parametrize(
    "error",
    [
        QUOTA,
        # The admission plugin DenyServiceExternalIPs, on GKE by default.
        Forbidden(
            "", status=403, message='services "x" is forbidden: Use of external IPs is denied by admission control'
        ),
        ApiError("", status=422, message="spec.type: Unsupported value"),
        ApiError("", status=500, message="webhook"),
    ],
)
def test_a_service_that_is_refused_is_the_problem_of_its_cases(error):
    services = made(FakeRest(refuse=only("sctp", error)), ("sctp", "l-a"), ("echo", "l-a"))
    assert set(services.found) == {("echo", "l-a")}
    assert services.problems == {("sctp", "l-a"): f"Service sctp-l-a: the API server refuses it: {error.message}"}


@pytest.mark.parametrize("error", [RIGHTS, Unauthorized("", status=401)])
def test_missing_rights_end_the_run(error):
    with pytest.raises(ApiError) as raised:
        made(FakeRest(refuse=only("sctp", error)), ("sctp", "l-a"), ("echo", "l-a"))
    assert raised.value is error


def test_endpoints_are_awaited_for_the_pods_that_came_up_only():
    rest = FakeRest()
    services = made(rest, ("echo", "l-a"), ("echo", "l-b"))
    ready(rest, "echo-l-a")
    assert services.complete([], ["l-a"]) == []


def test_a_service_without_endpoints_is_said(monkeypatch):
    monkeypatch.setattr(
        "podwire.cluster.deployment.services.wait_for_endpoints", lambda rest, namespace, wanted: set(wanted)
    )
    services = made(FakeRest(), ("echo", "l-a"), ("echo", "l-b"), ("spread", ""))
    assert services.complete([], ["l-a", "l-b"]) == [
        f"Service echo-l-{slot} has no ready endpoint yet, although its pod is ready" for slot in "ab"
    ]


def test_a_crowd_gets_its_endpoints_by_hand():
    rest = FakeRest()
    services = made(rest, ("crowd-1025", ""), ("spread", ""))
    services.complete([("10.244.1.2", "l1")], [])
    slices = {obj["metadata"]["name"]: len(obj["endpoints"]) for obj in rest.list("endpointslices")}
    assert slices == {"crowd-1025-0": 1000, "crowd-1025-1": 25}
    assert rest.objects["endpointslices", "crowd-1025-0"]["endpoints"][0]["nodeName"] == "l1"


def test_endpoints_that_are_refused_are_the_problem_of_their_cases():
    rest = FakeRest(refuse=only("crowd-64-0", QUOTA))
    services = made(rest, ("crowd-64", ""), ("crowd-65", ""))
    services.complete([], [])
    assert set(services.problems) == {("crowd-64", "")}
    assert len(rest.objects["endpointslices", "crowd-65-0"]["endpoints"]) == 65


@pytest.mark.parametrize("refused", ["pods", "echo-l-a"])
def test_the_names_of_pods_and_a_service_have_problems_of_their_own(refused):
    services = made(FakeRest(refuse=only(refused, QUOTA)), ("echo", "l-a"))
    key = ("pods", "") if refused == "pods" else ("echo", "l-a")
    assert services.problems == {key: f"Service {refused}: the API server refuses it: {QUOTA.message}"}


def test_missing_rights_for_endpoints_end_the_run():
    services = made(FakeRest(refuse=only("crowd-64-0", RIGHTS)), ("crowd-64", ""))
    with pytest.raises(Forbidden):
        services.complete([], [])


def test_a_load_balancer_has_its_addresses_once_they_are_given():
    rest = FakeRest()
    services = made(rest, ("load-balancer", "l-a"), ("load-balancer", "w-a"))
    assert [one.ingress for one in services.found.values()] == [{}, {}]
    given = {"loadBalancer": {"ingress": [{"ip": "198.51.100.1"}, {"ip": "2001:db8::1"}, {"hostname": "x.example"}]}}
    for name in ("load-balancer-l-a", "load-balancer-w-a"):
        rest.objects["services", name]["status"] = given
    assert services.complete([], []) == []
    for one in services.found.values():
        assert one.ingress == {"ipv4": "198.51.100.1", "ipv6": "2001:db8::1"}
        assert one.kind == "load-balancer"


def named(look_up):
    rest = FakeRest()
    services = made(rest, ("load-balancer", "l-a"), look_up=look_up)
    rest.objects["services", "load-balancer-l-a"]["status"] = {
        "loadBalancer": {"ingress": [{"hostname": "lb-1.example.net"}]}
    }
    return services


def test_a_load_balancer_with_a_name_has_the_addresses_that_the_name_leads_to():
    asked = []

    def look_up(name, seconds):
        asked.append((name, 0 < seconds <= 60))
        return ("198.51.100.1", "198.51.100.2", "2001:db8::1") if len(asked) > 1 else ()  # Not in the DNS at once.

    services = named(look_up)
    assert services.complete([], []) == []
    assert services.found["load-balancer", "l-a"].ingress == {"ipv4": "198.51.100.1", "ipv6": "2001:db8::1"}
    assert asked == [("lb-1.example.net", True)] * 2


def test_a_name_that_leads_nowhere_is_told_as_that():
    services = named(lambda name, seconds: ())
    told = "Service load-balancer-l-a has a load balancer with a name (lb-1.example.net) that led to no address in 0 s"
    assert services.complete([], [], seconds=0.0) == [told]
    assert services.problems == {("load-balancer", "l-a"): told}


@pytest.mark.parametrize(
    ("answers", "addresses"),
    [
        ([("198.51.100.1", 0), ("2001:db8::1", 0, 0, 0), ("198.51.100.1", 0)], ("198.51.100.1", "2001:db8::1")),
        (OSError("no such name"), ()),
        (UnicodeError("label too long"), ()),
    ],
)
def test_the_system_is_asked_for_the_addresses_of_a_name(monkeypatch, answers, addresses):
    def getaddrinfo(name, port, **options):
        if isinstance(answers, Exception):
            raise answers
        return [(0, 0, 0, "", one) for one in answers]

    monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)
    assert addresses_of("lb-1.example.net", 30.0) == addresses


def test_a_look_up_that_does_not_end_holds_nothing_up(monkeypatch):
    never = threading.Event()

    def getaddrinfo(name, port, **options):
        never.wait()
        return []

    monkeypatch.setattr("socket.getaddrinfo", getaddrinfo)
    assert addresses_of("lb-1.example.net", 0.0) == ()
    never.set()


def test_a_load_balancer_that_gets_no_address_is_the_problem_of_its_cases():
    rest = FakeRest()
    services = made(rest, ("load-balancer", "l-a"), ("load-balancer", "w-a"), ("node-port", "l-a"))
    rest.objects["services", "load-balancer-l-a"]["status"] = {"loadBalancer": {"ingress": [{"ip": "198.51.100.1"}]}}
    said = services.complete([], [], seconds=0.0)
    assert said == ["Service load-balancer-w-a got no load balancer address in 0 s"]
    assert services.problems == {("load-balancer", "w-a"): said[0]}


@pytest.mark.parametrize(
    ("protocol", "name", "port"),
    [
        ("tcp", "", 80),
        ("udp", "", 80),
        ("http", "", 80),
        ("tcp", "second", 81),
        ("udp", "second", 81),
        ("sctp", "", None),
        ("tcp", "third", None),
    ],
)
def test_a_port_is_found_by_its_protocol_and_the_beginning_of_its_name(protocol, name, port):
    service = made(FakeRest(), ("two-ports", "l-a")).found["two-ports", "l-a"]
    found = service.port_for(protocol, name)
    assert (found and found.port) == port


def test_what_the_api_says_of_a_service_is_kept():
    one = deployed(
        "k",
        "p",
        {
            "metadata": {"name": "k-p"},
            "spec": {
                "type": "LoadBalancer",
                "clusterIP": "10.96.0.1",
                "healthCheckNodePort": 32000,
                "ports": [
                    {"port": 80, "nodePort": 30080, "targetPort": "echo"},
                    {"name": "u", "port": 81, "protocol": "UDP"},
                ],
            },
        },
    )
    assert (one.name, one.cluster_ips, one.health_port, one.is_load_balancer) == (
        *("k-p", {"ipv4": "10.96.0.1"}),
        *(32000, True),
    )
    assert one.ports == {
        "": ServicePort(port=80, protocol="tcp", node_port=30080, target="echo"),
        "u": ServicePort(port=81, protocol="udp", node_port=None, target=81),
    }
    headless = deployed("pods", "", {"metadata": {"name": "pods"}, "spec": {"clusterIP": "None"}})
    assert headless.cluster_ips == {}


def test_a_crowd_whose_pods_are_where_nobody_should_be_is_made_up_elsewhere_or_not_at_all():
    rest = FakeRest()
    services = made(rest, ("crowd-64", ""), ("crowd-1025", ""))
    services.complete([("198.19.0.10", "linux-1"), ("198.19.0.11", "linux-1")], (), seconds=0.0)
    assert set(services.problems) == {("crowd-1025", "")}
    assert services.problems["crowd-1025", ""].startswith("Service crowd-1025 needs 1023 IPv4 addresses of no host; ")
    slices = [one for (kind, _), one in rest.objects.items() if kind == "endpointslices"]
    addresses = {end["addresses"][0] for one in slices for end in one["endpoints"]}
    assert len(addresses) == 64
    assert {one for one in addresses if one.startswith("198.1")} == {"198.19.0.10", "198.19.0.11"}
