"""Hand-made flows, packets and observations for the tests of the judge."""

from flat_packets import a_packet_with

from podwire.model.cases import Case, Slot
from podwire.model.flows import Flow, Peer
from podwire.model.observations import Attempt, Capture, ControlResult, Observation, ProbeError, Reply, SeenPacket
from podwire.model.packets import Ethernet, Ip, Tunnel

BINDINGS = {
    "client.ip": "10.244.11.2",
    "client.identity": "windows-1-a",
    "client.port": 50000,
    "client.node.ip": "172.31.0.11",
    "client.node.pod_network": "10.244.11.0/24",
    "server.ip": "10.244.12.2",
    "server.identity": "windows-2-a",
    "server.port": 8080,
    "server.node.ip": "172.31.0.12",
    "target.ip": "10.244.12.2",
}
POINTS = ("client-pod", "client-node", "server-node", "server-pod")


def a_flow(**changes):
    parts = {
        "client": Peer(role="client", kind="pod", os="windows"),
        "server": Peer(role="server", kind="pod", os="windows"),
        "via": "pod-ip",
        "protocol": "tcp",
        "family": "ipv4",
        "placement": "cross-node",
    }
    return Flow.of(**{**parts, **changes})


def a_case(flow=None, limitation=None):
    return Case(
        id="pod_to_pod/FLOW-POD-POD-IP[tcp-v4-windows-windows-cross-node]",
        area="pod_to_pod",
        requirement="FLOW-POD-POD-IP",
        test="pod_to_pod/test_pod_to_pod.py::test_x",
        flow=flow or a_flow(),
        client=Slot(os="windows", node="windows-1", probe="a"),
        server=Slot(os="windows", node="windows-2", probe="a"),
        points=POINTS,
        limitation=limitation,
    )


def a_packet(direction="request", outer=None, **changes):
    ends = {"src": "10.244.11.2", "sport": 50000, "dst": "10.244.12.2", "dport": 8080}
    if direction == "reply":
        ends = {"src": ends["dst"], "sport": ends["dport"], "dst": ends["src"], "dport": ends["sport"]}
    base = {"at": 1.0, "eth_src": "02:00:00:00:00:01", "eth_dst": "02:00:00:00:00:02", "protocol": "tcp", "ttl": 127}
    return SeenPacket(direction=direction, packet=a_packet_with(**{**base, **ends, "outer": outer, **changes}))


def a_tunnel(**changes):
    parts = {
        "kind": "vxlan",
        "link": Ethernet("02:10:00:00:00:0b", "02:10:00:00:00:0c"),
        "ip": Ip("172.31.0.11", "172.31.0.12", "udp"),
        "sport": 50001,
        "dport": 4789,
        "vni": 4096,
    }
    return Tunnel(**{**parts, **changes})


def an_attempt(identity="windows-2-a", source="10.244.11.2", error=None):
    reply = None if error else Reply(identity=identity, source=source, source_port=50000)
    kind = ProbeError(stage="connect", kind=error) if error else None
    return Attempt(
        token="pw0123456789abcdef",
        started=1.0,
        elapsed=0.01,
        local=("10.244.11.2", 50000),
        peer=None if error else ("10.244.12.2", 8080),
        reply=reply,
        error=kind,
    )


def attempts(*ends):
    """Several attempts: the identity that answered, or `-` and a kind of error."""
    return tuple(an_attempt(error=end[1:]) if end.startswith("-") else an_attempt(identity=end) for end in ends)


def an_observation(attempt=None, packets=None, unusable=(), controls=(True, True), **changes):
    seen = packets if packets is not None else [a_packet(), a_packet("reply")]
    captures = {
        point: Capture(
            point=point,
            where=f"the {point}",
            usable=point not in unusable,
            reason="the beacon before the flows was not seen" if point in unusable else "",
            packets=tuple(seen.get(point, ()) if isinstance(seen, dict) else seen),
        )
        for point in POINTS
    }
    control = ControlResult(name="client answers itself", before=controls[0], after=controls[1], detail="timeout")
    parts = {
        "case_id": "x",
        "bindings": BINDINGS,
        "attempts": (attempt or an_attempt(),),
        "captures": captures,
        "controls": (control,),
    }
    return Observation(**{**parts, **changes})
