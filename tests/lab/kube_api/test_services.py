"""Services: defaults, allocation, and what is refused."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest

from podwire_lab.kube_api.objects.services import NODE_PORTS, RANGES


def service(name: str = "s", ports: Any = ({"port": 80},), **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": {"ports": list(ports), **spec}}


def made(api: Any, *arguments: Any, **spec: Any) -> dict[str, Any]:
    reply = api.ask("POST", "/api/v1/namespaces/default/services", service(*arguments, **spec))
    assert reply.status == 201, reply.body
    return reply.json["spec"]


def refused(api: Any, *arguments: Any, **spec: Any) -> str:
    reply = api.ask("POST", "/api/v1/namespaces/default/services", service(*arguments, **spec))
    assert (reply.status, reply.json["reason"]) == (422, "Invalid"), reply.body
    return reply.json["message"]


def test_dual_stack_gets_an_address_of_each_family(api: Any) -> None:
    spec = made(api, ipFamilyPolicy="RequireDualStack", ipFamilies=["IPv6"])
    assert spec["ipFamilies"] == ["IPv6", "IPv4"]
    assert ipaddress.ip_address(spec["clusterIPs"][0]) in RANGES["IPv6"]
    assert ipaddress.ip_address(spec["clusterIPs"][1]) in RANGES["IPv4"]
    assert spec["clusterIP"] == spec["clusterIPs"][0]


def test_ipv6_alone_can_be_asked_for(api: Any) -> None:
    spec = made(api, ipFamilies=["IPv6"])
    assert spec["ipFamilyPolicy"] == "SingleStack"
    assert ":" in spec["clusterIP"]


def test_a_given_address_is_kept_and_given_once(api: Any) -> None:
    assert made(api, "dns", clusterIP="10.96.0.10")["clusterIPs"] == ["10.96.0.10"]
    assert "provided IP is already allocated" in refused(api, clusterIP="10.96.0.10")
    assert "not in the valid range" in refused(api, clusterIP="10.97.0.1")


def test_node_ports_are_allocated_once_a_protocol(api: Any) -> None:
    spec = made(api, "a", [{"port": 80, "name": "t"}, {"port": 80, "protocol": "UDP", "name": "u"}], type="NodePort")
    assert all(port["nodePort"] in NODE_PORTS for port in spec["ports"])
    assert all(port["nodePort"] > 30085 for port in spec["ports"])  # those below are for who asks for them
    assert spec["externalTrafficPolicy"] == "Cluster"
    taken = spec["ports"][0]["nodePort"]
    assert "already allocated" in refused(api, "b", [{"port": 80, "nodePort": taken}], type="NodePort")
    assert "30000-32767" in refused(api, "b", [{"port": 80, "nodePort": 80}], type="NodePort")


def test_headless_without_a_selector_is_dual_stack(api: Any) -> None:
    spec = made(api, clusterIP="None")
    assert (spec["clusterIPs"], spec["ipFamilyPolicy"]) == (["None"], "RequireDualStack")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"ports": []}, "spec.ports: Required value"),
        ({"ports": [{"port": 0}]}, "spec.ports[0].port: Invalid value: 0"),
        ({"ports": [{"port": 1}, {"port": 2}]}, "spec.ports[0].name: Required value"),
        ({"ports": [{"port": 1, "protocol": "ICMP"}]}, 'spec.ports[0].protocol: Unsupported value: "ICMP"'),
        ({"ports": [{"port": 1, "name": "a"}, {"port": 1, "name": "b"}]}, "Duplicate value"),
        ({"type": "Other"}, "spec.type: Unsupported value"),
        ({"type": "ExternalName"}, "spec.externalName: Required value"),
        ({"ipFamilies": ["IPv5"]}, "spec.ipFamilies[0]"),
    ],
)
def test_a_wrong_service_is_invalid(api: Any, spec: dict[str, Any], message: str) -> None:
    assert message in refused(api, **spec)


def test_the_cluster_ip_cannot_be_changed(api: Any) -> None:
    made(api)
    path = "/api/v1/namespaces/default/services/s"
    patch = {"spec": {"clusterIP": "10.96.77.7", "clusterIPs": ["10.96.77.7"]}}
    reply = api.ask("PATCH", path, patch, kind="application/merge-patch+json")
    assert reply.status == 422
    assert "unset or changed" in reply.json["message"]
