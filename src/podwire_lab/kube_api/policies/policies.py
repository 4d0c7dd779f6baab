"""The policies that are bound, asked about one request: what they refuse, in the words of an API server."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from podwire_lab.kube_api.auth import Policy
from podwire_lab.kube_api.objects.resources import Resource
from podwire_lab.kube_api.objects.status import (
    ApiError,
    FieldError,
    Forbidden,
    InternalError,
    Invalid,
    Unauthorized,
    forbidden,
    forbidden_field,
    invalid,
    invalid_value,
    required,
)
from podwire_lab.kube_api.objects.store import MemoryStore
from podwire_lab.kube_api.policies.expressions import (
    ExpressionError,
    NoRuntime,
    Scope,
    check,
    evaluate,
    with_variables,
)
from podwire_lab.kube_api.policies.matching import Attempt, is_matched
from podwire_lab.kube_api.requests import Target
from podwire_lab.model.interfaces import Object

POLICIES, BINDINGS = "validatingadmissionpolicies", "validatingadmissionpolicybindings"
_CODES: dict[str, type[ApiError]] = {"Forbidden": Forbidden, "Invalid": Invalid, "Unauthorized": Unauthorized}


@dataclass(frozen=True, kw_only=True)
class Review:
    """Asks the policies for one request of one user, each time that it is about to do something."""

    store: MemoryStore
    target: Target
    user: Policy

    def __call__(self, operation: str, obj: Object | None, old: Object | None = None) -> None:
        """Raise what the first policy that refuses says. `obj` is the object as it will be, `old` as it is."""
        bindings = self.store.view(BINDINGS)
        if not bindings:
            return
        metadata = (obj or {}).get("metadata") or (old or {}).get("metadata") or {}
        name = str(self.target.name or metadata.get("name") or "")
        attempt = Attempt(target=self.target, operation=operation, name=name, obj=obj, old=old)
        for binding in bindings:
            spec = binding["spec"]
            policy = self.store.get(POLICIES, None, spec["policyName"])
            if policy is None or "Deny" not in (spec.get("validationActions") or ()):
                continue
            for reason, message in self._refusals(policy["spec"], spec, attempt):
                raise _refusal(attempt, policy["metadata"]["name"], binding["metadata"]["name"], reason, message)

    def _refusals(self, policy: Object, binding: Object, attempt: Attempt) -> Iterator[tuple[str, str]]:
        """Why a policy refuses: reason and message of each validation that does not hold."""
        inside = self._namespace(attempt)
        own = attempt.obj or attempt.old if attempt.target.resource.plural == "namespaces" else inside
        for constraints in (policy.get("matchConstraints") or {}, binding.get("matchResources")):
            if constraints is not None and not is_matched(constraints, attempt, own):
                return
        scope: Scope = {
            "object": attempt.obj,
            "oldObject": attempt.old,
            "namespaceObject": inside,
            "request": self._request(attempt),
        }
        fails = policy.get("failurePolicy", "Fail") == "Fail"
        conditions, problem = _conditions(policy, scope)
        if problem and fails and all(conditions):
            yield "", problem
        if problem or not all(conditions):
            return
        scope = with_variables(policy.get("variables") or [], scope)
        for validation in policy.get("validations") or []:
            expression = validation["expression"]
            try:
                if evaluate(expression, scope) is True:
                    continue
            except ExpressionError as problem:
                if fails:
                    yield "", f"expression '{expression.strip()}' resulted in error: {problem}"
                continue
            yield validation.get("reason", ""), _message(validation, scope)

    def _namespace(self, attempt: Attempt) -> Object | None:
        """The Namespace that holds the object; None for what is of the cluster's scope, a Namespace too."""
        resource, namespace = attempt.target.resource, attempt.target.namespace
        return self.store.get("namespaces", None, namespace) if resource.namespaced and namespace else None

    def _request(self, attempt: Attempt) -> Object:
        """An AdmissionRequest; what is empty is left out, as an API server does."""
        target, resource = attempt.target, attempt.target.resource
        below = target.described_subresource
        kind = below.kind if below is not None else resource.kind
        request = {
            "uid": str(uuid4()),
            "kind": {"group": resource.group, "version": resource.version, "kind": kind},
            "resource": {"group": resource.group, "version": resource.version, "resource": resource.plural},
            "subResource": target.subresource,
            "name": attempt.name,
            "namespace": target.namespace,
            "operation": attempt.operation,
            "userInfo": {"username": self.user.user, "groups": list(self.user.groups)},
        }
        return {key: value for key, value in request.items() if value}


def _conditions(policy: Object, scope: Scope) -> tuple[list[bool], str]:
    """What the `matchConditions` give, and the first error among them. One that is false outweighs an error."""
    values, problem = [], ""
    for condition in policy.get("matchConditions") or []:
        try:
            values.append(evaluate(condition["expression"], scope) is True)
        except ExpressionError as error:
            problem = problem or f"matchCondition '{condition.get('name', '')}' resulted in error: {error}"
    return values, problem


def _message(validation: Object, scope: Scope) -> str:
    """`messageExpression` where it gives a text in one line, else `message`, else the expression."""
    if validation.get("messageExpression"):
        try:
            text: Any = evaluate(validation["messageExpression"], scope)
        except ExpressionError:
            text = None
        if isinstance(text, str) and text.strip() and "\n" not in text:
            return text
    return str(validation.get("message") or f"failed expression: {validation['expression'].strip()}")


def _refusal(attempt: Attempt, policy: str, binding: str, reason: str, message: str) -> ApiError:
    text = f"ValidatingAdmissionPolicy '{policy}' with binding '{binding}' denied request: {message}"
    error = forbidden(attempt.target.resource, attempt.name, text, causes=[{"message": text}])
    kind = _CODES.get(reason or "Invalid", Invalid)
    if kind is Unauthorized:
        return error
    return kind(error.message, details=error.details)


def validate_policy(resource: Resource, obj: Object) -> None:
    """Raise 422 for a policy that an API server would not take, or with parts that the lab does not evaluate."""
    if resource.plural != POLICIES:
        return
    spec = obj.get("spec") or {}
    try:
        errors = list(_mistakes(spec))
    except NoRuntime as problem:
        raise InternalError(str(problem)) from problem
    if errors:
        raise invalid(resource, obj["metadata"].get("name"), errors)


def _mistakes(spec: Object) -> Iterator[FieldError]:
    for field in ("paramKind", "auditAnnotations"):
        if spec.get(field):
            yield forbidden_field(f"spec.{field}", "the lab evaluates policies without it")
    if not (spec.get("matchConstraints") or {}).get("resourceRules"):
        yield required("spec.matchConstraints.resourceRules")
    if not spec.get("validations"):
        yield required("spec.validations")
    expressions = (
        *(("matchConditions", "expression", "BOOL"), ("variables", "expression", "")),
        *(("validations", "expression", "BOOL"), ("validations", "messageExpression", "STRING")),
    )
    for part, field, result_type in expressions:
        for index, entry in enumerate(spec.get(part) or []):
            if field not in entry:
                continue
            try:
                check(entry[field], result_type)
            except NoRuntime:
                raise
            except ExpressionError as problem:
                yield invalid_value(f"spec.{part}[{index}].{field}", entry[field], str(problem))
