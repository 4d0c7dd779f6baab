"""Plans of one test made by hand, on the facts of the lab."""

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
    """The plan of one test with these axes; `several` are more of its matrices."""

    def function(flow, case): ...

    for one in (axes, *several):
        flows(**{**USUAL, **one})(function)
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
    """Why flows are excluded, by the words of their cases."""
    return {one.cases: one.reason for one in a_plan(facts, nodes_per_os, **axes).exclusions}


def with_nodes(facts, count):
    """The facts with so many nodes of each OS."""
    more = []
    for os in ("linux", "windows"):
        first = facts.usable(os)[0]
        more += [replace(first, name=f"{os}-{number}") for number in range(1, count + 1)]
    return replace(facts, nodes=tuple(more))
