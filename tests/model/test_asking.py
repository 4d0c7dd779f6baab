"""The questions of the agent's own DNS client."""

import pytest

from podwire.model.asking import ASKS, Names, questions, with_capitals

NAMES = Names(fqdn="web.ns.svc", nobody="nobody.ns.svc", ip="10.96.0.5", ports=(("http", "tcp"), ("dns", "udp")))


def asked(asks, family="ipv4"):
    return [(one.name, one.type, one.edns) for one in questions(asks, NAMES, family)]


@pytest.mark.parametrize(
    ("asks", "expected"),
    [
        ("", []),
        ("srv", [("_http._tcp.web.ns.svc", "SRV", True), ("_dns._udp.web.ns.svc", "SRV", True)]),
        ("ptr", [("5.0.96.10.in-addr.arpa", "PTR", True)]),
        ("both-families", [("web.ns.svc", "A", False), ("web.ns.svc", "AAAA", False)]),
        (
            "missing-names",
            [(name, kind, False) for name in ("web.ns.svc", "nobody.ns.svc") for kind in ("A", "AAAA")],
        ),
        ("capitals", [("wEb.nS.SvC", "A", False)]),
        ("edns", [("web.ns.svc", "A", True)]),
    ],
)
def test_what_is_asked(asks, expected):
    assert asked(asks) == expected


def test_targets_are_found_by_the_same_questions():
    assert asked("srv-and-targets") == asked("srv")


def test_the_family_decides_which_address_is_asked_for():
    assert asked("edns", "ipv6") == [("web.ns.svc", "AAAA", True)]
    assert asked("both-families", "ipv6") == asked("both-families")


@pytest.mark.parametrize("asks", [one for one in ASKS if one])
def test_whatever_is_asked_is_a_question(asks):
    assert asked(asks)


def test_capitals_change_the_spelling_only():
    assert with_capitals("by-capitals.ns").lower() == "by-capitals.ns"
    assert with_capitals("by-capitals.ns") != "by-capitals.ns"
