"""What a plain connect check would say of a run: a TCP connect from each pod, and no look at any packet. Pure.

The check that most clusters have: from the probe pods to other pods, to nodes, to Services by address and name, and to
the outside. A target is fine when the connect succeeds; who answers, and what the server or the wire saw, is not asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from podwire.model.observations import Attempt
from podwire.records.observations import Exchanges
from podwire.records.run import RunRecord

REQUIREMENTS = (
    "FLOW-POD-POD-IP",
    "FLOW-POD-POD-NAME",
    "FLOW-POD-NODE",
    "FLOW-POD-SVC-CLUSTER-IP",
    "FLOW-POD-SVC-FQDN",
    "FLOW-POD-EXT-IP",
    "FLOW-POD-EXT-DNS",
)
_BEFORE_IT_STANDS = ("resolve", "bind", "connect")


def connects(record: RunRecord, exchanges: Iterable[Exchanges]) -> Mapping[str, bool]:
    """Whether the connect of each such case succeeded, in all of its rounds, by case id."""
    asked = {
        case.id
        for case in record.cases
        if case.requirement in REQUIREMENTS and case.parameters.get("protocol") == "tcp"
    }
    found: dict[str, bool] = {}
    for one in exchanges:
        if one.case_id in asked and one.attempts:
            found[one.case_id] = found.get(one.case_id, True) and all(map(connected, one.attempts))
    return found


def connected(attempt: Attempt) -> bool:
    """Whether the socket was connected, whatever came of it then."""
    return attempt.error is None or attempt.error.stage not in _BEFORE_IT_STANDS


def newly_lost(before: Mapping[str, bool], after: Mapping[str, bool]) -> list[str]:
    """The cases that could connect before and cannot now: what makes such a check turn red.

    One that was not asked again, because no probe could ask, counts as lost: such a check would not have got through.
    """
    return [case_id for case_id, works in before.items() if works and not after.get(case_id, False)]
