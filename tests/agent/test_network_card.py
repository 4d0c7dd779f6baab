"""What EC2 says of a node's network card: asked as IMDSv2 wants it, and until there are as many addresses as wanted."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from agent_loop import run_coroutine

from podwire.agent.errors import Failure
from podwire.agent.loop import Loop
from podwire.agent.node import network_card

CARDS = "/latest/meta-data/network/interfaces/macs/"
MACS = f"{CARDS}02:aa/"


class Metadata:
    """A metadata service for a test: what it knows, and what it was asked."""

    def __init__(self, **known):
        self.known = {"/latest/meta-data/mac": "02:aa", "/latest/meta-data/local-ipv4": "10.0.0.4", **known}
        self.asked = []
        self.token_code = 200

    def answer(self, method, path, head):
        self.asked.append((method, path))
        if method == "PUT":
            return (self.token_code, "t0k") if head.get("X-aws-ec2-metadata-token-ttl-seconds") else (400, "")
        if head.get("X-aws-ec2-metadata-token") != "t0k":
            return 401, ""
        text = self.known.get(path)
        text = text.pop(0) if isinstance(text, list) and len(text) > 1 else text[0] if isinstance(text, list) else text
        return (404, "<h1>404</h1>") if text is None else (200, text)


@contextmanager
def serving(metadata):
    class Handler(BaseHTTPRequestHandler):
        def _do(self):
            code, text = metadata.answer(self.command, self.path, self.headers)
            self.send_response(code)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        do_GET = do_PUT = _do  # noqa: N815

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server.server_address
    finally:
        server.shutdown()
        server.server_close()


def asked(place, least=0, timeout=5.0):
    """What the agent tells, or its Failure, with the service at this place."""
    loop = Loop()

    async def whole():
        try:
            return await network_card.ec2_card(loop, {"least": least, "timeout": timeout})
        except Failure as failure:
            return failure

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(network_card, "METADATA", place)
        return run_coroutine(loop, whole)


def card(metadata, **more):
    with serving(metadata) as place:
        return asked(place, **more)


def test_a_token_is_asked_for_and_then_the_card():
    lists = {MACS + "local-ipv4s": "10.0.0.4\n10.0.0.5", MACS + "ipv4-prefix": "10.0.0.16/28"}
    metadata = Metadata(**lists, **{CARDS: "02:aa/\n02:bb/"})
    told = card(metadata)
    assert json.loads(told["stdout"]) == {
        "local-ipv4": "10.0.0.4",
        "macs": ["02:aa", "02:bb"],
        "local-ipv4s": ["10.0.0.4", "10.0.0.5"],
        "ipv4-prefix": ["10.0.0.16/28"],
    }
    assert (told["code"], metadata.asked[0]) == (0, ("PUT", "/latest/api/token"))


def test_what_a_card_does_not_have_is_an_empty_list():
    told = card(Metadata(**{MACS + "local-ipv4s": "10.0.0.4"}))
    assert json.loads(told["stdout"])["ipv4-prefix"] == []


def test_it_is_asked_again_until_there_are_as_many_as_wanted():
    several = ["10.0.0.4", "10.0.0.4", "10.0.0.4\n10.0.0.5"]
    metadata = Metadata(**{MACS + "local-ipv4s": several})
    told = card(metadata, least=1)
    assert json.loads(told["stdout"])["local-ipv4s"] == ["10.0.0.4", "10.0.0.5"]
    assert metadata.asked.count(("GET", MACS + "local-ipv4s")) == 3


def test_in_the_end_what_there_is_is_told():
    told = card(Metadata(**{MACS + "local-ipv4s": "10.0.0.4"}), least=1, timeout=0.6)
    assert json.loads(told["stdout"])["local-ipv4s"] == ["10.0.0.4"]


def test_a_service_that_refuses_is_named():
    metadata = Metadata()
    metadata.token_code = 403
    assert str(card(metadata)) == "the EC2 metadata service answers api/token with 403"


def test_where_there_is_no_service_nobody_answers():
    assert asked(("127.0.0.1", 1)).facts["kind"] == "refused"
