"""Plans of one hand-made test, on the facts of the lab."""

from changed import replace

from podwire.model.facts import FAMILIES
from podwire.model.requirements import Catalogue, Citation, Requirement
from podwire.planning.plan import Selection, make_plan
from podwire.suite import flows, suite_test
from podwire_lab.model.planned import planned_facts
from podwire_lab.model.profiles import PROFILES

OVERLAY = planned_facts(PROFILES["overlay-win-overlay"])
L2BRIDGE = planned_facts(PROFILES["l2bridge-win-bridge"])
RULE = Requirement(id="R", area="area", level="MUST", statement="It holds.", sources=(Citation(document="A document"),))
CATALOGUE = Catalogue(areas={"area": "Area"}, requirements={"R": RULE})
USUAL = {
    "client": ("linux", "windows"),
    "server": ("linux", "windows"),
    "via": "pod-ip",
    "protocol": "tcp",
    "family": "ipv4",
}


def a_plan(facts=L2BRIDGE, nodes_per_os=2, several=(), **axes):
    """The plan of one test with these axes; `several` are further matrices."""

    def function(flow, case): ...

    for axes_of_flows in (axes, *several):
        flows(**{**USUAL, **axes_of_flows})(function)
    test = suite_test(function, "area/test_area.py")
    return make_plan(
        CATALOGUE,
        [replace(test, requirement="R")],
        facts,
        Selection(nodes_per_os=nodes_per_os, families=FAMILIES),
    )


def cases(facts=L2BRIDGE, nodes_per_os=2, **axes):
    return list(a_plan(facts, nodes_per_os, **axes).cases.values())


def reasons(facts=L2BRIDGE, nodes_per_os=2, **axes):
    """The reasons of excluded flows, by the words of their cases."""
    return {exclusion.cases: exclusion.reason for exclusion in a_plan(facts, nodes_per_os, **axes).exclusions}


def with_nodes(facts, count):
    """The facts with `count` nodes of each OS."""
    nodes = []
    for os in ("linux", "windows"):
        first = facts.usable(os)[0]
        nodes += [replace(first, name=f"{os}-{number}") for number in range(1, count + 1)]
    return replace(facts, nodes=tuple(nodes))
