"""Agents played in this process, on a deployment made by hand: honest ones, and those for which a `Lie` speaks."""

import hashlib
import json
import threading
import time

from podwire.agent.framing import PREAMBLE, Decoder, Encoder, Kind
from podwire.cluster.deployment.agent_archive import agent_digest


class Network:
    """The owner of each address: the server of an exchange with an honest agent."""

    def __init__(self, deployment):
        self.owners = {ip: probe.pod for probe in deployment.probes for ip in probe.addresses.values()}
        self.probes = {probe.pod: probe for probe in deployment.probes}
        self.liar_listens = False

    def attempt(self, pod, params):
        address = next(iter(self.probes[pod].addresses.values()))
        local = (address, params.get("preferred_port") or 40000)
        reply = {
            "identity": self.owners[params["host"]],
            "source": local[0],
            "source_port": local[1],
            "destination": params["host"],
            "destination_port": params["port"],
        }
        return {
            "token": params["token"],
            "started": time.time(),
            "elapsed": 0.001,
            "local": list(local),
            "peer": [params["host"], params["port"]],
            "resolved": [],
            "reply": reply,
            "error": None,
            "sent": 256,
            "received": 256,
        }


class Agent:
    """The stream to one agent; a `Lie` may speak for it."""

    def __init__(self, pod, network, lie=None):
        self.pod, self.network, self._lie = pod, network, lie
        self._encoder, self._decoder = Encoder(), Decoder()
        self._lock, self._closed = threading.Lock(), threading.Event()

    def start(self, on_data, on_end):
        self._on_data, self._on_end = on_data, on_end
        hello = self._lie.hello if self._lie else PREAMBLE
        if hello:
            on_data(hello)

    def write(self, data):
        if self._closed.is_set():
            raise BrokenPipeError("the stream has ended")
        for kind, request, payload in self._decoder.feed(data):
            if kind is Kind.REQUEST:
                threading.Thread(target=self._answer, args=(request, payload), daemon=True).start()

    def close(self):
        self._closed.set()

    def end(self, reason):
        self._closed.set()
        self._on_end(reason)

    def say(self, kind, request, tree=b""):
        payload = tree if isinstance(tree, bytes) else json.dumps(tree).encode()
        with self._lock:
            self._on_data(self._encoder.frame(kind, request, payload))

    def noise(self, data):
        self._on_data(data)

    def _answer(self, number, payload):
        message = json.loads(payload)
        method, params = message["method"], message["params"]

        def honest(**changes):
            self.say(Kind.RESULT, number, {**self.truth(method, params), **changes})
            if method in ("capture_read", "capture_stop"):
                self.say(Kind.END, number, {"sha256": hashlib.sha256(b"").hexdigest()})

        if self._lie and self._lie.tell:
            self._lie.tell(self, method, number, honest)
        else:
            honest()

    def truth(self, method, params):
        if method == "hello":
            addresses = list(self.network.probes[self.pod].addresses.values())
            interfaces = [{"name": "eth0", "mac": "02:00:00:00:00:01", "addresses": addresses}]
            return {"identity": self.pod, "interfaces": interfaces, "file": agent_digest()}
        if method == "exchange":
            return self.network.attempt(self.pod, params)
        if method == "capture_start":
            return {"interfaces": []}
        return {"dropped": 0, "count": 0, "parts": []}
