"""The metadata service of EC2, which instances ask about themselves: here for the addresses of their network cards.

Source: Amazon EC2 user guide, instance metadata: IMDSv2 and categories. It answers nothing else. In the cloud the host
of an instance answers; in the lab the router does, and recognises an instance by the source of its request.
"""

from __future__ import annotations

import secrets
import socket
from collections.abc import Mapping
from typing import Any, Protocol

from aiohttp import web

from podwire_lab.model.addresses import METADATA
from podwire_lab.model.interfaces import Namespace

PORT = 80
_TOKEN, _SECONDS = "X-aws-ec2-metadata-token", "X-aws-ec2-metadata-token-ttl-seconds"
_MOST_SECONDS = 21600


class Instance(Protocol):
    """A node as EC2 sees it."""

    @property
    def addresses(self) -> tuple[str, ...]: ...

    @property
    def card(self) -> Mapping[str, Any]:
        """Its network card by category: `mac`, `local-ipv4`, and the lists `local-ipv4s` and `ipv4-prefix`; `macs` are
        those of all cards. For the other cards only the MAC is available.
        """


class Ec2Metadata:
    """Serves the nodes at the link-local address of the router's namespace."""

    def __init__(self, router: Namespace, instances: Mapping[str, Instance]) -> None:
        self._router = router
        self._instances = {address: instance for instance in instances.values() for address in instance.addresses}
        self._tokens: dict[str, Instance] = {}

    async def serve(self) -> web.AppRunner:
        """Start to answer; `await runner.cleanup()` ends it."""
        app = web.Application()
        app.router.add_put("/latest/api/token", self._token)
        app.router.add_get("/latest/meta-data/{category:.+}", self._answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        with self._router.entered():
            listener = socket.create_server((METADATA, PORT))
        listener.setblocking(False)
        await web.SockSite(runner, listener).start()
        return runner

    async def _token(self, request: web.Request) -> web.Response:
        seconds = request.headers.get(_SECONDS, "")
        instance = self._instances.get(request.remote or "")
        if instance is None or not seconds.isdigit() or not 1 <= int(seconds) <= _MOST_SECONDS:
            return web.Response(status=400)
        token = secrets.token_urlsafe(32)
        self._tokens[token] = instance
        return web.Response(text=token)

    async def _answer(self, request: web.Request) -> web.Response:
        instance = self._tokens.get(request.headers.get(_TOKEN, ""))
        if instance is None or instance is not self._instances.get(request.remote or ""):
            return web.Response(status=401)
        card = instance.card
        cards = "network/interfaces/macs/"
        place = f"{cards}{card['mac']}/"
        category = request.match_info["category"]
        single = {"mac": card["mac"], "local-ipv4": card["local-ipv4"]}
        lists = {place + name: "\n".join(card[name]) for name in ("local-ipv4s", "ipv4-prefix")}
        lists[cards] = "\n".join(f"{mac}/" for mac in card["macs"])
        text = (single | lists).get(category, "")
        return web.Response(text=text) if text else web.Response(status=404)
