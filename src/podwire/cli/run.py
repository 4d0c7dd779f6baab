"""The command `podwire run`: run the suites with pytest, in this process."""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from podwire.cli.options import add_command
from podwire.running.option import Option
from podwire.running.options import Texts, rows_of


def add_run_command(commands: Any) -> None:
    """Add the command to the command line."""
    run = add_command(commands, "run", _run, "run the suites; arguments after -- go to pytest")
    run.add_argument("pytest", nargs="*", metavar="-- PYTEST ARGUMENT", help="e.g. -- -k tcp -n 2 --collect-only")


def _run(options: argparse.Namespace) -> int:
    import pytest

    code = int(pytest.main(pytest_arguments(options.texts, options.pytest)))
    # pytest has its own exit codes for wrong usage and for an empty selection.
    return 2 if code in (pytest.ExitCode.USAGE_ERROR, pytest.ExitCode.NO_TESTS_COLLECTED) else code


def pytest_arguments(texts: Texts, more: Sequence[str] = ()) -> list[str]:
    """The arguments of the pytest run: the project's configuration, the options, and the suites unless `more` has a
    path."""
    from podwire.content import content_root, is_checkout

    root = content_root()
    configuration = root / "pyproject.toml"
    arguments = [f"--rootdir={root}", "--import-mode=importlib"]
    # This process imported podwire before pytest could rewrite its assertions; podwire has none for that.
    arguments += ["-W", "ignore:Module already imported:pytest.PytestAssertRewriteWarning"]
    if configuration.is_file():
        arguments += ["-c", str(configuration)]
    else:
        arguments += ["-c", os.devnull, "-o", f"pythonpath={root / 'fixtures'}", "--tb=short"]
    if not is_checkout():
        arguments += ["-p", "no:cacheprovider"]  # an installed package is no place for a cache
    for row in rows_of("run"):
        arguments += _words(row, texts.get(row.flag))
    chosen = any(not word.startswith("-") and Path(word.split("::")[0]).exists() for word in more)
    return [*arguments, *more] if chosen else [*arguments, *more, str(root / "suites")]


def _words(row: Option, value: Any) -> list[str]:
    """An option in pytest's form. Paths are absolute, because pytest changes its folder."""
    if row.is_switch:
        return [row.flag] if value else []
    values = value if isinstance(value, list) else [value]
    texts = [text for text in values if text is not None]
    if row.is_path:
        texts = [text if text == "in-cluster" else str(Path(text).expanduser().absolute()) for text in texts]
    return [f"{row.flag}={text}" for text in texts]
