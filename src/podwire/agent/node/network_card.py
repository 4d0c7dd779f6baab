"""What EC2 says of this machine's network cards."""

from __future__ import annotations

import contextlib
import http.client
import json
import time

from podwire.agent.errors import Failure
from podwire.agent.loop import now
from podwire.agent.parameters import wanted

TYPE_CHECKING = False  # To import typing would take a tenth of the start.
if TYPE_CHECKING:
    from podwire.agent.loop import Loop
    from podwire.agent.parameters import Parameters

METADATA = ("169.254.169.254", 80)  # Amazon EC2 user guide: instance metadata, of link-local scope.
ADDRESSES_OF_A_PREFIX = 16
MOST_TOLD = 64 << 10


async def ec2_card(loop: Loop, params: Parameters) -> Parameters:
    """What EC2 says of this machine's network cards, and of the addresses of the first, as a tool prints it: a JSON
    object by category of the metadata. Asked again until that card has `least` addresses beside its own, or `timeout`
    is over: who assigns them takes its time."""
    least, limit, began = wanted(params, "least", int), wanted(params, "timeout", float), time.perf_counter()
    until = now() + limit

    def work() -> Parameters:
        while True:
            card = card_told(min(limit, 5.0))
            enough = len(card["local-ipv4s"]) - 1 + ADDRESSES_OF_A_PREFIX * len(card["ipv4-prefix"]) >= least
            if enough or now() >= until:
                return card
            time.sleep(0.25)

    try:
        card = await loop.in_thread(work, until + 20.0)
    except TimeoutError:
        raise Failure("receive", "timeout", None, "the metadata service of EC2 does not answer") from None
    except OSError as error:
        raise Failure.of("connect", error) from None
    return {"code": 0, "stdout": json.dumps(card), "stderr": "", "elapsed": time.perf_counter() - began}


def card_told(limit: float) -> Parameters:
    """Ask once, as IMDSv2 wants it: for a token first (Amazon EC2 user guide, instance metadata: categories)."""

    def ask(method: str, path: str, head: dict[str, str]) -> str:
        connection = http.client.HTTPConnection(*METADATA, timeout=limit)
        with contextlib.closing(connection):
            connection.request(method, f"/latest/{path}", headers=head)
            answer = connection.getresponse()
            text = answer.read(MOST_TOLD).decode("utf-8", "replace")
        if answer.status not in (200, 404):  # A category of which there is nothing is not found.
            raise Failure(
                "receive", "other", answer.status, f"the metadata service answers {path} with {answer.status}"
            )
        return text if answer.status == 200 else ""

    token = {"X-aws-ec2-metadata-token": ask("PUT", "api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})}
    mac = ask("GET", "meta-data/mac", token).strip()
    place = "meta-data/network/interfaces/macs/"
    macs = [line.strip("/") for line in ask("GET", place, token).split()]
    lists = {name: ask("GET", f"{place}{mac}/{name}", token).split() for name in ("local-ipv4s", "ipv4-prefix")}
    return {"local-ipv4": ask("GET", "meta-data/local-ipv4", token).strip(), "macs": macs, **lists}
