"""Faults of the ways in: what comes to nodes and to outer addresses is lost, misled, or seen as somebody else."""

import pytest
from faulty import VIP, Labs, breaks, params

WIN, WIN_2, LIN, LIN_2 = "windows-1/a", "windows-2/a", "linux-1/a", "linux-2/a"
PORT, INGRESS, EXTERNAL, OUTSIDE = 30080, "198.51.100.1", "192.0.2.11", "203.0.113.10"


def by_node_port(client, node, server, **more):
    """The port of a node leads to the server."""

    def check(lab):
        lab.service(VIP, server, node_port=PORT, **more)
        return lab.exchange(client, node, port=PORT).identity == server

    return check


def client_kept(kept, **more):
    """The server sees the host outside itself, or it does not."""

    def check(lab):
        lab.service(VIP, WIN, node_port=PORT, **more)
        result = lab.exchange("outside", "windows-1", port=PORT)
        return result.ok and (result.seen == OUTSIDE) is kept

    return check


def by_address(client, address, answered=True, **more):
    """An outer address leads from a pod to the server without leaving the pod's node as such, or it is closed."""

    def check(lab):
        lab.service(VIP, LIN_2, **more)
        lab.lead(linux_1=INGRESS)
        node = client.partition("/")[0]
        result = lab.exchange(client, address, port=80, record=[f"fabric:{node}"])
        return result.ok is answered and not any(p.ip.dst == address for p in result.packets[f"fabric:{node}"])

    return check


def nothing_forwarded(lab):
    lab.service(VIP, LIN, node_port=PORT, preserve_destination=True)
    return not lab.exchange("outside", "windows-1", port=PORT).ok and lab.exchange("outside", "linux-2", port=PORT).ok


def by_host_port(lab):
    lab.host_ports((WIN, 18081))
    return lab.exchange("outside", "windows-1", port=18081).identity == WIN


RANGED = {"ingress_ips": (INGRESS,), "source_ranges": ("192.0.2.0/24",)}
CHECKS = {
    "node-ports-unserved": by_node_port("outside", "windows-1", WIN_2),
    "node-ports-for-own-pods-only": by_node_port("outside", "windows-1", LIN),
    "node-port-answers-from-another-port": by_node_port("outside", "windows-1", WIN),
    "node-ports-closed-to-pods": by_node_port(WIN, "windows-1", LIN),
    "node-ports-closed-to-the-node": by_node_port("linux-1", "linux-1", LIN_2),
    "equal-ports-confused": by_node_port("outside", "windows-1", WIN, port=PORT),
    "ingress-unserved": by_address(LIN, INGRESS, ingress_ips=(INGRESS,)),
    "ingress-by-the-balancer": by_address(WIN, INGRESS, ingress_ips=(INGRESS,)),
    "external-ips-unserved": by_address(WIN, EXTERNAL, external_ips=(EXTERNAL,)),
    "source-ranges-ignored": by_address(LIN, INGRESS, answered=False, **RANGED),
    "source-ranges-on-windows": by_address(WIN, INGRESS, **RANGED),
    "host-ports-closed": by_host_port,
    "outer-hairpin-lost": by_node_port(WIN, "windows-1", WIN),
    "local-policy-ignored": client_kept(True, external_local=True),
    "local-node-ports-lost": client_kept(True, external_local=True),
    "node-port-sources-kept": client_kept(False),
    "destinations-translated": nothing_forwarded,
}


@pytest.mark.parametrize(("profile", "fault", "check"), params(CHECKS))
def test_a_fault_shows_and_goes(running: Labs, profile, fault, check):
    breaks(running.of(profile), fault, check)


def test_health_ports_of_nodes_are_closed(running: Labs):
    lab = running.of("overlay-win-overlay")
    lab.serve("windows-1", 30999)
    breaks(lab, "health-ports-closed", lambda lab: lab.exchange("outside", "windows-1", port=30999, proto="tcp").ok)
