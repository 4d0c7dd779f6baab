"""What a plain connect check would report for a run: a TCP connect from each pod, no packets. Pure.

Most clusters have such a check. It connects from probe pods to pods, nodes, Services (by address and by name) and
the outside. It passes when the connect succeeds, whoever answers and whatever the server or the wire sees.
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
_STAGES_UP_TO_CONNECT = ("resolve", "bind", "connect")


def connects(record: RunRecord, exchanges: Iterable[Exchanges]) -> Mapping[str, bool]:
    """Whether the connect succeeded in every round, by case id; TCP cases of `REQUIREMENTS` only."""
    case_ids = {
        case.id
        for case in record.cases
        if case.requirement in REQUIREMENTS and case.parameters.get("protocol") == "tcp"
    }
    connected_by_case: dict[str, bool] = {}
    for exchange in exchanges:
        if exchange.case_id in case_ids and exchange.attempts:
            before = connected_by_case.get(exchange.case_id, True)
            connected_by_case[exchange.case_id] = before and all(map(connected, exchange.attempts))
    return connected_by_case


def connected(attempt: Attempt) -> bool:
    """Whether the socket connected. A later error does not count."""
    return attempt.error is None or attempt.error.stage not in _STAGES_UP_TO_CONNECT


def newly_lost(before: Mapping[str, bool], after: Mapping[str, bool]) -> list[str]:
    """The ids of cases that connected before and do not connect now.

    A case that no probe could send again counts as lost: a connect check would have failed there too.
    """
    return [case_id for case_id, works in before.items() if works and not after.get(case_id, False)]
