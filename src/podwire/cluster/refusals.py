"""Turns an error response of an API server into an error of one line."""

from __future__ import annotations

from collections.abc import Mapping

from podwire.cluster.transport import Answer
from podwire.errors import BY_WEBHOOK, ApiError, Conflict, Forbidden, NotFound, Unauthorized
from podwire.files.foreign_json import foreign_json

_ERRORS: Mapping[int, type[ApiError]] = {401: Unauthorized, 403: Forbidden, 404: NotFound, 409: Conflict}


def refusal(answer: Answer, address: str, verb: str, what: str) -> ApiError:
    """The error for a response with status 400 or more. `verb` and `what` describe the request."""
    try:
        tree = foreign_json(answer.data)
    except (ValueError, RecursionError):
        tree = None
    status = tree if isinstance(tree, dict) and tree.get("kind") == "Status" else {}
    message = " ".join(str(status.get("message") or excerpt(answer.data) or answer.reason or "no message").split())
    reason = str(status.get("reason") or "")
    kind = ApiError if message.startswith(BY_WEBHOOK) and answer.status == 401 else _ERRORS.get(answer.status, ApiError)
    if kind is Unauthorized:
        text = f"API server {address}: 401 Unauthorized: the credentials are missing, wrong or expired"
    elif not status and not 500 <= answer.status < 600:
        text = (
            f"API server {address}: answered {answer.status} to {verb} {what} without a Kubernetes status "
            f"({excerpt(answer.data)!r}); check that this address is a Kubernetes API server"
        )
    elif kind is Forbidden:
        text = f"not allowed to {verb} {what}: {message}"
        if Forbidden(message=message).for_want_of_rights:
            text += " (manifests/rbac.yaml has the rights that podwire needs)"
    else:
        text = f"cannot {verb} {what}: {message} ({answer.status})"
    return kind(text, status=answer.status, reason=reason, message=message)


def excerpt(data: bytes) -> str:
    """The first 80 bytes of a response, on one line."""
    return " ".join(data[:80].decode("utf-8", "replace").split())
