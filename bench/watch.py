"""The memory and the disk of a watch that lasts a day.

`python bench/watch.py [--hours 24] [--streams 120] [--gap-every 60]`: its hours pass as fast as its numbers can be
added up. So many streams are polled once for each 10 seconds of that time (a watch does it every second, with as many
entries in all); each has a gap of a second in so many seconds, streams change every ten minutes, agents are lost, pods
are evicted, and the record is stored once an hour (a watch does it every minute). Everything that a watch loads is
loaded. Printed: seconds, peak resident memory, sizes of `watch.json` and `watch.html`.

`python bench/watch.py --lab PROFILE [--minutes 24]`: a real watch of a lab, and the resident memory of its process,
each minute. A day is an extrapolation: the growth of the second half, once for each such time of a day.
"""

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import podwire.cli.watch
import podwire.watching.watch  # noqa: F401
from podwire.gating.budgets import judged
from podwire.model.gaps.paths import PROTOCOLS, SYSTEMS, budget
from podwire.model.streams.numbers import Counts, Gap, Server, Socket, Stream, StreamError, Totals
from podwire.records.files import write_atomically
from podwire.records.watch import SCHEMA, BlindTime, WatchHead, WatchRecord, write_watch
from podwire.reporting.watches.page import NAME, watch_html
from podwire.watching.tallies import Ends, PathTally
from podwire.watching.timeline import TimeLine

KINDS = ("pod-pod", "pod-service", "pod-node", "node-service")
POLL, A_MINUTE, AN_HOUR, LIFE = 10, 60, 3600, 600
ERROR = StreamError(at=1, until=2, times=1, stage="receive", kind="reset", number=104, text="Connection reset by peer")
THRESHOLD = 600


def paths():
    """The names of all paths between two systems."""
    return [f"{kind} {a}-{b} {proto}" for kind in KINDS for a in SYSTEMS for b in SYSTEMS for proto in PROTOCOLS]


def polled(number, second, gap_every):
    """What one stream reports at a moment: counts of all its life, entries since the last time."""
    sent = 5 * (second + 1)
    ended = [at for at in range(second - POLL + 1, second + 1) if (at + number) % gap_every == 0]
    gaps = tuple(Gap(at * 1000 - 900, 900 + number, 4, 1) for at in ended)
    errors = (ERROR,) if gaps else ()
    servers, sockets = (Server(1, "watch-windows-6f7c9d5b8-abcde"),), (Socket(1, "10.244.1.17", 40000),)
    return Stream(
        started=1.7e9,
        ran=second * 1000,
        ended=False,
        counts=Counts(sent=sent, answered=sent - second // 50, lost=second // 50, bytes_sent=sent * 1380),
        totals=Totals(gaps=(second + number) // gap_every),
        longest=900,
        gaps=gaps,
        errors=errors,
        servers=servers if gaps else (),
        sockets=sockets if gaps else (),
    )


class Day:
    """The numbers of a watch, second by second."""

    def __init__(self, options):
        self.options, self.names, self.line = options, paths(), TimeLine(lambda text: None)
        self.line.open()
        self.tallies = {name: PathTally(name, THRESHOLD) for name in self.names}
        self.blind = {name: [] for name in self.names}
        self.chance = random.Random(1)

    def poll_at(self, second):
        at = second * 1000
        for number in range(self.options.streams):
            name, stream = self.names[number % len(self.names)], f"s{number}-{second // LIFE}"
            tally, ends = self.tallies[name], Ends(client=f"watch-windows-{number}", server=f"watch-linux-{number}")
            if second % LIFE == 0:
                tally.begin(stream, at)
            tally.take(stream, ends, polled(number, second % LIFE, self.options.gap_every), at)
            if second % LIFE == LIFE - POLL:
                tally.end(stream, ends, at, seen=bool(number % 10))
                self.blind[name].append(BlindTime(at=at, length=1000 + number, client=ends.client))
        if second % A_MINUTE == 0:
            for number in range(self.chance.randrange(40)):
                self.line.add("pod", f"watch-windows-6f7c9d5b8-{number:05}", "evicted on windows-1")

    def record(self, second, finished=False):
        head = WatchHead(
            run_id="bench",
            version="0",
            cluster="none",
            emulated=True,
            started=1.7e9,
            length=second * 1000,
            every=200,
            threshold=THRESHOLD,
        )
        return WatchRecord(
            schema=SCHEMA,
            head=head,
            paths=tuple(tally.record(second * 1000, self.blind[name]) for name, tally in self.tallies.items()),
            events=self.line.events(),
            left_off=self.line.left_off,
            finished=finished,
        )


def a_day(options):
    """Let the hours pass."""
    at_first, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, time.monotonic()
    day, seconds = Day(options), int(options.hours * AN_HOUR)
    budgets = [budget("*: 2s")]
    with tempfile.TemporaryDirectory() as folder:
        for second in range(0, seconds, POLL):
            day.poll_at(second)
            if second % AN_HOUR == AN_HOUR - POLL:
                before = time.monotonic()
                write_watch(day.record(second), Path(folder))
                storing = time.monotonic() - before
        record = day.record(seconds, finished=True)
        stored = write_watch(record, Path(folder))
        page = Path(folder) / NAME
        write_atomically(page, watch_html(record, judged(record, budgets), budgets))
        sizes = [file.stat().st_size / 1e6 for file in (stored, page)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    gaps = sum(path.gap_count for path in record.paths)
    print(f"{options.hours:g} h of {options.streams} streams with {gaps} gaps in {time.monotonic() - began:.0f} s")
    print(f"peak resident memory {peak:.0f} MB, {at_first:.0f} MB of it before the first second")
    print(f"watch.json {sizes[0]:.1f} MB, stored in {storing:.2f} s; watch.html {sizes[1]:.1f} MB")


def of_a_lab(options):
    """Watch a lab, and its watch."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        words = ["watch", "--lab", options.lab, "--for", f"{options.minutes}m", "--run-dir", str(run)]
        process = subprocess.Popen([sys.executable, "-m", "podwire", *words], stderr=subprocess.PIPE, text=True)
        for line in process.stderr:
            print(line, end="", flush=True)
            if "streams" in line and "watching" in line:
                break
        began, samples = time.monotonic(), []
        while process.poll() is None and len(samples) <= options.minutes:
            samples.append(resident(process.pid))
            while process.poll() is None and time.monotonic() - began < A_MINUTE * len(samples):
                time.sleep(0.2)
        process.communicate()
        size = sum(file.stat().st_size for file in run.iterdir()) / 1e6
    print("resident memory, MB, once a minute:", *(f"{sample:.1f}" for sample in samples))
    half = samples[len(samples) // 2 :]
    growth = (half[-1] - half[0]) / (len(half) - 1) * A_MINUTE
    print(f"{size:.2f} MB of disk; the second half grew by {growth:.2f} MB an hour")
    print(f"extrapolated to 24 h: {half[-1] + max(growth, 0.0) * 24:.0f} MB of memory")


def resident(pid):
    """The resident memory of a process, in megabytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    return pages * resource.getpagesize() / 1e6


def main():
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--hours", type=float, default=24)
    asked.add_argument("--streams", type=int, default=120)
    asked.add_argument("--gap-every", type=int, default=60)
    asked.add_argument("--lab", default="")
    asked.add_argument("--minutes", type=int, default=24)
    options = asked.parse_args()
    (of_a_lab if options.lab else a_day)(options)


if __name__ == "__main__":
    main()
