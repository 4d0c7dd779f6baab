"""Runs with two pools of nodes, by hand."""

from changed import replace
from facts_by_row import node_with
from observed import an_attempt, an_observation
from suites_of_a_day import FACTS, TEST

from podwire.planning.choice import with_choice
from podwire.planning.plan import Selection
from podwire.planning.selectors import pool
from podwire.records.files import load_record, write_record

POOLS = (pool("old=pool=old"), pool("new=pool=new"))


def nodes(count, build="10.0.20348.1"):
    """Nodes of each OS; those from the third on are of the new pool."""
    return replace(
        FACTS,
        nodes=tuple(
            node_with(
                name=f"{os}-{at}",
                os=os,
                addresses=(f"172.31.0.{first + at}",),
                kernel_version=build if at > 2 else "10.0.20348.1",
            )
            for os, first in (("linux", 0), ("windows", 10))
            for at in range(1, count + 1)
        ),
    )


def labels(facts, of_linux=True):
    new = {node.name: node.name[-1] > "2" for node in facts.nodes}
    pooled = {node.name for node in facts.nodes if of_linux or node.os == "windows"}
    return {name: {"pool": "new" if new[name] else "old"} if name in pooled else {} for name in new}


def seen(fails=lambda case: False):
    def observe(case):
        return [an_observation(an_attempt(error="timeout") if fails(case) else an_attempt(identity="server"))]

    return observe


def a_pooled_run(run, fails=lambda case: False, count=4, test=TEST, of_linux=True, build="10.0.20348.1"):
    """The folder of a run of two pools; `run` is the fixture of that name."""
    facts = nodes(count, build)
    known = with_choice(facts, labels(facts, of_linux), Selection(pools=POOLS))
    folder = run(seen(fails), test=test, facts=known, pools=POOLS)
    made = load_record(folder)
    bare = [case for case in made.cases if case.verdict.outcome != "pass"]
    for case in bare:
        file = folder / "evidence" / f"{made.cases.index(case)}.txt"
        file.parent.mkdir(exist_ok=True)
        file.write_text("")
    write_record(
        replace(
            made,
            cases=tuple(
                replace(case, evidence=(f"evidence/{at}.txt",)) if case in bare else case
                for at, case in enumerate(made.cases)
            ),
        ),
        folder,
    )
    return folder
