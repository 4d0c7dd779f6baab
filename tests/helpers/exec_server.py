"""An API server's exec, played from recordings of a real one (Kubernetes 1.36): handshakes, frames, refusals."""

import asyncio
import json
import threading
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

from aiohttp import WSMsgType, web

RECORDINGS = json.loads((Path(__file__).parent / "data" / "exec_frames.json").read_text())


class ExecServer:
    """Plays `play`, the title of a recording, for each client; or calls `behave(socket)` instead.

    `requests` are the paths and headers of the clients, `got` their messages.
    """

    def __init__(self):
        self.play, self.behave = "", None
        self.requests, self.got = [], []
        self.port = 0

    async def handle(self, request):
        self.requests.append(request)
        recording = RECORDINGS.get(self.play, {"chosen": "v5.channel.k8s.io", "frames": []})
        refused = recording.get("handshake")
        if refused:
            return web.Response(status=refused["status"], body=refused["body"], headers=refused["headers"])
        chosen = recording["chosen"]
        socket = web.WebSocketResponse(protocols=[chosen] if chosen else [], autoping=False, max_msg_size=0)
        await socket.prepare(request)
        if self.behave is not None:
            await self.behave(socket)
        else:
            await self._replay(socket, recording["frames"])
        return socket

    async def _replay(self, socket, frames):
        for frame in frames:
            if "to" in frame:
                message = await socket.receive(timeout=5)
                self.got.append(message.data)
                assert message.data == bytes.fromhex(frame["to"])
            elif "close" in frame:
                await socket.close(code=frame["close"])
            elif "hex" in frame:
                await socket.send_bytes(bytes.fromhex(frame["hex"]))
            else:
                data = bytes(frame["zeros"]) if "zeros" in frame else frame["text"].encode()
                await socket.send_bytes(bytes([frame["channel"]]) + data)

    async def collect(self, socket, until):
        """Read messages until `until(message)`; answers pings."""
        async for message in socket:
            self.got.append(message.type if message.type is not WSMsgType.BINARY else message.data)
            if until(message):
                return


@contextmanager
def exec_server(tls=None):
    server, loop, started = ExecServer(), asyncio.new_event_loop(), threading.Event()

    async def begin():
        app = web.Application()
        app.router.add_get("/{path:.*}", server.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        server.port = site._server.sockets[0].getsockname()[1]
        started.set()
        return runner

    def run():
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(begin())
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert started.wait(5)
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


def configuration(server, scheme="http", **more):
    """The fields of a `kubernetes.client.Configuration` that the client reads."""
    settings = {
        "host": f"{scheme}://127.0.0.1:{server.port}",
        "ssl_ca_cert": None,
        "cert_file": None,
        "key_file": None,
        "verify_ssl": True,
        "proxy": None,
        "auth_settings": lambda: {"BearerToken": {"value": "Bearer secret"}},
    }
    return SimpleNamespace(**{**settings, **more})
