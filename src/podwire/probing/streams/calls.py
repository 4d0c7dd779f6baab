"""The numbers of streams, as agents report them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from podwire.files.bounded import FileError
from podwire.files.typed import tree_as
from podwire.model.streams.numbers import Stream
from podwire.probing.calls import Garbled


def streams_of(result: Mapping[str, Any]) -> dict[str, Stream]:
    """The streams in the result of `stream_state` or `stream_stop`, by name. `Garbled` for any other result."""
    try:
        return tree_as(result.get("streams"), dict[str, Stream])
    except FileError as problem:
        raise Garbled(f"no numbers of streams: {problem} in {str(result)[:200]}") from problem
