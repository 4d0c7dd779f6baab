"""The markers of cases, for `-m`: area, operating system, level, family, and where a failure is documented."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from podwire.model.cases import Case
from podwire.model.requirements import LEVELS
from podwire.running.scope import Scope

OS_MARKERS = ("linux", "windows")
FAMILY_MARKERS = ("ipv4", "ipv6")
EXCUSES: Mapping[Literal["documented", "bug"], str] = {"documented": "limitation", "bug": "known_issue"}
"""The marker of a case that a limitation of this kind applies to."""


def registered(suites: Path) -> Mapping[str, str]:
    """Every marker, with what it says of a case that has it. The areas are the folders of the suites."""
    areas = sorted(path.parent.name for path in suites.glob("*/requirements.yaml"))
    return {
        **{area: f"the requirement stands in suites/{area}" for area in areas},
        **{system: f"an end of the flow, or the node that it enters by, is {system.title()}" for system in OS_MARKERS},
        **{family: f"the flow is sent over {family.replace('ipv', 'IPv')}" for family in FAMILY_MARKERS},
        **{level.lower(): f"the requirement is a {level}" for level in LEVELS},
        EXCUSES["documented"]: "a documented limitation applies to the flow",
        EXCUSES["bug"]: "a known issue of the Windows build applies to the flow",
    }


def markers_of(case: Case, scope: Scope) -> Iterator[str]:
    """The names of a case's markers."""
    flow, limitation = case.flow, scope.limitation(case)
    yield case.area
    yield scope.catalogue.requirements[case.requirement].level.lower()
    yield from (system for system in OS_MARKERS if system in (flow.client.os, flow.server.os, flow.way.entry_os))
    yield from (family for family in FAMILY_MARKERS if family == flow.family)
    if limitation is not None:
        yield EXCUSES[limitation.kind]
