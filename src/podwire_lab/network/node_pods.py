"""The pods of a node: their cables, addresses and routes."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Set

from podwire_lab.kernel.netns import plain_frames
from podwire_lab.kernel.rtnetlink import wait_ready
from podwire_lab.model.interfaces import NoAddressLeft
from podwire_lab.network.address_pool import AddressPool
from podwire_lab.network.hosts import ANYWHERE, BRIDGE, NIC, Host, Pod, alone, stack
from podwire_lab.network.machine import Machine


class NodePods:
    """Attaches pods to a node's bridge and detaches them. Iteration gives the attached pods.

    The functions in `attached` get every new pod before it is used. `addresses` assigns host numbers.
    """

    def __init__(self, machine: Machine, addresses: AddressPool) -> None:
        self.addresses = addresses
        self.attached: list[Callable[[Pod], None]] = []
        self._machine = machine
        self._pods: dict[str, Pod] = {}
        self._preserved: Mapping[str, frozenset[str]] = {}
        self._building = threading.RLock()  # threads program Services beside the thread that attaches pods

    def __iter__(self) -> Iterator[Pod]:
        return iter(tuple(self._pods.values()))

    def attach(self, uid: str, wish: str = "") -> Pod:
        """Attach a pod with a cable, addresses and routes, ready for traffic; with that IPv4 address if it has a wish.

        Raises:
            ValueError: a pod with this uid is attached.
            NoAddressLeft: see `AddressPool.take`; or the address of the wish is not free.
        """
        with self._building:
            if uid in self._pods:
                raise ValueError(f"pod {uid} is already attached to {self._machine.name}")
            taken = {pod.number for pod in self._pods.values()}
            pods = self._machine.plan.pods
            number = self._wished(wish, taken) if wish else self.addresses.take(pods, taken)
            self._pods[uid] = pod = self._build(uid, number)
            for callback in tuple(self.attached):
                callback(pod)
            return pod

    def _wished(self, address: str, taken: Set[int]) -> int:
        """The number of an address of the node that no pod has."""
        plan = self._machine.plan
        for number in range(plan.pods.first, plan.pods.last + 1):
            if plan.pod_address("ipv4", number) == address and number not in taken:
                return number
        raise NoAddressLeft(f"address {address} is not free on node {plan.name}")

    def _build(self, uid: str, number: int) -> Pod:
        machine = self._machine
        families, plan, node = machine.families, machine.plan, machine.host.links
        addresses = tuple(plan.pod_address(family, number) for family in families)
        mac, port = _pod_mac(machine, number), f"pod{number}"
        port_mac = f"02:40:00:{number >> 8:02x}:{number & 255:02x}:{plan.number:02x}"
        without_ipv6 = {} if "ipv6" in families else {"net/ipv6/conf/default/disable_ipv6": "1"}
        place = Host(f"{machine.name}/pod{number}", stack(machine.os, machine.profile), without_ipv6)
        try:
            node.veth(port, port_mac, place.links, NIC, mac, mtu=machine.profile.mtu)
            node.bridge_port(port, BRIDGE, hairpin=True)
            node.up(port)
            node.station(port, mac)
            place.links.up(NIC)
            for family, address in zip(families, addresses, strict=True):
                node.neighbour(BRIDGE, address, mac)
                length = plan.pod_cidr(family).rpartition("/")[2]
                place.links.address(NIC, alone(address) if machine.by_fabric else f"{address}/{length}")
                place.links.neighbour(NIC, machine.gateway(family), machine.gateway_mac)
                place.links.route(ANYWHERE[family], NIC, machine.gateway(family))
            node.commit()
            place.links.commit()
            plain_frames(machine.host.netns, port)
            plain_frames(place.netns, NIC)
            wait_ready(node, place.links, only=frozenset({port, NIC, BRIDGE}))
        except BaseException:
            place.close()
            raise
        return Pod(uid, number, place, place.netns, addresses, mac, port)

    def detach(self, uid: str) -> None:
        """Remove the cable and release the namespace; does nothing for a uid that is not attached."""
        with self._building:
            pod = self._pods.pop(uid, None)
            if pod is None:
                return
            self.addresses.give_back(pod.number)
            links = self._machine.host.links
            links.delete_link(pod.host_interface)
            links.commit()
            pod.place.close()

    def lead_untranslated(self, wanted: Mapping[str, frozenset[str]]) -> None:
        """Route addresses to pods, given as address to pods' addresses; routes of earlier calls end. The pods accept
        them; on Windows the operator provides for that with a loopback adapter that has the address.
        """
        if wanted == self._preserved:
            return
        with self._building:
            links = self._machine.host.links
            for address in self._preserved.keys() - wanted.keys():
                links.route(alone(address), BRIDGE, *self._preserved[address], delete=True)
            for address, backends in wanted.items():
                if self._preserved.get(address) != backends:
                    links.route(alone(address), BRIDGE, *backends)
            links.commit()
            for pod in self._pods.values():
                accepted = {address for address, backends in wanted.items() if not backends.isdisjoint(pod.addresses)}
                for address in pod.accepted ^ accepted:
                    pod.place.links.address("lo", alone(address), delete=address in pod.accepted)
                pod.place.links.commit()
                pod.accepted = accepted
        self._preserved = wanted

    def close(self) -> None:
        """Release the namespaces of all pods."""
        for pod in self._pods.values():
            pod.place.close()
        self._pods.clear()


def _pod_mac(machine: Machine, number: int) -> str:
    if machine.os == "windows" and machine.profile.mode == "overlay":
        # win-overlay: the endpoint's MAC is 0E-2A and the IPv4 address in hexadecimal.
        address = machine.plan.pod_address("ipv4", number)
        return ":".join(["0e", "2a", *(f"{int(part):02x}" for part in address.split("."))])
    return f"02:30:00:00:{machine.plan.number:02x}:{number:02x}"
