"""Label selectors in the form of the API: `matchLabels` and `matchExpressions`. Pure.

kubernetes.io, "Labels and Selectors": all of a selector's terms must hold; an empty selector selects every object; a
label that is not there is in none of the values, so `NotIn` and `DoesNotExist` select an object without it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Labels = Mapping[str, str]
Operator = Literal["In", "NotIn", "Exists", "DoesNotExist"]


@dataclass(frozen=True, kw_only=True)
class Term:
    """What one label must be."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def holds(self, labels: Labels) -> bool:
        """Whether it is so."""
        present = self.key in labels
        if self.operator == "Exists":
            return present
        if self.operator == "DoesNotExist":
            return not present
        listed = present and labels[self.key] in self.values
        return listed if self.operator == "In" else not listed


@dataclass(frozen=True, kw_only=True)
class Selector:
    """All terms of a selector; without any it selects every object."""

    terms: tuple[Term, ...] = ()

    def selects(self, labels: Labels) -> bool:
        """Whether every term holds."""
        return all(term.holds(labels) for term in self.terms)

    @property
    def empty(self) -> bool:
        """Whether it selects every object because it asks for nothing."""
        return not self.terms


def selector_of(obj: Mapping[str, Any]) -> Selector:
    """The selector in a LabelSelector of the API."""
    equal = (Term(key=key, operator="In", values=(value,)) for key, value in (obj.get("matchLabels") or {}).items())
    written = (
        Term(key=term["key"], operator=term["operator"], values=tuple(term.get("values") or ()))
        for term in obj.get("matchExpressions") or ()
    )
    return Selector(terms=(*equal, *written))
