"""What a run is about: the suites, the facts of the cluster, and the cases that they make."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

from podwire.catalogue.load import load
from podwire.content import suites_folder
from podwire.errors import ClusterError
from podwire.judging.expectation import Expectation, expectation_of
from podwire.model.cases import Case, SuiteTest
from podwire.model.facts import ClusterFacts
from podwire.model.requirements import Limitation
from podwire.planning.plan import Plan, Selection, make_plan
from podwire.planning.required import Labels, missing
from podwire.running.option_values import require_names
from podwire.running.target import Target


class Scope:
    """The cases of a run. `facts` are those of the plan, until `use_facts` gives those that the probes met."""

    def __init__(self, selection: Selection, target: Target) -> None:
        """Read the suites. `CatalogueError` for a mistake in them, `UsageError` for what is selected and not there."""
        self.selection, self._target = selection, target
        self.catalogue, self.tests = load(suites_folder())
        self._facts: ClusterFacts | None = None
        require_names("--area", selection.areas, self.catalogue.areas)
        require_names("--requirement", selection.requirements, self.catalogue.requirements, "podwire catalogue")

    @property
    def facts(self) -> ClusterFacts:
        """The facts of the cluster; it is asked for them on first use."""
        if self._facts is None:
            self._facts = self._target.facts_for_a_plan()
        return self._facts

    def use_facts(self, facts: ClusterFacts) -> None:
        """Take facts that somebody else has."""
        self._facts = facts

    @cached_property
    def plan(self) -> Plan:
        """Every case that the facts and the selection admit, as they were when it was first asked for."""
        return make_plan(self.catalogue, self.tests, self.facts, self.selection)

    def require(self, cases: Iterable[Case]) -> None:
        """`ClusterError` unless these cases use a node of every kind that the user requires."""
        chosen = self.selection
        for why in missing(chosen.required, cases, self.facts, self._labels, chosen.nodes_per_os):
            raise ClusterError(why)

    @cached_property
    def _labels(self) -> Labels:
        """The labels of nodes, which are no facts; asked for once, and only where the user requires some."""
        return self._target.node_labels() if any(kind.labels for kind in self.selection.required) else {}

    def limitation(self, case: Case) -> Limitation | None:
        """The limitation that the catalogue holds for a case."""
        return next((one for one in self.catalogue.limitations if one.id == case.limitation), None)

    def expectation(self, case: Case) -> Expectation:
        """What the test of a case expects of its flow."""
        return expectation_of(self._tests_by_name[case.test], case.flow)

    @cached_property
    def _tests_by_name(self) -> dict[str, SuiteTest]:
        return {f"{test.module}::{test.name}": test for test in self.tests}
