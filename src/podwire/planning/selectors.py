"""Label selectors as Kubernetes has them: `KEY=VALUE`, `KEY!=VALUE`, `KEY in (A,B)`, `KEY notin (A,B)`, `KEY`, `!KEY`,
with commas between them where all must hold. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_KEY = r"[A-Za-z0-9](?:[A-Za-z0-9._/-]*[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?"
_LISTED = re.compile(rf"({_KEY})\s+(in|notin)\s*\(([^()]*)\)")
_EQUAL = re.compile(rf"({_KEY})\s*(==|=|!=)\s*({_VALUE})")
_THERE = re.compile(rf"(!?)\s*({_KEY})")
FORMS = "KEY=VALUE, KEY!=VALUE, KEY in (A,B), KEY notin (A,B), KEY or !KEY, with commas between several"


@dataclass(frozen=True, kw_only=True)
class _Requirement:
    """What one label must be: one of `values`, or none of them; there or not where it has none."""

    key: str
    values: tuple[str, ...] = ()
    negated: bool = False

    def holds(self, labels: Mapping[str, str]) -> bool:
        """A label that is not there is none of the values (kubernetes.io: Labels and Selectors)."""
        met = labels.get(self.key) in self.values if self.values else self.key in labels
        return met is not self.negated


@dataclass(frozen=True, kw_only=True)
class Selector:
    """A selector as the user wrote it, and what it asks of labels."""

    text: str
    requirements: tuple[_Requirement, ...]

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether all that it asks for holds."""
        return all(requirement.holds(labels) for requirement in self.requirements)


def selector(text: str) -> Selector:
    """The selector in a text. ValueError names the part that is none."""
    parts = [part.strip() for part in re.split(r",(?![^(]*\))", text)]
    return Selector(text=text.strip(), requirements=tuple(map(_requirement, parts)))


def _requirement(part: str) -> _Requirement:
    if match := _LISTED.fullmatch(part):
        values = tuple(value.strip() for value in match[3].split(","))
        if all(re.fullmatch(_VALUE, value) for value in values):
            return _Requirement(key=match[1], values=values, negated=match[2] == "notin")
    elif match := _EQUAL.fullmatch(part):
        return _Requirement(key=match[1], values=(match[3],), negated=match[2] == "!=")
    elif match := _THERE.fullmatch(part):
        return _Requirement(key=match[2], negated=bool(match[1]))
    raise ValueError(f"{part!r} is not a label selector; write {FORMS}")


@dataclass(frozen=True, kw_only=True)
class Pool:
    """A pool of nodes: the name that the user gave it, and the selector of its nodes."""

    name: str
    selector: Selector

    @property
    def text(self) -> str:
        return f"{self.name}={self.selector.text}"


_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?")


def pool(text: str) -> Pool:
    """`NAME=SELECTOR`. ValueError says what is wrong with it."""
    name, separator, rest = text.partition("=")
    if not separator or not _NAME.fullmatch(name.strip()) or not rest.strip():
        raise ValueError("write NAME=SELECTOR; a name has up to 32 lower-case letters, digits and dashes")
    return Pool(name=name.strip(), selector=selector(rest))
