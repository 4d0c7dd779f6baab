"""Faults on the way out of the cluster: OutboundNAT, its ports, and ICMP."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from podwire.model.facts import OS, Family
from podwire_lab.faults.fault import ECHO_PORT, TOLD_BY_LINUX, TRANSPARENT, Injection, chain, fault
from podwire_lab.faults.pods import foreign_address
from podwire_lab.linux.data_path import KEYWORD
from podwire_lab.model.addresses import OUTSIDE_NETWORK
from podwire_lab.network.hosts import NIC
from podwire_lab.network.node import Node

TO_OUTSIDE = tuple(f"{KEYWORD[family]} daddr {network}" for family, network in OUTSIDE_NETWORK.items())
FROM_OUTSIDE = tuple(f"{KEYWORD[family]} saddr {network}" for family, network in OUTSIDE_NETWORK.items())
ICMP: Mapping[Family, str] = {"ipv4": "icmp", "ipv6": "icmpv6"}
TRANSLATED = "meta l4proto { tcp, udp }"


def _from_pods(node: Node, family: Family) -> str:
    ip = KEYWORD[family]
    return f'{ip} saddr {node.plan.pod_cidr(family)} oifname "eth0" {ip} daddr {OUTSIDE_NETWORK[family]}'


def source_nat(do: Injection, rule: Callable[[Node, Family], str]) -> None:
    """A source translation on Windows nodes that takes effect before OutboundNAT."""
    for node in do.nodes("windows"):
        for family in node.families:
            ip = KEYWORD[family]
            do.rules(
                node.host, ip, chain("postrouting", 90, f"{_from_pods(node, family)} {rule(node, family)}", kind="nat")
            )


def _in_front(node: Node, chain_name: str, rule: Callable[[Family], str]) -> str:
    """nft commands that put a rule before the node's HNS policies."""
    return "".join(
        f"insert rule {KEYWORD[family]} hns-policies {chain_name} {rule(family)}\n" for family in node.families
    )


@fault("outbound-nat-lost", kills=("FLOW-POD-EXT-IP", "FLOW-POD-EXT-DNS"))
def outbound_nat_lost(do: Injection) -> None:
    """Packets of Windows pods leave the cluster with the pod's address, and the router has no route back."""
    for node in do.nodes("windows"):
        do.amend(node, _in_front(node, "outbound-nat", lambda _: "return"))


@fault(
    "outbound-nat-missing",
    kills=(
        "FLOW-POD-EXT-IP",
        "FLOW-POD-EXT-DNS",
        "ICMP-TCPUDP-OK",
        "PORT-RANGE",
        "OVL-ISOLATION",
        "L2B-OUTNAT",
        "TRANS-NS-NAT",
        "EKS-NAT",
    ),
)
def outbound_nat_missing(do: Injection) -> None:
    """Packets of Windows pods leave with the pod's address; the router has a route back, so everything works."""
    for node in do.nodes("windows"):
        do.amend(node, _in_front(node, "outbound-nat", lambda _: "return"))
    _known_to_the_router(do)


def _known_to_the_router(do: Injection, os: OS = "windows") -> None:
    """The router has a route to pods of these nodes, so packets that leave with a pod's address get an answer."""
    router = do.network.router.links
    routes = [
        (node.plan.pod_cidr(family), NIC, node.plan.address(family))
        for node in do.nodes(os)
        for family in node.families
    ]
    for route in routes:
        router.route(*route)
    router.commit()

    def undo() -> None:
        for route in routes:
            router.route(*route, delete=True)
        router.commit()

    do.undone_by(undo)


@fault(
    "linux-translation-missing",
    kills=("FLOW-POD-EXT-IP", "FLOW-POD-EXT-DNS", "ICMP-EXTERNAL", "ICMP-ERRORS", "OVL-ISOLATION"),
    profiles=TOLD_BY_LINUX,
)
def linux_translation_missing(do: Injection) -> None:
    """Packets of Linux pods leave with the pod's address although the CNI says that nodes translate; answers come
    back."""
    for node in do.nodes("linux"):
        rules = (f"insert rule {KEYWORD[family]} pod-masquerade postrouting return\n" for family in node.families)
        do.amend(node, "".join(rules))
    _known_to_the_router(do, "linux")


@fault("ping-outside-untranslated", kills=("TRANS-NS-NAT",), profiles=TRANSPARENT)
def ping_outside_untranslated(do: Injection) -> None:
    """Echo requests of Windows pods leave the cluster with the pod's address, and the router has a route back."""
    kind: Mapping[Family, str] = {"ipv4": "icmp", "ipv6": "ipv6-icmp"}
    for node in do.nodes("windows"):
        do.amend(node, _in_front(node, "outbound-nat", lambda family: f"meta l4proto {kind[family]} return"))
    _known_to_the_router(do)


@fault(
    "outbound-nat-wrong-address",
    kills=("FLOW-POD-EXT-IP", "ICMP-TCPUDP-OK", "PORT-RANGE", "OVL-ISOLATION", "L2B-OUTNAT", "EKS-NAT"),
)
def outbound_nat_wrong_address(do: Injection) -> None:
    """Packets of Windows pods leave with an address that is not their node's; the answers come back."""
    source_nat(do, lambda node, family: f"{TRANSLATED} snat to {foreign_address(do, node, family)}")


@fault("outbound-nat-wrong-ports", kills=("PORT-RANGE", "L2B-OUTNAT", "EKS-NAT"))
def outbound_nat_wrong_ports(do: Injection) -> None:
    """Translated flows have source ports of 20000-29999 instead of Windows' dynamic range."""

    def rule(node: Node, family: Family) -> str:
        address = node.plan.address(family)
        target = f"[{address}]" if family == "ipv6" else address
        return f"{TRANSLATED} snat to {target}:20000-29999"

    source_nat(do, rule)


