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
from podwire.packets.first_tries import GROUPS, LIMIT, NUMBER, RISK, judged_path, of_group, risk_of_a_path


@dataclass(frozen=True)
class FirstTry(Part):
    """On all flows of the path together, the first try of hardly any exchange is lost (`--first-try`).

    A healthy run breaks this on any of its paths with a chance of `risk` at most.
    """

    word = "first_try"
    risk: float = RISK

    def sentences(self) -> Iterator[str]:
        yield "the first try of an exchange arrives, on all flows of the path"

    def findings(self, bound: Self, observed: Observed) -> Iterator[Finding]:
        symbols = observed.observation.bindings
        path = judged_path(observed.case, observed.observation)
        for group in _groups(symbols):
            yield self._of(group, str(path and of_group(path, group)), symbols)

    def _of(self, group: str, whole: str, symbols: Bindings) -> Finding:
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
            met=self._admitted(group, lost, symbols),
        )

    def tells_nothing(self, bound: Self, observed: Observed) -> str | None:
        """Why the path proves nothing: no exchange was counted, or retries that no capture explains would decide."""
        symbols = observed.observation.bindings
        if not _number(symbols, "path.exchanges"):
            if observed.case.flow.protocol == "dns":
                return (
                    "no look-up of the path can be counted: the capture at the client shows no answered question to "
                    "its DNS"
                )
            return "no exchange of the path can be counted: none was answered with a known number of tries"
        for group in _groups(symbols):
            lost, unknown = (_number(symbols, f"{group}.{name}") for name in ("lost", "unknown"))
            if self._admitted(group, lost, symbols) and not self._admitted(group, lost + unknown, symbols):
                return (
                    f"the captures say nothing of {unknown} exchanges of the path that needed another try; "
                    "if the network lost them, it lost too many"
                )
        return None

    def _admitted(self, group: str, lost: int, symbols: Bindings) -> bool:
        """Whether a path that loses no more than the limit would show so many losses, by chance."""
        limit, paths = float(str(symbols.get(LIMIT, 0))), _number(symbols, NUMBER)
        chance = at_least_of(lost, _number(symbols, f"{group}.exchanges"), limit)
        return chance >= risk_of_a_path(paths, len(_groups(symbols)), self.risk)

    def unfit(self, flow: Flow) -> str | None:
        return None if flow.load.whole_path else f"{self.word} is asked of a flow with whole_path=True"


def _groups(symbols: Bindings) -> list[str]:
    """The groups that a run tells of: those of versions without streams have no `ends`."""
    return [group for group in GROUPS if group != "ends" or f"{group}.exchanges" in symbols]


def _number(symbols: Bindings, name: str) -> int:
    value = symbols.get(name)
    if not isinstance(value, int):
        raise Unbound(name)
    return value
