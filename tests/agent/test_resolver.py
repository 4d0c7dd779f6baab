"""Which DNS servers an agent says that its pod is told to ask."""

import pytest

from podwire.agent.node import resolver


@pytest.mark.parametrize(
    ("text", "servers"),
    [
        ("nameserver 10.96.0.10\n", ["10.96.0.10"]),
        ("search a b\nnameserver 169.254.20.10\nnameserver fd10::a\noptions ndots:5\n", ["169.254.20.10", "fd10::a"]),
        ("# nameserver 192.0.2.1\n;nameserver 192.0.2.1\nnameserver\n\n", []),
        ("nameserver\t192.0.2.1 # why\n", ["192.0.2.1"]),
        ("".join(f"nameserver 192.0.2.{number}\n" for number in range(40)), [f"192.0.2.{n}" for n in range(16)]),
        ("nameserver \udcff\n", ["\ufffd"]),
    ],
)
def test_they_are_those_of_resolv_conf(tmp_path, monkeypatch, text, servers):
    file = tmp_path / "resolv.conf"
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    monkeypatch.setattr(resolver, "RESOLV_CONF", str(file))
    assert resolver.dns_servers() == servers


def test_a_file_that_cannot_be_read_is_said_and_leads_to_none(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(resolver, "RESOLV_CONF", str(tmp_path / "none"))
    assert resolver.dns_servers() == []
    assert "podwire agent: DNS servers: " in capfd.readouterr().err
