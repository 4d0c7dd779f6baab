"""Commands that read runs and start nothing: `podwire judge|gate|flakes|compare|allure`."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podwire.errors import UsageError

if TYPE_CHECKING:
    from podwire.gating.numbers import Rules

Command = Callable[[Any, str, Callable[[argparse.Namespace], int], str], argparse.ArgumentParser]
RISK = 1e-3


def add_run_commands(commands: Any, command: Command) -> None:
    """Add them to the command line; `command` makes one."""
    judge = command(commands, "judge", _judge, "judge the stored observations of a run again, with today's suites")
    judge.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    judge.add_argument("--json", action="store_true", help="as JSON")
    gate = command(
        commands, "gate", _gate, "hold runs against runs that were good: accept (0), reject (1), neither (2)"
    )
    add_gate_options(gate)
    gate.add_argument("--format", choices=("text", "json", "markdown"), default="text", help="of the output (text)")
    gate.add_argument("-o", "--output", metavar="FILE", type=Path, help="write there, and print the decision only")
    flakes = command(commands, "flakes", _flakes, "cases that were not alike in all of these runs, and how often")
    flakes.add_argument("runs", metavar="RUN", type=Path, nargs="+", help="the folder of a run")
    flakes.add_argument(
        "--risk", metavar="SHARE", type=_share, default=RISK, help=f"of the intervals and of missing a flake ({RISK:g})"
    )
    flakes.add_argument("--json", action="store_true", help="as JSON")
    compare = command(commands, "compare", _compare, "two runs on one page, what changed first")
    compare.add_argument("before", metavar="BEFORE", type=Path, help="the folder of a run")
    compare.add_argument("after", metavar="AFTER", type=Path, help="the folder of a later run")
    compare.add_argument("-o", "--output", metavar="FILE", type=Path, required=True, help="the page, as HTML")
    allure = command(commands, "allure", _allure, "make the Allure report of a run that is over, from its record")
    allure.add_argument("run", metavar="RUN", type=Path, help="the folder of a run")
    told = "what Allure keeps of earlier runs, to be shown and added to"
    allure.add_argument("--history", metavar="FILE", type=Path, help=told)


def add_gate_options(parser: argparse.ArgumentParser) -> None:
    """What the gate is asked with: runs, waivers, when a difference counts."""
    parser.add_argument(
        "runs", metavar="RUN", type=Path, nargs="+", help="folders of runs: the baseline, then the candidate"
    )
    parser.add_argument(
        "--candidate", metavar="RUN", type=Path, nargs="+", help="several candidates; all others are the baseline then"
    )
    parser.add_argument("--waivers", metavar="FILE", type=Path, help="failures that somebody answers for, as YAML")
    told = f"chance of one false difference in numbers ({RISK:g})"
    parser.add_argument("--risk", metavar="SHARE", type=_share, default=RISK, help=told)
    parser.add_argument(
        "--min-loss", type=_share, default=0.05, metavar="SHARE", help="a rise of losses that counts (0.05)"
    )
    parser.add_argument(
        "--min-slower", type=float, default=2.0, metavar="TIMES", help="a rise of latency that counts (2)"
    )
    parser.add_argument("--allow-emulated", action="store_true", help="take runs on the lab, to try it")


def gate_asked(options: argparse.Namespace) -> tuple[Sequence[Path], Sequence[Path], Rules]:
    """The two sides and the rules that the options name."""
    from podwire.gating.numbers import Rules

    baseline, candidate = (
        (options.runs, options.candidate) if options.candidate else (options.runs[:-1], options.runs[-1:])
    )
    if not baseline:
        raise UsageError("the gate needs two runs at least, the baseline and the candidate")
    return baseline, candidate, Rules(risk=options.risk, loss=options.min_loss, slower=options.min_slower)


def cannot_judge(problem: Exception) -> UsageError:
    """A line for each reason why the gate gives no answer."""
    return UsageError("cannot judge: " + str(problem).replace("\n", "\npodwire: cannot judge: "))


def _share(text: str) -> float:
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be between 0 and 1")
    return value


def _judge(options: argparse.Namespace) -> int:
    import msgspec

    from podwire.catalogue.load import CatalogueError
    from podwire.gating import rejudge
    from podwire.planning.plan import PlanError

    try:
        record, several = rejudge.rejudge(options.run)
    except (ValueError, CatalogueError, PlanError) as problem:
        raise UsageError(str(problem)) from problem
    changed = [one for one in several if one.changed]
    if options.json:
        tree = {
            "schema": "podwire.judge/1",
            "run_id": record.run_id,
            "cases": len(several),
            "changed": msgspec.to_builtins(changed),
        }
        print(json.dumps(tree, indent=1, ensure_ascii=False))
    else:
        print("\n".join(rejudge.text(record, several)))
    return 1 if changed else 0


def _gate(options: argparse.Namespace) -> int:
    from podwire.gating.gate import Refused
    from podwire.gating.runs import gate_of
    from podwire.gating.waiver_file import WaiverError
    from podwire.reporting.gate_text import gate_json, gate_markdown, gate_text, headline

    baseline, candidate, rules = gate_asked(options)
    try:
        gate = gate_of(baseline, candidate, rules, options.waivers, allow_emulated=options.allow_emulated)
    except (ValueError, WaiverError, Refused) as problem:
        raise cannot_judge(problem) from problem
    shown = {"text": gate_text, "json": gate_json, "markdown": gate_markdown}[options.format](gate)
    if options.output:
        try:
            options.output.write_text(shown, encoding="utf-8")
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
    ids = [record.run_id for record in records]
    if len(set(ids)) < len(ids):
        raise UsageError("flakes: a run is there twice; every run counts once")
    found = history(records, options.risk)
    print(flakes_json(found) if options.json else flakes_text(found), end="")
    return 1 if found.flakes else 0


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
    found = changes(before, after)
    print(f"compare: {sum(not one.same for one in found)} of {len(found)} cases changed: {options.output}")
    return 0


def _allure(options: argparse.Namespace) -> int:
    from podwire.content import content_root, is_checkout
    from podwire.records.files import load_record
    from podwire.reporting.allure import write_allure_results
    from podwire.reporting.allure_report import generate_report

    folder = options.run if options.run.is_dir() else options.run.parent
    try:
        write_allure_results(load_record(options.run), folder)
        checkout = content_root() if is_checkout() else None
        page, line = generate_report(folder, checkout, history=options.history)
    except ValueError as problem:
        raise UsageError(str(problem)) from problem
    except OSError as problem:
        raise UsageError(f"{problem.filename or folder}: cannot be written: {problem.strerror}") from problem
    print(page or line)
    return 0 if page else 1
