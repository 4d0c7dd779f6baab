"""How late the agents of a run were: each agent measures how late its timers fired."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from podwire.probing.client import AgentClient, AgentError, ChannelLost
from podwire.records.machine import MOST_LATE, SHARE_LATE

PATIENCE = 5.0


def lateness(agents: Mapping[str, AgentClient]) -> dict[str, float]:
    """The longest delay in seconds and the share of late timers since the last call, by their names in a record.

    Empty if no agent reports timers.
    """
    reports = list(_told(agents))
    timers = sum(count for count, _, _ in reports)
    if not timers:
        return {}
    late = sum(late_timers for _, late_timers, _ in reports)
    return {MOST_LATE: max(most for _, _, most in reports), SHARE_LATE: late / timers}


def _told(agents: Mapping[str, AgentClient]) -> Iterator[tuple[int, int, float]]:
    answers = [agent.call("lateness", {}, PATIENCE) for agent in agents.values() if agent.connected]
    for answer in answers:
        try:
            report = answer.result(PATIENCE)
            yield int(report["timers"]), int(report["late"]), float(report["most"])
        except (AgentError, ChannelLost, TimeoutError, KeyError, TypeError, ValueError):
            continue  # An agent outside may be older, and no verdict depends on this figure.
