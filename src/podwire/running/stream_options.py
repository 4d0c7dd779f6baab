"""The options of what streams send: rows of the table in `running.options`."""

from __future__ import annotations

from podwire.running import option_values as values
from podwire.running.option import Option

_RUN = ("pytest", "run")

STREAM_OPTIONS: tuple[Option, ...] = (
    Option(
        flag="--idle",
        metavar="TIME",
        read=values.duration,
        default="0s",
        help="how long at least silent connections are silent; they speak again after all other flows in any case",
        commands=_RUN,
        field="probes.idle",
    ),
    Option(
        flag="--transfer",
        metavar="SIZE",
        read=values.size,
        help="bytes of a transfer each way, such as 50M or 500K (10M, on the lab 2M)",
        commands=_RUN,
        field="probes.transfer",
    ),
    Option(
        flag="--stream-rate",
        metavar="NUMBER",
        read=values.rate,
        default="1",
        help="messages that a steady stream sends in a second",
        commands=_RUN,
        field="probes.rate",
    ),
)
