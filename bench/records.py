"""Reading and writing the record and the observations of a run: CPU time, the least of several, and memory.

`python bench/records.py [RUN]`; RUN is the folder of a run, by default the newest in reports/runs.
"""

import sys
import tempfile
import time
import tracemalloc
from pathlib import Path

from podwire.content import runs_folder
from podwire.records.files import load_record, write_record
from podwire.records.observation_files import read_observations, write_observations

TIMES = 7


def least(name, work):
    """What the work gives; its time is printed."""
    seconds = []
    for _ in range(TIMES):
        began = time.process_time()
        found = work()
        seconds.append(time.process_time() - began)
    print(f"{name}: {min(seconds) * 1000:.1f} ms, the least of {TIMES}", flush=True)
    return found


def main():
    runs = [Path(sys.argv[1])] if sys.argv[1:] else sorted(path.parent for path in runs_folder().glob("*/run.json"))
    if not runs:
        sys.exit(f"{runs_folder()}: no run; make one with: make conformance")
    folder = runs[-1]
    record = least("run.json read", lambda: load_record(folder))
    seen = least("observations read", lambda: read_observations(record, folder))
    packets = sum(len(capture.packets) for stored in seen for capture in stored.observation.captures.values())
    print(f"{len(record.cases)} cases, {len(seen)} observations of {packets} packets")
    del seen
    tracemalloc.start()
    seen = read_observations(record, folder)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    print(f"they hold {held / 1e6:.1f} MB")
    with tempfile.TemporaryDirectory() as scratch:
        least("run.json written", lambda: write_record(record, Path(scratch)))
        least("observations written", lambda: write_observations(seen, Path(scratch)))


if __name__ == "__main__":
    main()
