"""One remark of the doctor: what is so, why it matters, and what to do. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

State = Literal["good", "note", "stop", "unknown"]
"""`good`: nothing to do. `note`: a run works, and something will be missing, slow or wrong. `stop`: a run cannot work.
`unknown`: podwire could not find out."""


@dataclass(frozen=True, kw_only=True)
class Remark:
    """What the doctor says of one subject. `why` and `do` are empty where all is well."""

    state: State
    what: str
    why: str = ""
    do: str = ""


def lines(remarks: Iterable[Remark]) -> Iterator[str]:
    """The remarks as text: a line for what is so, and lines for why it matters and what to do."""
    for remark in remarks:
        yield f"{remark.state:8}{remark.what}"
        if remark.why:
            yield f"        why: {remark.why}"
        if remark.do:
            yield f"        do:  {remark.do}"
