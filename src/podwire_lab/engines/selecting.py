"""Label selectors of objects (kubernetes.io: "Labels and Selectors", API object fields)."""

from __future__ import annotations

from collections.abc import Mapping

from podwire_lab.kube_api.selectors import Requirement
from podwire_lab.model.interfaces import Object

_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


def selects(selector: Object, labels: Mapping[str, str]) -> bool:
    """Whether an object's LabelSelector selects these labels; an empty selector selects all."""
    terms = [Requirement(key=k, operator="=", values=(v,)) for k, v in (selector.get("matchLabels") or {}).items()]
    terms += [
        Requirement(key=term["key"], operator=_OPERATORS[term["operator"]], values=tuple(term.get("values") or ()))
        for term in selector.get("matchExpressions") or ()
    ]
    return all(term.matches(labels) for term in terms)
