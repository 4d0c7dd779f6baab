"""tools/setup: its messages and exit codes when something is missing, with stand-ins for python and its pip."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

STAND_IN = """#!/bin/sh
case "$*" in
  *version_info*print* | *print*version_info*) echo "$STAND_IN_VERSION" ;;
  *"version_info < "*) case "$STAND_IN_VERSION" in 3.9*) exit 1 ;; esac ;;
  *"-m venv"*) mkdir -p .venv/bin && cp "$0" .venv/bin/python ;;
  *"pip install"*) [ -z "$STAND_IN_PIP_ERROR" ] || { echo "$STAND_IN_PIP_ERROR"; exit 1; } ;;
esac
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with only the files that set-up reads, and a python that installs nothing."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools/setup", tmp_path / "tools/setup")
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "tools/constraints.txt").write_text("")
    python = tmp_path / "python"
    python.write_text(STAND_IN)
    python.chmod(0o755)
    # A stand-in for nft too, so that nothing here asks a package registry.
    (tmp_path / ".tools/bin").mkdir(parents=True)
    (tmp_path / ".tools/bin/nft").symlink_to("/bin/true")
    return tmp_path


def setup(checkout: Path, version: str = "3.11.9", pip_error: str = "") -> subprocess.CompletedProcess[str]:
    env = {
        "PATH": os.environ["PATH"],
        "PYTHON": str(checkout / "python"),
        "STAND_IN_VERSION": version,
        "STAND_IN_PIP_ERROR": pip_error,
    }
    return subprocess.run(
        [checkout / "tools/setup"], env=env, capture_output=True, text=True, check=False, timeout=30, cwd="/"
    )


def test_the_first_time_says_each_step_and_the_second_nothing(checkout: Path) -> None:
    first, second = setup(checkout), setup(checkout)
    assert (first.returncode, second.returncode) == (0, 0), first.stderr
    assert first.stdout.splitlines()[-1] == "setup: done"
    assert (second.stdout, second.stderr) == ("", "")


@pytest.mark.parametrize("name", ["pyproject.toml", "tools/constraints.txt"])
def test_a_changed_pin_is_installed(checkout: Path, name: str) -> None:
    setup(checkout)
    (checkout / name).write_text("# changed\n")
    assert "Python packages" in setup(checkout).stdout


def test_a_moved_checkout_is_set_up_again(checkout: Path, tmp_path: Path) -> None:
    setup(checkout)
    moved = shutil.copytree(checkout, tmp_path / "moved", symlinks=True)
    assert "setup: done" in setup(moved).stdout


def test_an_old_python_is_one_line(checkout: Path) -> None:
    done = setup(checkout, version="3.9.2")
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"setup: python: {checkout}/python is 3.9.2; podwire needs 3.11 or newer: make setup PYTHON=/path/to/python3"
    ]


def test_a_python_that_is_not_there_is_one_line(checkout: Path) -> None:
    (checkout / "python").unlink()
    done = setup(checkout)
    assert (done.returncode, done.stderr) == (2, f"setup: python: PYTHON={checkout}/python does not exist\n")


def test_what_pip_could_not_get_is_one_line_and_tried_again(checkout: Path) -> None:
    failed = setup(checkout, pip_error="ERROR: No matching distribution found for aiohttp")
    assert failed.returncode == 2
    assert failed.stderr.splitlines() == [
        "setup: Python packages: ERROR: No matching distribution found for aiohttp"
        f" (all of it: {checkout}/.tools/setup.log)"
    ]
    assert setup(checkout).returncode == 0
