"""Runs the project's own pytest in a process of its own, as a user does."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
PATIENCE = 120


@dataclass
class Finished:
    code: int
    text: str
    folder: Path

    @property
    def record(self):
        return json.loads((self.folder / "run.json").read_text())

    @property
    def outcomes(self):
        return {case["id"]: case["verdict"]["outcome"] for case in self.record["cases"]}


def command(folder, *arguments, program=("pytest",)):
    quiet = ("-p", "no:cacheprovider") if program == ("pytest",) else ()
    return [sys.executable, "-m", *program, *quiet, "--run-dir", str(folder), "--no-report", *arguments]


def environment():
    # Whatever pytest set for this process must not reach the one that it starts.
    return {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}


def run(folder, *arguments, program=("pytest",)):
    done = subprocess.run(
        command(folder, *arguments, program=program),
        cwd=CHECKOUT,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    return Finished(done.returncode, done.stdout + done.stderr, folder)
