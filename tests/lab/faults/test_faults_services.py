"""Faults of Services, seen from a pod: no answer, the wrong one, or a hidden source."""

import pytest
from faulty import VIP, Labs, breaks, params

WIN, WIN_B, LIN = "windows-1/a", "windows-1/b", "linux-1/a"


def always_answers(lab):
    """Enough flows to meet both backends if there were two: the miss risk is 2 to the power of -16."""
    lab.service(VIP, LIN)
    return all(lab.exchange(WIN, VIP, port=80, timeout=0.15).identity == LIN for _ in range(16))


def same_node_backend(lab):
    lab.service(VIP, WIN_B)
    return lab.exchange(WIN, VIP, port=80, proto="tcp").ok


def keeps_its_source(lab):
    lab.service(VIP, LIN)
    return lab.exchange(WIN, VIP, port=80).seen == lab.facts()["addresses"][WIN][0]


CHECKS = {
    "service-with-dead-backend": always_answers,
    "service-with-wrong-backend": always_answers,
    "service-not-programmed": always_answers,
    "service-source-hidden": keeps_its_source,
    "service-answers-untranslated": same_node_backend,
}


@pytest.mark.parametrize(("profile", "fault", "check"), params(CHECKS))
def test_a_fault_shows_and_goes(running: Labs, profile, fault, check):
    breaks(running.of(profile), fault, check)


def test_a_service_that_comes_later_is_hit_too(running: Labs):
    lab = running.of("overlay-win-overlay")
    lab.inject("service-not-programmed")
    lab.service("10.96.0.78", LIN)
    broken = not lab.exchange(WIN, "10.96.0.78", port=80).ok
    lab.remove("service-not-programmed")
    assert broken
    assert lab.exchange(WIN, "10.96.0.78", port=80).ok
