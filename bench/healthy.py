"""A healthy lab, many times: how many cases came out red, and whether the list of case ids was always the same.

`python bench/healthy.py [RUNS [PROFILE ...]]`; the default is 20 runs of every profile.
"""

import sys
import time

from podwire.lab.profiles import PROFILES
from podwire.mutants import outcomes
from podwire.runner import RunOptions

RUNS = 20


def main():
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    for profile in sys.argv[2:] or PROFILES:
        lists, red, began = set(), [], time.perf_counter()
        for number in range(runs):
            found = outcomes(RunOptions(lab=profile))
            lists.add(tuple(found))
            red += [f"run {number + 1}: {identity}: {outcome}" for identity, outcome in found.items() if outcome.red]
        seconds = (time.perf_counter() - began) / runs
        ids = "always the same list" if len(lists) == 1 else f"{len(lists)} different lists"
        print(f"{profile}: {runs} runs, {len(lists.pop())} cases, {ids}, {len(red)} red, {seconds:.1f} s a run")
        for line in red:
            print(f"  {line}")


if __name__ == "__main__":
    main()
