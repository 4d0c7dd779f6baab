"""Allure that waits for its order: it makes the page, or its death costs no more than the time that it would save."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from records_for_tests import one_of_each

from podwire.reporting.allure import write_allure_results
from podwire.reporting.allure_report import generate_report, warm_up

CHECKOUT = Path(__file__).parents[2]
MODULES = Path("tools/allure/node_modules")
# A command line that is like Allure's in this: it reads its words from the process, and writes a page.
CLI = """
import { argv, cwd } from "node:process";
import { mkdirSync, writeFileSync } from "node:fs";
mkdirSync(argv[7]);
writeFileSync(`${argv[7]}/index.html`, JSON.stringify([argv.slice(2, 7), cwd()]));
"""


@pytest.fixture
def run(tmp_path: Path) -> Path:
    directory = tmp_path / "run-1"
    write_allure_results(one_of_each(), directory)
    return directory


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the real script and an Allure of one file."""
    if shutil.which("node") is None:
        pytest.skip("there is no node here")
    root = tmp_path / "checkout"
    package, commands = root / MODULES / "allure", root / MODULES / ".bin"
    for folder in (root / "reports", package, commands):
        folder.mkdir(parents=True)
    shutil.copy(CHECKOUT / "reports" / "allure_warm.mjs", root / "reports")
    (package / "package.json").write_text('{"type": "module"}')
    (package / "cli.js").write_text(CLI)
    (commands / "allure").symlink_to("../allure/cli.js")
    return root


def test_the_process_that_waited_makes_the_page_with_the_same_words(run: Path, checkout: Path) -> None:
    process = warm_up(checkout)
    assert process is not None
    page, _ = generate_report(run, checkout, warm=process)
    assert page is not None
    words, directory = json.loads(page.read_text())
    assert words[:2] == ["generate", str(run / "allure-results")]
    assert words[2:5:2] == ["--config", "--output"]
    assert directory == str(Path(words[3]).parent)
    assert process.returncode == 0


def test_one_that_died_while_it_waited_is_not_missed(run: Path, checkout: Path) -> None:
    process = warm_up(checkout)
    assert process is not None
    process.kill()
    process.wait()
    command = checkout / MODULES / ".bin" / "allure"
    command.unlink()
    command.write_text('#!/bin/sh\nmkdir -p "$6"; echo cold > "$6/index.html"\n')
    command.chmod(0o755)
    page, _ = generate_report(run, checkout, warm=process)
    assert page is not None
    assert page.read_text() == "cold\n"


def test_one_that_nobody_wants_ends_with_its_input(checkout: Path) -> None:
    process = warm_up(checkout)
    assert process is not None
    told, _ = process.communicate(timeout=30)
    assert (process.returncode, told) == (0, b"")


def test_without_a_checkout_nothing_waits(tmp_path: Path) -> None:
    assert warm_up(None) is None
    assert warm_up(tmp_path) is None
