"""Which DNS servers the resolver of this machine or pod is told to ask."""

from __future__ import annotations

from podwire.agent.system import WINDOWS, complain

RESOLV_CONF = "/etc/resolv.conf"
MOST = 16


def dns_servers() -> list[str]:
    """Their addresses, in order: of resolv.conf(5), or on Windows of all adapters. Empty when that cannot be read."""
    try:
        if WINDOWS:
            from podwire.agent.node.interfaces_windows import dns_servers_of_windows

            return dns_servers_of_windows()[:MOST]
        with open(RESOLV_CONF, encoding="utf-8", errors="replace") as file:
            lines = [line.split() for line in file.read(1 << 16).splitlines()]
        return [line[1] for line in lines if len(line) > 1 and line[0] == "nameserver"][:MOST]
    except OSError as error:
        complain(f"DNS servers: {error}")
        return []
