"""A vote of one source about the pod network, and what several sources are read with. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from podwire.model.facts import Mode


@dataclass(frozen=True, kw_only=True)
class Vote:
    """The vote of one source. A field that the source does not show is empty. The signal is `<source>: <words>`."""

    source: str
    words: str
    cni: str = ""
    plugin: str = ""
    ipam: str = ""
    mode: Mode | None = None
    vni: int | None = None
    port: int | None = None
    tunnel: str = ""
    is_presence: bool = False
    """Whether the source shows that a software runs, and not what the software does."""


def flannel_mode(backend: str) -> Mode | None:
    """The HNS network that flannel makes with this backend, None if podwire does not know it."""
    modes: Mapping[str, Mode] = {"vxlan": "overlay", "host-gw": "l2bridge"}
    return modes.get(backend)


def json_of(text: object) -> Any:
    """A text as JSON, None if it is none."""
    try:
        return json.loads(str(text))
    except ValueError:
        return None
