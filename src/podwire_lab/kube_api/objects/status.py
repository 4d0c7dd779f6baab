"""Errors of the API as `Status` objects, worded as a kube-apiserver words them (apimachinery: api/errors)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from podwire_lab.kube_api.objects.resources import Resource
from podwire_lab.model.interfaces import Object


class ApiError(Exception):
    """An answer other than 2xx; `status()` is its body."""

    code = 500
    reason = "InternalError"

    def __init__(self, message: str, *, details: Object | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details

    def status(self) -> Object:
        """The `Status` object of this error."""
        body: Object = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
        }
        if self.details:
            body["details"] = self.details
        body["code"] = self.code
        return body


class BadRequest(ApiError):
    code, reason = 400, "BadRequest"


class Unauthorized(ApiError):
    code, reason = 401, "Unauthorized"

    def __init__(self) -> None:
        super().__init__("Unauthorized")


class Forbidden(ApiError):
    code, reason = 403, "Forbidden"


class NotFound(ApiError):
    code, reason = 404, "NotFound"


class MethodNotAllowed(ApiError):
    code, reason = 405, "MethodNotAllowed"

    def __init__(self) -> None:
        super().__init__("the server does not allow this method on the requested resource")


class NotAcceptable(ApiError):
    code, reason = 406, "NotAcceptable"


class AlreadyExists(ApiError):
    code, reason = 409, "AlreadyExists"


class Conflict(ApiError):
    code, reason = 409, "Conflict"


class Expired(ApiError):
    code, reason = 410, "Expired"


class UnsupportedMediaType(ApiError):
    code, reason = 415, "UnsupportedMediaType"


class Invalid(ApiError):
    code, reason = 422, "Invalid"


class InternalError(ApiError):
    code, reason = 500, "InternalError"


@dataclass(frozen=True, kw_only=True)
class FieldError:
    """One cause of a 422: `field` is a path such as `spec.containers[0].image`."""

    reason: str
    field: str
    message: str


def quoted(value: Any) -> str:
    """A value as Go prints it in a field error."""
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return "[" + ",".join(quoted(item) for item in value) + "]"
    return str(value)


def invalid_value(field: str, value: Any, message: str) -> FieldError:
    return FieldError(reason="FieldValueInvalid", field=field, message=f"Invalid value: {quoted(value)}: {message}")


def required(field: str, message: str = "") -> FieldError:
    return FieldError(
        reason="FieldValueRequired", field=field, message=f"Required value{': ' + message if message else ''}"
    )


def duplicate(field: str, value: Any) -> FieldError:
    return FieldError(reason="FieldValueDuplicate", field=field, message=f"Duplicate value: {quoted(value)}")


def forbidden_field(field: str, message: str) -> FieldError:
    return FieldError(reason="FieldValueForbidden", field=field, message=f"Forbidden: {message}")


def too_long(field: str, most: int) -> FieldError:
    return FieldError(reason="FieldValueTooLong", field=field, message=f"Too long: may not be more than {most} bytes")


def not_found_value(field: str, value: Any) -> FieldError:
    return FieldError(reason="FieldValueNotFound", field=field, message=f"Not found: {quoted(value)}")


def not_supported(field: str, value: Any, supported: Sequence[str]) -> FieldError:
    text = ", ".join(quoted(item) for item in sorted(supported))
    return FieldError(
        reason="FieldValueNotSupported",
        field=field,
        message=f"Unsupported value: {quoted(value)}: supported values: {text}",
    )


def _details(resource: Resource, name: str | None, *, kind: bool = False) -> Object:
    details: Object = {}
    if name:
        details["name"] = name
    if resource.group:
        details["group"] = resource.group
    details["kind"] = resource.kind if kind else resource.plural
    return details


def not_found(resource: Resource, name: str) -> NotFound:
    return NotFound(f'{resource.qualified} "{name}" not found', details=_details(resource, name))


def already_exists(resource: Resource, name: str) -> AlreadyExists:
    return AlreadyExists(f'{resource.qualified} "{name}" already exists', details=_details(resource, name))


def stale(resource: Resource, name: str) -> Conflict:
    """The resourceVersion (or uid) given is not the current one."""
    return conflict(
        resource, name, "the object has been modified; please apply your changes to the latest version and try again"
    )


def conflict(resource: Resource, name: str, why: str) -> Conflict:
    return Conflict(
        f'Operation cannot be fulfilled on {resource.qualified} "{name}": {why}', details=_details(resource, name)
    )


def forbidden(resource: Resource, name: str | None, why: str, *, causes: list[Object] | None = None) -> Forbidden:
    """Refused by authorization or admission."""
    details = _details(resource, name)
    if causes:
        details["causes"] = causes
    subject = f'{resource.qualified} "{name}"' if name else resource.qualified
    return Forbidden(f"{subject} is forbidden: {why}", details=details)


def invalid(resource: Resource, name: str | None, errors: Sequence[FieldError]) -> Invalid:
    """422 with every field error as a cause; more than one are shown in brackets."""
    texts = [f"{error.field}: {error.message}" for error in errors]
    text = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
    details = _details(resource, name, kind=True)
    details["causes"] = [{"reason": e.reason, "message": e.message, "field": e.field} for e in errors]
    kind = f"{resource.kind}.{resource.group}" if resource.group else resource.kind
    return Invalid(f'{kind} "{name or ""}" is invalid: {text}', details=details)


def success(resource: Resource, name: str, uid: str) -> Object:
    """The answer to a deletion that does not return the object."""
    details = _details(resource, name)
    details["uid"] = uid
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
