"""Words of case ids that several axes give in the same way. `model.axes.table` has the axes."""

from __future__ import annotations

from collections.abc import Callable

from podwire.model.axes.axis import Matrix
from podwire.model.flows import Flow


def where_several(name: str, word: Callable[[Flow], str]) -> Callable[[Flow, Matrix], str]:
    """A word for an axis that is told only where a test gives it several values."""
    return lambda flow, matrix: word(flow) if len(matrix.axes[name]) > 1 else ""


def entry_word(flow: Flow, matrix: Matrix) -> str:
    """The node that the flow enters the cluster by, where that tells it from others."""
    if flow.way.enters == "other-node":
        return f"by-another-{flow.way.entry_os}-node"
    short = {"client-node": "by-its-own-node", "server-node": "by-the-server-node"}
    return short.get(flow.way.enters, "") if len(matrix.enters) > 1 else ""


def node_word(flow: Flow) -> str:
    """The number of the client's node, and of the server's, where they are chosen."""
    ends = (flow.turn, flow.server_turn)
    return "-to-".join(f"node-{number}" for number in ends if number)
