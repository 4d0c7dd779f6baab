"""The lab's network under test, in a child process with its own user and network namespaces.

    with NetLab("overlay-win-overlay") as lab:
        result = lab.exchange("windows-1/a", "linux-1/a", record=["windows-1"])

The child builds the network, gives every node two pods (`a`, `b`) and runs echo servers: 8080 in pods and outside (80
too), 18080 on nodes. An address may be given as it is, or as the name of a place.
"""

from __future__ import annotations

import contextlib
import ctypes
import dataclasses
import json
import os
import pickle
import select
import selectors
import socket
import struct
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

POD_PORT, HOST_PORT, CLOSED_PORT = 8080, 18080, 18999
TOKEN = b"podwire-lab-token-0123456789"


class NetLab:
    """The parent's end: every method of `Bench` can be called on it."""

    def __init__(self, profile: str, dsr: bool | None = None, build: str | None = None) -> None:
        command = [sys.executable, __file__, profile, json.dumps({"dsr": dsr, "build": build})]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.startup: float = self._answer()

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            pickle.dump((name, args, kwargs), self._child.stdin)
            self._child.stdin.flush()
            return self._answer()

        return call

    def _answer(self) -> Any:
        try:
            ok, value = pickle.load(self._child.stdout)
        except EOFError:
            raise RuntimeError(f"the lab's process ended with {self._child.wait(10)}") from None
        if not ok:
            raise RuntimeError(value)
        return value

    def __enter__(self) -> NetLab:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.stdin.close()
        self._child.wait(10)
        self._child.stdout.close()


@dataclasses.dataclass(frozen=True)
class Exchange:
    """What came of one exchange: `error` is the class of the exception, or '' when an answer came."""

    error: str = ""
    identity: str = ""
    seen: str = ""
    seen_port: int = 0
    peer: str = ""
    sport: int = 0
    token_kept: bool = True
    packets: dict[str, list[Any]] = dataclasses.field(default_factory=dict)

    @property
    def ok(self) -> bool:
        return not self.error and self.token_kept


