"""The files that set-up installs from agree with each other and name no registry."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
PINS = [Requirement(line) for line in (ROOT / "tools/constraints.txt").read_text().splitlines() if line[:1] != "#"]


def test_every_constraint_is_one_exact_version() -> None:
    assert PINS
    assert all(pin.url is None and [specifier.operator for specifier in pin.specifier] == ["=="] for pin in PINS)
    assert "//" not in (ROOT / "tools/constraints.txt").read_text()


def test_every_dependency_is_pinned_in_its_range() -> None:
    pinned = {pin.name.lower(): next(iter(pin.specifier)).version for pin in PINS}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    requirements = [
        *project["project"]["dependencies"],
        *project["dependency-groups"]["dev"],
        *project["build-system"]["requires"],
    ]
    for wanted in map(Requirement, requirements):
        assert wanted.specifier.contains(pinned[wanted.name.lower()]), wanted


def test_the_npm_lock_names_no_host() -> None:
    lock = json.loads((ROOT / "tools/allure/package-lock.json").read_text())
    assert not [name for name, entry in lock["packages"].items() if "resolved" in entry]


@pytest.mark.parametrize(
    "target", ["setup", "conformance", "test", "test-windows", "check", "bench", "mutants", "clean"]
)
def test_make_lists_the_target(target: str) -> None:
    listing = subprocess.run(["make", "-C", ROOT, "help"], capture_output=True, text=True, check=True, timeout=10)
    assert any(line.startswith(f"{target} ") for line in listing.stdout.splitlines())