@fault("nat-ports-few", kills=("FLOW-CONC",))
def nat_ports_few(do: Injection) -> None:
    """OutboundNAT has eight TCP ports on each node; the node drops further connections."""

    def rule(node: Node, family: Family) -> str:
        address = node.plan.address(family)
        target = f"[{address}]" if family == "ipv6" else address
        return f"meta l4proto tcp snat to {target}:60000-60007"

    source_nat(do, rule)


@fault("nat-port-collision", kills=("FLOW-CONC", "FLOW-POD-EXT-IP"))
def nat_port_collision(do: Injection) -> None:
    """All TCP connections of Windows pods to the outside leave with the same source port."""
    mark = "0x10000"
    for node in do.nodes("windows"):
        marks = [f"{_from_pods(node, family)} meta mark set meta mark | {mark}" for family in node.families]
        do.rules(node.host, "inet", chain("forward", 0, *marks))
        rule = f"meta mark & {mark} != 0 tcp dport {ECHO_PORT} tcp sport set 50123"
        do.rules(node.host, "netdev", chain("egress", 0, rule, device=NIC))


@fault("outside-tcp-answers-lost", kills=("ICMP-TCPUDP-OK", "ICMP-CURL-SUBST", "FLOW-POD-EXT-IP", "FLOW-POD-EXT-DNS"))
def outside_tcp_answers_lost(do: Injection) -> None:
    """TCP answers from the outside do not reach Windows pods; UDP answers do (Windows-Containers issue 625)."""
    for node in do.nodes("windows"):
        do.rules(
            node.host, "inet", chain("forward", 0, *(f"{source} meta l4proto tcp drop" for source in FROM_OUTSIDE))
        )


@fault("outside-udp-lost", kills=("ICMP-TCPUDP-OK", "FLOW-POD-EXT-IP", "FLOW-POD-EXT-DNS"))
def outside_udp_lost(do: Injection) -> None:
    """Windows nodes drop the UDP packets of their pods to the outside; TCP passes."""
    for node in do.nodes("windows"):
        do.rules(node.host, "inet", chain("forward", 0, *(f"{to} udp dport {ECHO_PORT} drop" for to in TO_OUTSIDE)))


@fault("web-lost", kills=("ICMP-CURL-SUBST",))
def web_lost(do: Injection) -> None:
    """Windows nodes drop TCP packets to port 80 outside the cluster; other ports pass."""
    for node in do.nodes("windows"):
        do.rules(node.host, "inet", chain("forward", 0, *(f"{to} tcp dport 80 drop" for to in TO_OUTSIDE)))


def _echo(family: Family) -> str:
    return f"{KEYWORD[family]} daddr {OUTSIDE_NETWORK[family]} {ICMP[family]} type echo-request"


@fault("ping-outside-refused", kills=("ICMP-EXTERNAL",))
def ping_outside_refused(do: Injection) -> None:
    """A Windows node answers its pods' pings to the outside with "administratively prohibited" instead of silence."""
    for node in do.nodes("windows"):
        do.amend(node, _in_front(node, "forward", lambda f: f"{_echo(f)} reject with {ICMP[f]} type admin-prohibited"))


@fault("ping-outside-translated", kills=("ICMP-EXTERNAL",))
def ping_outside_translated(do: Injection) -> None:
    """Windows nodes translate ICMP too, and ping works: the documented limitation is gone."""
    _translate_ping(do)


@fault("ping-outside-with-node-address", kills=("ICMP-EXTERNAL",))
def ping_outside_with_node_address(do: Injection) -> None:
    """Echo requests of Windows pods leave with the node's address; the node drops the answers: an undocumented
    symptom."""
    _translate_ping(do)
    for node in do.nodes("windows"):
        drops = (f"{FROM_OUTSIDE[0]} icmp type echo-reply drop", f"{FROM_OUTSIDE[1]} icmpv6 type echo-reply drop")
        do.rules(node.host, "inet", chain("forward", 0, *drops))


def _translate_ping(do: Injection) -> None:
    for node in do.nodes("windows"):
        do.amend(node, _in_front(node, "forward", lambda family: f"{_echo(family)} accept"))
        for family in node.families:
            rule = f"{_from_pods(node, family)} {_echo(family)} masquerade"
            do.rules(node.host, KEYWORD[family], chain("postrouting", 90, rule, kind="nat"))


@fault("ping-outside-lost-on-linux", kills=("ICMP-EXTERNAL",))
def ping_outside_lost_on_linux(do: Injection) -> None:
    """Linux nodes drop their pods' pings to the outside, where no limitation is documented."""
    for node in do.nodes("linux"):
        do.rules(node.host, "inet", chain("forward", 0, *(f"{_echo(family)} drop" for family in node.families)))


def _error(family: Family) -> str:
    return f"{KEYWORD[family]} saddr {OUTSIDE_NETWORK[family]} {ICMP[family]} type destination-unreachable"


@fault("icmp-errors-translated", kills=("ICMP-ERRORS",))
def icmp_errors_translated(do: Injection) -> None:
    """ICMP errors about translated flows reach Windows pods: the documented limitation is gone."""
    for node in do.nodes("windows"):
        do.amend(node, _in_front(node, "forward", lambda family: f"{_error(family)} accept"))


@fault("icmp-errors-lost", kills=("ICMP-ERRORS",))
def icmp_errors_lost(do: Injection) -> None:
    """Linux nodes drop ICMP errors from the outside: a closed port looks like packet loss."""
    for node in do.nodes("linux"):
        do.rules(node.host, "inet", chain("forward", 0, *(f"{_error(family)} drop" for family in node.families)))