class EchoServers(threading.Thread):
    """One thread that answers with a JSON line: who I am, whom I see, and the first bytes that came."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._selector = selectors.DefaultSelector()
        self._added: list[tuple[socket.socket, tuple[str, str]]] = []
        self._lock = threading.Lock()
        self.start()

    def add(self, namespace: Any, identity: str, port: int, own: tuple[str, ...] = ("0.0.0.0", "::")) -> None:
        """Bind to given addresses where a host has several: a UDP answer must come from the one that was asked."""
        for address in own:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                server = namespace.socket(family, kind)
                if family == socket.AF_INET6:
                    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                server.bind((address, port))
                if kind == socket.SOCK_STREAM:
                    server.listen(256)
                server.setblocking(False)
                what = "datagram" if kind == socket.SOCK_DGRAM else "listener"
                with self._lock:
                    self._added.append((server, (what, identity)))

    def run(self) -> None:
        while True:
            with self._lock:
                for server, data in self._added:
                    self._selector.register(server, selectors.EVENT_READ, data)
                self._added.clear()
            for key, _ in self._selector.select(0.02):
                with contextlib.suppress(OSError):
                    self._serve(key.fileobj, *key.data)

    def _serve(self, server: Any, what: str, identity: str) -> None:
        if what == "listener":
            connection, _ = server.accept()
            connection.setblocking(False)
            self._selector.register(connection, selectors.EVENT_READ, ("stream", identity))
        elif what == "datagram":
            data, peer = server.recvfrom(65536)
            server.sendto(_echo(identity, peer, data), peer)
        else:
            data = server.recv(65536)
            if data:
                server.sendall(_echo(identity, server.getpeername(), data))
            else:
                self._selector.unregister(server)
                server.close()


def _echo(identity: str, peer: Any, data: bytes) -> bytes:
    echoed = data[: len(TOKEN)].decode("latin-1")
    return json.dumps({"identity": identity, "seen": peer[0], "port": peer[1], "token": echoed}).encode() + b"\n"


class Bench:
    """The child's end: the network, its servers, and what tests do with it."""

    def __init__(self, profile: str, dsr: bool | None, build: str | None) -> None:
        from podwire_lab.model.profiles import profile_named
        from podwire_lab.network.network import build_network

        began = time.perf_counter()
        self.network = build_network(profile_named(profile, dsr=dsr, build=build))
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

    def attach(self, node: str, slot: str) -> tuple[str, ...]:
        name = f"{node}/{slot}"
        pod = self.network.nodes[node].attach_pod(name)
        self.places[name], self.addresses[name], self.macs[name] = pod.namespace, pod.addresses, pod.mac
        self.servers.add(pod.namespace, name, POD_PORT)
        return pod.addresses

    def detach(self, node: str, slot: str) -> None:
        self.network.nodes[node].detach_pod(f"{node}/{slot}")

    def facts(self) -> dict[str, Any]:
        gateways = {name: node.gateways for name, node in self.network.nodes.items()}
        listed = {name: dict(node.hns_listed) for name, node in self.network.nodes.items()}
        cards = {name: node.card for name, node in self.network.nodes.items()}
        told = {"addresses": self.addresses, "macs": self.macs, "gateways": gateways, "hns": listed, "cards": cards}
        told["mode"], told["dsr"] = self.network.profile.mode, self.network.profile.windows.dsr
        return {**told, "build": self.build_seconds}

    def service(
        self,
        vip: str,
        *backends: str,
        port: int = 80,
        states: dict[str, str] | None = None,
        ports: dict[str, int] | None = None,
        **more: Any,
    ) -> None:
        """A Service for TCP and UDP whose backends are pods or nodes; the same `vip` again replaces it.

        `states` tells which backends are "unready" or "terminating", `ports` where they listen when that is not usual.
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
        """Another echo server in a place, at all of its addresses or at the given ones."""
        self.servers.add(self.places[place], place, port, *([own] if own else []))

    def lead(self, **routes: str) -> None:
        """Lead external addresses, given as `node=address`, from the router to nodes."""
        self.network.set_external_routes({address: node.replace("_", "-") for node, address in routes.items()})

    def host_ports(self, *mappings: tuple[str, int], **more: Any) -> None:
        """Ports of nodes that lead to the echo of pods: (pod, port) each, for TCP and UDP of IPv4."""
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
        """A network policy: the pod takes TCP to its echo, and nothing else."""
        from podwire_lab.model.interfaces import Allowance, PolicyRule

        allowed = (Allowance(protocol="tcp", port=str(POD_PORT)),)
        rules = [PolicyRule(address=one, side="ingress", allowed=allowed) for one in self.addresses[pod]]
        for node in self.network.nodes.values():
            node.set_policies(rules)

    def close(self, *pods: str) -> None:
        """A security group lets nobody in to these pods, and to no others."""
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
        """One question and its answer; `record` names places (and `fabric:PORT`) whose frames come back as packets."""
        target = self._address(server, family)
        if port is None:
            port = HOST_PORT if server in self.network.nodes else POD_PORT
        with Recorder(self, record) as recorder:
            try:
                ask = ping if proto == "icmp" else _ask
                result = ask(self.places[client], target, (source_port, port), proto, size, timeout)
            except OSError as error:
                result = Exchange(error=type(error).__name__)
        return dataclasses.replace(result, packets=recorder.packets)

    def tunnelled(self, client: str, server: str, vni: str, family: str = "ipv4") -> dict[str, Any]:
        """What an agent on a node says of a question to a pod in tunnel packets that it makes; any answer ends it."""
        sys.path.append(str(Path(__file__).parents[1] / "helpers"))
        from agent_loop import run_coroutine

        from podwire.agent.exchange import exchange
        from podwire.agent.loop import Loop

        params = {"proto": "tunnel", "host": self._address(server, family), "port": POD_PORT, "vni": vni}
        params |= {"token": "pw0123456789abcdef", "timeout": 0.4}
        with self.places[client].entered():
            loop = Loop()
            return run_coroutine(loop, lambda: exchange(loop, params))

    def many(self, client: str, server: str, count: int, *, port: int = POD_PORT, timeout: float = 1.0) -> int:
        """How many of `count` TCP connections that are all open at once get an answer."""
        sockets = []
        for _ in range(count):
            connection = self.places[client].socket(socket.AF_INET, socket.SOCK_STREAM)
            connection.setblocking(False)
            connection.connect_ex((self._address(server, "ipv4"), port))
            sockets.append(connection)
        deadline, waiting, answered = time.monotonic() + timeout, set(sockets), 0
        for connection in sockets:
            left = max(0.0, deadline - time.monotonic())
            _, writable, _ = select.select([], [connection], [], left)
            with contextlib.suppress(OSError):
                if writable:
                    connection.send(TOKEN)
        while waiting and time.monotonic() < deadline:
            readable, _, _ = select.select(list(waiting), [], [], deadline - time.monotonic())
            for connection in readable:
                waiting.discard(connection)
                with contextlib.suppress(OSError):
                    answered += bool(connection.recv(4096))
        for connection in sockets:
            connection.close()
        return answered

    def faults(self) -> dict[str, Any]:
        from podwire_lab.faults.registry import FAULTS

        return {name: (fault.kills, fault.profiles) for name, fault in FAULTS.items()}

    def inject(self, name: str) -> None:
        from podwire_lab.faults.registry import FAULTS

        FAULTS[name].inject(self.network)

    def remove(self, name: str) -> None:
        from podwire_lab.faults.registry import FAULTS

        FAULTS[name].remove(self.network)

    def address(self, node: str, device: str, address: str) -> None:
        links = self.network.nodes[node].host.links
        links.address(device, address)
        links.commit()

    def ruleset(self, node: str, text: str) -> None:
        from podwire_lab.kernel import nft

        nft.apply(self.network.nodes[node].host.netns, text)

    def command(self, place: str, *words: str) -> str:
        """What a program prints inside a place."""
        with self.places[place].entered():
            return subprocess.run(words, capture_output=True, text=True, timeout=10, check=True).stdout


def _ask(place: Any, target: str, ports: tuple[int, int], proto: str, size: int, timeout: float) -> Exchange:
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    with place.socket(family, socket.SOCK_STREAM if proto == "tcp" else socket.SOCK_DGRAM) as client:
        client.settimeout(timeout)
        client.bind(("", ports[0]))
        client.connect((target, ports[1]))
        client.sendall(TOKEN.ljust(size, b"."))
        answer = json.loads(client.recv(65536))
        sport, peer = client.getsockname()[1], client.getpeername()[0]
    kept = answer["token"] == TOKEN.decode()
    return Exchange("", answer["identity"], answer["seen"], answer["port"], peer, sport, kept)


def ping(place: Any, target: str, _ports: object, _proto: str, size: int, timeout: float) -> Exchange:
    v6 = ":" in target
    number = socket.IPPROTO_ICMPV6 if v6 else socket.IPPROTO_ICMP
    message = struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, os.getpid() & 0xFFFF, 1) + TOKEN.ljust(size, b".")
    if not v6:
        total = sum(struct.unpack(f"!{len(message) // 2}H", message))
        total = (total & 0xFFFF) + (total >> 16)
        message = message[:2] + struct.pack("!H", ~((total & 0xFFFF) + (total >> 16)) & 0xFFFF) + message[4:]
    with place.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_RAW, number) as channel:
        channel.sendto(message, (target, 0))
        deadline = time.monotonic() + timeout
        while True:
            channel.settimeout(max(0.001, deadline - time.monotonic()))
            data, peer = channel.recvfrom(65536)
            body = data if v6 else data[(data[0] & 15) * 4 :]
            if body[0] == (129 if v6 else 0) and TOKEN in body:
                return Exchange("", "", peer[0], 0, peer[0])
            if body[0] in ((1, 3) if v6 else (3, 11)) and TOKEN[:8] in body:
                return Exchange(error="IcmpError")


class Recorder:
    """AF_PACKET sockets at named places; a place's frames are those of its eth0, `fabric:PORT` a port of the switch."""

    def __init__(self, bench: Bench, places: Any) -> None:
        self.packets: dict[str, list[Any]] = {}
        self._sockets = {}
        for place in places:
            where, interface = bench.places.get(place), "eth0"
            if place.startswith("fabric:"):
                where, interface = bench.network.fabric.netns, place.partition(":")[2]
            channel = where.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
            channel.bind((interface, 3))
            channel.setblocking(False)
            self._sockets[place] = channel

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *_: object) -> None:
        from podwire.packets.dissect import decode

        for place, channel in self._sockets.items():
            frames = []
            while select.select([channel], [], [], 0.03)[0]:
                data, _ = channel.recvfrom(65536)
                frames.append(decode(data))
            self.packets[place] = [
                p for p in frames if p.ip.protocol in ("tcp", "udp", "icmp", "icmpv6") and _counts(p)
            ]
            channel.close()


def _counts(packet: Any) -> bool:
    """Neighbour discovery and multicast reports are not of a flow."""
    return packet.ip.protocol != "icmpv6" or packet.icmp.type < 130


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
    sys.modules["netlab"] = sys.modules["__main__"]
    Exchange.__module__ = "netlab"
    _main(*sys.argv[1:])
