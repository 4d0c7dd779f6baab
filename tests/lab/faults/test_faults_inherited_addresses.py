"""A pod gets the address that a deleted pod had: other nodes reach it there, unless something is left over."""

import pytest
from faulty import Labs, breaks, params


def inherited(node, client):
    """Whether a pod of another node reaches the second pod that has an address."""

    def check(lab):
        address = lab.attach(node, "former")[0]
        lab.detach(node, "former")
        try:
            assert lab.attach(node, "heir", address)[0] == address
            return lab.exchange(client, f"{node}/heir", proto="tcp").ok
        finally:
            lab.detach(node, "heir")

    return check


CHECKS = {
    "inherited-address-keeps-its-mac": inherited("windows-1", "linux-1/a"),
    "windows-remote-endpoint-outlives-its-pod": inherited("linux-1", "windows-1/a"),
    "linux-route-outlives-its-pod": inherited("linux-2", "windows-1/a"),
}


@pytest.mark.parametrize(("profile", "fault", "check"), params(CHECKS))
def test_a_fault_shows_and_goes(running: Labs, profile, fault, check):
    breaks(running.of(profile), fault, check)


def test_a_wish_for_an_address_that_is_not_free_is_refused(running: Labs):
    lab = running.of("l2bridge-calico-bgp")
    taken = lab.facts()["addresses"]["linux-1/a"][0]
    with pytest.raises(Exception, match=f"address {taken} is not free on node linux-1"):
        lab.attach("linux-1", "greedy", taken)
    with pytest.raises(Exception, match=f"address {taken} is not free on node linux-2"):
        lab.attach("linux-2", "greedy", taken)


def test_another_ipam_hears_no_wish(running: Labs):
    lab = running.of("l2bridge-win-bridge")
    taken = lab.facts()["addresses"]["linux-1/a"][0]
    try:
        assert lab.attach("linux-1", "greedy", taken)[0] != taken
    finally:
        lab.detach("linux-1", "greedy")
