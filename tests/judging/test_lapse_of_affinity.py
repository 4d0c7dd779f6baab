"""Affinity that lapses: each port's backend is chosen anew, which may be the same one, and for all of them is not."""

import pytest
from changed import replace
from observed import BINDINGS, a_case, a_flow, an_attempt, an_observation

from podwire import spread
from podwire.judging.parts import Observed
from podwire.model.flows import Peer

NAMES = ("a", "b", "c", "d")
PART = spread.chosen_anew(after=2.0)


def asked(first, second, pause=3.0, backends=NAMES, **bindings):
    """Ports that answered with these names before and after a pause."""
    times = [(name, port, 0.0) for port, name in enumerate(first)]
    times += [(name, port, pause) for port, name in enumerate(second)]
    attempts = tuple(
        replace(an_attempt(name), started=10.0 + later, elapsed=0.0, peer=("10.96.0.7", 7201 + port))
        for name, port, later in times
    )
    flow = a_flow(server=Peer(role="server", kind="backends", os="backends"))
    values = {**BINDINGS, "server.identities": backends, **bindings}
    return Observed(a_case(flow), an_observation(attempts=attempts, bindings=values), None)


def kept(observed):
    return list(PART.findings(PART, observed))[-1]


def test_a_node_that_forgets_chooses_some_of_the_ports_anew():
    observed = asked("a" * 20, "abcd" * 5)
    assert kept(observed).met
    assert PART.tells_nothing(PART, observed) is None


def test_a_node_that_never_forgets_keeps_the_backend_of_every_port():
    finding = kept(asked("abcd" * 5, "abcd" * 5))
    assert not finding.met
    assert finding.expected == "of 20 ports with 4 backends no more keep theirs than chance explains"
    assert finding.actual == "20 kept it, chance of that 9e-13"


@pytest.mark.parametrize(("same", "is_met"), [(20, False), (16, False), (11, True)])
def test_most_ports_that_keep_their_backend_are_more_than_chance(same, is_met):
    assert kept(asked("a" * 20, "a" * same + "b" * (20 - same))).met is is_met


@pytest.mark.parametrize(
    ("observed", "why"),
    [
        (asked("a" * 20, "b" * 20, pause=1.5), "a port was silent for 1.5 s only, and affinity may last for 2 s"),
        (
            asked("a" * 20, "a" * 20, backends=("a",)),
            "20 ports answered both times, and the Service has 1 backends: chance alone may keep them all",
        ),
        (
            asked("a", "b"),
            "1 ports answered both times, and the Service has 4 backends: chance alone may keep them all",
        ),
        (
            asked("a" * 20, ""),
            "0 ports answered both times, and the Service has 4 backends: chance alone may keep them all",
        ),
    ],
    ids=["too soon", "one backend", "one port", "asked once"],
)
def test_what_says_nothing_of_the_timeout(observed, why):
    assert PART.tells_nothing(PART, observed) == why


def test_ipvs_keeps_a_client_for_reasons_of_its_own():
    observed = asked("a" * 20, "a" * 20, **{"client.node.proxy_mode": "ipvs"})
    ((finding, why),) = PART.doubtful(PART, observed)
    assert finding == kept(observed)
    assert "two minutes" in why
    assert not list(PART.doubtful(PART, asked("a" * 20, "a" * 20, **{"client.node.proxy_mode": "nftables"})))


def test_an_answer_of_no_backend_is_told():
    assert not all(finding.met for finding in PART.findings(PART, asked("a" * 20, "z" * 20)))
