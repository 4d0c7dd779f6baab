"""Read the suites strictly: requirements.yaml, limitations.yaml and the tests beside them.

Each mistake is one line that names the file, the entry and the field (`CatalogueError`).
"""

from __future__ import annotations

import functools
import importlib.util
import itertools
import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from podwire.catalogue.forms import (
    LimitationForm,
    LimitationsFile,
    RequirementForm,
    RequirementsFile,
    RowsFile,
    StatedFactForm,
    condition_of,
)
from podwire.catalogue.rows import Row, listing, tree
from podwire.content import manifests_folder
from podwire.files.bounded import FileError
from podwire.files.kinds import one_line
from podwire.files.typed import yaml_as
from podwire.files.yaml_tree import yaml_file
from podwire.model.axes.axis import AxisError
from podwire.model.cases import SuiteTest
from podwire.model.requirements import ANY, Catalogue, Limitation, Requirement, StatedFact
from podwire.model.ways import WAYS_TO_A_PORT
from podwire.suite import suite_test

T = TypeVar("T")


class CatalogueError(FileError):
    """A file of the catalogue is wrong; the text is one line for its author."""


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
    facts: dict[str, StatedFact] = {}
    for path in sorted(suites.glob("*/requirements.yaml")):
        area, file = path.parent.name, _file(path, RequirementsFile)
        areas[area] = one_line(file.area)
        for entry in file.requirements:
            rule = _requirement(entry, area)
            _once(path, f"requirements {rule.id}", rule.id, requirements, facts)
            requirements[rule.id] = rule
        for stated in file.facts:
            fact = _fact(stated, area)
            _once(path, f"facts {fact.id}", fact.id, requirements, facts)
            facts[fact.id] = fact
    if not areas:
        raise CatalogueError(f"{suites}: no area has a requirements.yaml; add one to a folder below it")
    limitations: dict[str, Limitation] = {}
    for path in sorted(suites.glob("*/limitations.yaml")):
        for form in _file(path, LimitationsFile).limitations:
            limit, place = _limitation(form), f"limitations {one_line(form.id)}"
            _once(path, place, limit.id, limitations)
            if limit.requirements == (ANY,) and limit.kind != "bug":
                raise CatalogueError(f"{path}: {place}, requirement: only a bug may name `any`; name requirements")
            for identity in limit.requirements:
                if identity not in (*requirements, ANY):
                    text = f"{identity} is no requirement of the catalogue"
                    raise CatalogueError(f"{path}: {place}, requirement: {text}")
            limitations[limit.id] = limit
    return Catalogue(
        areas=areas,
        requirements=requirements,
        limitations=tuple(limitations.values()),
        facts=tuple(facts.values()),
        policies=_policies(),
    )


@functools.cache
def _policies() -> Mapping[str, Mapping[str, Any]]:
    """The network policies that a run makes for the cases that they rule, by the names of their files."""
    return {path.stem: yaml_file(path) for path in sorted((manifests_folder() / "policies").glob("np-*.yaml"))}


def load_rows(suites: Path) -> tuple[Row, ...]:
    """The sentences of the documentation that the catalogue covers, from `rows.yaml`, in the order of the file."""
    rows: dict[str, Row] = {}
    path = suites / "rows.yaml"
    for area in _file(path, RowsFile).areas:
        for entry in area.rows:
            row = Row(
                id=one_line(entry.id),
                area=area.number,
                title=one_line(area.title),
                kind=entry.kind,
                severity=entry.severity,
                statement=one_line(entry.statement),
            )
            _once(path, f"rows {row.id}", row.id, rows)
            rows[row.id] = row
    return tuple(rows.values())


def _file(path: Path, kind: type[T]) -> T:
    try:
        return yaml_as(path, kind)
    except FileError as problem:
        raise CatalogueError(str(problem)) from None


def _once(path: Path, place: str, identity: str, *known: Collection[str]) -> None:
    if any(identity in ids for ids in known):
        raise CatalogueError(f"{path}: {place}, id: {identity} is defined twice; rename or remove one")


def _requirement(form: RequirementForm, area: str) -> Requirement:
    return Requirement(
        id=one_line(form.id),
        area=area,
        level=form.level,
        statement=one_line(form.statement),
        sources=tuple(source.citation() for source in form.sources),
        rows=form.rows,
        when=condition_of(form.when),
    )


def _fact(form: StatedFactForm, area: str) -> StatedFact:
    return StatedFact(
        id=one_line(form.id),
        area=area,
        statement=one_line(form.statement),
        reason=one_line(form.reason),
        sources=tuple(source.citation() for source in form.sources),
        rows=form.rows,
    )


def _limitation(form: LimitationForm) -> Limitation:
    return Limitation(
        id=one_line(form.id),
        requirements=form.requirement if isinstance(form.requirement, tuple) else (one_line(form.requirement),),
        kind=form.kind,
        statement=one_line(form.statement),
        symptom=form.symptom,
        sources=tuple(source.citation() for source in form.sources),
        rows=form.rows,
        when=condition_of(form.when),
    )


def _tests(suites: Path) -> Iterator[SuiteTest]:
    for path in sorted(suites.glob("*/test_*.py")):
        module = _import(path)
        for value in vars(module).values():
            if callable(value) and getattr(value, "__module__", None) == module.__name__:
                test = suite_test(value, f"{path.parent.name}/{path.name}")
                if test:
                    yield test


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
            raise CatalogueError(f"{place}: names no requirement; add @requirement")
        if test.requirement not in catalogue.requirements:
            raise CatalogueError(f"{place}: {test.requirement} is no requirement of the catalogue")
        area = catalogue.requirements[test.requirement].area
        if area != test.module.partition("/")[0]:
            raise CatalogueError(f"{place}: {test.requirement} belongs to area {area}; move the test there")
        if not test.matrices:
            raise CatalogueError(f"{place}: names no flows; add @flows")
        for matrix, (axis, vias) in itertools.product(test.matrices, WAYS_TO_A_PORT.items()):
            unrelated = sorted(set(matrix.via) - set(vias))
            if unrelated and getattr(matrix, axis):
                raise CatalogueError(f"{place}: {axis} does not apply to flows via {', '.join(unrelated)}")
        tested.add(test.requirement)
    for rule in catalogue.requirements.values():
        if rule.id not in tested:
            raise CatalogueError(
                f"{suites / rule.area / 'requirements.yaml'}: requirements {rule.id}: no test judges it; add one"
            )


def rows_told(areas: Sequence[int], *, as_json: bool) -> str:
    """The rows of these chapters, or of all, with the entries that cover them: for a person, or as JSON."""
    from podwire.content import suites_folder

    catalogue = load_catalogue(suites_folder())
    rows = [row for row in load_rows(suites_folder()) if not areas or row.area in areas]
    return f"{json.dumps(tree(rows, catalogue), indent=1)}\n" if as_json else listing(rows, catalogue)
