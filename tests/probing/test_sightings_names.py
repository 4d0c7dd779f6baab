"""The questions of a case among all that was captured: by name, by type, and where the client's packets are seen."""

from __future__ import annotations

import struct

import dns.flags
import dns.message
import dns.rcode
import pytest
from flat_packets import a_packet_with, with_fields
from observed import a_case, a_flow, an_attempt

from podwire import answered_by
from podwire.judging.expectation import expectation
from podwire.judging.judge import judge
from podwire.model.asking import Asked
from podwire.model.cases import Slot, pod_point
from podwire.model.flows import Asks, Peer
from podwire.model.observations import Point
from podwire.model.packets import Packet
from podwire.model.verdicts import Outcome
from podwire.packets.correlate import CaptureIndex
from podwire.probing import sightings
from podwire.probing.captures import Captured, Place
from podwire.probing.requests import names_of
from podwire.probing.sightings import MOST_SHOWN, Landed, Seen
from podwire.probing.targets import Target

FULL = "web.ns.svc.cluster.local"
POD, NIC, FAR = Place("pod", "windows-1-b"), Place("nic", "windows-1"), Place("nic", "linux-1")
PLACES: dict[Point, Place] = {"client-pod": POD, "client-node": NIC, "server-node": FAR}
DNS = Peer(role="server", kind="dns", os="dns")


def asked(name: str, number: int, kind: str = "A", *, tcp: bool = False, answered: bool = True) -> list[Packet]:
    """A question and its no."""
    query = dns.message.make_query(name, kind, id=number)
    answer = dns.message.make_response(query)
    answer.set_rcode(dns.rcode.NXDOMAIN)
    made = []
    for wire, ports in ((query.to_wire(), (50000 + number, 53)), (answer.to_wire(), (53, 50000 + number))):
        framed = len(wire).to_bytes(2, "big") + wire if tcp else wire
        made.append(
            a_packet_with(
                at=float(number),
                eth_src="",
                eth_dst="",
                protocol="tcp" if tcp else "udp",
                src="10.0.0.1",
                dst="10.0.0.1",
                sport=ports[0],
                dport=ports[1],
                payload=framed,
                seq=1,
            )
        )
    return made if answered else made[:1]


def sighting(
    at: dict[Place, list[Packet]],
    kind: str = "pod",
    connections: int = 1,
    target: Target | None = None,
    asks: Asks = "",
    cached: bool = False,
    client_ip: str = "10.0.0.1",
):
    flow = a_flow(
        client=Peer(role="client", kind=kind, os="windows"),  # type: ignore[arg-type]
        server=DNS,
        via="short-name",
        protocol="dns",
        connections=connections,
        asks=asks,
    )
    points = tuple(point for point in PLACES if point == pod_point(flow.client) or point.endswith("node"))
    case = a_case(flow)
    case = type(case)(**{**case.__dict__, "points": points, "server": Slot(os="dns", node="linux-1", probe="dns")})
    captured = {place: Captured(index=CaptureIndex(at.get(place, ()))) for place in PLACES.values()}
    for place, known in captured.items():
        captured[place] = Captured(index=known.index, frames=[None] * len(known.index.packets))  # type: ignore[list-item]
    seen = Seen(captured, lambda _, point: PLACES[point], {8080})
    landed = Landed(
        case=case,
        target=target or Target(host="web", port=80, ip="", name="web", fqdn=FULL),
        bindings={"client.ip": client_ip, **({"dns.cache": True} if cached else {})},
        attempts=(an_attempt(),),
    )
    return seen.sighting(landed, ()).observation


def test_a_case_sees_its_own_name_and_type_only() -> None:
    packets = [*asked(FULL, 1), *asked(FULL, 2, "AAAA"), *asked("other.ns.svc.cluster.local", 3)]
    observation = sighting({POD: packets, FAR: packets})
    assert [(lookup.id, lookup.name, lookup.rcode) for lookup in observation.lookups] == [(1, FULL, "NXDOMAIN")]
    for point in ("client-pod", "server-node"):
        assert [seen.direction for seen in observation.captures[point].packets] == ["request", "reply"]


def test_the_questions_of_a_node_are_seen_at_its_nic() -> None:
    observation = sighting({NIC: asked(FULL, 1), POD: asked(FULL, 2)}, kind="host")
    assert [lookup.id for lookup in observation.lookups] == [1]


def test_of_a_connection_all_segments_are_kept() -> None:
    packets = asked(FULL, 1, tcp=True)
    observation = sighting({POD: packets})
    assert len(observation.captures["client-pod"].packets) == 2
    assert observation.lookups[0].protocol == "tcp"


