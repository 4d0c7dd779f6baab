"""The memory and the disk of a watch that lasts a day: its hours pass as fast as its numbers can be added up.

`python bench/watch.py [--hours 24] [--streams 120] [--gap-every 60]`: so many streams are polled once for each second
of that time; each has a gap of a second in so many seconds, and now and then a stream or a node changes. Everything
that a watch loads is loaded. Printed: seconds, peak resident memory, sizes of `watch.json` and `watch.html`.
"""

import argparse
import random
import resource
import tempfile
import time
from pathlib import Path

import podwire.cli.watch
import podwire.watching.watch  # noqa: F401
from podwire.gating.budgets import judged
from podwire.model.gaps.paths import PROTOCOLS, SYSTEMS, budget
from podwire.model.streams.numbers import Counts, Gap, Server, Socket, Stream, StreamError
from podwire.records.files import write_atomically
from podwire.records.watch import SCHEMA, WatchHead, WatchRecord, write_watch
from podwire.reporting.watches.page import NAME, watch_html
from podwire.watching.tallies import Ends, PathTally
from podwire.watching.timeline import TimeLine

KINDS = ("pod-pod", "pod-service", "pod-node", "node-service")
A_MINUTE = 60
ERROR = StreamError(at=1, until=2, times=1, stage="receive", kind="reset", number=104, text="Connection reset by peer")


def paths():
    """The names of all paths between two systems."""
    return [f"{kind} {a}-{b} {proto}" for kind in KINDS for a in SYSTEMS for b in SYSTEMS for proto in PROTOCOLS]


def polled(number, second, gap_every):
    """What one stream reports at a moment: counts of all its life, entries since the last time."""
    sent = 5 * (second + 1)
    gaps = (Gap(second * 1000 - 900, 900 + number, 4, 1),) if (second + number) % gap_every == 0 else ()
    errors = (ERROR,) if gaps else ()
    servers, sockets = (Server(1, "watch-windows-6f7c9d5b8-abcde"),), (Socket(1, "10.244.1.17", 40000),)
    return Stream(
        started=1.7e9,
        ran=second * 1000,
        ended=False,
        counts=Counts(sent=sent, answered=sent - second // 50, lost=second // 50, bytes_sent=sent * 1380),
        longest=900,
        gaps=gaps,
        errors=errors,
        servers=servers if gaps else (),
        sockets=sockets if gaps else (),
    )


def main():
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--hours", type=float, default=24)
    asked.add_argument("--streams", type=int, default=120)
    asked.add_argument("--gap-every", type=int, default=60)
    options = asked.parse_args()
    at_first = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    names, line, began = paths(), TimeLine(lambda text: None), time.monotonic()
    line.open()
    tallies = {name: PathTally(name) for name in names}
    chance = random.Random(1)
    for second in range(int(options.hours * 3600)):
        for number in range(options.streams):
            name, stream = names[number % len(names)], f"s{number}-{second // 600}"  # A pod lives for ten minutes.
            ends = Ends(client=f"watch-windows-{number}", server=f"watch-linux-{number}", began=0)
            tallies[name].take(stream, ends, polled(number, second % 600, options.gap_every))
            if second % 600 == 599:
                tallies[name].end(stream, seen=True)
        if second % A_MINUTE == 0:
            for number in range(chance.randrange(40)):
                line.add("pod", f"watch-windows-6f7c9d5b8-{number:05}", "evicted on windows-1")
    record = WatchRecord(
        schema=SCHEMA,
        head=WatchHead(
            run_id="bench",
            version="0",
            cluster="none",
            emulated=True,
            started=1.7e9,
            length=round(options.hours * 3.6e6),
            every=200,
            threshold=600,
        ),
        paths=tuple(tally.record() for tally in tallies.values()),
        events=line.events(),
        left_off=line.left_off,
    )
    budgets = [budget("*: 2s")]
    with tempfile.TemporaryDirectory() as folder:
        stored = write_watch(record, Path(folder))
        page = Path(folder) / NAME
        write_atomically(page, watch_html(record, judged(record, budgets), budgets))
        sizes = [file.stat().st_size / 1e6 for file in (stored, page)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    gaps = sum(path.gap_count for path in record.paths)
    print(f"{options.hours:g} h of {options.streams} streams with {gaps} gaps in {time.monotonic() - began:.0f} s")
    print(f"peak resident memory {peak:.0f} MB, {at_first:.0f} MB of it before the first second")
    print(f"watch.json {sizes[0]:.1f} MB, watch.html {sizes[1]:.1f} MB, {len(record.events)} events listed")


if __name__ == "__main__":
    main()
