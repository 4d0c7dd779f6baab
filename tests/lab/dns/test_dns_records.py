"""The names of a cluster, after the Kubernetes DNS specification."""

import pytest

from podwire_lab.dns.records import cluster_zone, outside_zone
from podwire_lab.windows.dns_client import windows_spellings


def service(name, **spec):
    return {"metadata": {"name": name, "namespace": "ns"}, "spec": spec}


def endpoints(name, *entries):
    labels = {"kubernetes.io/service-name": name}
    return {
        "metadata": {"name": f"{name}-x", "namespace": "ns", "labels": labels},
        "endpoints": [{"conditions": {"ready": True}, **entry} for entry in entries],
        "ports": [{"name": "echo", "port": 8080, "protocol": "TCP"}],
    }


ZONE = cluster_zone(
    [
        service("web", clusterIPs=["10.96.0.5", "fd10:96::5"], ports=[{"name": "http", "port": 80}]),
        service("pods", clusterIP="None"),
        service("away", type="ExternalName", externalName="echo.outside.example"),
    ],
    [
        endpoints(
            "pods",
            {"addresses": ["10.244.1.2"], "hostname": "one"},
            {"addresses": ["10.244.1.3"]},
            {"addresses": ["10.244.1.4"], "conditions": {"ready": False}},
        ),
        endpoints("web", {"addresses": ["10.244.1.2"]}, {"addresses": ["10.244.1.5"], "conditions": {"ready": False}}),
    ],
)


@pytest.mark.parametrize(
    ("name", "kind", "data"),
    [
        ("web.ns.svc.cluster.local", "A", ["10.96.0.5"]),
        ("WEB.ns.svc.cluster.local.", "AAAA", ["fd10:96::5"]),
        ("pods.ns.svc.cluster.local", "A", ["10.244.1.2", "10.244.1.3"]),
        ("one.pods.ns.svc.cluster.local", "A", ["10.244.1.2"]),
        ("10-244-1-3.pods.ns.svc.cluster.local", "A", ["10.244.1.3"]),
        ("10-244-9-9.ns.pod.cluster.local", "A", ["10.244.9.9"]),
        ("_http._tcp.web.ns.svc.cluster.local", "SRV", ["0 100 80 web.ns.svc.cluster.local."]),
        ("_echo._tcp.pods.ns.svc.cluster.local", "SRV", None),
        ("5.0.96.10.in-addr.arpa", "PTR", ["web.ns.svc.cluster.local."]),
        (
            "2.1.244.10.in-addr.arpa",
            "PTR",
            ["10-244-1-2.web.ns.svc.cluster.local.", "one.pods.ns.svc.cluster.local."],
        ),
        ("10-244-1-2.web.ns.svc.cluster.local", "A", ["10.244.1.2"]),
        ("dns-version.cluster.local", "TXT", ['"1.1.0"']),
    ],
)
def test_a_name_has_its_records(name, kind, data):
    answer = ZONE.answer(name, kind)
    assert answer.exists
    assert answer.elsewhere is None
    assert answer.records
    if data is not None:
        assert [record[2] for record in answer.records] == data


def test_a_name_without_records_of_that_type_exists():
    answer = ZONE.answer("one.pods.ns.svc.cluster.local", "AAAA")
    assert (answer.exists, answer.records) == (True, ())


@pytest.mark.parametrize("address", ["10.244.1.4", "10.244.1.5"])
def test_a_pod_that_is_not_ready_has_no_name(address):
    assert not ZONE.answer(f"{'.'.join(reversed(address.split('.')))}.in-addr.arpa", "PTR").records
    assert not ZONE.answer(f"{address.replace('.', '-')}.pods.ns.svc.cluster.local", "A").exists


def test_a_name_that_nobody_has_does_not_exist():
    assert not ZONE.answer("nobody.ns.svc.cluster.local", "A").exists


def test_an_external_name_is_an_alias_that_is_asked_elsewhere():
    answer = ZONE.answer("away.ns.svc.cluster.local", "A")
    assert answer.records[0][1:] == ("CNAME", "echo.outside.example.")
    assert answer.elsewhere == "echo.outside.example"


def test_other_zones_are_asked_elsewhere():
    assert ZONE.answer("echo.outside.example", "A").elsewhere == "echo.outside.example"


def test_the_outside_knows_its_host_and_that_nothing_else_exists():
    outside = outside_zone("echo.outside.example", ["203.0.113.10"])
    assert outside.answer("echo.outside.example", "A").records[0][2] == "203.0.113.10"
    assert not outside.answer("web.ns", "A").exists


@pytest.mark.parametrize(
    ("name", "suffixes", "asked"),
    [
        ("web", ["ns.svc.cluster.local"], ["web.ns.svc.cluster.local"]),
        ("web", ["one.example", "two.example"], ["web.one.example", "web.two.example"]),
        ("web", [], ["web"]),
        ("web.ns", ["ns.svc.cluster.local"], ["web.ns"]),
        ("a.b.example", ["one.example", "two.example"], ["a.b.example"]),
    ],
)
def test_windows_spells_a_name_with_its_suffixes_or_as_it_is(name, suffixes, asked):
    assert windows_spellings(name, suffixes) == asked
