"""Commands that show what a run would do: `podwire facts|plan|catalogue`. Only `facts --wire` puts objects into a
cluster."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from podwire.cli.options import add_command
from podwire.cli.output import say, suites_as_input

if TYPE_CHECKING:
    from podwire.model.facts import ClusterFacts
    from podwire.running.run_options import RunOptions


def add_plan_commands(commands: Any) -> None:
    """Add the commands to the command line."""
    add_command(commands, "facts", _facts, "print what podwire knows about a cluster, as YAML")
    add_command(commands, "plan", _plan, "list the cases that a run would judge, and what it leaves out and why")
    text = "list the documented rules that podwire covers, and the entry for each"
    add_command(commands, "catalogue", _catalogue, text)


def _facts(options: argparse.Namespace) -> int:
    from podwire.running.run_options import run_options
    from podwire.running.signals import interrupted_by_signals

    choice = run_options(options.values)
    with suites_as_input(), interrupted_by_signals():
        facts = _facts_of_the_wire(choice) if options.wire else _facts_of_the_api(choice)
    print(_shown(facts, as_json=options.json), end="")
    return 0


def _shown(facts: ClusterFacts, *, as_json: bool) -> str:
    """The facts as YAML, with groups in the place of many nodes, or all of them as JSON."""
    from podwire.platforms.profiles import profile_of
    from podwire.records.facts_form import tree_of_facts
    from podwire.records.facts_groups import MOST_LISTED, tree_of_groups

    profile = {"profile": profile_of(facts)}
    if as_json:
        import msgspec

        text = msgspec.json.format(msgspec.json.encode({**profile, **tree_of_facts(facts)}), indent=1)
        return f"{text.decode()}\n"
    import yaml

    grouped = len(facts.nodes) > MOST_LISTED
    tree = tree_of_groups(facts) if grouped else tree_of_facts(facts)
    hint = f"# {len(facts.nodes)} nodes, in groups; with --json: each node, each signal\n" if grouped else ""
    return hint + yaml.safe_dump({**profile, **tree}, sort_keys=False, allow_unicode=True, width=120)


def _facts_of_the_wire(choice: RunOptions) -> ClusterFacts:
    from podwire.running.facts_from_wire import facts_from_wire

    return facts_from_wire(choice, say)


def _facts_of_the_api(choice: RunOptions) -> ClusterFacts:
    from podwire.running.target import target_of
    from podwire.running.timings import Timings

    target = target_of(choice, Timings())
    try:
        target.connect(lambda text: None)
        return target.facts()
    finally:
        target.close()


def _plan(options: argparse.Namespace) -> int:
    from podwire.model.node_notes import remarks
    from podwire.planning.coverage import coverage, ends_of
    from podwire.planning.listing import listing, tree
    from podwire.planning.readiness import why_no_verdict
    from podwire.running.run_options import run_options
    from podwire.running.runner import Runner

    with suites_as_input():
        runner = Runner(run_options(options.values))
        try:
            scope = runner.scope
            plan = scope.plan
            scope.require(plan.cases.values())
            facts = scope.facts
            sentences = {case.id: list(scope.expectation(case).sentences()) for case in plan.cases.values()}
        finally:
            runner.close()
    unready = {case.id: why for case in plan.cases.values() if (why := why_no_verdict(case, facts))}
    notes = (*remarks(facts), *coverage(map(ends_of, plan.cases.values()), facts))
    if options.json:
        import json

        print(json.dumps(tree(plan, sentences, unready, notes), indent=1, ensure_ascii=False))
    else:
        print(listing(plan, sentences, unready, notes), end="")
    return 0


def _catalogue(options: argparse.Namespace) -> int:
    from podwire.catalogue.load import rows_told

    with suites_as_input():
        print(rows_told(options.areas, as_json=options.json), end="")
    return 0
