"""How late the agents of a run were: each knows how long after their moments its timers were served."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from podwire.probing.client import AgentClient, AgentError, ChannelLost
from podwire.records.machine import MOST_LATE, SHARE_LATE

PATIENCE = 5.0


def lateness(agents: Mapping[str, AgentClient]) -> dict[str, float]:
    """The most seconds and the share of timers since the last call, by their names in a record; of the agents that
    tell. Nothing where no agent tells."""
    found = list(_told(agents))
    timers = sum(count for count, _, _ in found)
    if not timers:
        return {}
    late = sum(several for _, several, _ in found)
    return {MOST_LATE: max(most for _, _, most in found), SHARE_LATE: late / timers}


def _told(agents: Mapping[str, AgentClient]) -> Iterator[tuple[int, int, float]]:
    asked = [agent.call("lateness", {}, PATIENCE) for agent in agents.values() if agent.connected]
    for answer in asked:
        try:
            said = answer.result(PATIENCE)
            yield int(said["timers"]), int(said["late"]), float(said["most"])
        except (AgentError, ChannelLost, TimeoutError, KeyError, TypeError, ValueError):
            continue  # An agent outside may be an older one, and what one says of itself decides nothing.
