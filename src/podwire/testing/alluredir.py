"""The option `--alluredir` of allure-pytest: its folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from podwire.errors import UsageError


def folder_of(config: pytest.Config) -> Path | None:
    """The folder of `--alluredir`; None without that option."""
    chosen = config.getoption("allure_report_dir", None)
    return Path(config.invocation_params.dir, chosen) if chosen else None


def check_alluredir(config: pytest.Config) -> None:
    """Make the folder. allure-pytest does that too, and ends in a traceback where it cannot. Raises `UsageError`."""
    folder = folder_of(config)
    if folder is None:
        return
    chosen = config.getoption("allure_report_dir")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise UsageError(f"--alluredir {chosen}: is not a folder; choose another one") from None
    except OSError as problem:
        raise UsageError(f"--alluredir {chosen}: cannot be made: {problem.strerror}; choose another folder") from None
