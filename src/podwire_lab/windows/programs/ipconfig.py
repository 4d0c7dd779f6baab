"""`ipconfig` of an emulated Windows node: what the network of this pod, or of the node, is told about itself.

    ipconfig [/all] | ipconfig /flushdns

Source: Microsoft, "ipconfig", and the layout of its output; lines that the lab has nothing to say to are left out. The
emulated DNS client keeps nothing, so a flush has nothing to do. Standard library only: it must start fast.
"""

import fcntl
import ipaddress
import socket
import struct
import sys
from collections.abc import Iterator

ADAPTER = "/etc/adapter.conf"
DOTS = ". " * 17
SIOCGIFADDR, SIOCGIFNETMASK, SIOCGIFHWADDR = 0x8915, 0x891B, 0x8927
LOOPBACK, LINK_LOCAL_SCOPE, GATEWAY_FLAG = "lo", "20", 0x2


def main(arguments: "list[str]") -> int:
    options = [word.lower().replace("-", "/", 1) for word in arguments]
    if options == ["/flushdns"]:
        print("\nWindows IP Configuration\n\nSuccessfully flushed the DNS Resolver Cache.")
        return 0
    if options not in ([], ["/all"]):
        print(f"\nError: unrecognized or incomplete command line: {' '.join(arguments)}")
        return 1
    everything, (servers, suffixes) = bool(options), settings(ADAPTER)
    print("\nWindows IP Configuration\n")
    if everything:
        show("Host Name", [socket.gethostname()])
        show("DNS Suffix Search List", suffixes)
    for _, name in socket.if_nameindex():
        if name != LOOPBACK and (addresses := addresses_of(name)):
            print(f"\nEthernet adapter vEthernet ({name}):\n")
            show("Connection-specific DNS Suffix ", suffixes[:1])
            if everything:
                show("Physical Address", [asked(name, SIOCGIFHWADDR)[18:24].hex("-").upper()])
            for label, values in addresses:
                show(label, values)
            show("Default Gateway", list(gateways(name)))
            if everything:
                show("DNS Servers", servers)
    return 0


def show(label: str, values: "list[str]") -> None:
    """A label filled with dots up to the column of values."""
    head = f"   {label}{DOTS[len(label) :]}: "
    print(head + ("\n" + " " * len(head)).join(values))


def settings(path: str) -> "tuple[list[str], list[str]]":
    """The servers and suffixes of the adapter, from a file in the words of resolv.conf(5)."""
    with open(path, encoding="utf-8") as file:
        lines = [line.split() for line in file]
    servers = [line[1] for line in lines if line[:1] == ["nameserver"]]
    return servers, [word for line in lines if line[:1] == ["search"] for word in line[1:] if word != "."]


def asked(name: str, request: int) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        return fcntl.ioctl(sock, request, struct.pack("16s24x", name.encode()))


def addresses_of(name: str) -> "list[tuple[str, list[str]]]":
    lines = []
    try:
        lines.append(("IPv4 Address", [socket.inet_ntoa(asked(name, SIOCGIFADDR)[20:24])]))
        lines.append(("Subnet Mask", [socket.inet_ntoa(asked(name, SIOCGIFNETMASK)[20:24])]))
    except OSError:
        pass  # The interface has no IPv4 address.
    for address, _, _, scope, _, interface in rows("/proc/net/if_inet6"):
        if interface == name and scope != LINK_LOCAL_SCOPE:
            lines.append(("IPv6 Address", [str(ipaddress.ip_address(bytes.fromhex(address)))]))
    return lines


def gateways(name: str) -> "Iterator[str]":
    for interface, network, gateway, flags, *_ in rows("/proc/net/route"):
        if interface == name and network == "00000000" and int(flags, 16) & GATEWAY_FLAG:
            yield socket.inet_ntoa(struct.pack("=I", int(gateway, 16)))
    for network, length, _, _, gateway, _, _, _, flags, interface in rows("/proc/net/ipv6_route"):
        if interface == name and int(network + length, 16) == 0 and int(flags, 16) & GATEWAY_FLAG:
            yield str(ipaddress.ip_address(bytes.fromhex(gateway)))


def rows(path: str) -> "list[list[str]]":
    try:
        with open(path, encoding="ascii") as file:
            return [line.split() for line in file]
    except FileNotFoundError:
        return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
