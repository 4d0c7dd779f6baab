"""Packets of a suite as text: what is written is read again, and what is no packet is one line."""

import pytest

from podwire.crafting import ICMP, IP, TCP, UDP, IPv6, Raw, answering, fragments, question, quoted
from podwire.model.flows import Peer
from podwire.model.recipes import RecipeError, initial_sequence, recipes, text_of

SERVER = Peer(role="server", kind="pod", os="linux")
WRITTEN = [
    (IP(dst=SERVER.ip, ttl=1) / UDP(dport=SERVER.port), "IP(dst=server.ip, ttl=1) / UDP(dport=server.port)"),
    (IPv6(dst="fd00::1") / TCP(flags="S", options=[("MSS", SERVER.mss), ("NOP", None)]), None),
    (fragments(IP(dst=SERVER.ip) / UDP() / question(3000), 1450, order=(2, 1)), None),
    ((IP(dst=SERVER.ip), answering("SYN-ACK", IP(dst=SERVER.ip) / ICMP(type=3, code=4) / quoted(28))), None),
    (IP(dst=SERVER.node.ip, tos=-1) / Raw(load=b"a'\x00"), 'IP(dst=server.node.ip, tos=-1) / Raw(load=b"a\'\\x00")'),
]


@pytest.mark.parametrize(("sent", "text"), WRITTEN)
def test_what_a_suite_writes_is_text_that_is_read_again(sent, text):
    written = text_of(sent)
    assert text is None or written == text
    assert recipes(written) == (sent if isinstance(sent, tuple) else (sent,))
    assert text_of(recipes(written)) == written


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ((), "^there is no packet$"),
        ("IP()", "^'IP\\(\\)' is no packet; write layers of podwire.crafting"),
        (IP(dst=object), "is neither a literal nor a symbol of the flow$"),
    ],
)
def test_what_is_no_packet_is_one_line(sent, said):
    with pytest.raises(RecipeError, match=said):
        text_of(sent)


@pytest.mark.parametrize("text", ["IP(", "3", "IP() / 3", "f(*a)", "IP() + UDP()", "lambda: 1", "IP(dst=a[0])"])
def test_a_text_that_no_suite_wrote_is_refused(text):
    with pytest.raises(RecipeError):
        recipes(text)


def test_a_layer_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(ImportError, match="IPX"):
        from podwire.crafting import IPX  # noqa: F401


def test_each_token_has_an_initial_sequence_number_of_its_own():
    assert initial_sequence("pw0000000000000001") != initial_sequence("pw0000000000000002")
