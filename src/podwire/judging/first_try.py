"""Exchanges of a path whose first packets arrive: a statistic over all flows of the path, with its risk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from podwire.judging.parts import Observed, Part
from podwire.model.binding import Bindings
from podwire.model.flows import Flow
from podwire.model.patterns import Unbound
from podwire.model.spread import at_least_of, exact_interval
from podwire.model.verdicts import Finding
from podwire.packets.first_tries import GROUPS, LIMIT, NUMBER, of_group, path_of


@dataclass(frozen=True)
class FirstTry(Part):
    """On all flows of the path together, the first try of hardly any exchange is lost (`--first-try`).

    A healthy run breaks this on any of its paths with a chance of `risk` at most.
    """

    word = "first_try"
    risk: float = 1e-3

    def sentences(self) -> Iterator[str]:
        yield "the first try of an exchange arrives, on all flows of the path"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        path, symbols = path_of(observed.case), observed.observation.bindings
        groups = [group for group in GROUPS if group == GROUPS[0] or f"{group}.exchanges" in symbols]
        for group in groups:
            yield self._of(group, str(path and of_group(path, group)), symbols, len(groups))

    def _of(self, group: str, whole: str, symbols: Bindings, groups: int) -> Finding:
        names = ("exchanges", "lost", "late", "unknown")
        exchanges, lost, late, unknown = (_number(symbols, f"{group}.{name}") for name in names)
        limit, paths = float(str(symbols.get(LIMIT, 0))), _number(symbols, NUMBER)
        places = symbols.get(f"{group}.vanished", ())
        low, high = exact_interval(lost, exchanges)
        chance = at_least_of(lost, exchanges, limit)
        counts = (
            f"{lost} lost at first, a share between {low:.2%} and {high:.1%}" if exchanges else "no exchange",
            *(map(str, places) if isinstance(places, tuple) else ()),
            *([f"{late} more only late"] if late else []),
            *([f"{unknown} more of which the captures say nothing"] if unknown else []),
        )
        return Finding(
            expected=f"at most {limit:.2%} of the {exchanges} exchanges from {whole} lost at the first try",
            actual="; ".join(counts) + (f"; chance of that {chance:.0e}, judged on {paths} paths" if lost else ""),
            where="client",
            met=chance >= self.risk / (groups * max(1, paths)),
        )

    def unfit(self, flow: Flow) -> str | None:
        return None if flow.load.whole_path else f"{self.word} is asked of a flow with whole_path=True"


def _number(symbols: Bindings, name: str) -> int:
    value = symbols.get(name)
    if not isinstance(value, int):
        raise Unbound(name)
    return value
