"""podwire: packet-level conformance for Kubernetes networking on Windows and Linux nodes.

A suite imports its vocabulary from here; see `docs/adding-a-requirement.md`.
"""

from podwire.model.flows import ANY_OS, ANYWHERE, LINUX, WINDOWS
from podwire.model.patterns import (
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
from podwire.model.spread import evenly, every_backend, lone_backend, one_backend, some_backend
from podwire.suite import (
    asked,
    asked_in_order,
    each_windows_node_runs,
    first_asked,
    flows,
    known,
    not_asked,
    only_asked,
    requirement,
)

__version__ = "0.2.0"

__all__ = [
    "ANYWHERE",
    "ANY_OS",
    "LINUX",
    "WINDOWS",
    "asked",
    "asked_in_order",
    "at_least",
    "between",
    "each_windows_node_runs",
    "evenly",
    "every_backend",
    "first_asked",
    "flows",
    "inside",
    "known",
    "lone_backend",
    "not_asked",
    "nothing",
    "one_backend",
    "one_of",
    "only_asked",
    "other_than",
    "reply",
    "request",
    "requests_from_distinct_sources",
    "requirement",
    "seen",
    "some_backend",
]
