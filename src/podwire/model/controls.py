"""The names of controls: what must work from the same client just before and just after a flow."""

from __future__ import annotations

from collections.abc import Mapping

OUTSIDE_TCP, OUTSIDE_HTTP = "outside-tcp", "outside-http"
SERVER_HOST = "server-host"
ANOTHER_SERVICE = "another-service"
ANOTHER_SERVICE_TOLD = "another Service"
"""What the name of that control says that the client reaches."""
BY_THE_SERVER_NODE = "by-the-server-node"
OPEN_PORT = "open-port"

CONTROLS: Mapping[str, str] = {
    OUTSIDE_TCP: "the host outside, over TCP",
    OUTSIDE_HTTP: "the host outside, over HTTP",
    SERVER_HOST: "the host probe on the server's node",
    ANOTHER_SERVICE: "another Service, whose backends are there",
    BY_THE_SERVER_NODE: "the same server by its own node",
    OPEN_PORT: "the same server at the port that network policies leave open to everybody",
}
"""Every control that has a name of its own, and what the client must reach. Any `via` is one too: the same server by
that way, over TCP (in a tunnel over UDP)."""
