"""`powershell.exe` of an emulated Windows node, as far as podwire asks it: which networks and endpoints HNS has.

    powershell.exe ... -Command "Get-HnsNetwork | ... | ConvertTo-Json -Compress"

Sources: Get-HnsNetwork's Name, Type, Subnets.AddressPrefix and Subnets.Policies.VSID as people show them (flannel issue
1944, Calico issue 6996), Get-HnsEndpoint's Name, IPAddress and MacAddress (Windows-Containers issue 563);
ConvertTo-Json writes one object without a list around it. Nothing else is imitated. The node puts its networks before
PowerShell's own arguments; endpoints are the pods that it has in its neighbour table. Standard library only.
"""

import json
import sys

TWICE = "--endpoints-twice"
BRIDGE, PERMANENT = "cbr0", 0x6  # linux/if_arp.h: ATF_COM and ATF_PERM
OTHER_MAC = "0E-2A-00-00-DE-AD"


def main(networks: str, arguments: "list[str]", neighbours: str = "") -> int:
    asked = arguments[-1] if arguments[-2:-1] == ["-Command"] else ""
    command = asked.partition(" ")[0] if asked.endswith("ConvertTo-Json -Compress") else ""
    if command == "Get-HnsNetwork":
        found = json.loads(networks)
    elif command == "Get-HnsEndpoint":
        found = endpoints(neighbours)
        if TWICE in arguments:
            found += [{**one, "Name": f"{one['Name']}-stale", "MacAddress": OTHER_MAC} for one in found]
    else:
        print(f"powershell.exe: the lab has no such command: {asked or ' '.join(arguments)}", file=sys.stderr)
        return 1
    if found:
        print(json.dumps(found[0] if len(found) == 1 else found, separators=(",", ":")))
    return 0


def endpoints(neighbours: str) -> "list[dict[str, object]]":
    """An endpoint for each pod in a neighbour table, as /proc/net/arp has it: address, hardware type, flags, hardware
    address, mask, device (proc_net(5)). Pods that are gone are in it until another one has their address."""
    rows = [line.split() for line in neighbours.splitlines()[1:]]
    return [
        {"Name": f"pod-{ip}", "IPAddress": ip, "MacAddress": mac.upper().replace(":", "-"), "Remote": False}
        for ip, _, flags, mac, _, device in rows
        if device == BRIDGE and int(flags, 16) == PERMANENT
    ]


if __name__ == "__main__":
    with open("/proc/net/arp", encoding="ascii") as table:
        sys.exit(main(sys.argv[1], sys.argv[2:], table.read()))
