"""Commands that read runs and start nothing: `podwire judge|summary|gate|flakes|compare|allure`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podwire.cli.options import add_command
from podwire.errors import UsageError

if TYPE_CHECKING:
    from podwire.gating.numbers import Rules

FOLDER = "the folder of a run"
SIDES = "folders of runs: the baseline, then the candidate"


def add_runs_commands(commands: Any) -> None:
    """Add the commands to the command line."""
    judge = add_command(commands, "judge", _judge, "judge the stored observations of a run again, with today's suites")
    judge.add_argument("run", metavar="RUN", type=Path, help=FOLDER)
    text = "print the summary of a finished run again: what is red by cause, the most basic requirement first"
    summary = add_command(commands, "summary", _summary, text)
    summary.add_argument("run", metavar="RUN", type=Path, help=FOLDER)
    text = "compare a run with good runs: accept (exit code 0), reject (1), cannot judge (2)"
    gate = add_command(commands, "gate", _gate, text)
    gate.add_argument("runs", metavar="RUN", type=Path, nargs="+", help=SIDES)
    text = "list the cases whose outcome differs between rounds of these runs, and how often"
    flakes = add_command(commands, "flakes", _flakes, text)
    flakes.add_argument("runs", metavar="RUN", type=Path, nargs="+", help=FOLDER)
    compare = add_command(commands, "compare", _compare, "write a page that compares two runs, changed cases first")
    compare.add_argument("before", metavar="BEFORE", type=Path, help=FOLDER)
    compare.add_argument("after", metavar="AFTER", type=Path, help="the folder of a later run")
    text = "make the Allure report of a finished run from its record"
    allure = add_command(commands, "allure", _allure, text)
    allure.add_argument("run", metavar="RUN", type=Path, help=FOLDER)


def gate_asked(options: argparse.Namespace) -> tuple[Sequence[Path], Sequence[Path], Rules]:
    """The two sides and the rules that the options name."""
    baseline, candidate = (
        (options.runs, options.candidate) if options.candidate else (options.runs[:-1], options.runs[-1:])
    )
    if not baseline:
        raise UsageError("gate: needs two runs or more: the baseline, then the candidate")
    return baseline, candidate, rules_asked(options)


def rules_asked(options: argparse.Namespace) -> Rules:
    """The rules that the options name."""
    from podwire.gating.numbers import Rules

    return Rules(risk=options.risk, loss=options.min_loss, slower=options.min_slower)


def cannot_judge(problem: Exception) -> UsageError:
    """One line for each reason why the gate cannot answer."""
    return UsageError("cannot judge: " + str(problem).replace("\n", "\npodwire: cannot judge: "))


def _judge(options: argparse.Namespace) -> int:
    import msgspec

    from podwire.catalogue.load import CatalogueError
    from podwire.gating import rejudge
    from podwire.planning.plan import PlanError
    from podwire.running.judged_again import write_judged_again

    try:
        record, rejudged = (
            write_judged_again(options.run, options.write) if options.write else rejudge.rejudge(options.run)
        )
    except (ValueError, CatalogueError, PlanError) as problem:
        raise UsageError(str(problem)) from problem
    changed = [case for case in rejudged if case.changed]
    if options.json:
        tree = {
            "schema": "podwire.judge/1",
            "run_id": record.run_id,
            "cases": len(rejudged),
            "changed": msgspec.to_builtins(changed),
        }
        print(json.dumps(tree, indent=1, ensure_ascii=False))
    else:
        print("\n".join(rejudge.text(record, rejudged)))
        if options.write:
            print(f"written: {options.write}")
    return 1 if changed and not options.write else 0


def only_run(options: argparse.Namespace) -> Path:
    """The run of a command with `--pools`. Raises `UsageError`."""
    runs: list[Path] = options.runs
    if len(runs) != 1 or options.candidate:
        raise UsageError("gate: --pools compares two pools of one run; give one run, without --candidate")
    return runs[0]


def _summary(options: argparse.Namespace) -> int:
    from podwire.gating.runs import record_with_causes
    from podwire.reporting.terminal import summary

    try:
        record, causes = record_with_causes(options.run)
    except ValueError as problem:
        raise UsageError(str(problem)) from problem
    print(summary(record, causes=causes, colour=sys.stdout.isatty()), end="")
    return 0


def _gate(options: argparse.Namespace) -> int:
    from podwire.gating.changes import Refused
    from podwire.gating.runs import gate_of, gate_of_pools
    from podwire.gating.waiver_file import WaiverError
    from podwire.records.files import write_text
    from podwire.records.watch import is_watch
    from podwire.reporting.gate_text import gate_json, gate_markdown, gate_text, headline

    if options.gap or any(map(is_watch, options.runs)):
        from podwire.cli.watch import gate_watch

        return gate_watch(options)
    gate_options = {"waivers": options.waivers, "allow_emulated": options.allow_emulated}
    try:
        if options.pools:
            gate = gate_of_pools(only_run(options), options.pools, rules_asked(options), **gate_options)
        else:
            baseline, candidate, rules = gate_asked(options)
            gate = gate_of(baseline, candidate, rules, **gate_options)
    except (ValueError, WaiverError, Refused) as problem:
        raise cannot_judge(problem) from problem
    shown = {"text": gate_text, "json": gate_json, "markdown": gate_markdown}[options.format](gate)
    if options.output:
        try:
            write_text(options.output, shown)
        except OSError as problem:
            raise UsageError(f"--output {options.output}: {problem.strerror}") from problem
        print(f"gate: {gate.decision}: {headline(gate)}")
    else:
        print(shown, end="")
    return gate.decision.exit_code


def _flakes(options: argparse.Namespace) -> int:
    from podwire.gating.flakes import history
    from podwire.records.files import load_record
    from podwire.reporting.flakes_text import flakes_json, flakes_text

    try:
        records = [load_record(path) for path in options.runs]
    except ValueError as problem:
        raise UsageError(str(problem)) from problem
    ids = [record.observed_in for record in records]
    if len(set(ids)) < len(ids):
        raise UsageError("flakes: a run is named twice; name each run once")
    flakes = history(records, options.risk)
    print(flakes_json(flakes) if options.json else flakes_text(flakes), end="")
    return 1 if flakes.flakes else 0


def _compare(options: argparse.Namespace) -> int:
    from podwire.records.files import load_record, write_atomically
    from podwire.reporting.compare import changes, compare_html

    try:
        before, after = load_record(options.before), load_record(options.after)
    except ValueError as problem:
        raise UsageError(str(problem)) from problem
    try:
        write_atomically(options.output, compare_html(before, after))
    except OSError as problem:
        raise UsageError(f"--output {options.output}: {problem.strerror}") from problem
    cases = changes(before, after)
    print(f"compare: {sum(not case.same for case in cases)} of {len(cases)} cases changed: {options.output}")
    return 0


def _allure(options: argparse.Namespace) -> int:
    from podwire.content import content_root, is_checkout
    from podwire.gating.runs import record_with_causes
    from podwire.reporting.allure import write_allure_results
    from podwire.reporting.allure_report import generate_report

    folder = options.run if options.run.is_dir() else options.run.parent
    try:
        record, causes = record_with_causes(options.run)
        write_allure_results(record, folder, causes)
        checkout = content_root() if is_checkout() else None
        page, line = generate_report(folder, checkout, history=options.history)
    except ValueError as problem:
        raise UsageError(str(problem)) from problem
    except OSError as problem:
        raise UsageError(f"{problem.filename or folder}: cannot be written: {problem.strerror}") from problem
    print(page or line)
    return 0 if page else 1
