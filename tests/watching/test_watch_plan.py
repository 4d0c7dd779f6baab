"""The streams that a watch wants for the members that are there."""

from changed import replace

from podwire.watching.members import Member
from podwire.watching.plan import OUTSIDE, Goal, Places
from podwire.watching.plan import wanted as wanted_of

PLACES = Places(
    services={"linux": "10.96.0.1", "windows": "10.96.0.2"},
    balancers={"windows": "198.51.100.1"},
    outside="203.0.113.10",
    outside_asks=True,
)


def a_member(name, node, kind="pod", **changes):
    os = "windows" if node.startswith("w") else "linux"
    given = {"name": name, "uid": f"uid-{name}", "node": node, "os": os, "kind": kind, "address": f"10.0.0.{len(name)}"}
    return Member(**{**given, "usable": True, "leaving": False, **changes})


FOUR = [a_member(f"pod-{node}", node) for node in ("l1", "l2", "w1", "w2")]
HOSTS = [a_member(f"host-{node}", node, "host") for node in ("l1", "l2", "w1", "w2")]


def wanted(members, places, now):
    """What is wanted when everybody asks."""
    return wanted_of(members, places, now, {OUTSIDE, *(member.uid for member in members)})


def of(goals, client):
    return {str(slot.path): goal.server for slot, goal in goals.items() if slot.client == client}


def test_a_pod_asks_pods_nodes_services_and_the_outside():
    goals = of(wanted([*FOUR, *HOSTS], PLACES, {}), "uid-pod-w1")
    assert goals["pod-pod windows-windows tcp"] == goals["pod-pod windows-windows udp"] == "pod-w2"
    assert goals["pod-pod windows-linux tcp"] in ("pod-l1", "pod-l2")
    assert goals["pod-service windows-linux udp"] == "Service linux"
    assert goals["pod-node windows-windows tcp"] == "host-w2"
    assert goals["pod-outside windows tcp"] == "host outside"
    assert len(goals) == 11


def test_a_node_asks_its_own_pods_and_services():
    goals = of(wanted([*FOUR, *HOSTS], PLACES, {}), "uid-host-w1")
    assert goals == {
        "node-pod windows tcp": "pod-w1",
        "node-service windows-linux tcp": "Service linux",
        "node-service windows-windows tcp": "Service windows",
    }


def test_who_only_is_asked_asks_nobody():
    goals = wanted_of([*FOUR, *HOSTS], PLACES, {}, {"uid-pod-w1"})
    assert {slot.client for slot in goals} == {"uid-pod-w1"}
    assert of(goals, "uid-pod-w1")["pod-node windows-windows tcp"] == "host-w2"


def test_the_outside_asks_load_balancers():
    assert of(wanted(FOUR, PLACES, {}), OUTSIDE) == {
        "outside-service windows tcp": "load balancer windows",
        "outside-service windows udp": "load balancer windows",
    }
    assert of(wanted(FOUR, replace(PLACES, outside_asks=False), {}), OUTSIDE) == {}


def test_a_pod_that_leaves_neither_asks_nor_is_asked():
    leaving = [replace(FOUR[3], usable=False, leaving=True), *FOUR[:3]]
    goals = wanted(leaving, PLACES, {})
    assert of(goals, "uid-pod-w2") == {}
    assert "pod-w2" not in {goal.server for goal in goals.values()}
    assert "pod-pod windows-windows tcp" not in of(goals, "uid-pod-w1")  # The only other Windows pod is on its node.


def test_a_stream_keeps_its_goal_while_that_is_there():
    before = wanted(FOUR, PLACES, {})
    more = [*FOUR, *(a_member(f"more-{number}", "l3") for number in range(8))]
    assert before.items() <= wanted(more, PLACES, before).items()
    moved = [replace(member, address="10.9.9.9") for member in FOUR]
    assert all(
        Goal(server=goal.server, host="10.9.9.9", port=8080) == goal for goal in _pods(wanted(moved, PLACES, before))
    )


def _pods(goals):
    return [goal for slot, goal in goals.items() if slot.path.kind == "pod-pod"]
