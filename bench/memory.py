"""The memory that each further round of `--repeat` costs the runner.

`python bench/memory.py [CHECKOUT ...] [--rounds 1,3,6] [-- OPTION ...]`; it measures the checkouts in turns, each with
the Python of its own `make setup`. The default is this checkout and `--area pod_to_pod`.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
CODE = (
    "import resource, pytest, sys; code = pytest.main(sys.argv[1:]);"
    "print('peak', resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, 'kB'); sys.exit(code)"
)


def peak(checkout, rounds, options, folder):
    """The peak resident memory in MB of a runner with this number of rounds, and the number of cases."""
    words = ["-p", "no:cacheprovider", "--run-dir", str(folder), "--no-report", "--repeat", str(rounds), *options]
    known = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(
        [str(checkout / ".venv" / "bin" / "python"), "-c", CODE, *words],
        cwd=checkout,
        env=known,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    found = re.search(r"peak (\d+) kB", done.stdout)
    cases = re.search(r"^(\d+) cases:", done.stdout, re.MULTILINE)
    if found is None or cases is None:
        sys.exit(f"{checkout}: no run: {done.stdout[-500:]}{done.stderr[-500:]}")
    return int(found.group(1)) / 1024, int(cases.group(1))


def main():
    parser = argparse.ArgumentParser(description="Measure the runner's memory for further rounds.")
    parser.add_argument("checkouts", nargs="*", type=Path, default=[CHECKOUT], metavar="CHECKOUT")
    parser.add_argument("--rounds", default="1,3,6", help="numbers of rounds, in turns (default: %(default)s)")
    words, _, options = " ".join(sys.argv[1:]).partition("-- ")
    arguments = parser.parse_args(words.split())
    rounds = sorted(int(number) for number in arguments.rounds.split(","))
    found = {checkout: {} for checkout in arguments.checkouts}
    for number in rounds:
        for checkout in arguments.checkouts:
            with tempfile.TemporaryDirectory() as scratch:
                run = peak(
                    checkout.resolve(), number, options.split() or ["--area", "pod_to_pod"], Path(scratch) / "run"
                )
            found[checkout][number] = run[0]
            print(f"{checkout}: {number} rounds of {run[1]} cases: {run[0]:.1f} MB", flush=True)
    for checkout, peaks in found.items():
        growth = (peaks[rounds[-1]] - peaks[rounds[0]]) / max(rounds[-1] - rounds[0], 1)
        print(f"{checkout}: {growth:.2f} MB a further round")


if __name__ == "__main__":
    main()
