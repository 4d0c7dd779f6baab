"""Reads the ports of the virtual switches on a Windows node from `vfpctrl /list-vmswitch-port`. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from podwire.platforms.hns import NoListing

_FIRST, _OF_THE_CARD = "port name", "ExternalPort"


@dataclass(frozen=True, kw_only=True)
class SwitchPort:
    """A port: its friendly name, its switch, the MAC behind it as tcpdump writes it, and whether it is external: it
    connects the switch to a network card."""

    name: str
    switch: str
    mac: str
    external: bool

    def __str__(self) -> str:
        return f"{self.name} ({self.mac})"


def ports_in(printed: str) -> tuple[SwitchPort, ...]:
    """The ports in the output of the agent's tool `vmswitch-ports`.

    The output has lines of a name, a colon and a value. Each port begins with its `Port name`. An external port has the
    type External, or the name ExternalPort that HNS gives it.

    Raises:
        NoListing: the output has no port, although every node with pods has one, or a port without a switch.
    """
    ports = tuple(_port(fields) for fields in _records(printed))
    if not ports or not all(port.switch for port in ports):
        raise NoListing(f"no list of ports and their switches: {' '.join(printed.split())[:80] or 'nothing'}")
    return ports


def _records(printed: str) -> Iterator[dict[str, str]]:
    """The fields of each port. `Port type:` has a second colon before its value."""
    fields: dict[str, str] = {}
    for line in printed.splitlines():
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if name == _FIRST and fields:
            yield fields
            fields = {}
        if colon and (fields or name == _FIRST):
            fields[name] = value.strip(" \t:")
    if fields:
        yield fields


def _port(fields: dict[str, str]) -> SwitchPort:
    name, kind = fields.get("port friendly name", ""), fields.get("port type", "")
    return SwitchPort(
        name=name or fields[_FIRST],
        switch=fields.get("switch name", ""),
        mac=fields.get("mac address", "").lower().replace("-", ":"),
        external=kind.lower() == "external" or name == _OF_THE_CARD,
    )
