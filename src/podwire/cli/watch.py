"""`podwire watch`: streams over all paths of a cluster while something else happens to it."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from podwire.cli.options import add_command
from podwire.cli.output import say
from podwire.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from podwire.model.gaps.paths import Budget
    from podwire.records.watch import WatchRecord
    from podwire.running.run_folder import RunFolder
    from podwire.watching.watch import Watch

SHORTEST_THRESHOLD = 0.5
OF_A_WATCH = ("--gap", "--format", "--output", "--allow-emulated")
"""The options of `podwire gate` that a watch has."""


def add_watch_command(commands: Any) -> None:
    """Add the command to the command line."""
    text = "keep streams over all paths running while something else happens, e.g. an upgrade, and list their gaps"
    watch = add_command(commands, "watch", _watch, text)
    watch.add_argument("words", nargs=argparse.REMAINDER, metavar="-- COMMAND", help="the command to watch")


def _watch(options: argparse.Namespace) -> int:
    from podwire.running.run_folder import RunFolder
    from podwire.running.run_options import run_options
    from podwire.running.signals import interrupted_by_signals
    from podwire.running.target import target_of
    from podwire.running.timings import Timings
    from podwire.watching.command import Command
    from podwire.watching.streams import Pace
    from podwire.watching.watch import Watch, WatchOptions, new_run_id

    words = [word for at, word in enumerate(options.words) if at or word != "--"]
    pace = Pace(every=options.every, threshold=max(SHORTEST_THRESHOLD, 3 * options.every))
    _check(options.gap, pace.threshold)
    asked = run_options(options.values)
    run_id = new_run_id()
    folder = RunFolder(asked.output.run_dir, run_id)
    wanted = WatchOptions(
        pace=pace,
        seconds=getattr(options, "for"),
        command=Command(words) if words else None,
        budgets=options.gap,
        images=asked.probes,
    )
    folder.make()
    watch = Watch(run_id, target_of(asked, Timings()), wanted, say, _Store(folder.path), _Packets(folder.path))
    try:
        with interrupted_by_signals(), _cleaned_up(watch):
            record = watch.run()
            problem = _written(record, folder, options.gap)
            _show(record, folder.path, options.gap)
    finally:
        watch.release()
    if problem is not None:
        raise problem
    return _exit_code(record, options.gap)


def _check(budgets: Sequence[Budget], threshold: float) -> None:
    for budget in budgets:
        if budget.seconds is not None and budget.seconds < threshold:
            raise UsageError(
                f"--gap {budget}: shorter than the {threshold * 1000:.0f} ms from which this watch measures gaps; give "
                "it more, or messages more often with --every"
            )


class _Store:
    """Stores the record so far. What cannot be written is said once: the watch goes on."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._failed = folder, False

    def __call__(self, record: WatchRecord) -> None:
        from podwire.records.watch import write_watch

        try:
            write_watch(record, self._folder)
            self._failed = False
        except OSError as problem:
            if not self._failed:
                say(f"{self._folder}: cannot be written: {problem.strerror}; the watch goes on, make room for its end")
            self._failed = True


class _Packets:
    """Stores files with packets in a folder of their own, which is made with the first."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, name: str, content: bytes) -> None:
        from podwire.records.files import write_atomically
        from podwire.records.watch import PACKETS

        (self._folder / PACKETS).mkdir(exist_ok=True)
        write_atomically(self._folder / PACKETS / name, content)


@contextlib.contextmanager
def _cleaned_up(watch: Watch) -> Iterator[None]:
    """A block after which nothing is left in the cluster. A signal may interrupt the clean-up, and costs no result."""
    from podwire.running.signals import interruptible

    try:
        yield
    finally:
        try:
            with interruptible():
                left = watch.clean_up()
        except KeyboardInterrupt:
            command = watch.cleanup_command()
            left = [f"the clean-up was interrupted; remove the rest with: {command}"] if command else []
        for line in left:
            say(line)


def _written(record: WatchRecord, folder: RunFolder, budgets: Sequence[Budget]) -> UsageError | None:
    """Write the record and its page; the problem if that cannot be."""
    from podwire.gating.budgets import judged
    from podwire.records.files import write_atomically
    from podwire.records.watch import write_watch
    from podwire.reporting.watches.page import NAME, watch_html

    try:
        with folder.written():
            write_watch(record, folder.path)
            write_atomically(folder.path / NAME, watch_html(record, judged(record, budgets), budgets))
    except UsageError as problem:
        return problem
    return None


def _show(record: WatchRecord, folder: Path, budgets: Sequence[Budget]) -> None:
    from podwire.gating.budgets import judged
    from podwire.records import watch as stored
    from podwire.reporting.watches.page import NAME
    from podwire.reporting.watches.text import watch_text

    with contextlib.suppress(BrokenPipeError):
        sys.stdout.write(watch_text(record, judged(record, budgets), budgets))
        for word, name in (("page", NAME), ("record", stored.NAME)):
            if (folder / name).exists():
                print(f"{word:7} {folder / name}", flush=True)


def _exit_code(record: WatchRecord, budgets: Sequence[Budget]) -> int:
    from podwire.gating.budgets import judged

    return judged(record, budgets).decision.exit_code


def gate_watch(options: argparse.Namespace) -> int:
    """`podwire gate --gap ... WATCH`: hold a stored watch against budgets. Raises `UsageError`."""
    from podwire.gating.budgets import judged
    from podwire.records.files import write_text
    from podwire.records.watch import load_watch

    runs, budgets, output = options.runs, options.gap, options.output
    others = [flag for flag, text in options.texts.items() if text and flag not in OF_A_WATCH]
    if len(runs) != 1 or others:
        beside = f", without {', '.join(others)}" if others else ""
        raise UsageError(f"gate: --gap judges one watch; name the folder of one{beside}")
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
    shown = _shown(record, budgets, options.format)
    if output:
        try:
            write_text(output, shown)
        except OSError as problem:
            raise UsageError(f"--output {output}: {problem.strerror}") from problem
        print(f"gate: {judged(record, budgets).decision}")
    else:
        print(shown, end="")
    return _exit_code(record, budgets)


def _shown(record: WatchRecord, budgets: Sequence[Budget], form: str) -> str:
    import json

    from podwire.gating.budgets import judged
    from podwire.reporting.watches.text import decision_tree, watch_text

    decision = judged(record, budgets)
    if form == "json":
        return json.dumps(decision_tree(record, decision, budgets), indent=1, ensure_ascii=False) + "\n"
    text = watch_text(record, decision, budgets) + f"gate: {decision.decision}\n"
    return f"```\n{text}```\n" if form == "markdown" else text
