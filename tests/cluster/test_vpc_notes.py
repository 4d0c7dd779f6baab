"""What the controller of a VPC's addresses notes on pods and nodes."""

import pytest

from podwire.cluster.discovery.vpc import has_branch, offered_addresses, vpc_address, vpc_subnet


def pod(noted):
    return {"metadata": {"annotations": {"vpc.amazonaws.com/PrivateIPv4Address": noted}}}


@pytest.mark.parametrize(
    ("noted", "address", "subnet"),
    [
        ("192.0.2.77/26", "192.0.2.77", "192.0.2.64/26"),
        ("192.0.2.77", "192.0.2.77", ""),
        ("192.0.2.77/64", "192.0.2.77", ""),
        ("", "", ""),
    ],
)
def test_an_address_is_noted_with_its_subnet(noted, address, subnet):
    assert (vpc_address(pod(noted)), vpc_subnet(pod(noted))) == (address, subnet)


def test_an_interface_of_its_own_is_noted_too():
    assert has_branch({"metadata": {"annotations": {"vpc.amazonaws.com/pod-eni": '[{"eniId": "eni-1"}]'}}})
    assert not has_branch(pod("192.0.2.77/26"))


def test_other_pods_have_no_note():
    assert (vpc_address({"metadata": {}}), vpc_subnet({})) == ("", "")


@pytest.mark.parametrize(("told", "offered"), [("9", 9), ("0", 0), ("many", None), (None, None)])
def test_a_node_offers_a_number_of_addresses(told, offered):
    allocatable = {} if told is None else {"vpc.amazonaws.com/PrivateIPv4Address": told}
    assert offered_addresses(allocatable) == offered
