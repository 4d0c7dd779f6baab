"""The structure of the source, where neither ruff nor import-linter can see it.

Small files, an agent that needs nothing but its own standard library and runs on Python 3.8, suites that know podwire
by its name only, no library for packet crafting outside the tests, types with few fields, and no package markers in
the content folders.
Prints one line a finding; exit code 1 if there is any.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

AGENT = "src/podwire/agent/"
PROGRAMS = "src/podwire_lab/windows/programs/"
# What runs in pods: its folder, its package, and what it is called in a finding.
CARRIED = (
    (AGENT, "podwire.agent.", "the agent has"),
    (PROGRAMS, "podwire_lab.windows.programs.", "programs of pods have"),
)
MAX_LINES = 400
MAX_FIELDS = 14
CONTENT = ("suites", "fixtures", "tests")


def main(root: Path) -> int:
    """Print what is wrong below `root`, a checkout; 0 if nothing is, else 1."""
    findings = sorted(check(root))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


def check(root: Path) -> Iterator[str]:
    """Findings as `path:line: text`, or `path: text` where a whole file is meant."""
    sources = {path: path.read_text(encoding="utf-8") for path in sorted((root / "src").rglob("*.py"))}
    for path, text in sources.items():
        yield from _engine(text, path.relative_to(root).as_posix())
    yield from _types({path.relative_to(root).as_posix(): text for path, text in sources.items()})
    for path in sorted((root / "suites").rglob("*.py")):
        yield from _suite(path, path.relative_to(root).as_posix())
    for folder in CONTENT:
        for marker in sorted((root / folder).rglob("__init__.py")):
            yield f"{marker.relative_to(root)}: content folders are no packages; remove it"


def _engine(text: str, name: str) -> Iterator[str]:
    lines = text.count("\n")
    if lines > MAX_LINES:
        yield f"{name}: {lines} lines; at most {MAX_LINES}, so split it by its jobs"
    for line, module in _imports(text):
        top = module.partition(".")[0]
        if top == "scapy":
            yield f"{name}:{line}: imports scapy; only tests may"
        for folder, package, who in CARRIED:
            own = f"{module}.".startswith(package)
            if name.startswith(folder) and not own and top not in sys.stdlib_module_names:
                yield f"{name}:{line}: imports {module}; {who} the standard library and their own package only"
    if name.startswith(AGENT):
        try:
            ast.parse(text, feature_version=(3, 8))
        except SyntaxError as error:
            yield f"{name}:{error.lineno}: not Python 3.8: {error.msg}"


class _Class(NamedTuple):
    """A class of the source: where it stands, what its fields are called, and what it inherits from."""

    file: str
    line: int
    fields: frozenset[str]
    bases: tuple[str, ...]
    is_value: bool
    """Whether it says itself that it has fields: a dataclass, a Struct, a NamedTuple or a TypedDict."""


def _types(sources: Mapping[str, str]) -> Iterator[str]:
    """Classes with too many fields, those that they inherit counted too.

    A row of a file is made of the columns of small types (`podwire/files/rows.py`); each of these is counted.
    """
    known: dict[tuple[str, str], _Class] = {}
    imported: dict[tuple[str, str], tuple[str, str]] = {}
    for name, text in sources.items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ClassDef):
                known[name, node.name] = _class_of(node, name)
            elif isinstance(node, ast.ImportFrom) and node.module:
                file = f"src/{node.module.replace('.', '/')}.py"
                imported |= {(name, alias.asname or alias.name): (file, alias.name) for alias in node.names}
    for (name, called), one in known.items():
        line = list(_ancestors(one, called, known, imported))
        if any(each.is_value for each in line):
            count = len(frozenset().union(*(each.fields for each in line)))
            if count > MAX_FIELDS:
                yield f"{name}:{one.line}: {called} has {count} fields; at most {MAX_FIELDS}, so group them"


def _ancestors(
    one: _Class,
    called: str,
    known: Mapping[tuple[str, str], _Class],
    imported: Mapping[tuple[str, str], tuple[str, str]],
) -> Iterator[_Class]:
    """A class and all classes of the source that it inherits from."""
    yield one
    for base in one.bases:
        place = (one.file, base) if (one.file, base) in known else imported.get((one.file, base), ("", base))
        if place in known and place != (one.file, called):
            yield from _ancestors(known[place], place[1], known, imported)


def _class_of(node: ast.ClassDef, file: str) -> _Class:
    bases = tuple(ast.unparse(one).partition("[")[0].rpartition(".")[2] for one in node.bases)
    decorators = {ast.unparse(one).partition("(")[0].rpartition(".")[2] for one in node.decorator_list}
    fields = frozenset(
        ast.unparse(one.target)
        for one in node.body
        if isinstance(one, ast.AnnAssign) and "ClassVar" not in ast.unparse(one.annotation)
    )
    return _Class(
        file=file,
        line=node.lineno,
        fields=fields,
        bases=bases,
        is_value="dataclass" in decorators or bool({"Struct", "NamedTuple", "TypedDict"} & set(bases)),
    )


def _suite(path: Path, name: str) -> Iterator[str]:
    for line, module in _imports(path.read_text(encoding="utf-8")):
        if module not in ("podwire", "__future__"):
            yield f"{name}:{line}: imports {module}; a suite imports names from podwire and nothing else"


def _imports(text: str) -> Iterator[tuple[int, str]]:
    """Line and module of every import, wherever in the file; a relative one keeps its dots."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent.parent))
