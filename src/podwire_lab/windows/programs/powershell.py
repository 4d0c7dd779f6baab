"""`powershell.exe` of an emulated Windows node, as far as podwire asks it: which networks and endpoints HNS has, which
load balancers, which ports the virtual switch, what Windows translates by itself, and how HNS is set.

    powershell.exe ... -Command "Get-HnsNetwork | ... | ConvertTo-Json -Compress"

Sources: Get-HnsNetwork's ID, Name, Type, Subnets.AddressPrefix and Subnets.Policies.VSID as people show them (flannel
issue 1944, Calico issue 6996), Get-HnsEndpoint's Name, IPAddress, MacAddress, VirtualNetwork and Policies.Type
(Windows-Containers issue 563, AKS issue 1367), Get-HnsPolicyList's Policies with VIPs and IsDSR (Calico issue 8465),
Get-NetNat's Name (Microsoft's reference); ConvertTo-Json writes one object without a list around it. The lines of
`vfpctrl /list-vmswitch-port`: SdnDiagnostics and Azure's network policy manager, which read them. Nothing else is
imitated but Restart-Service and Start-Service of HNS and kube-proxy, which the node itself does: a restarted service
runs when the command ends. The node keeps what it has to list (`hns_listings`) in a file, whose path stands before
PowerShell's own arguments; endpoints and ports are the pods that it has in its neighbour table. Standard library only.
"""

from __future__ import annotations

import json
import os.path
import socket
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

SHARED = 3  # hcsshim, hnsendpoint.go: AttachedSharing, that of pods (Azure's network policy manager)
BRIDGE, PERMANENT = "cbr0", 0x6  # linux/if_arp.h: ATF_COM and ATF_PERM
OTHER_MAC = "0E-2A-00-00-DE-AD"
SWITCH, ANOTHER_SWITCH = "04F2CC76-AE71-4E04-9B0B-000000000001", "04F2CC76-AE71-4E04-9B0B-000000000002"

Listed = dict[str, Any]
Pods = Sequence[tuple[str, str]]


def main(listed: str, arguments: Sequence[str], neighbours: str = "", services: str = "") -> int:
    command = arguments[-1] if arguments[-2:-1] == ["-Command"] else ""
    answer = next((function for begin, function in COMMANDS.items() if command.startswith(begin)), None)
    if answer is None:
        print(f"powershell.exe: the lab has no such command: {command or ' '.join(arguments)}", file=sys.stderr)
        return 1
    try:
        for line in answer(json.loads(listed) | {"services": services}, pods_in(neighbours)):
            print(line)
    except OSError as error:
        print(f"powershell.exe: {error}", file=sys.stderr)
        return 1
    return 0


def pods_in(neighbours: str) -> Pods:
    """Address and MAC of each pod in a neighbour table, as /proc/net/arp has it: address, hardware type, flags,
    hardware address, mask, device (proc_net(5)). Pods that are gone are in it until another has their address."""
    rows = [line.split() for line in neighbours.splitlines()[1:]]
    return [
        (ip, mac.upper().replace(":", "-"))
        for ip, _, flags, mac, _, device in rows
        if device == BRIDGE and int(flags, 16) == PERMANENT
    ]


def networks(node: Listed, pods: Pods) -> Iterable[str]:
    return as_json(node["networks"])


def endpoints(node: Listed, pods: Pods) -> Iterable[str]:
    named = [
        {"Name": f"pod-{ip}", "IPAddress": ip, "MacAddress": mac, "Remote": False, "Type": node["type"]}
        | {"State": node["states"].get(ip, SHARED)}
        for ip, mac in pods
    ]
    return as_json([entry for endpoint in named for entry in ENDPOINTS[node["endpoints"]](endpoint)])


def load_balancers(node: Listed, pods: Pods) -> Iterable[str]:
    balancers = [
        {**balancer, "IsDSR": balancer["IsDSR"] is not node["other_dsr"]} for balancer in node["load_balancers"]
    ]
    return as_json([{"LoadBalancers": balancers * node["copies"]}])


