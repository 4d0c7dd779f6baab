"""Which streams a test may ask for."""

import pytest

from podwire.model.axes.axis import AxisError
from podwire.model.axes.matrix import matrix


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"stream": "transfer"}, "stream='transfer': goes with protocol tcp"),
        ({"stream": "one-way", "protocol": "tcp"}, "stream='one-way': goes with protocol udp"),
        ({"stream": "steady", "protocol": "icmp"}, "stream='steady': goes with protocol tcp or udp"),
        (
            {"stream": "steady", "after": "backend-gone", "repeated": True},
            "repeated, same_ports: a stream is sent once, and lives through the change",
        ),
    ],
)
def test_a_stream_that_cannot_be_is_refused(wrong, why):
    with pytest.raises(AxisError) as problem:
        matrix(client="linux", server="linux", via="pod-ip", **wrong)
    assert why in str(problem.value)


def test_a_stream_may_live_through_a_change():
    made = matrix(client="linux", server="linux", via="cluster-ip", stream="steady", after="backend-gone")
    assert (made.axes["stream"], made.axes["after"]) == ("steady", "backend-gone")
