"""Check the structure of the checkout where neither ruff nor import-linter can.

- A Python file has at most 400 lines, tests and tools included; a type of src/ has at most 14 fields, those that it
  inherits included.
- The agent and the programs of the lab's pods use the standard library and their own package. The agent runs on 3.8.
- A suite imports podwire and podwire.crafting and nothing else. Only tests, `podwire evidence` and what makes packets
  import scapy.
- Content folders have no `__init__.py`.

Prints one line for each finding; the exit code is 1 if there is one.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

AGENT = "src/podwire/agent/"
PROGRAMS = "src/podwire_lab/windows/programs/"
# Code that runs in pods: its folder, its package, and the words for it in a finding.
CARRIED = (
    (AGENT, "podwire.agent.", "the agent has"),
    (PROGRAMS, "podwire_lab.windows.programs.", "programs of pods have"),
)
SCAPYS = ("src/podwire/crafting/build.py", "src/podwire/reporting/case_packets/packet_show.py")
MAX_LINES = 400
MAX_FIELDS = 14
# Modules of a room, which is a folder below `src/podwire` or `src/podwire_lab`; modules beside the rooms.
MAX_MODULES, MAX_BESIDE_ROOMS = 25, 8
CONTENT = ("suites", "fixtures", "tests")
# Folders whose Python files have the limit of lines.
WRITTEN = ("src", "suites", "fixtures", "tests", "tools", "bench", "findings")


def main(root: Path) -> int:
    """Print the findings of the checkout at `root`. Returns 1 if there is one, else 0."""
    findings = sorted(check(root))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


def check(root: Path) -> Iterator[str]:
    """Findings as `path:line: text`, or `path: text` about a whole file."""
    for folder in WRITTEN:
        for path in sorted((root / folder).rglob("*.py")):
            lines = path.read_text(encoding="utf-8").count("\n")
            if lines > MAX_LINES:
                yield f"{path.relative_to(root)}: {lines} lines; at most {MAX_LINES}, so split it by its jobs"
    yield from _rooms(root)
    sources = {path: path.read_text(encoding="utf-8") for path in sorted((root / "src").rglob("*.py"))}
    for path, text in sources.items():
        yield from _engine(text, path.relative_to(root).as_posix())
    yield from _types({path.relative_to(root).as_posix(): text for path, text in sources.items()})
    for path in sorted((root / "suites").rglob("*.py")):
        yield from _suite(path, path.relative_to(root).as_posix())
    for folder in CONTENT:
        for marker in sorted((root / folder).rglob("__init__.py")):
            yield f"{marker.relative_to(root)}: a content folder is no package; remove this file"


def _rooms(root: Path) -> Iterator[str]:
    """Folders with too many modules; the top of each package has a lower limit."""
    for package in sorted(path for path in (root / "src").glob("*") if path.is_dir()):
        for folder in sorted({path.parent for path in package.rglob("*.py")}):
            modules, most = len(list(folder.glob("*.py"))), MAX_BESIDE_ROOMS if folder == package else MAX_MODULES
            if modules > most:
                yield f"{folder.relative_to(root)}: {modules} modules; at most {most}, so make a room for some of them"


def _engine(text: str, name: str) -> Iterator[str]:
    for line, module in _imports(text):
        top = module.partition(".")[0]
        if top == "scapy" and name not in SCAPYS:
            yield f"{name}:{line}: imports scapy; only {' and '.join(SCAPYS)} and tests may"
        for folder, package, subject in CARRIED:
            own_package = f"{module}.".startswith(package)
            if name.startswith(folder) and not own_package and top not in sys.stdlib_module_names:
                yield f"{name}:{line}: imports {module}; {subject} the standard library and their own package only"
    if name.startswith(AGENT):
        try:
            ast.parse(text, feature_version=(3, 8))
        except SyntaxError as error:
            yield f"{name}:{error.lineno}: not Python 3.8: {error.msg}"


class _Class(NamedTuple):
    """A class of the source: its place, the names of its fields, and its bases."""

    file: str
    line: int
    fields: frozenset[str]
    bases: tuple[str, ...]
    is_value: bool
    """Whether it declares fields itself: a dataclass, a Struct, a NamedTuple or a TypedDict."""


def _types(sources: Mapping[str, str]) -> Iterator[str]:
    """Classes with too many fields, inherited ones included.

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
    for (name, called), type_ in known.items():
        line = list(_ancestors(type_, called, known, imported))
        if any(ancestor.is_value for ancestor in line):
            count = len(frozenset().union(*(ancestor.fields for ancestor in line)))
            if count > MAX_FIELDS:
                yield f"{name}:{type_.line}: {called} has {count} fields; at most {MAX_FIELDS}, so group them"


def _ancestors(
    type_: _Class,
    called: str,
    known: Mapping[tuple[str, str], _Class],
    imported: Mapping[tuple[str, str], tuple[str, str]],
) -> Iterator[_Class]:
    """A class and all classes of the source that it inherits from."""
    yield type_
    for base in type_.bases:
        file = type_.file
        place = (file, base) if (file, base) in known else imported.get((file, base), ("", base))
        if place in known and place != (file, called):
            yield from _ancestors(known[place], place[1], known, imported)


def _class_of(node: ast.ClassDef, file: str) -> _Class:
    bases = tuple(ast.unparse(base).partition("[")[0].rpartition(".")[2] for base in node.bases)
    decorators = {ast.unparse(decorator).partition("(")[0].rpartition(".")[2] for decorator in node.decorator_list}
    fields = frozenset(
        ast.unparse(line.target)
        for line in node.body
        if isinstance(line, ast.AnnAssign) and "ClassVar" not in ast.unparse(line.annotation)
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
        if module not in ("podwire", "podwire.crafting", "__future__"):
            yield f"{name}:{line}: imports {module}; a suite imports podwire and podwire.crafting and nothing else"


def _imports(text: str) -> Iterator[tuple[int, str]]:
    """Line and module of every import, inside functions too; a relative import keeps its dots."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            yield node.lineno, "." * node.level + (node.module or "")


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parent.parent))
