"""`podwire watch`: streams over all paths of a cluster while something else happens to it."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from podwire.cli.options import add_command
from podwire.cli.output import say
from podwire.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from podwire.model.gaps.paths import Budget
    from podwire.records.watch import WatchRecord

SHORTEST_THRESHOLD = 0.5


def add_watch_command(commands: Any) -> None:
    """Add the command to the command line."""
    text = "keep streams over all paths running while something else happens, e.g. an upgrade, and list their gaps"
    watch = add_command(commands, "watch", _watch, text)
    watch.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the command to watch")


def _watch(options: argparse.Namespace) -> int:
    from podwire.running.run_folder import RunFolder
    from podwire.running.run_options import run_options
    from podwire.running.signals import interrupted_by_signals, interruptible
    from podwire.running.target import target_of
    from podwire.running.timings import Timings
    from podwire.watching.command import Command
    from podwire.watching.streams import Pace
    from podwire.watching.watch import Watch, WatchOptions, new_run_id

    words = [word for at, word in enumerate(options.words) if at or word != "--"]
    asked = run_options(options.values)
    every = options.every
    pace = Pace(every=every, threshold=max(SHORTEST_THRESHOLD, 3 * every))
    command = Command(words) if words else None
    run_id = new_run_id()
    folder = RunFolder(asked.output.run_dir, run_id)
    folder.make()
    wanted = WatchOptions(pace=pace, seconds=getattr(options, "for"), command=command, images=asked.probes)
    watch = Watch(run_id, target_of(asked, Timings()), wanted, say)
    left: list[str] = []
    try:
        with interrupted_by_signals():
            try:
                record = watch.run()
            finally:
                with interruptible():
                    left = watch.clean_up()
        with folder.written():
            _write(record, folder.path, options.gap)
    finally:
        watch.release()
        for line in left:
            say(line)
    return _finish(record, folder.path, options.gap)


def _write(record: WatchRecord, folder: Path, budgets: Sequence[Budget]) -> None:
    from podwire.gating.budgets import judged
    from podwire.records.files import write_atomically
    from podwire.records.watch import write_watch
    from podwire.reporting.watches.page import NAME, watch_html

    write_watch(record, folder)
    write_atomically(folder / NAME, watch_html(record, judged(record, budgets), budgets))


def _finish(record: WatchRecord, folder: Path, budgets: Sequence[Budget]) -> int:
    from podwire.gating.budgets import judged
    from podwire.reporting.watches.page import NAME
    from podwire.reporting.watches.text import watch_text

    decision = judged(record, budgets)
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(watch_text(record, decision, budgets))
        print(f"page    {folder / NAME}\nrecord  {folder / 'watch.json'}")
    return decision.decision.exit_code


def gate_watch(options: argparse.Namespace) -> int:
    """`podwire gate --gap ... WATCH`: hold a stored watch against budgets. Raises `UsageError`."""
    import json

    from podwire.gating.budgets import judged
    from podwire.records.files import write_text
    from podwire.records.watch import load_watch
    from podwire.reporting.watches.text import decision_tree, watch_text

    runs, budgets, form, output = options.runs, options.gap, options.format, options.output
    if len(runs) != 1 or options.candidate or options.pools:
        raise UsageError("gate: --gap judges one watch; name the folder of one, and nothing beside it")
    if not budgets:
        raise UsageError(f"gate: {runs[0]} is a watch; give it budgets, such as --gap 'pod-service windows: 2s'")
    try:
        record = load_watch(runs[0])
    except ValueError as problem:
        raise UsageError(f"cannot judge: {problem}") from problem
    if record.head.emulated and not options.allow_emulated:
        raise UsageError(
            f"cannot judge: {runs[0]} is of the lab, which proves nothing about a cluster; to try the gate, "
            "add --allow-emulated"
        )
    decision = judged(record, budgets)
    if form == "json":
        shown = json.dumps(decision_tree(record, decision, budgets), indent=1, ensure_ascii=False) + "\n"
    else:
        text = watch_text(record, decision, budgets)
        shown = f"```\n{text}```\n" if form == "markdown" else text
    if output:
        try:
            write_text(output, shown)
        except OSError as problem:
            raise UsageError(f"--output {output}: {problem.strerror}") from problem
    else:
        print(shown, end="")
    print(f"gate: {decision.decision}")
    return decision.decision.exit_code
