"""Reading the suites: requirements.yaml, limitations.yaml and the tests beside them, strictly.

Whatever is wrong in them is one line that names the file, the entry and the field (`CatalogueError`).
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from podwire.catalogue.rows import ROW_KINDS, SEVERITIES, Row, listing, tree
from podwire.catalogue.when import WHEN
from podwire.judging.symptoms import SYMPTOMS
from podwire.model.axes import AxisError
from podwire.model.cases import SuiteTest
from podwire.model.flows import WAYS_TO_A_PORT
from podwire.model.requirements import ANY, LEVELS, Catalogue, Citation, Condition, Limitation, Requirement, StatedFact
from podwire.strict_yaml import FileError, Reader
from podwire.suite import suite_test


class CatalogueError(FileError):
    """A file of the catalogue is not as it must be; the text is one line for its author."""


def load(suites: Path) -> tuple[Catalogue, tuple[SuiteTest, ...]]:
    """The catalogue and all tests below a `suites` folder, checked against each other."""
    catalogue = load_catalogue(suites)
    tests = tuple(_tests(suites))
    _check_links(catalogue, tests, suites)
    return catalogue, tests


def load_catalogue(suites: Path) -> Catalogue:
    """Requirements, limitations and stated facts of every area below `suites`."""
    areas: dict[str, str] = {}
    requirements: dict[str, Requirement] = {}
    limitations: dict[str, Limitation] = {}
    facts: dict[str, StatedFact] = {}
    for path in sorted(suites.glob("*/requirements.yaml")):
        area = path.parent.name
        tree = _Reader.file(path, required=("area", "requirements"), optional=("facts",))
        areas[area] = tree.text("area")
        for entry in tree.entries("requirements"):
            rule = _requirement(entry, area)
            entry.once(rule.id, requirements, facts)
            requirements[rule.id] = rule
        for entry in tree.entries("facts"):
            fact = _fact(entry, area)
            entry.once(fact.id, requirements, facts)
            facts[fact.id] = fact
    if not areas:
        raise CatalogueError(f"{suites}: no area has a requirements.yaml")
    for path in sorted(suites.glob("*/limitations.yaml")):
        tree = _Reader.file(path, required=("limitations",))
        for entry in tree.entries("limitations"):
            limit = _limitation(entry)
            entry.once(limit.id, limitations)
            if limit.requirements == (ANY,) and limit.kind != "bug":
                raise entry.error("requirement", "only a bug may concern any requirement")
            for identity in limit.requirements:
                if identity not in (*requirements, ANY):
                    raise entry.error("requirement", f"{identity} is no requirement of the catalogue")
            limitations[limit.id] = limit
    return Catalogue(
        areas=areas, requirements=requirements, limitations=tuple(limitations.values()), facts=tuple(facts.values())
    )


def load_rows(suites: Path) -> tuple[Row, ...]:
    """The sentences of the documentation that the catalogue takes up, from `rows.yaml` of the suites, in that order."""
    rows: dict[str, Row] = {}
    for area in _Reader.file(suites / "rows.yaml", required=("areas",)).entries("areas"):
        area.keys(required=("number", "title", "rows"))
        for entry in area.entries("rows"):
            entry.keys(required=("id", "kind", "severity", "statement"))
            row = Row(
                id=entry.text("id"),
                area=area.number("number"),
                title=area.text("title"),
                kind=entry.choice("kind", ROW_KINDS),  # type: ignore[arg-type]
                severity=entry.choice("severity", SEVERITIES),
                statement=entry.text("statement"),
            )
            entry.once(row.id, rows)
            rows[row.id] = row
    return tuple(rows.values())


class _Reader(Reader):
    """A file of the catalogue, or an entry of it."""

    raises = CatalogueError

    def sources(self) -> tuple[Citation, ...]:
        cited = tuple(_citation(entry) for entry in self.entries("sources"))
        if not cited:
            raise self.error("sources", "at least one source is needed")
        return cited


def _citation(entry: _Reader) -> Citation:
    entry.keys(required=("document",), optional=("part", "url"))
    return Citation(document=entry.text("document"), part=entry.text("part", ""), url=entry.text("url", ""))


def _requirement(entry: _Reader, area: str) -> Requirement:
    entry.keys(required=("id", "level", "statement", "sources"), optional=("rows", "when"))
    return Requirement(
        id=entry.text("id"),
        area=area,
        level=entry.choice("level", LEVELS),  # type: ignore[arg-type]
        statement=entry.text("statement"),
        sources=entry.sources(),
        rows=entry.texts("rows"),
        when=_condition(entry),
    )


def _fact(entry: _Reader, area: str) -> StatedFact:
    entry.keys(required=("id", "statement", "reason", "sources"), optional=("rows",))
    return StatedFact(
        id=entry.text("id"),
        area=area,
        statement=entry.text("statement"),
        reason=entry.text("reason"),
        sources=entry.sources(),
        rows=entry.texts("rows"),
    )


def _limitation(entry: _Reader) -> Limitation:
    entry.keys(required=("id", "requirement", "kind", "statement", "symptom", "sources"), optional=("rows", "when"))
    several = isinstance(entry.tree.get("requirement"), list)
    limited = entry.texts("requirement") if several else (entry.text("requirement"),)
    if not limited:
        raise entry.error("requirement", "at least one requirement is needed")
    return Limitation(
        id=entry.text("id"),
        requirements=limited,
        kind=entry.choice("kind", ("documented", "bug")),  # type: ignore[arg-type]
        statement=entry.text("statement"),
        symptom=entry.choice("symptom", tuple(SYMPTOMS)),
        sources=entry.sources(),
        rows=entry.texts("rows"),
        when=_condition(entry),
    )


_ADMITTED = {name: key.values for name, key in WHEN.items() if key.values}
_BUILDS = ("builds", "all_builds")
_NAMES = tuple(name for name in WHEN if name not in (*_ADMITTED, *_BUILDS))


def _condition(entry: _Reader) -> Condition:
    if "when" not in entry.tree:
        return Condition()
    when = _Reader(entry.path, f"{entry.where}, when", entry.tree["when"])
    when.keys(required=(), optional=tuple(WHEN))
    fields: dict[str, Any] = {}
    for name, admitted in _ADMITTED.items():
        if name in when.tree:
            value = when.tree[name]
            values = value if isinstance(value, list) else [value]
            for one in values:
                if one not in admitted:
                    raise when.error(name, f"{one!r} is none of {', '.join(map(str, admitted))}")
            fields[name] = tuple(values)
    fields |= {name: when.texts(name) for name in _NAMES if name in when.tree}
    for name in _BUILDS:
        if name in when.tree:
            builds = when.texts(name)
            if len(builds) != 2 or not all(part.isdigit() for text in builds for part in text.split(".")):
                raise when.error(name, "two builds are needed, the first and the last, as '17763.1'")
            fields[name] = (builds[0], builds[1])
    return Condition(**fields)


def _tests(suites: Path) -> Iterator[SuiteTest]:
    for path in sorted(suites.glob("*/test_*.py")):
        module = _import(path)
        for value in vars(module).values():
            if callable(value) and getattr(value, "__module__", None) == module.__name__:
                found = suite_test(value, f"{path.parent.name}/{path.name}")
                if found:
                    yield found


def _import(path: Path) -> ModuleType:
    name = f"podwire_suites.{path.parent.name}.{path.stem}"
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except AxisError as problem:
        del sys.modules[name]
        raise CatalogueError(f"{path}: {problem}") from problem
    except Exception as problem:
        del sys.modules[name]
        raise CatalogueError(f"{path}: cannot be imported: {type(problem).__name__}: {problem}") from problem
    return module


def _check_links(catalogue: Catalogue, tests: tuple[SuiteTest, ...], suites: Path) -> None:
    tested = set()
    for test in tests:
        place = f"{suites / test.module}: {test.name}"
        if not test.requirement:
            raise CatalogueError(f"{place}: has no requirement (@requirement is missing)")
        if test.requirement not in catalogue.requirements:
            raise CatalogueError(f"{place}: {test.requirement} is no requirement of the catalogue")
        area = catalogue.requirements[test.requirement].area
        if area != test.module.partition("/")[0]:
            raise CatalogueError(f"{place}: {test.requirement} belongs to the area {area}")
        if not test.matrices:
            raise CatalogueError(f"{place}: has no flows (@flows is missing)")
        for matrix, (axis, ways) in itertools.product(test.matrices, WAYS_TO_A_PORT.items()):
            others = sorted(set(matrix.via) - set(ways))
            if others and getattr(matrix, axis):
                raise CatalogueError(f"{place}: {axis} says nothing of flows by {', '.join(others)}")
        tested.add(test.requirement)
    for rule in catalogue.requirements.values():
        if rule.id not in tested:
            raise CatalogueError(
                f"{suites / rule.area / 'requirements.yaml'}: requirements {rule.id}: no test judges it"
            )


def rows_told(areas: Sequence[int], *, as_json: bool) -> str:
    """The rows of these chapters (none given: of all) and what became of each, for a person or as JSON."""
    from podwire.content import suites_folder

    catalogue = load_catalogue(suites_folder())
    rows = [row for row in load_rows(suites_folder()) if not areas or row.area in areas]
    return f"{json.dumps(tree(rows, catalogue), indent=1)}\n" if as_json else listing(rows, catalogue)
