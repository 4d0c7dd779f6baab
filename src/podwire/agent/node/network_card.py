"""This machine's network cards in the EC2 metadata."""

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
    """The network cards in the EC2 metadata and the addresses of the first, in the form of a tool's output.

    The output is a JSON object by metadata category. The agent asks again until the card has `least` addresses besides
    its own, or until `timeout` seconds are over, because the VPC controller assigns them later.
    """
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
        raise Failure("receive", "timeout", None, "the EC2 metadata service does not answer") from None
    except OSError as error:
        raise Failure.of("connect", error) from None
    return {"code": 0, "stdout": json.dumps(card), "stderr": "", "elapsed": time.perf_counter() - began}


def card_told(limit: float) -> Parameters:
    """Ask once with IMDSv2, which needs a token first (Amazon EC2 user guide, instance metadata: categories)."""

    def ask(method: str, path: str, head: dict[str, str]) -> str:
        connection = http.client.HTTPConnection(*METADATA, timeout=limit)
        with contextlib.closing(connection):
            connection.request(method, f"/latest/{path}", headers=head)
            answer = connection.getresponse()
            text = answer.read(MOST_TOLD).decode("utf-8", "replace")
        if answer.status not in (200, 404):  # An empty category gives 404.
            raise Failure(
                "receive", "other", answer.status, f"the EC2 metadata service answers {path} with {answer.status}"
            )
        return text if answer.status == 200 else ""

    token = {"X-aws-ec2-metadata-token": ask("PUT", "api/token", {"X-aws-ec2-metadata-token-ttl-seconds": "60"})}
    mac = ask("GET", "meta-data/mac", token).strip()
    place = "meta-data/network/interfaces/macs/"
    macs = [line.strip("/") for line in ask("GET", place, token).split()]
    lists = {name: ask("GET", f"{place}{mac}/{name}", token).split() for name in ("local-ipv4s", "ipv4-prefix")}
    return {"local-ipv4": ask("GET", "meta-data/local-ipv4", token).strip(), "macs": macs, **lists}
