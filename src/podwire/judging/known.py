"""Facts of the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from podwire.judging.parts import Observed, Part, Wanted
from podwire.model.patterns import OneOf, meets
from podwire.model.verdicts import Finding


@dataclass(frozen=True)
class Known(Part):
    """A fact of the cluster, by its symbol (`flow.server.node.build`, `flow.dsr`), has this value."""

    word = "known"
    symbol: Wanted
    value: Wanted

    def sentences(self) -> Iterator[str]:
        yield f"{self.symbol} is {self.value}"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        # A fact of several texts is one value here: all of them.
        value = bound.symbol.values if isinstance(bound.symbol, OneOf) else bound.symbol
        actual = "there is none" if value == "" else f"it is {value}"
        expected = f"{self.symbol} is {self.value}"
        yield Finding(expected=expected, actual=actual, where="cluster", met=meets(value, bound.value))
