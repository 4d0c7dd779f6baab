"""podwire: packet-level conformance for Kubernetes networking on Windows and Linux nodes.

A suite imports its vocabulary from here; see `docs/adding-a-requirement.md`.
"""

from podwire.flows import ANY_OS, ANYWHERE, LINUX, WINDOWS
from podwire.patterns import (
    at_least,
    between,
    inside,
    nothing,
    one_of,
    other_than,
    reply,
    request,
    requests_from_distinct_sources,
    seen,
)
from podwire.suite import asked, flows, only_asked, requirement

__version__ = "0.1.0"

__all__ = [
    "ANYWHERE",
    "ANY_OS",
    "LINUX",
    "WINDOWS",
    "asked",
    "at_least",
    "between",
    "flows",
    "inside",
    "nothing",
    "one_of",
    "only_asked",
    "other_than",
    "reply",
    "request",
    "requests_from_distinct_sources",
    "requirement",
    "seen",
]
