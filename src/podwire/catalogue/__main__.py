"""`python -m podwire.catalogue`: check the suites beside this project and count their entries."""

from __future__ import annotations

import sys
from collections.abc import Callable

from podwire.catalogue.load import CatalogueError, load, load_rows
from podwire.catalogue.rows import complaints
from podwire.content import suites_folder


def main(say: Callable[[str], object] = print) -> int:
    """Check the suites beside this project and count their entries."""
    try:
        catalogue, tests = load(suites_folder())
        rows = load_rows(suites_folder())
    except CatalogueError as problem:
        say(str(problem))
        return 2
    wrong = [f"{suites_folder() / 'rows.yaml'}: {line}" for line in complaints(rows, catalogue)]
    for line in wrong:
        say(line)
    if wrong:
        return 2
    say(
        f"{len(catalogue.areas)} areas, {len(catalogue.requirements)} requirements, "
        f"{len(catalogue.limitations)} limitations, {len(catalogue.facts)} stated facts, {len(tests)} tests, "
        f"{len(rows)} sentences of the documentation"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
