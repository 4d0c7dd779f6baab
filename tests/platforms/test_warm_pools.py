"""What the controller of the VPC is to keep on a network card, and what a card has."""

import json

import pytest

from podwire.model.addressing.instance_types import ADDRESSES_OF_A_PREFIX
from podwire.platforms.warm_pools import Card, NoCard, WarmPool, card_in, pool_told_by


def pods(number, first=0):
    return [f"10.0.{at // 256}.{at % 256}" for at in range(first, first + number)]


# The examples of the controller's own documents: settings, pods on the node, what the card must have.
@pytest.mark.parametrize(
    ("warm", "minimum", "running", "addresses"),
    [
        *((1, 0, 0, 1), (1, 0, 5, 6), (5, 0, 0, 5), (1, 1, 0, 1), (1, 1, 1, 2), (1, 3, 3, 4), (1, 3, 5, 6)),
        *((5, 10, 0, 10), (10, 10, 0, 10), (10, 10, 10, 20), (15, 10, 10, 25), (None, None, 0, 3), (None, None, 9, 12)),
        *((0, 0, 0, 1), (0, 0, 4, 5), (-1, -1, 1, 4)),
    ],
)
def test_single_addresses_are_kept_beside_those_in_use(warm, minimum, running, addresses):
    told = {"windows-warm-ip-target": warm, "windows-minimum-ip-target": minimum, "warm-prefix-target": 9}
    settings = {name: str(value) for name, value in told.items() if value is not None}
    assert pool_told_by(settings, prefixes=False).least(pods(running), 99) == addresses


@pytest.mark.parametrize(
    ("whole", "warm", "minimum", "running", "prefixes"),
    [
        *((None, None, None, 0, 1), (None, None, None, 15, 1), (None, None, None, 16, 2)),
        *((1, None, None, 0, 1), (3, None, None, 0, 3), (1, None, None, 5, 2), (1, None, None, 17, 3)),
        *((None, None, 1, 0, 1), (None, None, 1, 5, 1), (None, None, 1, 15, 1), (None, None, 1, 16, 2)),
        *((None, 5, None, 0, 1), (None, 5, None, 5, 1), (None, 5, None, 11, 1), (None, 5, None, 12, 2)),
        *((None, 1, 1, 0, 1), (None, 1, 1, 5, 1), (None, 1, 1, 17, 2), (None, 3, 1, 14, 2)),
        *((None, 7, 20, 0, 2), (None, 7, 20, 5, 2), (None, 7, 20, 17, 2), (None, 7, 20, 26, 3)),
        *((2, 1, 1, 5, 1), (0, 0, 0, 0, 1), (0, 0, 0, 16, 2)),
    ],
)
def test_prefixes_are_kept_whole(whole, warm, minimum, running, prefixes):
    told = {"warm-prefix-target": whole, "warm-ip-target": warm, "minimum-ip-target": minimum}
    settings = {name: str(value) for name, value in told.items() if value is not None}
    pool = pool_told_by(settings, prefixes=True)
    assert pool.least(pods(running), 999) == prefixes * ADDRESSES_OF_A_PREFIX


def test_a_prefix_of_one_pod_is_no_prefix_that_is_ready():
    pool = WarmPool(prefixes=True, warm=0, minimum=0, warm_prefixes=1)
    assert pool.least(["10.0.0.1", "10.0.0.17", "10.0.0.35"], 999) == 4 * ADDRESSES_OF_A_PREFIX


@pytest.mark.parametrize("prefixes", [False, True])
def test_a_card_need_not_have_more_than_it_can(prefixes):
    assert pool_told_by({}, prefixes=prefixes).least(pods(9), 9) == 9


def test_names_for_windows_count_before_those_without():
    settings = {"windows-warm-ip-target": "7", "warm-ip-target": "2", "minimum-ip-target": "many"}
    assert pool_told_by(settings, prefixes=False) == WarmPool(prefixes=False, warm=7, minimum=3)


def told(**categories):
    return json.dumps(
        {"local-ipv4": "10.0.0.4", "local-ipv4s": ["10.0.0.4"], "ipv4-prefix": [], "macs": ["02:AA"], **categories}
    )


def test_the_cards_own_address_is_not_for_pods():
    card = card_in(told(**{"local-ipv4s": ["10.0.0.9", "10.0.0.4", "10.0.0.8"]}))
    assert (card.for_pods, str(card)) == (2, "10.0.0.9, 10.0.0.8")
    assert card.has("10.0.0.8")
    assert not card.has("10.0.0.4")


def test_a_prefix_has_sixteen_addresses():
    card = card_in(told(**{"ipv4-prefix": ["10.0.0.16/28", "10.0.0.64/28"]}))
    assert card.for_pods == 32
    assert [card.has(f"10.0.0.{last}") for last in (15, 16, 31, 32, 79)] == [False, True, True, False, True]


def test_a_card_may_have_nothing_for_pods():
    assert card_in(told()) == Card(macs=("02:aa",), addresses=())
    assert str(card_in(told())) == "none"


@pytest.mark.parametrize(
    "printed",
    [
        "",
        "404 Not Found",
        "[]",
        '{"local-ipv4": "10.0.0.4"}',
        told(macs=[]),
        told(macs=None),
        told(**{"local-ipv4": ""}),
        told(**{"ipv4-prefix": ["x"]}),
    ],
)
def test_what_is_no_card_is_said(printed):
    with pytest.raises(NoCard, match="JSON"):
        card_in(printed)


def test_a_node_has_the_cards_that_are_listed():
    assert card_in(told(macs=["02:AA", "02:bb"])).macs == ("02:aa", "02:bb")
