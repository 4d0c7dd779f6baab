"""The first question of a look-up: lost where it has no answer and a later one has, told by path and place."""

import dns.message
import pytest
from changed import replace
from observed import BINDINGS, a_case, a_flow, a_packet, an_observation

from podwire.model.flows import Peer
from podwire.model.observations import Lookup
from podwire.packets.first_lookups import by_path_of_lookups, path_of_lookups
from podwire.packets.first_tries import by_path, symbols_of_paths

SERVER, NAME = "10.96.0.10", "web.ns.svc.cluster.local"
TOLD = {**BINDINGS, "dns.ip": (SERVER, "fd10:96::a"), "dns.placement": "cross-node"}


def a_look_up(at=1.0, rcode="NOERROR", **changes):
    fields = {"name": NAME, "type": "A", "server": SERVER, "protocol": "udp", "at": at, "id": 7}
    return Lookup(**{**fields, "rcode": rcode, **changes})


def asking(**changes):
    """A case that only looks names up."""
    parts = {"protocol": "dns", "via": "unknown-name", "server": Peer(role="server", kind="dns", os="dns")}
    return a_case(a_flow(**{**parts, **changes}))


def seen(*lookups, packets=(), case=None, bindings=None, **changes):
    told = TOLD if bindings is None else {**BINDINGS, **bindings}
    return (case or asking(), an_observation(packets=packets, lookups=lookups, bindings=told, **changes))


def tries(*all_seen):
    (found,) = by_path_of_lookups(all_seen).values()
    return found.exchanges, found.lost, found.unknown


def test_a_path_of_look_ups_is_client_placement_and_family():
    (path,) = by_path_of_lookups([seen(a_look_up())])
    assert str(path) == "windows to dns, cross-node, udp over ipv4 by look-up"
    assert path == path_of_lookups(*seen())
    (sixth,) = by_path_of_lookups([seen(a_look_up(server="fd10:96::a"))])
    assert sixth.family == "ipv6"


@pytest.mark.parametrize(
    ("lookups", "counted"),
    [
        ((a_look_up(),), (1, 0, 0)),
        ((a_look_up(lost=1),), (1, 1, 0)),
        ((a_look_up(1.0, None), a_look_up(2.0, id=8)), (1, 1, 0)),
        ((a_look_up(1.0), a_look_up(2.0, id=8)), (2, 0, 0)),
        ((a_look_up(1.0), a_look_up(2.0, None, id=8)), (1, 0, 0)),
        ((a_look_up(1.0, None), a_look_up(2.0, name="other.example")), (1, 0, 0)),
        ((a_look_up(1.0, None, type="AAAA"), a_look_up(2.0)), (1, 0, 0)),
    ],
    ids=[
        "answered",
        "asked twice with one number",
        "asked again with another number",
        "two look-ups",
        "never answered afterwards",
        "another name",
        "another type",
    ],
)
def test_a_question_without_an_answer_is_lost_where_a_later_one_has_one(lookups, counted):
    assert tries(seen(*lookups)) == counted


def test_cases_of_one_pod_and_name_count_a_look_up_once():
    assert tries(seen(a_look_up(lost=1)), seen(a_look_up(lost=1))) == (1, 1, 0)


def test_a_capture_that_cannot_be_relied_on_proves_no_loss():
    assert tries(seen(a_look_up(lost=1), a_look_up(3.0, id=9), unusable=("client-pod",))) == (2, 0, 1)


@pytest.mark.parametrize(
    "nothing",
    [
        seen(a_look_up(protocol="tcp")),
        seen(a_look_up(server="9.9.9.9")),
        seen(a_look_up(rcode=None)),
        seen(a_look_up(), problem="its pod is gone"),
        seen(a_look_up(), bindings={"dns.ip": SERVER}),
        seen(a_look_up(), case=asking(client=Peer(role="client", kind="host", os="linux"))),
        seen(a_look_up(), case=asking(after="service-recreated")),
    ],
    ids=["over TCP", "another server", "no answer", "a problem", "an old run", "a node", "after a change"],
)
def test_what_says_nothing_of_a_path_is_left_out(nothing):
    assert by_path_of_lookups([nothing]) == {}


def messages(questions, answers):
    """So many packets of the question and of its answer at one place."""
    query = dns.message.make_query(NAME, "A", id=7)
    ask = a_packet(protocol="udp", dst=SERVER, dport=53, payload=query.to_wire())
    answer = a_packet("reply", protocol="udp", src=SERVER, sport=53, payload=dns.message.make_response(query).to_wire())
    return [ask] * questions + [answer] * answers


@pytest.mark.parametrize(
    ("counts", "place"),
    [
        (((2, 1), (1, 1), (1, 1)), "request between client-pod and client-node"),
        (((2, 1), (2, 1), (1, 1)), "request between client-node and server-node"),
        (((2, 1), (2, 1), (2, 1)), "beyond server-node"),
        (((2, 1), (2, 1), (2, 2)), "reply between server-node and client-node"),
        (((2, 1), (0, 0), (0, 0)), "beyond client-pod"),
        (((0, 0), (0, 0), (0, 0)), "beyond client-pod"),
    ],
)
def test_a_lost_question_is_told_with_the_capture_points_that_it_was_between(counts, place):
    points = ("client-pod", "client-node", "server-node")
    packets = {point: messages(*both) for point, both in zip(points, counts, strict=True)}
    (found,) = by_path_of_lookups([seen(a_look_up(lost=1), packets=packets)]).values()
    assert found.places == (f"{place}: 1",)


def test_a_case_of_a_whole_path_gets_the_look_ups_of_all_cases():
    whole = asking(whole_path=True)
    other = replace(a_case(a_flow(via="fqdn")), id="other")
    both = [seen(a_look_up(lost=1), case=whole), seen(a_look_up(5.0, id=9), case=other)]
    told = symbols_of_paths(both, 0.002)[whole.id]
    assert (told["path.exchanges"], told["path.lost"], told["path.number"]) == (2, 1, 1)
    assert (told["families.exchanges"], told["families.lost"]) == (2, 1)
    assert [path.entry for path in by_path(both)] == ["look-up"]
