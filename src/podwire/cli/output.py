"""Shared by commands: the folder for several runs, lines of progress, and mistakes in the suites as one line."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from podwire.errors import UsageError
from podwire.redaction import redacted


def output_folder(given: Path | None, kind: str) -> Path:
    """Make the folder that the user named, or `reports/<kind>/<time>`.

    Raises:
        UsageError: it cannot be made.
    """
    from podwire.content import runs_folder

    stamp = time.strftime("%Y%m%d-%H%M%S", time.gmtime())
    folder = given or runs_folder().parent / kind / stamp
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(f"--output {folder}: {problem.strerror}") from problem
    return folder


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"podwire: {redacted(text)}", file=sys.stderr, flush=True)


@contextmanager
def suites_as_input() -> Iterator[None]:
    """Report a mistake in the suites in one line for their author: `UsageError`, without a traceback."""
    from podwire.catalogue.load import CatalogueError
    from podwire.planning.plan import PlanError

    try:
        yield
    except (CatalogueError, PlanError) as error:
        raise UsageError(str(error)) from error
