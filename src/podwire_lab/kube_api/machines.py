"""POST /podwire.dev/nodes/NAME/replace: what the lab does to a machine, beside the Kubernetes API. See
`controllers.node_replacement`; `lifecycle.upgrade` asks for it."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from podwire_lab.kube_api.auth import ADMIN, Policy
from podwire_lab.kube_api.objects.status import BadRequest, Forbidden
from podwire_lab.model.interfaces import Machines, NodeReplaced, Object, TimedFault
from podwire_lab.model.windows_builds import UnknownBuild, windows_build

_ROOT, _VERB = "/podwire.dev/nodes/", "/replace"


def node_to_replace(path: str) -> str | None:
    """The name of the node in a path of this kind; None for other paths."""
    name = path.removeprefix(_ROOT).removesuffix(_VERB)
    return name if path == f"{_ROOT}{name}{_VERB}" and name and "/" not in name else None


async def replace_node(machines: Machines, name: str, request: web.Request, policy: Policy | None) -> Object:
    """Replace a node as the request's body says; the Node when it is ready.

    Raises:
        Forbidden: somebody else than the lab's owner asks.
        BadRequest: the request makes no sense; the text says what to do.
    """
    if policy is not ADMIN:
        raise Forbidden("only the owner of the lab may replace its nodes")
    if request.method != "POST":
        raise BadRequest("use POST")
    try:
        return await machines.replace(name, _asked(await request.json()))
    except (json.JSONDecodeError, KeyError, TypeError, UnknownBuild, ValueError) as error:
        raise BadRequest(str(error) or "the body is not an object with build, kubelet, away and faults") from error


def _asked(body: Any) -> NodeReplaced:
    return NodeReplaced(
        build=windows_build(body["build"]),
        kubelet=str(body["kubelet"]),
        away=float(body["away"]),
        faults=tuple(TimedFault(name=each["name"], seconds=each["seconds"]) for each in body["faults"]),
    )
