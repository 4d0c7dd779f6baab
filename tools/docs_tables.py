"""The tables of the docs that the code knows: outcomes, exit codes, profiles, what the manifests are for.

    tools/docs_tables.py            write them into their pages
    tools/docs_tables.py --check    say which page differs; exit code 1 if one does

A page holds a table between `<!-- generated: NAME -->` and `<!-- end: NAME -->`; `TABLES` says who writes which.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import manifest_tables  # noqa: E402

from podwire.errors import EXIT_CODES  # noqa: E402
from podwire.gating.gate import Decision  # noqa: E402
from podwire.model.verdicts import Outcome  # noqa: E402
from podwire.reporting import allure, ctrf, junit, sonobuoy  # noqa: E402
from podwire.reporting.pages import MARKS  # noqa: E402
from podwire.reporting.words import MEANINGS, MISSING  # noqa: E402
from podwire.testing.case import STATUSES  # noqa: E402
from podwire_lab.model.profiles import PROFILES  # noqa: E402


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [f"| {' | '.join(cells)} |" for cells in (head, *rows)]
    return "\n".join([lines[0], "|---" * len(head) + "|", *lines[1:]]) + "\n"


def outcomes() -> str:
    head = ("", "outcome", "meaning", "pytest", "JUnit", "Allure", "CTRF", "Sonobuoy")
    rows = [
        (
            MARKS[outcome][1],
            f"**{outcome}**",
            MEANINGS[outcome],
            STATUSES[outcome],
            f"`{junit.ELEMENTS[outcome]}`" if junit.ELEMENTS[outcome] else "passed",
            allure.STATUS[outcome],
            ctrf.STATUS[outcome],
            sonobuoy.STATUS[outcome],
        )
        for outcome in Outcome
    ]
    rows.append((MARKS[MISSING][1], MISSING, MEANINGS[MISSING], "", "`error`", "broken", "failed", "failed"))
    return table(head, rows)


def exit_codes() -> str:
    return table(("exit code", "meaning"), [(str(code), text) for code, text in EXIT_CODES.items()])


def decisions() -> str:
    return table(("exit code", "decision"), [(str(one.exit_code), str(one)) for one in Decision])


def profiles() -> str:
    modes: dict[str, list[str]] = {}
    for name, profile in PROFILES.items():
        modes.setdefault(profile.mode, []).append(f"`{name}`")
    return table(("network mode", "profiles"), [(mode, ", ".join(names)) for mode, names in modes.items()])


TABLES: Sequence[tuple[str, str, Callable[[], str]]] = (
    ("docs/reading-results.md", "outcomes", outcomes),
    ("docs/reading-results.md", "exit codes", exit_codes),
    ("docs/gating.md", "decisions", decisions),
    ("README.md", "profiles", profiles),
    ("manifests/README.md", "services", manifest_tables.services),
    ("manifests/README.md", "variants", manifest_tables.variants),
    ("manifests/README.md", "policies", manifest_tables.policies),
    ("manifests/README.md", "changes", manifest_tables.changes),
)


def filled(page: str, name: str, text: str) -> str:
    """The page with that text in the place of that name; ValueError when it has no such place."""
    first, last = f"<!-- generated: {name} -->\n", f"<!-- end: {name} -->"
    found = re.search(f"{re.escape(first)}.*?{re.escape(last)}", page, re.DOTALL)
    if found is None:
        raise ValueError(f"has no place for the table '{name}': {first.strip()} and {last}")
    return f"{page[: found.start()]}{first}{text}{last}{page[found.end() :]}"


def main(arguments: Sequence[str]) -> int:
    pages: dict[Path, str] = {}
    for file, name, make in TABLES:
        path = ROOT / file
        page = pages.get(path) or path.read_text(encoding="utf-8")
        try:
            pages[path] = filled(page, name, make())
        except ValueError as problem:
            print(f"{file}: {problem}")
            return 1
    differing = [path for path, page in pages.items() if page != path.read_text(encoding="utf-8")]
    for path in differing:
        if "--check" in arguments:
            print(f"{path.relative_to(ROOT)}: a table differs from the code; run tools/docs_tables.py")
        else:
            path.write_text(pages[path], encoding="utf-8")
    return 1 if differing and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
