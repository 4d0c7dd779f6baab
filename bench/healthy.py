"""A healthy lab, many times: how many cases failed, and whether the list of case ids was always the same.

`python bench/healthy.py [RUNS [PROFILE ...]] [--dsr off]`; the default is 20 runs of every profile. It prints a line
after each run, so that a run that hangs shows.
"""

import argparse
import time
from collections import Counter

from podwire.running.mutants import verdicts
from podwire.running.run_options import LabOptions, RunOptions
from podwire_lab.model.profiles import PROFILES


def tell(red, output):
    """Print the reasons, each with its first case, and the output of the run."""
    for reason, count in Counter(verdict.reason for verdict in red.values()).most_common():
        first = next(identity for identity, verdict in red.items() if verdict.reason == reason)
        print(f"    {count} times, first {first}: {red[first].outcome}: {reason}", flush=True)
    print("\n".join(f"    > {line}" for line in output), flush=True)


def main():
    parser = argparse.ArgumentParser(description="Run the whole plan on healthy labs, many times.")
    parser.add_argument("runs", nargs="?", type=int, default=20)
    parser.add_argument("profiles", nargs="*", metavar="PROFILE", default=list(PROFILES))
    parser.add_argument("--dsr", choices=("on", "off"), help="direct server return; default: the profile's setting")
    arguments = parser.parse_args()
    dsr = None if arguments.dsr is None else arguments.dsr == "on"
    for profile in arguments.profiles:
        lists, reds, began = set(), 0, time.perf_counter()
        for number in range(1, arguments.runs + 1):
            started = time.perf_counter()
            output = []
            found = verdicts(RunOptions(lab=LabOptions(profile=profile, dsr=dsr)), output.append)
            lists.add(tuple(found))
            red = {identity: verdict for identity, verdict in found.items() if verdict.outcome.red}
            reds += len(red)
            took = time.perf_counter() - started
            print(f"  run {number}: {len(found)} cases, {len(red)} red, {took:.1f} s", flush=True)
            if red:
                tell(red, output)
        seconds = (time.perf_counter() - began) / arguments.runs
        ids = "always the same list" if len(lists) == 1 else f"{len(lists)} different lists"
        print(
            f"{profile}: {arguments.runs} runs, {len(lists.pop())} cases, {ids}, {reds} red, {seconds:.1f} s a run",
            flush=True,
        )


if __name__ == "__main__":
    main()