def test_many_look_ups_ask_for_names_of_their_own_and_the_unanswered_ones_are_shown_first() -> None:
    target = Target(host="nobody", port=80, ip="", name="nobody", fqdn="nobody.ns.svc.cluster.local")
    names = names_of(target, [f"pw{number:016x}" for number in range(100)])
    assert len(set(names)) == 100
    packets = [packet for number, name in enumerate(names) for packet in asked(name, number, answered=number != 99)]
    observation = sighting({POD: packets}, connections=100, target=target)
    assert len(observation.lookups) == 100
    shown = observation.captures["client-pod"].packets
    assert len(shown) == 2 * MOST_SHOWN - 1
    assert shown[-1].packet is packets[-1]


@pytest.mark.parametrize(("asks", "ids"), [("srv", [1]), ("srv-and-targets", [1, 3])])
def test_the_agents_own_client_is_seen_by_its_questions_its_server_and_what_it_follows(
    asks: Asks, ids: list[int]
) -> None:
    question = Asked(name=f"_Tcp._tcp.{FULL}", type="SRV")
    target = Target(host=FULL, port=80, ip="", name=FULL, fqdn=FULL, questions=(question,), asked_of=("10.0.0.1",))
    other = asked(question.name, 4, "SRV")
    packets = [
        *asked(question.name, 1, "SRV"),
        *asked("other.ns.svc.cluster.local", 2, "A"),
        *asked(f"one.{FULL}", 3, "A"),
        *(with_fields(one, src="10.0.0.2", dst="10.0.0.2") for one in other),
        *asked(f"_udp._udp.{FULL}", 5, "SRV"),
    ]
    observation = sighting({POD: packets}, target=target, asks=asks)
    assert [lookup.id for lookup in observation.lookups] == ids


@pytest.mark.parametrize("host", ["web", "web."])
def test_a_single_look_up_asks_for_the_name_as_it_is_spelled(host: str) -> None:
    assert names_of(Target(host=host, port=80, ip="", name=host, fqdn=FULL), ["pw0"]) == [host]


def test_beyond_a_cache_a_question_is_known_by_its_name_but_the_one_that_the_server_asks_on() -> None:
    own, anew, on = asked(FULL, 1), asked(FULL, 77, tcp=True), asked("web", 78)
    at = {POD: [*own, *asked("web", 2)], FAR: [*anew, *on]}
    cached = sighting(at, cached=True).captures
    assert [seen.packet for seen in cached["server-node"].packets] == anew
    assert len(cached["client-pod"].packets) == 4
    assert sighting(at).captures["server-node"].packets == ()


def test_packets_that_no_reader_understands_cost_their_case_and_not_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    def trips(packets: object) -> object:
        raise struct.error("unpack requires a buffer of 8 bytes")

    monkeypatch.setattr(sightings, "lookups", trips)
    seen = sighting({POD: asked(FULL, 1)})
    words = "podwire cannot read the captured packets (error: unpack requires a buffer of 8 bytes)"
    assert seen.problem == words
    assert len(seen.attempts) == 1
    assert judge(a_case(), expectation(answered_by(a_flow().server)), seen).outcome is Outcome.INCONCLUSIVE


NAME = f"{FULL}.ns.svc.cluster.local"


def test_a_query_of_the_pod_that_a_node_saw_and_its_own_port_did_not_makes_its_absence_doubtful() -> None:
    for elsewhere in ({FAR: asked(FULL, 1)}, {NIC: asked(FULL, 1)}, {FAR: asked(FULL, 1), POD: asked(NAME, 2)}):
        observation = sighting(elsewhere)
        (nic,) = (place for place in elsewhere if place != POD)
        client = observation.captures["client-pod"]
        assert client.usable
        assert client.reason == f"the {nic} has the query {FULL} A of 10.0.0.1, and windows-1-b does not"
        assert not observation.captures["server-node"].reason


@pytest.mark.parametrize(
    "elsewhere",
    [
        asked("other.ns.svc.cluster.local", 1),
        asked(FULL, 1, "AAAA"),
        [with_fields(one, src="10.0.0.2") for one in asked(FULL, 1)],
        asked(FULL, 1)[1:],
        [],
    ],
    ids=["another name", "another type", "another pod", "an answer to it", "nothing"],
)
def test_what_others_asked_or_nobody_asked_is_no_doubt(elsewhere: list[Packet]) -> None:
    assert not sighting({FAR: elsewhere}).captures["client-pod"].reason


def test_who_asks_on_for_a_pod_repeats_what_its_port_has() -> None:
    observation = sighting({POD: asked(FULL, 1), FAR: asked(FULL, 7)})
    assert not observation.captures["client-pod"].reason


def test_the_nic_of_a_node_that_asks_for_itself_is_no_port_of_a_pod() -> None:
    observation = sighting({FAR: asked(FULL, 1)}, kind="host")
    assert not any(capture.reason for capture in observation.captures.values())
