"""The child process of `NetLab`: it builds the network in namespaces of its own and does what the parent asks.

A request is a pickled `(method of Bench, args, kwargs)` on stdin, an answer a pickled `(ok, value or error text)` on
stdout. The process ends when stdin does.
"""

from __future__ import annotations

import ctypes
import dataclasses
import json
import os
import pickle
import subprocess
import sys
import time
from typing import Any

from netlab import HOST_PORT, POD_PORT
from netlab_echo import EchoServers
from netlab_traffic import Exchange, Recorder, ask, count_answers, ping


class Bench:
    """The network, its servers, and the operations of tests."""

    def __init__(self, profile: str, dsr: bool | None, build: str | None, variations: list[str]) -> None:
        from podwire_lab.model.profiles import profile_named
        from podwire_lab.network.network import build_network

        began = time.perf_counter()
        self.network = build_network(profile_named(profile, dsr=dsr, build=build, variations=variations))
        self.build_seconds = time.perf_counter() - began
        self.servers = EchoServers()
        self.places: dict[str, Any] = {"outside": self.network.outside, "router": self.network.router.netns}
        self.addresses: dict[str, tuple[str, ...]] = {"outside": self.network.outside_addresses}
        self.macs: dict[str, str] = {}
        self.services: list[Any] = []
        for port in (POD_PORT, 80, 53):
            self.servers.add(self.network.outside, "outside", port)
        for name, node in self.network.nodes.items():
            self.places[name], self.addresses[name] = node.namespace, node.addresses
            self.macs[name] = node.plan.mac
            self.servers.add(node.namespace, name, HOST_PORT, node.addresses)
            for slot in "ab":
                self.attach(name, slot)

    def attach(self, node: str, slot: str, wish: str = "") -> tuple[str, ...]:
        from podwire_lab.model.cni_notes import CALICO_WISH

        name, notes = f"{node}/{slot}", {CALICO_WISH: json.dumps([wish])} if wish else {}
        pod = self.network.nodes[node].attach_pod(name, notes)
        self.places[name], self.addresses[name], self.macs[name] = pod.namespace, pod.addresses, pod.mac
        self.servers.add(pod.namespace, name, POD_PORT)
        return pod.addresses

    def detach(self, node: str, slot: str) -> None:
        self.network.nodes[node].detach_pod(f"{node}/{slot}")

    def facts(self) -> dict[str, Any]:
        gateways = {name: node.gateways for name, node in self.network.nodes.items()}
        listed = {name: dict(node.hns_listed) for name, node in self.network.nodes.items()}
        cards = {name: node.card for name, node in self.network.nodes.items()}
        found = {"addresses": self.addresses, "macs": self.macs, "gateways": gateways, "hns": listed, "cards": cards}
        found["mode"], found["dsr"] = self.network.profile.mode, self.network.profile.windows.dsr
        return {**found, "build": self.build_seconds}

    def service(
        self,
        vip: str,
        *backends: str,
        port: int = 80,
        states: dict[str, str] | None = None,
        ports: dict[str, int] | None = None,
        **more: Any,
    ) -> None:
        """A Service for TCP and UDP whose backends are pods or nodes; a second call with the same `vip` replaces it.

        `states` marks backends as "unready" or "terminating", `ports` are the unusual target ports.
        """
        from podwire_lab.model.interfaces import EndpointRule, ServiceRule

        family = "ipv6" if ":" in vip else "ipv4"
        conditions = {
            "unready": {"ready": False, "serving": False},
            "terminating": {"ready": False, "terminating": True},
        }
        ends = tuple(
            EndpointRule(
                address=self._address(backend, family),
                node=backend.split("/")[0] if backend in self.addresses else "",
                port=(ports or {}).get(backend, HOST_PORT if backend in self.network.nodes else None),
                **conditions.get((states or {}).get(backend, ""), {}),
            )
            for backend in backends
        )
        self.services = [s for s in self.services if s.address != vip]
        for protocol in ("tcp", "udp"):
            rule = ServiceRule(
                name=f"test/{vip}", address=vip, protocol=protocol, port=port, target_port=POD_PORT,
                endpoints=ends, **more,
            )  # fmt: skip
            self.services.append(rule)
        for node in self.network.nodes.values():
            node.set_services(self.services)

    def serve(self, place: str, port: int, *own: str) -> None:
        """Start another echo server in a place, at all of its addresses or at the given ones."""
        self.servers.add(self.places[place], place, port, *([own] if own else []))

    def lead(self, **routes: str) -> None:
        """Route external addresses, given as `node=address`, from the router to nodes."""
        self.network.set_external_routes({address: node.replace("_", "-") for node, address in routes.items()})

    def host_ports(self, *mappings: tuple[str, int], **more: Any) -> None:
        """Host ports that lead to the echo of pods: (pod, port) each, for TCP and UDP over IPv4."""
        from podwire_lab.model.interfaces import PortMapping

        for name, node in self.network.nodes.items():
            made = [
                PortMapping(protocol=protocol, port=port, pod=address, pod_port=POD_PORT, **more)
                for pod, port in mappings
                if pod.startswith(f"{name}/")
                for address in self.addresses[pod][:1]
                for protocol in ("tcp", "udp")
            ]
            node.set_host_ports(made)

    def guard(self, pod: str) -> None:
        """Apply a network policy: the pod receives TCP to its echo, and nothing else."""
        from podwire_lab.model.policy_objects import PolicyObjects, PolicyPod

        pods = tuple(
            PolicyPod(name=name, namespace="default", node=name.partition("/")[0], addresses=tuple(addresses),
                      labels={"guarded": "yes" if name == pod else "no"})
            for name, addresses in self.addresses.items() if "/" in name
        )  # fmt: skip
        spec = {"podSelector": {"matchLabels": {"guarded": "yes"}}, "ingress": [{"ports": [{"port": POD_PORT}]}]}
        policy = {"metadata": {"name": "guarded", "namespace": "default"}, "spec": spec}
        self.policies(PolicyObjects(policies=(policy,), pods=pods, namespaces={"default": {}}))

    def policies(self, objects: Any) -> None:
        """Give the policy engines of all nodes these objects (`podwire_lab.model.policy_objects.PolicyObjects`)."""
        for node in self.network.nodes.values():
            node.set_policies(objects)

    def close(self, *pods: str) -> None:
        """Apply a security group that admits nobody to these pods, and to no others."""
        for node in self.network.nodes.values():
            node.set_closed([address for pod in pods for address in self.addresses[pod]])

    def _address(self, place: str, family: str) -> str:
        return next((a for a in self.addresses.get(place, (place,)) if (":" in a) == (family == "ipv6")), place)

    def exchange(
        self,
        client: str,
        server: str,
        *,
        proto: str = "udp",
        family: str = "ipv4",
        port: int | None = None,
        size: int = 64,
        timeout: float = 0.4,
        source_port: int = 0,
        record: tuple[str, ...] | list[str] = (),
    ) -> Exchange:
        """One request and its answer; `record` names places (and `fabric:PORT`) whose frames come back as packets."""
        target = self._address(server, family)
        if port is None:
            port = HOST_PORT if server in self.network.nodes else POD_PORT
        with Recorder(self.network, self.places, record) as recorder:
            try:
                exchange = ping if proto == "icmp" else ask
                result = exchange(self.places[client], target, (source_port, port), proto, size, timeout)
            except OSError as error:
                result = Exchange(error=type(error).__name__)
        return dataclasses.replace(result, packets=recorder.packets)

    def tunnelled(self, client: str, server: str, vni: str, family: str = "ipv4") -> dict[str, Any]:
        """The report of an agent on a node about a request to a pod in tunnel packets that it makes; any answer ends
        it."""
        from agent_loop import run_coroutine

        from podwire.agent.exchange import exchange
        from podwire.agent.loop import Loop

        params = {"proto": "tunnel", "host": self._address(server, family), "port": POD_PORT, "vni": vni}
        params |= {"token": "pw0123456789abcdef", "timeout": 0.4}
        with self.places[client].entered():
            loop = Loop()
            return run_coroutine(loop, lambda: exchange(loop, params))

    def many(self, client: str, server: str, count: int, *, port: int = POD_PORT, timeout: float = 1.0) -> int:
        """How many of `count` TCP connections that are open at the same time get an answer."""
        address = self._address(server, "ipv4")
        return count_answers(self.places[client], address, port, count=count, timeout=timeout)

    def faults(self) -> dict[str, Any]:
        from podwire_lab.faults.registry import FAULTS

        return {name: (fault.kills, fault.profiles) for name, fault in FAULTS.items()}

    def inject(self, name: str) -> None:
        from podwire_lab.faults.registry import FAULTS

        FAULTS[name].inject(self.network)

    def remove(self, name: str) -> None:
        from podwire_lab.faults.registry import FAULTS

        FAULTS[name].remove(self.network)

    def restart(self, node: str, program: str) -> str:
        """Restart `hns` or `kube-proxy` of a Windows node. Returns why it cannot, or ''."""
        return self.network.nodes[node].restart(program)

    def address(self, node: str, device: str, address: str) -> None:
        links = self.network.nodes[node].host.links
        links.address(device, address)
        links.commit()

    def ruleset(self, node: str, text: str) -> None:
        from podwire_lab.kernel import nft

        nft.apply(self.network.nodes[node].host.netns, text)

    def command(self, place: str, *words: str) -> str:
        """The output of a program inside a place."""
        with self.places[place].entered():
            return subprocess.run(words, capture_output=True, text=True, timeout=10, check=True).stdout


def _enter_own_namespaces() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    uid, gid = os.getuid(), os.getgid()
    if libc.unshare(0x10000000 | 0x40000000) != 0:  # CLONE_NEWUSER | CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "unshare")
    for path, text in (("setgroups", "deny"), ("uid_map", f"0 {uid} 1"), ("gid_map", f"0 {gid} 1")):
        with open(f"/proc/self/{path}", "w") as file:
            file.write(text)


def _main(profile: str, options: str) -> None:
    _enter_own_namespaces()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def say(ok: bool, value: Any) -> None:
        pickle.dump((ok, value), out)
        out.flush()

    try:
        bench = Bench(profile, **json.loads(options))
    except Exception as error:
        return say(False, f"{type(error).__name__}: {error}")
    say(True, bench.build_seconds)
    while True:
        try:
            name, args, kwargs = pickle.load(sys.stdin.buffer)
        except EOFError:
            os._exit(0)
        try:
            say(True, getattr(bench, name)(*args, **kwargs))
        except Exception as error:
            say(False, f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    _main(*sys.argv[1:])
