"""A full default run: wall time, memory, and the ratio to as many empty tests with Allure."""

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

CHECKOUT = Path(__file__).parents[1]
RUNS = 3
EMPTY = """
import pytest
@pytest.mark.parametrize("n", range({cases}))
def test_empty(n):
    pass
"""


def timed(command, cwd):
    """Wall seconds, user and system seconds, peak memory of the largest process in MB, output."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    began = time.perf_counter()
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    wall = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return wall, cpu, after.ru_maxrss / 1024, done


def runner_memory(folder):
    """Peak memory of the runner alone, in MB: pytest started under /usr/bin/time's accounting of itself."""
    code = (
        "import resource, pytest, sys; code = pytest.main(sys.argv[1:]);"
        "print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, 'MB'); sys.exit(code)"
    )
    command = [sys.executable, "-c", code, "-p", "no:cacheprovider", "--run-dir", str(folder / "memory")]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
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
        empty = []
        for number in range(RUNS):
            target = ["-p", "no:podwire", "--alluredir", str(folder / "empty" / f"allure-{number}")]
            wall, _, _, _ = timed(
                [sys.executable, "-m", "pytest", "-q", "-c", "/dev/null", *target, "test_empty.py"], folder / "empty"
            )
            empty.append(wall)
        ratio = (statistics.median(full) - 4.0) / statistics.median(empty)
        print(f"{cases} cases: median {statistics.median(full):.1f} s")
        print(f"{cases} empty tests with Allure: median {statistics.median(empty):.1f} s")
        print(f"ratio without the one time-out window of 4 s: {ratio:.1f}")


if __name__ == "__main__":
    main()
