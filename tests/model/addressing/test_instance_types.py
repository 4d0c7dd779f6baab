"""How many addresses a network card has for pods."""

import pytest

from podwire.model.addressing.instance_types import ADDRESSES_OF_A_PREFIX, addresses_of


@pytest.mark.parametrize(
    ("kind", "addresses"), [("m5.large", 9), ("m5.4xlarge", 29), ("c5.18xlarge", 49), ("t3.medium", 5)]
)
def test_one_address_is_the_cards_own(kind, addresses):
    assert addresses_of(kind) == addresses


def test_an_m5_large_in_prefix_mode():
    assert addresses_of("m5.large") * ADDRESSES_OF_A_PREFIX == 144


@pytest.mark.parametrize("kind", ["", "m5", "m5.metal", "x9z.large", "t3.nano"])
def test_what_is_not_in_the_table_is_not_known(kind):
    assert addresses_of(kind) is None
