"""The table of the engines that enforce network policies, and what each is documented not to support."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from podwire.files.typed import yaml_as
from podwire.model.facts import NO_ENGINE, OS, UNKNOWN, PolicyEngine

TABLE = Path(__file__).with_name("policy_engines.yaml")
Lack = Literal["except", "named-ports", "end-port", "sctp", "icmp", "log", "ipv6", "pod-blocks", "keeps-connections"]


class EngineSource(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where it is written, and about what."""

    about: str
    url: str


class EngineRow(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One engine on one OS."""

    name: str
    os: OS
    lacks: tuple[Lack, ...] = ()
    """What it is documented not to support."""
    skips: tuple[Lack, ...] = ()
    """Those of which it skips a rule with them: the rule allows nothing."""
    until: str = ""
    """The day on which its own support ends, `2026-09-30`; empty for none that is announced."""
    note: str = ""
    sources: Annotated[tuple[EngineSource, ...], Meta(min_length=1)]


class EngineTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """policy_engines.yaml."""

    engines: tuple[EngineRow, ...]


@functools.cache
def engines(path: Path = TABLE) -> tuple[EngineRow, ...]:
    """All rows of the table. Raises `podwire.files.bounded.FileError` for a table with a mistake."""
    return yaml_as(path, EngineTable).engines


def engine(name: str, os: OS, version: str = "") -> PolicyEngine:
    """The engine of that name on the nodes of an OS, with what it lacks there; `none` and `unknown` lack nothing."""
    row = next((row for row in engines() if (row.name, row.os) == (name, os)), None)
    if name in (NO_ENGINE, UNKNOWN):
        return PolicyEngine(name=name)
    return PolicyEngine(name=name, version=version, lacks=row.lacks if row else (), skips=row.skips if row else ())
