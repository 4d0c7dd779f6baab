"""The structure of the source, where neither ruff nor import-linter can see it.

Small files, an agent that needs nothing but its own standard library and runs on Python 3.8, suites that know podwire
by its name only, no library for packet crafting outside the tests, types with few fields, and no package markers in
the content folders.
Prints one line a finding; exit code 1 if there is any.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

AGENT = "src/podwire/agent/"
PROGRAMS = "src/podwire_lab/windows/programs/"
# What runs in pods: its folder, its package, and what it is called in a finding.
CARRIED = (
    (AGENT, "podwire.agent.", "the agent has"),
    (PROGRAMS, "podwire_lab.windows.programs.", "programs of pods have"),
)
MAX_LINES = 400
MAX_FIELDS = 14
# Types that have more until they are taken apart; none may grow meanwhile.
MAX_FIELDS_OF = {
    # Everything that is known of a cluster: of it, of its nodes, of what is beside it.
    "podwire/model/facts.py:ClusterFacts": 24,
    # A row of a file: an observation has its flow in one row, in the order in which files have always had it.
    "podwire/records/case_form.py:FlowForm": 21,
}
CONTENT = ("suites", "fixtures", "tests")


def main(root: Path) -> int:
    """Print what is wrong below `root`, a checkout; 0 if nothing is, else 1."""
    findings = sorted(check(root))
    for finding in findings:
        print(finding)
    return 1 if findings else 0


def check(root: Path) -> Iterator[str]:
    """Findings as `path:line: text`, or `path: text` where a whole file is meant."""
    for path in sorted((root / "src").rglob("*.py")):
        yield from _engine(path, path.relative_to(root).as_posix())
    for path in sorted((root / "suites").rglob("*.py")):
        yield from _suite(path, path.relative_to(root).as_posix())
    for folder in CONTENT:
        for marker in sorted((root / folder).rglob("__init__.py")):
            yield f"{marker.relative_to(root)}: content folders are no packages; remove it"


def _engine(path: Path, name: str) -> Iterator[str]:
    text = path.read_text(encoding="utf-8")
    lines = text.count("\n")
    if lines > MAX_LINES:
        yield f"{name}: {lines} lines; at most {MAX_LINES}, so split it by its jobs"
    yield from _types(text, name)
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


def _types(text: str, name: str) -> Iterator[str]:
    """Classes with too many fields: of a dataclass, of a Struct, of a NamedTuple or a TypedDict."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef) and _has_fields(node):
            count = sum(
                isinstance(one, ast.AnnAssign) and "ClassVar" not in ast.unparse(one.annotation) for one in node.body
            )
            limit = MAX_FIELDS_OF.get(f"{name.removeprefix('src/')}:{node.name}", MAX_FIELDS)
            if count > limit:
                yield f"{name}:{node.lineno}: {node.name} has {count} fields; at most {limit}, so group them"


def _has_fields(node: ast.ClassDef) -> bool:
    words = {ast.unparse(one).partition("(")[0].rpartition(".")[2] for one in (*node.decorator_list, *node.bases)}
    return bool(words & {"dataclass", "Struct", "NamedTuple", "TypedDict"})


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
