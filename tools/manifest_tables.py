"""The purpose of each file in `manifests/`: its own first sentence, and the requirements whose cases need it.

The needs of a plan for every profile of the lab show which objects a run creates.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from podwire.catalogue.load import load
from podwire.content import manifests_folder, suites_folder
from podwire.model.changes.table import CHANGES
from podwire.planning.plan import Selection, make_plan
from podwire.planning.prerequisites import needs_of
from podwire_lab.model.planned import planned_facts
from podwire_lab.model.profiles import PROFILES

MOST = 6
COMMON = "Only what differs from the usual probe pod"


@dataclass(frozen=True, kw_only=True)
class Used:
    """The requirements (`<area>/<id>`) that need each kind."""

    services: Mapping[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    variants: Mapping[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    changes: Mapping[str, set[str]] = field(default_factory=lambda: defaultdict(set))


@cache
def used() -> Used:
    """The needs of all cases of all profiles."""
    found = Used()
    catalogue, tests = load(suites_folder())
    for profile in PROFILES.values():
        facts = planned_facts(profile)
        for case in make_plan(catalogue, tests, facts, Selection(fill_nodes=True, disruptive=True)).cases.values():
            needs, name = needs_of([case], facts), f"{case.area}/{case.requirement}"
            for service in needs.services:
                found.services[service.kind].add(name)
            for _, kind in needs.pods:
                found.variants[kind].add(name)
            for change in needs.changes:
                found.changes[change].add(name)
            if case.flow.via in ("pod-name", "short-pod-name"):
                found.services["pods"].add(name)
    return found


def services() -> str:
    return _table("services", used().services)


def variants() -> str:
    return _table("variants", used().variants)


def policies() -> str:
    """A policy is for the variant of its name."""
    return _table("policies", used().variants)


def changes() -> str:
    lines = [
        "| change | what happens | what shows it | how it is undone | rights | requirements |",
        "|---|---|---|---|---|---|",
    ]
    for row in CHANGES.values():
        rights = ", ".join(f"`{right}`" for right in row.rights) or "none"
        cells = (f"`{row.name}`", row.does, row.shows, row.undone, rights, _names(used().changes.get(row.name, set())))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _table(folder: str, needed_by: Mapping[str, set[str]]) -> str:
    files = sorted((manifests_folder() / folder).glob("*.yaml"))
    rows = [(path.stem, purpose(path)) for path in files]
    return _rows(
        ("file", "what it is", "requirements"), rows, needed_by, lambda name: f"[`{name}`]({folder}/{name}.yaml)"
    )


def _rows(
    head: tuple[str, str, str],
    rows: Iterable[tuple[str, str]],
    needed_by: Mapping[str, set[str]],
    shown: Callable[[str], str],
) -> str:
    lines = [f"| {' | '.join(head)} |", "|---|---|---|"]
    lines += [f"| {shown(name)} | {text} | {_names(needed_by.get(name, set()))} |" for name, text in rows]
    return "\n".join(lines) + "\n"


def purpose(path: Path) -> str:
    """The comment at the head of a manifest, as text."""
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("# ") or line.startswith(f"# {COMMON}"):
            break
        lines.append(line[2:])
    return " ".join(lines).replace("<", "&lt;")


def _names(found: set[str]) -> str:
    """The requirements by area; where there are many, how many each area has."""
    areas: dict[str, list[str]] = defaultdict(list)
    for name in sorted(found):
        area, _, identity = name.partition("/")
        areas[area].append(identity)
    if len(found) > MOST:
        return "; ".join(f"{area}: {len(ids)} requirements" for area, ids in areas.items())
    return "; ".join(f"{area}: {', '.join(ids)}" for area, ids in areas.items()) or "none today"
