"""A full default run: wall time, memory, and the ratio to the same number of empty tests with Allure results, and with
a page."""

import json
import os
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from podwire.reporting.allure_report import find_allure

CHECKOUT = Path(__file__).parents[1]
RUNS = 3
WINDOW = 4.0
EMPTY = """
import pytest
@pytest.mark.parametrize("n", range({cases}))
def test_empty(n):
    pass
"""


def environment():
    """The environment of a user: compiled modules are kept, and settings of a surrounding pytest are removed."""
    removed = ("PYTHONDONTWRITEBYTECODE", "PYTEST_")
    return {name: value for name, value in os.environ.items() if not name.startswith(removed)}


def timed(command, cwd):
    """Wall seconds, user and system seconds, peak memory of the largest process in MB, output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(
        command, cwd=cwd, env=environment(), capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, after.ru_maxrss / 1024, done


def runner_memory(folder):
    """Peak memory of the runner alone, in MB, by its own accounting."""
    code = (
        "import resource, pytest, sys; code = pytest.main(sys.argv[1:]);"
        "print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, 'MB'); sys.exit(code)"
    )
    command = [sys.executable, "-c", code, "-p", "no:cacheprovider", "--run-dir", str(folder / "memory")]
    done = subprocess.run(command, cwd=CHECKOUT, env=environment(), capture_output=True, text=True, check=False)
    return re.search(r"peak (\d+) MB", done.stdout)


def main():
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        full = []
        for number in range(RUNS):
            command = [
                sys.executable,
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                "--run-dir",
                str(folder / str(number)),
            ]
            wall, cpu, _, done = timed([*command, *sys.argv[1:]], CHECKOUT)
            record = json.loads((folder / str(number) / "run.json").read_text())
            full.append(wall)
            print(
                f"run {number + 1}: exit {done.returncode}, {len(record['cases'])} cases, {wall:.1f} s, CPU {cpu:.1f} s"
            )
        cases = len(record["cases"])
        print("   timings:", ", ".join(f"{name} {seconds:.2f} s" for name, seconds in record["timings"].items()))
        found = runner_memory(folder)
        print(f"runner: {found.group(0) if found else 'memory not known'}; {os.cpu_count()} cores")
        (folder / "empty").mkdir()
        (folder / "empty" / "test_empty.py").write_text(EMPTY.format(cases=cases))
        allure = find_allure(CHECKOUT)
        empty, page = [], []
        for number in range(RUNS):
            results = folder / "empty" / f"allure-{number}"
            target = ["-p", "no:podwire", "--alluredir", str(results), "test_empty.py"]
            wall, _, _, _ = timed([sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", *target], folder / "empty")
            empty.append(wall)
            if allure is not None:
                made = ["--config", str(CHECKOUT / "reports" / "allurerc.json"), "--output", str(folder / "page")]
                page.append(timed([str(allure), "generate", str(results), *made], folder)[0])
        whole, bare = statistics.median(full), statistics.median(empty)
        print(f"{cases} cases: median {whole:.1f} s, of which {WINDOW:g} s are the one time-out window")
        print(f"{cases} empty tests with Allure results: median {bare:.1f} s; ratio {(whole - WINDOW) / bare:.1f}")
        if page:
            paged = bare + statistics.median(page)
            print(f"the same and the page made of them: {paged:.1f} s; ratio {(whole - WINDOW) / paged:.1f}")


if __name__ == "__main__":
    main()
