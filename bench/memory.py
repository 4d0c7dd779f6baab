"""How much more memory the runner takes for each further round of `--repeat`.

`python bench/memory.py [CHECKOUT ...] [--rounds 1,3,6] [-- OPTION ...]`; checkouts are measured in turns, each with the
Python that its `make setup` made. The default is this checkout and `--area pod_to_pod`.
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
    """The peak resident memory in MB of a runner that sees every case so many times, and how many cases there are."""
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
    parser.add_argument("--rounds", default="1,3,6", help="how many rounds, in turns (default: %(default)s)")
    words, _, options = " ".join(sys.argv[1:]).partition("-- ")
    asked = parser.parse_args(words.split())
    rounds = sorted(int(one) for one in asked.rounds.split(","))
    found = {checkout: {} for checkout in asked.checkouts}
    for number in rounds:
        for checkout in asked.checkouts:
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
