"""What the history of runs tells of its cases, for a terminal and for programs."""

from __future__ import annotations

import json

import msgspec

from podwire.gating.flakes import Flake, History


def flakes_json(history: History) -> str:
    """Everything as JSON."""
    return (
        json.dumps({"schema": "podwire.flakes/1", **msgspec.to_builtins(history)}, indent=1, ensure_ascii=False) + "\n"
    )


def flakes_text(history: History) -> str:
    """For a terminal: the most frequent first."""
    lines: list[str] = []
    for flake in sorted(history.flakes, key=lambda flake: (-flake.rate, flake.case_id)):
        lines += _flake(flake, history.risk)
    once = f"; {history.once} were observed once, which shows no flake" if history.once else ""
    runs = f"{len(history.runs)} run{'s' if len(history.runs) > 1 else ''}"
    lines.append(f"{runs}: {len(history.flakes)} cases were not alike in all rounds, {history.steady} were{once}")
    return "\n".join(lines) + "\n"


def _flake(flake: Flake, risk: float) -> list[str]:
    outcomes = ", ".join(f"{number} {outcome}" for outcome, number in flake.outcomes.items())
    return [
        flake.case_id,
        f"    differs in {flake.off} of {flake.rounds} rounds: {flake.rate:.1%} "
        f"({flake.low:.1%}..{flake.high:.1%}); {outcomes}",
        f"    origin: {flake.origin}; in run{'s' if len(flake.runs) > 1 else ''} {', '.join(flake.runs)}",
        f"    call it gone after {flake.needed} rounds without it (risk {risk:g} to be wrong), "
        f"or after {flake.needed_at_low} if its rate is at the low end of the interval",
    ]
