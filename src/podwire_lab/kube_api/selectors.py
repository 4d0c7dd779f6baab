"""Label and field selectors, as the `labelSelector` and `fieldSelector` parameters write them.

kubernetes.io: "Labels and Selectors", "Field Selectors"; the grammar is apimachinery's `labels.Parse`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from podwire_lab.kube_api.objects.fields import at
from podwire_lab.kube_api.objects.resources import Resource
from podwire_lab.kube_api.objects.status import BadRequest
from podwire_lab.model.interfaces import Object

_TOKEN: Final = re.compile(r"\s*(==|!=|[=!<>(),]|[^\s=!<>(),]+|$)")
_END: Final = ""
_KEY: Final = re.compile(
    r"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$"
)
_VALUE: Final = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$")
_OPERATORS: Final = frozenset({"=", "==", "!=", "in", "notin", ">", "<"})
_SYMBOLS: Final = frozenset({"=", "==", "!=", "!", ">", "<", "(", ")", ","})


@dataclass(frozen=True, kw_only=True)
class Requirement:
    """One condition on one label. `operator` is one of `= != in notin exists ! > <`."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """A missing label satisfies `!=`, `notin` and `!`, and nothing else."""
        value = labels.get(self.key)
        match self.operator:
            case "exists":
                return value is not None
            case "!":
                return value is None
            case "=" | "in":
                return value is not None and value in self.values
            case "!=" | "notin":
                return value is None or value not in self.values
            case _:
                return value is not None and _compared(value, self.operator, self.values[0])


def _compared(value: str, operator: str, bound: str) -> bool:
    try:
        number, limit = int(value), int(bound)
    except ValueError:
        return False
    return number > limit if operator == ">" else number < limit


class _Tokens:
    def __init__(self, text: str) -> None:
        self._tokens: list[str] = []
        position = 0
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                break
            position = match.end()
            if match[1]:
                self._tokens.append(match[1])
            else:
                break
        self._tokens.append(_END)
        self._at = 0

    def peek(self) -> str:
        return self._tokens[self._at]

    def take(self) -> str:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token


def parse_labels(text: str) -> tuple[Requirement, ...]:
    """Requirements that must all hold; an empty text gives none. Raises `BadRequest` with apimachinery's words."""
    tokens = _Tokens(text)
    requirements: list[Requirement] = []
    if tokens.peek() == _END:
        return ()
    while True:
        token = tokens.peek()
        if token in _SYMBOLS and token != "!":
            raise BadRequest(f"found '{token}', expected: !, identifier, or 'end of string'")
        if token == _END:
            raise BadRequest("found '', expected: identifier after ','")
        requirements.append(_requirement(tokens))
        token = tokens.take()
        if token == _END:
            return tuple(sorted(requirements, key=lambda requirement: requirement.key))
        if token != ",":
            raise BadRequest(f"found '{token}', expected: ',' or 'end of string'")


def _requirement(tokens: _Tokens) -> Requirement:
    token = tokens.take()
    if token == "!":
        key = _key(tokens.take())
        return Requirement(key=key, operator="!")
    key = _key(token)
    token = tokens.peek()
    if token in (_END, ","):
        return Requirement(key=key, operator="exists")
    operator = tokens.take()
    if operator not in _OPERATORS:
        raise BadRequest(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")
    if operator in ("in", "notin"):
        return Requirement(key=key, operator=operator, values=_values(tokens))
    value = "" if tokens.peek() in (_END, ",") else tokens.take()
    if value in _SYMBOLS:
        raise BadRequest(f"found '{value}', expected: identifier")
    if operator in (">", "<") and not re.fullmatch(r"-?\d+", value):
        raise BadRequest(
            f"values[0][{key}]: Invalid value: \"{value}\": for 'Gt', 'Lt' operators, the value must be an integer"
        )
    return Requirement(key=key, operator="=" if operator == "==" else operator, values=(_value(key, value),))


def _values(tokens: _Tokens) -> tuple[str, ...]:
    token = tokens.take()
    if token != "(":
        raise BadRequest(f"found '{token}' expected: '('")
    values: list[str] = []
    expects_value = True
    while True:
        token = tokens.take()
        if token == ")":
            return tuple(values) if not expects_value else (*values, "")
        if token == _END:
            raise BadRequest("found '', expected: ',' or ')'")
        if token == ",":
            if expects_value:
                values.append("")
            expects_value = True
        elif token in _SYMBOLS or not expects_value:
            raise BadRequest(f"found '{token}', expected: ',', or ')'")
        else:
            values.append(token)
            expects_value = False


def _key(token: str) -> str:
    if token in _SYMBOLS or token == _END:
        raise BadRequest(f"found '{token}', expected: identifier")
    if not _KEY.match(token):
        raise BadRequest(
            f"key: Invalid value: \"{token}\": name part must consist of alphanumeric characters, '-', '_' or '.'"
        )
    return token


def _value(key: str, value: str) -> str:
    if not _VALUE.match(value):
        raise BadRequest(
            f'values[0][{key}]: Invalid value: "{value}": a valid label must be an empty string or consist of '
            "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
        )
    return value


@dataclass(frozen=True, kw_only=True)
class FieldTerm:
    """One condition on one field: equal to the value, or not."""

    path: str
    value: str
    equal: bool = True

    def matches(self, obj: Object) -> bool:
        value = at(obj, *self.path.split("."))
        if isinstance(value, Mapping):
            value = value.get("component")
        return (_text(value) == self.value) is self.equal


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


_DEFAULT_FALSE: Final = frozenset({"spec.unschedulable", "spec.hostNetwork"})


def parse_fields(text: str, resource: Resource) -> tuple[FieldTerm, ...]:
    """Terms that must all hold. Raises `BadRequest` for a field that the kind cannot be selected by."""
    terms = []
    for part in _split(text):
        match = re.match(r"([^=!]+)(==|!=|=)(.*)$", part, re.DOTALL)
        if match is None:
            raise BadRequest(f"invalid selector: '{part}'; can't understand '{part}'")
        path, operator, value = match[1].strip(), match[2], re.sub(r"\\(.)", r"\1", match[3])
        if path not in ("metadata.name", "metadata.namespace") and path not in resource.fields:
            raise BadRequest(f"field label not supported: {path}")
        if path in _DEFAULT_FALSE and value == "false":
            terms.append(FieldTerm(path=path, value="true", equal=operator == "!="))
        else:
            terms.append(FieldTerm(path=path, value=value, equal=operator != "!="))
    return tuple(terms)


def _split(text: str) -> list[str]:
    parts = re.findall(r"(?:\\.|[^,\\])+", text)
    return [part for part in parts if part.strip()]


Predicate = Callable[[Object], bool]


def predicate(labels: str, fields: str, resource: Resource) -> Predicate | None:
    """Whether an object is selected; None when everything is."""
    requirements = parse_labels(labels) if labels else ()
    terms = parse_fields(fields, resource) if fields else ()
    if not requirements and not terms:
        return None

    def selected(obj: Object) -> bool:
        labels = at(obj, "metadata", "labels") or {}
        return all(requirement.matches(labels) for requirement in requirements) and all(
            requirement.matches(obj) for requirement in terms
        )

    return selected
