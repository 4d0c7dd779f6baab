"""podwire: packet-level conformance for Kubernetes networking on Windows and Linux nodes.

A suite imports its words from here; see `docs/adding-a-requirement.md`. They are made when one is asked for: nothing
else that imports a room of podwire pays for them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:  # As typing has it, without the time of its import.
    from typing import Any

__version__ = "0.2.0"


def __getattr__(name: str) -> Any:
    if not name.startswith("_"):
        from podwire.suite import FACE

        if name in FACE:
            return FACE[name]
    raise AttributeError(f"module 'podwire' has no attribute {name!r}")


def __dir__() -> list[str]:
    from podwire.suite import FACE

    return ["__version__", *FACE]
