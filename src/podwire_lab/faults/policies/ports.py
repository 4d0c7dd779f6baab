"""Faults of ports and protocols."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from podwire_lab.faults.fault import Injection, fault
from podwire_lab.faults.policies.mistakes import ENGINES, misread, misrule, miswrite, of_ports, of_rules
from podwire_lab.model.interfaces import PolicyRule
from podwire_lab.model.policy_objects import PolicyObjects

Object = dict[str, Any]


@fault("policies-ports-ignored", kills=("NP-PORT",), profiles=ENGINES)
def ports_ignored(do: Injection) -> None:
    """A rule with a port number allows all ports of the protocol."""
    misread(do, of_ports(lambda port: [{"protocol": port.get("protocol", "TCP")}]))


@fault("policies-first-port-only", kills=("NP-PORT",), profiles=ENGINES)
def first_port_only(do: Injection) -> None:
    """Of the ports of a rule, only the first is allowed."""
    misread(do, of_rules(lambda rule: [{**rule, "ports": rule["ports"][:1]} if rule.get("ports") else rule]))


@fault("policies-source-ports", kills=("NP-PORT",), profiles=ENGINES)
def source_ports(do: Injection) -> None:
    """The port of a rule is held against the client's port, not the server's."""
    miswrite(do, lambda text: text.replace(" dport ", " sport "))


@fault("policies-missing-port-is-none", kills=("NP-POD-SELECTOR",), profiles=ENGINES)
def missing_port_is_none(do: Injection) -> None:
    """A port of a rule that names a protocol alone allows nothing."""
    misread(do, of_ports(lambda port: [port] if "port" in port else []))


@fault("policies-end-port-ignored", kills=("NP-PORT-RANGE",), profiles=ENGINES)
def end_port_ignored(do: Injection) -> None:
    """Of a range of ports, only the first is allowed."""
    misread(do, of_ports(lambda port: [{name: value for name, value in port.items() if name != "endPort"}]))


@fault("policies-end-port-excluded", kills=("NP-PORT-RANGE",), profiles=ENGINES)
def end_port_excluded(do: Injection) -> None:
    """Of a range of ports, the last is denied."""
    misread(do, of_ports(lambda port: [_shorter(port)]))


def _shorter(port: Object) -> Object:
    return {**port, "endPort": max(port["port"], port["endPort"] - 1)} if "endPort" in port else port


@fault("policies-end-port-open", kills=("NP-PORT-RANGE",), profiles=ENGINES)
def end_port_open(do: Injection) -> None:
    """Of a range of ports, all from the first on are allowed."""
    misread(do, of_ports(lambda port: [{**port, "endPort": 65535} if "endPort" in port else port]))


@fault("policies-protocol-ignored", kills=("NP-PROTOCOL",), profiles=ENGINES)
def protocol_ignored(do: Injection) -> None:
    """A port of a rule is allowed over TCP and UDP, whichever the rule names."""
    misread(do, of_ports(lambda port: [{**port, "protocol": name} for name in ("TCP", "UDP")]))


@fault("policies-udp-rules-skipped", kills=("NP-PROTOCOL",), profiles=ENGINES)
def udp_rules_skipped(do: Injection) -> None:
    """Ports over UDP are not allowed, though rules name them."""
    misread(do, of_ports(lambda port: [] if port.get("protocol") == "UDP" else [port]))


@fault("policies-udp-as-tcp", kills=("NP-PROTOCOL",), profiles=ENGINES)
def udp_as_tcp(do: Injection) -> None:
    """Ports over UDP are allowed over TCP instead."""
    misread(do, of_ports(lambda port: [{**port, "protocol": "TCP"}]))


@fault("policies-named-ports-skipped", kills=("NP-NAMED-PORT",), profiles=ENGINES)
def named_ports_skipped(do: Injection) -> None:
    """A port with a name allows nothing on nodes of either operating system."""
    misread(do, of_ports(lambda port: [] if isinstance(port.get("port"), str) else [port]))


@fault("policies-named-ports-open", kills=("NP-NAMED-PORT",), profiles=ENGINES)
def named_ports_open(do: Injection) -> None:
    """A port with a name allows all ports of the protocol."""
    misread(do, of_ports(_open))


def _open(port: Object) -> Iterable[Object]:
    yield {"protocol": port.get("protocol", "TCP")} if isinstance(port.get("port"), str) else port


@fault("policies-named-port-of-the-first-pod", kills=("NP-NAMED-PORT",), profiles=ENGINES)
def named_port_of_the_first_pod(do: Injection) -> None:
    """A port with a name has the number that the first pod with such a name gives it, on all pods."""
    misread(do, _as_on_the_first)


def _as_on_the_first(objects: PolicyObjects) -> PolicyObjects:
    number: dict[tuple[str, str], int] = {}
    for pod in objects.pods:
        for port in pod.ports:
            number.setdefault((port.name, port.protocol), port.number)
    pods = [
        replace(pod, ports=tuple(replace(port, number=number[port.name, port.protocol]) for port in pod.ports))
        for pod in objects.pods
    ]
    return replace(objects, pods=tuple(pods))


@fault("policies-ports-of-any-rule", kills=("NP-PORT",), profiles=ENGINES)
def ports_of_any_rule(do: Injection) -> None:
    """Peers and ports of all rules of a pod are mixed: a peer of one rule is allowed the ports of another."""
    misrule(do, _mixed)


def _mixed(rules: Sequence[PolicyRule]) -> Sequence[PolicyRule]:
    return [
        replace(
            rule,
            allowed=tuple(
                sorted({replace(a, protocol=b.protocol, port=b.port) for a in rule.allowed for b in rule.allowed})
            ),
        )
        for rule in rules
    ]
