"""What the history of runs tells of its cases, for a terminal and for programs."""

from __future__ import annotations

import json

import msgspec

from podwire.gating.flakes import Flake, History


def flakes_json(found: History) -> str:
    """Everything as JSON."""
    return json.dumps({"schema": "podwire.flakes/1", **msgspec.to_builtins(found)}, indent=1, ensure_ascii=False) + "\n"


def flakes_text(found: History) -> str:
    """For a terminal: the most frequent first."""
    lines: list[str] = []
    for flake in sorted(found.flakes, key=lambda flake: (-flake.rate, flake.case_id)):
        lines += _flake(flake, found.risk)
    once = f"; {found.once} were observed once, which shows no flake" if found.once else ""
    runs = f"{len(found.runs)} run{'s' if len(found.runs) > 1 else ''}"
    lines.append(f"{runs}: {len(found.flakes)} cases were not alike in all rounds, {found.steady} were{once}")
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
