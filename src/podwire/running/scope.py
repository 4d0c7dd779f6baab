"""The scope of a run: the suites, the facts of the cluster, and the cases planned from both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

from podwire.catalogue.load import load
from podwire.content import suites_folder
from podwire.errors import ClusterError, UsageError
from podwire.judging.expectation import Expectation, expectation_of
from podwire.model.cases import Case, SuiteTest
from podwire.model.facts import ClusterFacts
from podwire.model.requirements import Limitation
from podwire.planning.choice import ChoiceError, with_choice
from podwire.planning.plan import Plan, Selection, make_plan
from podwire.planning.required import Labels, missing
from podwire.running.option_values import require_names
from podwire.running.target import Target


class Scope:
    """The cases of a run. `facts` are the plan's, until `use_facts` replaces them with newer ones."""

    def __init__(self, selection: Selection, target: Target) -> None:
        """Read the suites. `CatalogueError` for a mistake in them, `UsageError` for an unknown area or requirement."""
        self.selection, self._target = replace(selection, own_namespaces=not target.namespace), target
        self.catalogue, self.tests = load(suites_folder())
        self._facts: ClusterFacts | None = None
        require_names("--area", selection.areas, self.catalogue.areas)
        require_names("--requirement", selection.requirements, self.catalogue.requirements, "podwire catalogue")

    @property
    def facts(self) -> ClusterFacts:
        """The facts of the cluster, discovered on first use."""
        if self._facts is None:
            self._facts = self.chosen(self._target.facts_for_a_plan())
        return self._facts

    def chosen(self, facts: ClusterFacts) -> ClusterFacts:
        """Facts with the user's choice of nodes noted on them. `UsageError` where it cannot be made."""
        try:
            return with_choice(facts, self._labels if self.selection.chooses else {}, self.selection)
        except ChoiceError as problem:
            raise UsageError(str(problem)) from problem

    def use_facts(self, facts: ClusterFacts) -> None:
        """Use these facts, with the choice of nodes, from now on. The plan stays as it is once it is made."""
        self._facts = facts

    @cached_property
    def plan(self) -> Plan:
        """Every case that facts and selection admit, made on first use."""
        return make_plan(self.catalogue, self.tests, self.facts, self.selection)

    def require(self, cases: Iterable[Case]) -> None:
        """`ClusterError` unless these cases use a node of every kind that the user requires."""
        chosen = self.selection
        for why in missing(chosen.required, cases, self.facts, self._labels, chosen.most_nodes):
            raise ClusterError(why)

    @cached_property
    def _labels(self) -> Labels:
        """The labels of all nodes, read once, and only if an option names labels."""
        chosen = self.selection
        named = chosen.selectors or chosen.pools or any(kind.labels for kind in chosen.required)
        return self._target.node_labels() if named else {}

    def limitation(self, case: Case) -> Limitation | None:
        """The limitation in the catalogue that applies to a case, or None."""
        return next((limitation for limitation in self.catalogue.limitations if limitation.id == case.limitation), None)

    def expectation(self, case: Case) -> Expectation:
        """The expectation that the test of a case has for its flow."""
        return expectation_of(self._tests_by_name[case.test], case.flow)

    @cached_property
    def _tests_by_name(self) -> dict[str, SuiteTest]:
        return {f"{test.module}::{test.name}": test for test in self.tests}
