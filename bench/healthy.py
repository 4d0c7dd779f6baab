"""A healthy lab, many times: how many cases came out red, and whether the list of case ids was always the same.

`python bench/healthy.py [RUNS [PROFILE ...]] [--dsr off]`; the default is 20 runs of every profile. Every run is told
when it is through, for one that stands still should be seen while it does.
"""

import argparse
import time
from collections import Counter

from podwire.running.mutants import verdicts
from podwire.running.run_options import LabOptions, RunOptions
from podwire_lab.model.profiles import PROFILES


def tell(red, said):
    """The reasons, each with its first case, and what the run said."""
    for reason, count in Counter(verdict.reason for verdict in red.values()).most_common():
        first = next(identity for identity, verdict in red.items() if verdict.reason == reason)
        print(f"    {count} times, first {first}: {red[first].outcome}: {reason}", flush=True)
    print("\n".join(f"    > {line}" for line in said), flush=True)


def main():
    parser = argparse.ArgumentParser(description="Run the whole plan on healthy labs, many times.")
    parser.add_argument("runs", nargs="?", type=int, default=20)
    parser.add_argument("profiles", nargs="*", metavar="PROFILE", default=list(PROFILES))
    parser.add_argument(
        "--dsr", choices=("on", "off"), help="direct server return; the profile's own setting otherwise"
    )
    asked = parser.parse_args()
    dsr = None if asked.dsr is None else asked.dsr == "on"
    for profile in asked.profiles:
        lists, reds, began = set(), 0, time.perf_counter()
        for number in range(1, asked.runs + 1):
            started = time.perf_counter()
            said = []
            found = verdicts(RunOptions(lab=LabOptions(profile=profile, dsr=dsr)), said.append)
            lists.add(tuple(found))
            red = {identity: verdict for identity, verdict in found.items() if verdict.outcome.red}
            reds += len(red)
            took = time.perf_counter() - started
            print(f"  run {number}: {len(found)} cases, {len(red)} red, {took:.1f} s", flush=True)
            if red:
                tell(red, said)
        seconds = (time.perf_counter() - began) / asked.runs
        ids = "always the same list" if len(lists) == 1 else f"{len(lists)} different lists"
        print(
            f"{profile}: {asked.runs} runs, {len(lists.pop())} cases, {ids}, {reds} red, {seconds:.1f} s a run",
            flush=True,
        )


if __name__ == "__main__":
    main()
