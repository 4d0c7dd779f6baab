"""What a default run costs, process by process: CPU and memory of the runner, the lab, its agents and the report.

`python bench/whole.py [CHECKOUT ...]` runs this checkout and each other one in turn, so that all meet the same machine.
The processes of a lab are not all waited for, so the times of ended children (`getrusage`) leave most agents out. This
reads /proc five times a second instead; what a process does after its last reading is not counted.
"""

import collections
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from run import environment

CHECKOUT = Path(__file__).parents[1]
RUNS = int(os.environ.get("RUNS", "3"))
BETWEEN = 0.2
TICKS = os.sysconf("SC_CLK_TCK")
KINDS = (
    ("agents that send and capture", r"agent\.pyz rpc"),
    ("agents that answer", r"agent\.pyz serve"),
    ("programs of Windows nodes", r"python3?\.?\d* -I -S .*(pktmon|powershell|netsh|nslookup|hns\.json)"),
    ("report generator", r"allure"),
    ("lab", r"-m podwire_lab"),
    ("runner", r"podwire run"),
)


def kind_of(command):
    """The kind of a process by its command line."""
    return next((kind for kind, pattern in KINDS if re.search(pattern, command)), "other")


def processes():
    """Parent, start, CPU seconds and resident MB of each process of this machine, by pid."""
    table = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                words = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            cpu = (int(words[11]) + int(words[12])) / TICKS
            table[int(folder.name)] = (int(words[1]), words[19], cpu, int(words[21]) * os.sysconf("SC_PAGESIZE") / 1e6)
    return table


def descendants(table, pid):
    """A process and all that it started, and what those started."""
    children = collections.defaultdict(list)
    for child, (parent, *_) in table.items():
        children[parent].append(child)
    family = [pid]
    for member in family:
        family += children[member]
    return [member for member in family if member in table]


def command_of(pid):
    """The command line of a process; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def measured(checkout, folder):
    """One run: wall seconds, CPU seconds by kind of process, the runner's peak memory in MB, its exit code."""
    command = [str(checkout / ".venv/bin/podwire"), "run", "--run-dir", str(folder), "--lab", "overlay-flannel-vxlan"]
    began, cpu, kinds, peak = time.perf_counter(), {}, {}, 0.0
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "stdin": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=checkout, env=environment(), **quiet) as run:
        while run.poll() is None:
            table = processes()
            for pid in descendants(table, run.pid):
                _, start, cpu[pid, start], memory = table[pid]
                kinds[pid, start] = command_of(pid) or kinds.get((pid, start), "")
                peak = max(peak, memory if pid == run.pid else 0.0)
            time.sleep(BETWEEN)
    wall, by_kind = time.perf_counter() - began, collections.Counter()
    for process, seconds in cpu.items():
        by_kind[kind_of(kinds[process])] += seconds
    return wall, by_kind, peak, run.returncode


def main():
    checkouts = [CHECKOUT, *map(Path, sys.argv[1:])]
    rows = collections.defaultdict(list)
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(RUNS):
            for at, checkout in enumerate(checkouts):
                rows[checkout].append(measured(checkout.resolve(), Path(scratch) / f"{at}-{number}"))
                wall, by_kind, peak, code = rows[checkout][-1]
                print(f"{checkout}: exit {code}, {wall:.1f} s, CPU {by_kind.total():.1f} s, {peak:.0f} MB", flush=True)
    for checkout, runs in rows.items():
        whole = statistics.median(run[1].total() for run in runs)
        wall, peak = statistics.median(run[0] for run in runs), statistics.median(run[2] for run in runs)
        print(f"\n{checkout}: medians of {RUNS}: {wall:.1f} s, CPU {whole:.1f} s, runner {peak:.0f} MB")
        for kind in (*(kind for kind, _ in KINDS), "other"):
            print(f"   {statistics.median(run[1][kind] for run in runs):6.1f} s CPU  {kind}")


if __name__ == "__main__":
    main()