def translation(node: Listed, pods: Pods) -> Iterable[str]:
    endpoints = [{"IPAddress": ip, "Told": True, "Policies": node["policies"]} for ip, _ in pods]
    return as_json([{"NetNat": node["net_nat"], "Endpoints": endpoints}])


def state(node: Listed, pods: Pods) -> Iterable[str]:
    found = {
        "Hns": node["hns"],
        "Endpoints": [*(ip for ip, _ in pods), *node["own"]],
        "Translation": [
            f"except {','.join(node['exceptions'])}" if "OutBoundNAT" in node["policies"] else "none" for _ in pods
        ],
        "Gateways": node["gateways"],
        "Overrides": [f"{name}={value}" for name, value in node["overrides"].items()],
        "Switches": [f"{name}={value}" for name, value in node["switches"].items()],
    }
    return as_json([found])


def processes(node: Listed, pods: Pods) -> Iterable[str]:
    return as_json([{"Hns": node["began"]["hns"], "Proxy": node["began"]["proxy"]}])


def restart(program: str) -> Callable[[Listed, Pods], Iterable[str]]:
    """A command that the node carries out. OSError when it cannot."""

    def ask(node: Listed, pods: Pods) -> Iterable[str]:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(node["services"])
            connection.sendall(f"{program}\n".encode())
            answer = connection.makefile().readline().strip()
        if answer != "done":
            raise OSError(answer)
        return ()

    return ask


def ports(node: Listed, pods: Pods) -> Iterator[str]:
    if node["nic"]:
        yield from port("ExternalPort", SWITCH, "External", node["nic"].upper().replace(":", "-"))
    for number in range(node["more_ports"] if pods else 0):
        yield from port(f"more-{number}", SWITCH, "Internal", pods[0][1])
    for ip, mac in pods:
        yield from port(f"pod-{ip}", ANOTHER_SWITCH if node["apart"] else SWITCH, "Internal", mac)


def port(name: str, switch: str, kind: str, mac: str) -> Iterator[str]:
    yield f"  Port name             : {name}-port"
    yield f"  Port Friendly name    : {name}"
    yield f"  Switch name           : {switch}"
    yield f"  Port type:            : {kind}"
    yield f"  MAC address           : {mac}"


def as_json(objects: Sequence[object]) -> list[str]:
    return [json.dumps(objects[0] if len(objects) == 1 else objects, separators=(",", ":"))] if objects else []


STALE = {"Name": "stale", "MacAddress": OTHER_MAC}
ENDPOINTS: dict[str, Callable[[Listed], list[Listed]]] = {  # the faults follow the usual list
    "once": lambda own: [own],
    "twice": lambda own: [own, {**own, **STALE}],
    "remote-too": lambda own: [own, {**own, **STALE, "Remote": True}],
    "none": lambda own: [],
    "other-mac": lambda own: [{**own, "MacAddress": OTHER_MAC}],
}
STRICT = "$ErrorActionPreference = 'Stop'; "
COMMANDS: dict[str, Callable[[Listed, Pods], Iterable[str]]] = {
    "Get-HnsNetwork |": networks,
    "$types = @{}; Get-HnsNetwork |": endpoints,
    f"{STRICT}[pscustomobject]@{{ LoadBalancers =": load_balancers,
    f"{STRICT}[pscustomobject]@{{ NetNat =": translation,
    "function Told($key)": state,
    "function Began($id)": processes,
    "vfpctrl.exe /list-vmswitch-port |": ports,
    f"{STRICT}try {{ Restart-Service hns": restart("hns"),
    f"{STRICT}$proxy = @(Get-Service": restart("kube-proxy"),
    f"{STRICT}Start-Service hns": lambda node, pods: (),  # They always run.
}

if __name__ == "__main__":
    with open("/proc/net/arp", encoding="ascii") as table, open(sys.argv[1], encoding="utf-8") as listing:
        socket_path = os.path.join(os.path.dirname(sys.argv[1]), "services")
        sys.exit(main(listing.read(), sys.argv[2:], table.read(), socket_path))
